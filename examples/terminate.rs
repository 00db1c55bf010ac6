//! `terminate` asks a process to end and does not wait for it.
//!
//! In Python: `p.terminate()`, then `p.is_alive()` is still `True`, and a moment later `False`.
//!
//! `cargo run --release -p examples --example terminate`

#![expect(clippy::print_stdout, reason = "a program that shows something")]

use std::{error::Error, thread, time::Duration};

use pool::Process;

fn sleep_for_an_hour() {
    thread::sleep(Duration::from_hours(1));
}

fn main() -> Result<(), Box<dyn Error>> {
    pool::main(|| {
        let process = Process::new(sleep_for_an_hour, ()).start()?;
        println!("before: {}", process.is_alive());
        process.terminate();
        println!("just after: {}", process.is_alive());
        // Waiting for its end is better than sleeping for a moment.
        let exit = process.wait();
        println!("a moment after: {}", process.is_alive());
        println!("it {exit}");
        Ok(())
    })
}
