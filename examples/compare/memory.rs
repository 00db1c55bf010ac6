//! The peak memory of `pool eval`, which does not depend on the length of its input.

use std::{
    error::Error,
    io::{self, Read, Write},
    process::{Command, Stdio},
    thread,
    time::Duration,
};

use examples::proportional_set_kib;
use procfs::process::Process;

use crate::eval::program;

/// How often memory is measured.
const INTERVAL: Duration = Duration::from_millis(5);

/// Lines are written and read by the block.
const BLOCK: usize = 64 * 1024;

/// The most KiB so far.
#[derive(Debug, Default)]
struct Most {
    parent: u64,
    /// Of the largest worker.
    worker: u64,
}

/// Measures and prints, with all lines and with a hundredth of them.
pub(crate) fn measure(lines: u64) -> Result<(), Box<dyn Error>> {
    println!("the most memory of pool eval -j 2 (proportional set size)");
    for lines in [lines / 100, lines] {
        let Most { parent, worker } = most_with(lines)?;
        println!("  {lines:>10} lines: parent {parent} KiB, largest worker {worker} KiB");
    }
    Ok(())
}

/// Runs the command on this many lines and watches its memory until all values have arrived. Its input ends only then, so
/// that the last sample sees all processes, even in a short run.
fn most_with(lines: u64) -> Result<Most, Box<dyn Error>> {
    let mut child = Command::new(program("pool")?)
        .args(["eval", "-j", "2"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let input = child.stdin.take().ok_or("a child without input")?;
    let output = child.stdout.take().ok_or("a child without output")?;
    let parent = child.id();
    let most = thread::scope(|scope| -> Result<_, Box<dyn Error>> {
        let writing = scope.spawn(|| write_lines(input, lines));
        let reading = scope.spawn(move || read_lines(output, lines));
        let mut most = Most::default();
        loop {
            let is_over = reading.is_finished();
            most.look(parent);
            if is_over {
                break;
            }
            thread::sleep(INTERVAL);
        }
        let input = writing.join().expect("the writing thread does not panic")?;
        let read = reading.join().expect("the reading thread does not panic")?;
        drop(input);
        if read != lines {
            return Err(format!("{lines} lines have {read} values").into());
        }
        Ok(most)
    });
    let status = child.wait()?;
    let most = most?;
    if !status.success() {
        return Err(format!("pool eval: {status}").into());
    }
    Ok(most)
}

/// Writes the lines and returns the input, still open.
fn write_lines<W: Write>(mut input: W, lines: u64) -> io::Result<W> {
    let mut block = Vec::with_capacity(BLOCK + 100);
    for line in 0..lines {
        writeln!(block, "{}+{}*{}", line % 997, line % 883, line % 691)?;
        if block.len() >= BLOCK {
            input.write_all(&block)?;
            block.clear();
        }
    }
    input.write_all(&block)?;
    Ok(input)
}

/// Reads this many lines, or all that arrive; returns how many.
fn read_lines(mut output: impl Read, lines: u64) -> io::Result<u64> {
    let mut block = vec![0; BLOCK];
    let mut read = 0;
    while read < lines {
        let bytes = output.read(&mut block)?;
        if bytes == 0 {
            break;
        }
        read += memchr::memchr_iter(b'\n', &block[..bytes]).count() as u64;
    }
    Ok(read)
}

impl Most {
    fn look(&mut self, parent: u32) {
        let Ok(process) = Process::new(parent.cast_signed()) else {
            return;
        };
        self.parent = self.parent.max(proportional_set_kib(&process).unwrap_or(0));
        self.worker = self.worker.max(largest_child(&process).unwrap_or(0));
    }
}

fn largest_child(process: &Process) -> Option<u64> {
    let threads = process.tasks().ok()?.flatten();
    let children = threads.filter_map(|thread| thread.children().ok()).flatten();
    children
        .filter_map(|pid| proportional_set_kib(&Process::new(pid.cast_signed()).ok()?).ok())
        .max()
}
