//! Measures the pool on this machine: throughput, latency, memory, CPU and restarts, for jobs of your choice.
//!
//! ```text
//! cargo run --release -p examples --example load_test -- --help
//! cargo run --release -p examples --example load_test -- --job spin:10us --through map --html report.html
//! cargo run --release -p examples --example load_test -- --in-flight 1            # the latency of a lone job
//! cargo run --release -p examples --example load_test -- --rate 50000             # jobs come whether or not it keeps up
//! cargo run --release -p examples --example load_test -- --sweep                  # how it scales, as a table
//! ```
//!
//! A run makes jobs (`kind`, `recipe`, `job`) arrive (`arrivals`), sends them through the pool (`submitting`, `mapping`)
//! and records what becomes of them (`recorder`), while a sampler watches (`sampler`, `usage`). What was measured
//! (`figures`) is shown as text, as JSON or as a page (`text`, `page`, `charts`).

#![expect(clippy::print_stdout, reason = "a program that shows something")]
#![expect(
    clippy::cast_precision_loss,
    reason = "figures for people have three digits, not sixteen"
)]

mod arguments;
mod arrivals;
mod baseline;
mod charts;
mod figures;
mod job;
mod kind;
mod mapping;
mod page;
mod recipe;
mod recorder;
mod run;
mod sampler;
mod spin;
mod submitting;
mod sweep;
mod text;
mod usage;

use std::{error::Error, fs::File, io::Write};

use crate::{arguments::Arguments, run::Run};

fn main() -> Result<(), Box<dyn Error>> {
    // This program is its own worker.
    job::service().run_if_worker();

    let arguments = Arguments::checked();
    if arguments.sweep {
        return sweep::sweep(&arguments);
    }
    // Fail before the run, not after it, if the page cannot be written.
    let page = arguments.html.as_ref().map(File::create).transpose();
    let page = page.map_err(|error| format!("cannot write the page: {error}"))?;

    let figures = Run::new(&arguments).run()?;
    if let Some(mut page) = page {
        page.write_all(page::page(&figures)?.as_bytes())?;
    }
    if arguments.json {
        println!("{}", serde_json::to_string_pretty(&figures)?);
    } else {
        print!("{}", text::text(&figures));
    }
    Ok(())
}
