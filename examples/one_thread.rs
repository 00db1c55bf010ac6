//! `pool eval` without a pool: one thread evaluates the lines of a file and writes their values to another file.
//!
//! The pool is compared with it, so it is written to be fast: large blocks, lines found with memchr, values appended to one
//! buffer, no allocation per line.
//!
//! `cargo run --release -p examples --example one_thread -- INPUT OUTPUT`

use std::{
    error::Error,
    fs::File,
    io::{self, Read, Write},
};

use worker::expression::{Evaluator, Limits, Names};

/// How much is read, and written, at once.
const BLOCK: usize = 1 << 20;

/// Evaluates lines, and writes their values by the block.
struct Lines {
    evaluator: Evaluator,
    names: Names,
    values: Vec<u8>,
    output: File,
}

impl Lines {
    fn new(output: File) -> Self {
        Self {
            evaluator: Evaluator::new(Limits::default()),
            names: Names::default(),
            values: Vec::with_capacity(2 * BLOCK),
            output,
        }
    }

    fn line(&mut self, line: &[u8]) -> io::Result<()> {
        if let Err(error) = self.evaluator.eval_into(line, &self.names, &mut self.values) {
            write!(self.values, "{}: {}", error.kind().name(), error.message())?;
        }
        self.values.push(b'\n');
        if self.values.len() >= BLOCK {
            self.flush()?;
        }
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.output.write_all(&self.values)?;
        self.values.clear();
        Ok(())
    }
}

fn evaluate(mut input: File, lines: &mut Lines) -> io::Result<()> {
    let mut block = vec![0; BLOCK];
    let mut filled = 0;
    loop {
        if filled == block.len() {
            // A line longer than a block.
            block.resize(2 * block.len(), 0);
        }
        let read = input.read(&mut block[filled..])?;
        if read == 0 {
            break;
        }
        filled += read;
        let mut start = 0;
        for end in memchr::memchr_iter(b'\n', &block[..filled]) {
            lines.line(&block[start..end])?;
            start = end + 1;
        }
        block.copy_within(start..filled, 0);
        filled -= start;
    }
    if filled > 0 {
        lines.line(&block[..filled])?;
    }
    lines.flush()
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args_os().skip(1);
    let (Some(input), Some(output), None) = (arguments.next(), arguments.next(), arguments.next()) else {
        return Err("usage: one_thread INPUT OUTPUT".into());
    };
    let mut lines = Lines::new(File::create(output)?);
    Ok(evaluate(File::open(input)?, &mut lines)?)
}
