//! The ring in which a worker publishes its results.
//!
//! One writer (the worker) and one reader (its parent) share [`RING_BYTES`] bytes. A record is a header of 16 bytes
//! (position, length, status) and the encoded result, padded to 8. The writer copies a record in and then raises the
//! written mark: a record is there whole or not at all, also when the writer is killed in between. The reader copies
//! out all that is there, in one piece, and raises the read mark.
//!
//! A writer that finds no room waits on a futex that the reader wakes; the reader never waits. A result too large for
//! the ring lies in the outbound [`crate::parcel`] area, and its record carries only the length.

use std::{
    sync::atomic::{Ordering, fence},
    time::Duration,
};

use rustix::thread::futex;

use crate::{
    MemoryError, Status,
    board::{Board, RING_BYTES, RING_READ, RING_START, RING_WRITTEN},
};

const HEADER_BYTES: usize = 16;
const PARCEL_FLAG: u8 = 0x80;
const MASK: u64 = RING_BYTES as u64 - 1;

/// Results of more bytes than this do not go through the ring.
pub const MAX_RING_RESULT: usize = 32 * 1024;

/// How long a writer sleeps at most before it looks again by itself.
const PATIENCE: Duration = Duration::from_millis(100);

const fn padded(length: usize) -> usize {
    length.next_multiple_of(8)
}

/// The worker's end of the ring.
#[derive(Debug, Default)]
pub struct RingWriter {
    written: u64,
    /// The read mark as last seen; the true one is never lower.
    read: u64,
}

impl RingWriter {
    /// The writer of a fresh ring.
    pub fn new() -> Self {
        Self::default()
    }

    /// Publishes a result. `wait` is called, possibly more than once, when the ring is full and before each sleep:
    /// it must see to it that the reader is told.
    ///
    /// # Panics
    /// When the result is over [`MAX_RING_RESULT`].
    pub fn publish(
        &mut self,
        board: &Board,
        position: u64,
        status: Status,
        result: &[u8],
        wait: &mut dyn FnMut(),
    ) {
        assert!(
            result.len() <= MAX_RING_RESULT,
            "a result of {} bytes must travel as a parcel",
            result.len()
        );
        self.publish_record(board, position, status as u8, result, wait);
    }

    /// Publishes that a result of `length` bytes lies in the outbound parcel area.
    pub fn publish_parcel(
        &mut self,
        board: &Board,
        position: u64,
        status: Status,
        length: u64,
        wait: &mut dyn FnMut(),
    ) {
        self.publish_record(
            board,
            position,
            status as u8 | PARCEL_FLAG,
            &length.to_le_bytes(),
            wait,
        );
    }

    fn publish_record(&mut self, board: &Board, position: u64, tag: u8, body: &[u8], wait: &mut dyn FnMut()) {
        let size = HEADER_BYTES + padded(body.len());
        self.wait_for_room(board, size as u64, wait);
        let mut header = [0; HEADER_BYTES];
        header[..8].copy_from_slice(&position.to_le_bytes());
        header[8..12].copy_from_slice(&(body.len() as u32).to_le_bytes());
        header[12] = tag;
        copy_in(board, self.written, &header);
        copy_in(board, self.written + HEADER_BYTES as u64, body);
        self.written += size as u64;
        board
            .memory()
            .word(RING_WRITTEN)
            .store(self.written, Ordering::Release);
    }

    fn wait_for_room(&mut self, board: &Board, size: u64, wait: &mut dyn FnMut()) {
        while self.written + size - self.read > RING_BYTES as u64 {
            let turn = board.space().load(Ordering::Acquire);
            self.read = board.memory().word(RING_READ).load(Ordering::Acquire);
            if self.written + size - self.read <= RING_BYTES as u64 {
                break;
            }
            wait();
            let patience = rustix::time::Timespec::try_from(PATIENCE).ok();
            // Every way in which this returns (woken, interrupted, timed out, turn changed) means: look again.
            let _woken_or_not = futex::wait(board.space(), futex::Flags::empty(), turn, patience.as_ref());
        }
    }
}

fn copy_in(board: &Board, at: u64, bytes: &[u8]) {
    let start = (at & MASK) as usize;
    let (head, tail) = bytes.split_at(bytes.len().min(RING_BYTES - start));
    board.memory().write(RING_START + start, head);
    board.memory().write(RING_START, tail);
}

/// The parent's end of the ring.
#[derive(Debug, Default)]
pub struct RingReader {
    read: u64,
}

impl RingReader {
    /// The reader of a fresh ring.
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends all records that are there to `buffer` and frees their room; [`Records`] reads them from it.
    ///
    /// # Errors
    /// [`MemoryError::Corrupt`] when the written mark is impossible.
    pub fn harvest(&mut self, board: &Board, buffer: &mut Vec<u8>) -> Result<(), MemoryError> {
        let written = board.memory().word(RING_WRITTEN).load(Ordering::Acquire);
        let length = written.wrapping_sub(self.read);
        if length == 0 {
            return Ok(());
        }
        if length > RING_BYTES as u64 || !length.is_multiple_of(8) {
            return Err(MemoryError::corrupt(format_args!(
                "{length} bytes of results in a ring of {RING_BYTES}"
            )));
        }
        let start = (self.read & MASK) as usize;
        let head = (length as usize).min(RING_BYTES - start);
        board.memory().read(RING_START + start, head, buffer);
        board.memory().read(RING_START, length as usize - head, buffer);
        // The copies must be done before the writer may overwrite what was copied.
        fence(Ordering::Release);
        self.read = written;
        board.memory().word(RING_READ).store(written, Ordering::Release);
        board.space().fetch_add(1, Ordering::Release);
        // Nobody may be waiting; a wake costs little beside the harvest only when the ring was in danger of filling.
        if length > RING_BYTES as u64 / 4 {
            let _number_woken = futex::wake(board.space(), futex::Flags::empty(), u32::MAX);
        }
        Ok(())
    }
}

/// One result as it was published.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Record<'a> {
    /// The position of its job.
    pub position: u64,
    /// What the bytes are.
    pub status: Status,
    /// Where the bytes are.
    pub body: Body<'a>,
}

/// Where the bytes of a result are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Body<'a> {
    /// Here.
    Inline(&'a [u8]),
    /// In the outbound parcel area, this many of them.
    Parcel(u64),
}

/// Reads the records of a harvest. After an error there are no more.
#[derive(Debug, Clone)]
pub struct Records<'a> {
    rest: &'a [u8],
}

impl<'a> Records<'a> {
    /// Reads what [`RingReader::harvest`] appended.
    pub fn new(harvest: &'a [u8]) -> Self {
        Self { rest: harvest }
    }

    fn read(&mut self) -> Result<Record<'a>, MemoryError> {
        let overrun = || MemoryError::corrupt("a result that ends before it is whole");
        let (header, rest) = self
            .rest
            .split_first_chunk::<HEADER_BYTES>()
            .ok_or_else(overrun)?;
        let [p0, p1, p2, p3, p4, p5, p6, p7, l0, l1, l2, l3, tag, ..] = *header;
        let length = u32::from_le_bytes([l0, l1, l2, l3]) as usize;
        let (body, _) = rest.split_at_checked(length).ok_or_else(overrun)?;
        self.rest = rest.get(padded(length)..).ok_or_else(overrun)?;
        let status = Status::from_byte(tag & !PARCEL_FLAG)
            .ok_or_else(|| MemoryError::corrupt(format_args!("a result of unknown kind {tag:#04x}")))?;
        let body = match (tag & PARCEL_FLAG, <[u8; 8]>::try_from(body)) {
            (0, _) => Body::Inline(body),
            (_, Ok(length)) => Body::Parcel(u64::from_le_bytes(length)),
            (_, Err(_)) => return Err(MemoryError::corrupt("a parcel's record without a length")),
        };
        let position = u64::from_le_bytes([p0, p1, p2, p3, p4, p5, p6, p7]);
        Ok(Record {
            position,
            status,
            body,
        })
    }
}

impl<'a> Iterator for Records<'a> {
    type Item = Result<Record<'a>, MemoryError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let record = self.read();
        if record.is_err() {
            self.rest = &[];
        }
        Some(record)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(buffer: &[u8]) -> Vec<(u64, Vec<u8>)> {
        Records::new(buffer)
            .map(|record| match record.unwrap() {
                Record {
                    position,
                    status: Status::Output,
                    body: Body::Inline(bytes),
                } => (position, bytes.to_vec()),
                other => panic!("{other:?}"),
            })
            .collect()
    }

    #[test]
    fn records_go_round_the_ring_many_times_unharmed() {
        let board = Board::create().unwrap();
        let (mut writer, mut reader) = (RingWriter::new(), RingReader::new());
        let mut position = 0;
        while position < 20_000 {
            let sent: Vec<(u64, Vec<u8>)> = (0..20)
                .map(|_| {
                    position += 1;
                    (position, vec![position as u8; (position * 7919 % 3001) as usize])
                })
                .collect();
            for (position, bytes) in &sent {
                writer.publish(&board, *position, Status::Output, bytes, &mut || {
                    panic!("the ring is full")
                });
            }
            let mut buffer = Vec::new();
            reader.harvest(&board, &mut buffer).unwrap();
            assert_eq!(texts(&buffer), sent);
        }
    }

    #[test]
    fn a_full_ring_makes_the_writer_wait_until_it_is_read() {
        let board = Board::create().unwrap();
        let (mut writer, mut reader) = (RingWriter::new(), RingReader::new());
        let (full, is_full) = std::sync::mpsc::channel();
        std::thread::scope(|scope| {
            let board = &board;
            let writing = scope.spawn(move || {
                for position in 0..100 {
                    writer.publish(board, position, Status::Output, &[1; 9000], &mut || {
                        full.send(()).unwrap();
                    });
                }
            });
            let mut seen = Vec::new();
            while !writing.is_finished() || seen.len() < 100 {
                // A timeout here only means that the writer is at work or done.
                let _full_or_not = is_full.recv_timeout(Duration::from_millis(5));
                let mut buffer = Vec::new();
                reader.harvest(board, &mut buffer).unwrap();
                seen.extend(texts(&buffer));
            }
            assert!(seen.iter().map(|(position, _)| *position).eq(0..100));
        });
    }

    #[test]
    fn parcels_and_faults_are_told_apart() {
        let board = Board::create().unwrap();
        let (mut writer, mut reader) = (RingWriter::new(), RingReader::new());
        writer.publish_parcel(&board, 5, Status::Output, 1 << 40, &mut || ());
        writer.publish(&board, 6, Status::Fault, b"why", &mut || ());
        let mut buffer = Vec::new();
        reader.harvest(&board, &mut buffer).unwrap();
        let records: Vec<_> = Records::new(&buffer).map(Result::unwrap).collect();
        assert_eq!(
            records[0],
            Record {
                position: 5,
                status: Status::Output,
                body: Body::Parcel(1 << 40)
            }
        );
        assert_eq!(
            records[1],
            Record {
                position: 6,
                status: Status::Fault,
                body: Body::Inline(b"why")
            }
        );
    }

    #[test]
    fn an_impossible_mark_is_refused() {
        let board = Board::create().unwrap();
        for forged in [RING_BYTES as u64 + 8, 7, u64::MAX] {
            board.memory().word(RING_WRITTEN).store(forged, Ordering::Release);
            assert!(
                RingReader::new().harvest(&board, &mut Vec::new()).is_err(),
                "{forged} bytes were believed"
            );
        }
    }

    #[test]
    fn no_bytes_whatever_panic_the_reader_of_records() {
        let mut state = 88_172_645_463_325_252_u64;
        for length in 0..400_usize {
            let garbage: Vec<u8> = (0..length)
                .map(|_| {
                    state ^= state << 13;
                    state ^= state >> 7;
                    state ^= state << 17;
                    if state.is_multiple_of(3) { 0 } else { state as u8 }
                })
                .collect();
            assert!(Records::new(&garbage).count() <= length);
        }
    }
}
