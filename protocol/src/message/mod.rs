//! The messages between a parent and a child process, and the channels that carry them.
//!
//! Owns the control socket, with the handshake and the log that travel over it; the frames of jobs, with the link over
//! `ipc-channel` that carries them; and the delimiters in a worker's output. It does not decide what is sent when: that
//! is for the crates `pool` and `worker`.

pub mod capture;
pub mod control;
pub mod frame;
pub mod handshake;
pub mod link;
pub mod log;
