//! Stories of the command `pool`, as a user meets it: real processes, pipes, files and signals.

#![expect(clippy::print_stderr, reason = "a test that is skipped says so")]

mod ends;
mod input;
mod output;
mod stage;
