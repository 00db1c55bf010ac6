//! Stories of the command `pool`, as a user meets it: real processes, pipes, files and signals.

mod ends;
mod input;
mod output;
mod stage;
