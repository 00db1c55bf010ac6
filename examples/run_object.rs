//! An object with a method `run`, in its own process.
//!
//! In Python: a subclass of `Process` with a method `run`.
//!
//! `cargo run --release -p examples --example run_object`

#![expect(clippy::print_stdout, reason = "a program that shows something")]

use std::error::Error;

use pool::{Process, Run};
use serde::{Deserialize, Serialize};

/// The state of the process, a plain value.
#[derive(Debug, Serialize, Deserialize)]
struct Countdown {
    name: String,
    from: u32,
}

impl Run for Countdown {
    type Output = String;

    fn run(self) -> String {
        for number in (1..=self.from).rev() {
            println!("{}: {number}", self.name);
        }
        format!("{} has counted down from {}", self.name, self.from)
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    pool::main(|| {
        let countdown = Countdown {
            name: "rocket".to_owned(),
            from: 3,
        };
        let process = Process::of(countdown).start()?;
        println!("{}", process.join()?);
        Ok(())
    })
}
