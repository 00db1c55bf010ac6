//! Programs that teach the pool. Each is an example of this package: `cargo run --release -p examples --example NAME`.
