//! The nemesis: runs jobs of every kind while it kills, stops and aborts the workers at random, and counts.
//!
//! The last line of its output is one JSON object with every count. The exit code is 1 where a promise was broken.
//! It is its own worker program.

use std::{io::Write, process::ExitCode};

use clap::Parser;
use tests::nemesis::{self, Plan};

fn main() -> ExitCode {
    nemesis::run_if_worker();
    let plan = Plan::parse();
    let report = nemesis::run(&plan);
    let printed = writeln!(std::io::stdout(), "{}", report.to_json());
    if printed.is_ok() && report.broken_promises() == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
