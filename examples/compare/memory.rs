//! The most memory that `pool eval` takes, whatever the length of its input.

use std::{
    error::Error,
    io::{self, Write},
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

use procfs::process::Process;

use crate::eval::program;

const LINES: [u64; 2] = [100_000, 10_000_000];

/// How often memory is measured.
const INTERVAL: Duration = Duration::from_millis(20);

/// Lines are written by the block.
const BLOCK: usize = 64 * 1024;

/// Measures and prints.
pub(crate) fn measure() -> Result<(), Box<dyn Error>> {
    println!("the most memory of pool eval -j 2 (proportional set size)");
    for lines in LINES {
        let mut child = Command::new(program("pool")?)
            .args(["eval", "-j", "2"])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()?;
        let mut input = child.stdin.take().ok_or("a child without input")?;
        let (parent, worker) = thread::scope(|scope| -> Result<_, Box<dyn Error>> {
            let writing = scope.spawn(move || write_lines(&mut input, lines));
            let most = watch(&mut child)?;
            writing.join().expect("the writing thread does not panic")?;
            Ok(most)
        })?;
        println!("  {lines:>10} lines: parent {parent} KiB, largest worker {worker} KiB");
    }
    Ok(())
}

fn write_lines(input: &mut impl Write, lines: u64) -> io::Result<()> {
    let mut block = Vec::with_capacity(BLOCK + 100);
    for line in 0..lines {
        writeln!(block, "{}+{}*{}", line % 997, line % 883, line % 691)?;
        if block.len() >= BLOCK {
            input.write_all(&block)?;
            block.clear();
        }
    }
    input.write_all(&block)
}

/// The most KiB of a process, and of the largest of its children, until it ends.
fn watch(child: &mut Child) -> Result<(u64, u64), Box<dyn Error>> {
    let (mut parent, mut worker) = (0, 0);
    while child.try_wait()?.is_none() {
        if let Ok(process) = Process::new(child.id().cast_signed()) {
            parent = parent.max(kib(&process).unwrap_or(0));
            worker = worker.max(largest_child(&process).unwrap_or(0));
        }
        thread::sleep(INTERVAL);
    }
    Ok((parent, worker))
}

fn largest_child(process: &Process) -> Option<u64> {
    let threads = process.tasks().ok()?.flatten();
    let children = threads.filter_map(|thread| thread.children().ok()).flatten();
    children
        .filter_map(|pid| kib(&Process::new(pid.cast_signed()).ok()?))
        .max()
}

fn kib(process: &Process) -> Option<u64> {
    let maps = process.smaps_rollup().ok()?.memory_map_rollup;
    let bytes = maps.iter().filter_map(|map| map.extension.map.get("Pss"));
    Some(bytes.sum::<u64>() / 1024)
}
