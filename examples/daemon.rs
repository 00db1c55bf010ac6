//! A daemon ends with the main code; another process is waited for.
//!
//! In Python: `Process(target=live, args=('son1',), daemon=True)` and `Process(target=live, args=('son2',))`.
//!
//! `cargo run --release -p examples --example daemon`

#![expect(clippy::print_stdout, reason = "a program that shows something")]
#![expect(clippy::needless_pass_by_value, reason = "arguments arrive as values")]

use std::{error::Error, thread, time::Duration};

use pool::Process;

fn live(name: String, steps: u32) {
    println!("{name} begins");
    for _ in 0..steps {
        thread::sleep(Duration::from_millis(100));
    }
    println!("{name} ends");
}

fn main() -> Result<(), Box<dyn Error>> {
    pool::main(|| {
        Process::new(live, ("son1".to_owned(), 600))
            .name("son1")
            .daemon(true)
            .start()?;
        Process::new(live, ("son2".to_owned(), 10)).name("son2").start()?;
        thread::sleep(Duration::from_millis(500));
        println!("the main code ends");
        // Here son1 is ended, a minute early, and son2 is waited for, although it was not joined.
        Ok(())
    })
}
