//! Compares the pool with alternatives: each comparison measures all its sides alternately, several times in one run.
//!
//! ```text
//! cargo build --release -p cli -p examples --bins --examples
//! cargo run --release -p examples --example compare -- echo
//! cargo run --release -p examples --example compare -- eval expressions.txt \
//!     --peer 'procspawn=procspawn_peer thr {in} {out} eval 1024'
//! ```
//!
//! Machines differ and are seldom idle, so only ratios count: the program prints the median of each side with its spread,
//! and the median of the ratios of each round. A peer is any command that prints its measurement as `key=value`; the help
//! of each comparison names the key.

#![expect(clippy::print_stdout, reason = "a program that shows something")]
#![expect(
    clippy::cast_precision_loss,
    reason = "figures for people have three digits, not sixteen"
)]

mod child;
mod echo;
mod eval;
mod ipc;
mod jobs;
mod lone;
mod memory;
mod one_by_one;
mod payload;
mod peer;
mod raw;
mod rounds;
mod start;

use std::{error::Error, path::PathBuf};

use clap::{Args, Parser, Subcommand};

use crate::peer::Peer;

/// Compares the pool with alternatives
#[derive(Debug, Parser)]
#[command(name = "compare")]
struct Arguments {
    #[command(subcommand)]
    comparison: Comparison,
    /// Number of measurements of each side
    #[arg(long, global = true, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
}

#[derive(Debug, Subcommand)]
enum Comparison {
    /// `pool eval` from file to file, and one thread doing the same; peers print `secs=`
    Eval(Lines),
    /// Expressions submitted one by one, waiting for nothing; peers print `jobs_per_s`=
    OneByOne(Lines),
    /// A small struct sent and returned through `map`, and raw frames of 1024 over SEQPACKET sockets
    Echo,
    /// A lone job, and a bare round trip over ipc-channel, back to back and asleep in between; peers print `p50_ns`=
    Lone(Peers),
    /// 64 KiB, 1 MiB and 16 MiB sent and returned, and the same over ipc-channel's `IpcBytesSender`
    Payload,
    /// Start to first result with two workers, and two bare processes that answer; peers print `start_ms`=
    Start(Peers),
    /// Peak memory of `pool eval` and its workers, with all lines and with a hundredth of them
    Memory {
        /// Number of lines
        #[arg(long, default_value_t = 10_000_000)]
        lines: u64,
    },
}

#[derive(Debug, Args)]
struct Lines {
    /// A file with one expression per line
    file: PathBuf,
    #[command(flatten)]
    peers: Peers,
}

#[derive(Debug, Args)]
struct Peers {
    /// A peer to measure too; {in} and {out} stand for the file of expressions and a file for results
    #[arg(long = "peer", value_name = "NAME=COMMAND")]
    peers: Vec<Peer>,
}

fn main() -> Result<(), Box<dyn Error>> {
    // This program is its own worker, for several types of jobs, and its own peer.
    worker::run_if_worker(|job: jobs::Small, _context| job);
    worker::run_if_worker(|job: jobs::Blob, _context| job);
    worker::run_if_worker(|job: jobs::Buffer, _context| job);
    worker::run_if_worker(|job: jobs::Numbers, _context| job);
    worker::eval::service().run_if_worker();
    if let Some(ended) = child::run_if_child() {
        return ended;
    }

    let arguments = Arguments::parse();
    let rounds = arguments.rounds as usize;
    match arguments.comparison {
        Comparison::Eval(Lines { file, peers }) => eval::compare(rounds, &file, &peers.peers),
        Comparison::OneByOne(Lines { file, peers }) => one_by_one::compare(rounds, &file, &peers.peers),
        Comparison::Echo => echo::compare(rounds),
        Comparison::Lone(peers) => lone::compare(rounds, &peers.peers),
        Comparison::Payload => payload::compare(rounds),
        Comparison::Start(peers) => start::compare(rounds, &peers.peers),
        Comparison::Memory { lines } => memory::measure(lines),
    }
}
