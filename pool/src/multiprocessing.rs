#![doc = include_str!("../docs/multiprocessing.md")]
