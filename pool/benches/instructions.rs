//! How many instructions the parent's own work takes for a job: a figure that hardly depends on what else the machine
//! does.
//!
//! `cargo bench -p pool --bench instructions` needs valgrind. Each piece of work is run under callgrind twice, once with
//! twice as many jobs, so that the difference is of the jobs alone. Where the instructions go is shown by
//! `valgrind --tool=callgrind PROGRAM PIECE JOBS` and `callgrind_annotate`; the program's path is printed first.

#![expect(clippy::print_stdout, reason = "a program that shows something")]
#![expect(
    clippy::cast_precision_loss,
    reason = "figures for people have three digits, not sixteen"
)]

use std::{env, error::Error, hint::black_box, path::Path, process::Command};

use pool::bench::{Reordering, Scheduling};
use protocol::{
    Status,
    board::{
        Board,
        ring::{RingReader, RingWriter},
    },
    message::frame::{self, Form, Frame},
};

/// Jobs at once, where many are.
const MANY: u32 = 1024;

/// A piece of work by name; it does about so many jobs.
type Piece = (&'static str, fn(u32));

const PIECES: [Piece; 6] = [
    ("scheduler, one job at a time", |jobs| schedule(jobs, 1)),
    ("scheduler, 1024 jobs at a time", |jobs| schedule(jobs, MANY)),
    ("reorder window, blocks of 1024", reorder),
    ("frame of 1024 jobs, encode", |jobs| drop(encode(jobs))),
    ("frame of 1024 jobs, encode and decode", encode_and_decode),
    ("ring, publish and harvest 1024 results", pass_ring),
];

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    if let [piece, jobs] = &arguments[..] {
        let (_, work) = PIECES
            .iter()
            .find(|(name, _)| name == piece)
            .ok_or("no such piece")?;
        work(jobs.parse()?);
        return Ok(());
    }
    let program = env::current_exe()?;
    println!("{}", program.display());
    for (name, _) in PIECES {
        let jobs = 16 * MANY;
        let (once, twice) = (count(&program, name, jobs)?, count(&program, name, 2 * jobs)?);
        let each = (twice - once) as f64 / f64::from(jobs);
        println!("{name:<40} {each:>8.1} instructions a job");
    }
    Ok(())
}

/// The instructions of this program with a piece of work.
#[expect(clippy::disallowed_methods, reason = "a benchmark may start programs")]
fn count(program: &Path, piece: &str, jobs: u32) -> Result<u64, Box<dyn Error>> {
    let run = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(program)
        .args([piece, &jobs.to_string()])
        .output()
        .map_err(|error| format!("cannot run valgrind: {error}"))?;
    let told = String::from_utf8_lossy(&run.stderr);
    let collected = told.lines().find_map(|line| line.split_once("Collected : "));
    let (_, collected) = collected.ok_or_else(|| format!("callgrind counted nothing: {told}"))?;
    Ok(collected.trim().parse()?)
}

fn schedule(jobs: u32, at_once: u32) {
    let mut scheduling = Scheduling::new(2);
    for _ in 0..jobs / at_once {
        black_box(scheduling.run(at_once));
    }
}

fn reorder(jobs: u32) {
    black_box(Reordering::new(MANY).run(u64::from(jobs / MANY)));
}

fn encode(jobs: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    for _ in 0..jobs / MANY {
        frame::begin(&mut bytes);
        for _ in 0..MANY {
            frame::append_job(&mut bytes, black_box(b"655+115*26+7"));
        }
        frame::finish(&mut bytes, Form::Counted, 1, 0, MANY);
    }
    bytes
}

fn encode_and_decode(jobs: u32) {
    for _ in 0..jobs / MANY {
        let bytes = encode(MANY);
        let frame = Frame::parse(&bytes).expect("a frame");
        black_box(frame.jobs().flatten().count());
    }
}

fn pass_ring(jobs: u32) {
    let board = Board::create().expect("shared memory");
    let (mut writer, mut reader) = (RingWriter::new(), RingReader::new());
    let mut harvest = Vec::new();
    for block in 0..jobs / MANY {
        for position in block * MANY..(block + 1) * MANY {
            writer.publish(&board, position.into(), Status::Output, &[7; 8], &mut || ());
        }
        harvest.clear();
        reader.harvest(&board, &mut harvest).expect("sound records");
        black_box(reader.records(&harvest).count());
    }
}
