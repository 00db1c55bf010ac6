//! The thread that reads: from the inputs, through the splitter, into the pool.
//!
//! A chunk goes to the printer before its records go to the pool, so that the printer always finds the text of a
//! result. The thread may be blocked in a read for ever; nobody waits for it.

use std::{
    fs::File,
    io::{self, Read},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use crossbeam_channel::Sender;

use crate::{
    chunk::Chunk,
    input::{Source, open_stdin},
    input_budget::Budget,
    notices::Notices,
    pool_input::{Gate, Wanted},
    records::{Format, Splitter},
};

/// How much is read at once.
const BLOCK_BYTES: usize = 64 * 1024;

/// What the reading thread needs.
#[derive(Debug)]
pub(crate) struct Feeder {
    pub(crate) format: Format,
    pub(crate) gate: Arc<Gate>,
    pub(crate) budget: Arc<Budget>,
    pub(crate) chunks: Sender<Arc<Chunk>>,
    pub(crate) notices: Notices,
    /// Set when an input could not be read.
    pub(crate) is_input_lost: Arc<AtomicBool>,
}

impl Feeder {
    /// Reads all inputs, one after the other.
    pub(crate) fn run(self, sources: Vec<Source>) {
        // Whatever happens to this thread, the stream ends with it.
        let _closing = Closing(&self.gate);
        for source in sources {
            if self.feed(source) == Wanted::NoMore {
                return;
            }
        }
    }

    fn feed(&self, source: Source) -> Wanted {
        let origin = source.origin();
        let file = match source {
            Source::Argument(_, text) => return self.send(Chunk::single(origin, text)),
            Source::File(path) => File::open(&*path),
            Source::Stdin => open_stdin(),
        };
        let mut splitter = Splitter::new(origin.clone(), self.format);
        match file.and_then(|file| self.read(file, &mut splitter)) {
            Ok(Wanted::More) => self.send_some(splitter.finish()),
            Ok(Wanted::NoMore) => Wanted::NoMore,
            Err(error) => {
                // A line that has only begun is not evaluated: it might mean something else than the whole.
                self.is_input_lost.store(true, Ordering::SeqCst);
                self.notices.say(format_args!("cannot read {origin}: {error}"));
                Wanted::More
            }
        }
    }

    fn read(&self, mut file: File, splitter: &mut Splitter) -> io::Result<Wanted> {
        let mut block = vec![0; BLOCK_BYTES];
        loop {
            let length = match file.read(&mut block) {
                Ok(0) => return Ok(Wanted::More),
                Ok(length) => length,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            if self.send_some(splitter.split(&block[..length])) == Wanted::NoMore {
                return Ok(Wanted::NoMore);
            }
        }
    }

    fn send_some(&self, chunk: Option<Chunk>) -> Wanted {
        match chunk {
            Some(chunk) => self.send(chunk),
            None if self.gate.is_shut() => Wanted::NoMore,
            None => Wanted::More,
        }
    }

    fn send(&self, chunk: Chunk) -> Wanted {
        self.budget.take(chunk.footprint());
        let chunk = Arc::new(chunk);
        // Without a printer the command is about to end.
        if self.chunks.send(Arc::clone(&chunk)).is_err() {
            return Wanted::NoMore;
        }
        self.gate.send(&chunk)
    }
}

struct Closing<'a>(&'a Gate);

impl Drop for Closing<'_> {
    fn drop(&mut self) {
        self.0.close();
    }
}
