//! The reader thread: reads the inputs, splits them into records and sends these to the pool.
//!
//! A chunk is sent to the printer before its records are sent to the pool, so that the printer always has the source of
//! a result. The thread may block in a read indefinitely, so no other thread waits for it.

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
    input_budget::InputBudget,
    notices::Notices,
    opening::Opening,
    pool_input::{PoolInput, Wanted},
    progress::Progress,
    records::{Format, Splitter},
};

/// The size of one read.
const BLOCK_BYTES: usize = 64 * 1024;

/// What the reader thread needs.
#[derive(Debug)]
pub(crate) struct Reader {
    pub(crate) format: Format,
    pub(crate) input: Arc<PoolInput>,
    pub(crate) budget: Arc<InputBudget>,
    pub(crate) chunks: Sender<Arc<Chunk>>,
    pub(crate) notices: Notices,
    pub(crate) progress: Progress,
    /// Set if an input could not be read.
    pub(crate) has_read_error: Arc<AtomicBool>,
}

impl Reader {
    /// Reads all inputs, one after another.
    pub(crate) fn run(self, sources: Vec<Source>) {
        // Closes the stream however this thread ends.
        let _closing = CloseOnDrop(&self.input);
        for source in sources {
            if self.read_source(source) == Wanted::NoMore {
                return;
            }
        }
    }

    fn read_source(&self, source: Source) -> Wanted {
        let origin = source.origin();
        let file = match source {
            Source::Argument(_, text) => return self.send(Chunk::single(origin, text)),
            Source::File(path) => File::open(&*path),
            Source::Stdin => open_stdin(),
        };
        let mut splitter = Splitter::new(origin.clone(), self.format);
        let mut opening = Opening::default();
        match file.and_then(|file| self.read(file, &mut opening, &mut splitter)) {
            Ok(Wanted::More) => self.send_some(splitter.finish()),
            Ok(Wanted::NoMore) => Wanted::NoMore,
            Err(error) => {
                // An incomplete line is not evaluated: it might mean something else than the whole line.
                self.has_read_error.store(true, Ordering::SeqCst);
                self.notices.say(format_args!("cannot read {origin}: {error}"));
                Wanted::More
            }
        }
    }

    fn read(&self, mut file: File, opening: &mut Opening, splitter: &mut Splitter) -> io::Result<Wanted> {
        let mut block = vec![0; BLOCK_BYTES];
        loop {
            let length = match file.read(&mut block) {
                Ok(0) => {
                    let held = opening.finish().map_err(io::Error::other)?;
                    return Ok(self.send_some(splitter.split(&held)));
                }
                Ok(length) => length,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            let text = opening.take(&block[..length]).map_err(io::Error::other)?;
            if self.send_some(splitter.split(&text)) == Wanted::NoMore {
                return Ok(Wanted::NoMore);
            }
        }
    }

    fn send_some(&self, chunk: Option<Chunk>) -> Wanted {
        match chunk {
            Some(chunk) => self.send(chunk),
            None if self.input.is_interrupted() => Wanted::NoMore,
            None => Wanted::More,
        }
    }

    fn send(&self, chunk: Chunk) -> Wanted {
        self.budget.take(chunk.footprint());
        self.progress.read(chunk.records.len() as u64, chunk.input_bytes);
        let chunk = Arc::new(chunk);
        // If the printer is gone, the command is about to end.
        if self.chunks.send(Arc::clone(&chunk)).is_err() {
            return Wanted::NoMore;
        }
        self.input.send(&chunk)
    }
}

struct CloseOnDrop<'a>(&'a PoolInput);

impl Drop for CloseOnDrop<'_> {
    fn drop(&mut self) {
        self.0.close();
    }
}
