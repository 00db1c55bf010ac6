//! Several producers put items on one queue; the consumer reports over a pipe.
//!
//! In Python: `Queue()` for many processes, `Pipe()` for two.
//!
//! `cargo run --release -p examples --example pipe_and_queue`

#![expect(clippy::print_stdout, reason = "a program that shows something")]
#![expect(clippy::needless_pass_by_value, reason = "arguments arrive as values")]

use std::{collections::BTreeMap, error::Error};

use pool::{Process, Queue, pipe, sync::PipeEnd};
use serde::{Deserialize, Serialize};

/// An item of a producer.
#[derive(Debug, Serialize, Deserialize)]
struct Piece {
    producer: String,
    number: u32,
}

/// How many pieces of each producer there were, in the order in which they were made.
type Report = BTreeMap<String, u32>;

fn produce(queue: Queue<Piece>, pieces: u32) -> Result<(), String> {
    for number in 0..pieces {
        let producer = Process::current_name();
        // Waits while the queue is full.
        queue
            .put(Piece { producer, number })
            .map_err(|error| error.to_string())?;
    }
    Ok(())
}

/// Takes pieces until the queue is closed. Those of one producer come in the order in which it put them.
fn consume(queue: Queue<Piece>, boss: PipeEnd<Report, String>) -> Result<(), String> {
    let order = boss.recv().map_err(|error| error.to_string())?;
    println!("{}: {order}", Process::current_name());
    let mut report = Report::new();
    for piece in &queue {
        let piece = piece.map_err(|error| error.to_string())?;
        let next = report.entry(piece.producer).or_default();
        if piece.number != *next {
            return Err(format!("piece {} came where {next} should", piece.number));
        }
        *next += 1;
    }
    boss.send(report).map_err(|error| error.to_string())
}

fn main() -> Result<(), Box<dyn Error>> {
    pool::main(|| {
        let queue = Queue::bounded(100)?;
        let (ours, theirs) = pipe::<String, Report>()?;
        // The pipe's end moves to the child and cannot be used here any more; the queue's handles are clones.
        let consumer = Process::new(consume, (queue.clone(), theirs))
            .name("consumer")
            .start()?;
        ours.send("count them".to_owned())?;
        let mut producers = Vec::new();
        for name in ["first", "second", "third"] {
            producers.push(Process::new(produce, (queue.clone(), 1000)).name(name).start()?);
        }
        for producer in producers {
            producer.join()??;
        }
        queue.close()?;
        for (producer, pieces) in ours.recv()? {
            println!("{producer}: {pieces} pieces");
        }
        consumer.join()??;
        Ok(())
    })
}
