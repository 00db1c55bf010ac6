//! A function in its own process: start it, join it, and get what it returned.
//!
//! In Python: `p = Process(target=greet, args=('Anna', 3))`, `p.start()`, `p.join()`.
//!
//! `cargo run --release -p examples --example process`

#![expect(clippy::print_stdout, reason = "a program that shows something")]
#![expect(clippy::needless_pass_by_value, reason = "arguments arrive as values")]

use std::error::Error;

use pool::Process;

/// Runs in the child. Arguments and output may be any serde values.
fn greet(name: String, times: usize) -> usize {
    for _ in 0..times {
        println!("{}: hello, {name}", Process::current_name());
    }
    name.len() * times
}

fn main() -> Result<(), Box<dyn Error>> {
    // Like `if __name__ == '__main__'`: the child comes here too, and runs its function instead of this code.
    pool::main(|| {
        let process = Process::new(greet, ("Anna".to_owned(), 3)).start()?;
        println!("{}: started {}", Process::current_name(), process.name());

        // Python's `join` only waits. This one returns what the function returned, or why it did not return.
        let letters = process.join()?;
        println!("{}: {letters} letters", Process::current_name());

        // A panic is reported with its location.
        let failing = Process::new(|divisor: u32| 1 / divisor, (0,))
            .name("divider")
            .start()?;
        if let Err(error) = failing.join() {
            println!("{}: {error}", Process::current_name());
        }
        Ok(())
    })
}
