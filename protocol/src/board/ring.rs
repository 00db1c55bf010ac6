//! The ring in which a worker publishes its results.
//!
//! One writer (the worker) and one reader (its parent) share [`RING_BYTES`] bytes. A record is a header of 8 bytes
//! (length and status) and the encoded result, padded to 8. Its position is the one after the previous record's; if it
//! is not, because several lanes publish or the parent has revoked, the position follows the header. The writer copies a
//! record in and then raises the number of bytes written, so that a record is there whole or not at all, even if the writer
//! is killed in between. The reader copies out everything that is there and raises the number of bytes read.
//!
//! A writer that finds no room waits on a futex that the reader wakes; the reader never waits. A result too large for
//! the ring goes into the outbound area ([`crate::payload::area`]), and its record carries only the lengths.
//!
//! Owns the records. Which job a position belongs to, and when the parent is woken, is not known here.

use std::{
    sync::atomic::{Ordering, fence},
    time::Duration,
};

use rustix::thread::futex;

use super::{Board, RING_BYTES, RING_READ, RING_START, RING_WRITTEN};
use crate::{job::Status, memory::MemoryError, payload::layout::Contents};

const WORD_BYTES: usize = 8;
const LARGE_FLAG: u8 = 0x80;
/// The record's position follows the header.
const POSITION_FLAG: u8 = 0x40;
const FLAGS: u8 = LARGE_FLAG | POSITION_FLAG;
const MASK: u64 = RING_BYTES as u64 - 1;

/// Results of more bytes than this do not go through the ring.
pub const MAX_RING_RESULT: usize = 32 * 1024;

/// The longest that a writer sleeps before it looks again without having been woken.
const SLICE: Duration = Duration::from_millis(100);

const fn padded(length: usize) -> usize {
    length.next_multiple_of(WORD_BYTES)
}

/// The worker's end of the ring.
#[derive(Debug, Default)]
pub struct RingWriter {
    written: u64,
    /// The number of bytes read, as last seen; the true number is never lower.
    read: u64,
    /// The position that follows the last record's.
    next: u64,
}

impl RingWriter {
    /// Creates the writer of a new ring.
    pub fn new() -> Self {
        Self::default()
    }

    /// Publishes a result. `wait` is called if the ring is full, before each sleep, and must wake the reader.
    ///
    /// # Panics
    /// If the result is larger than [`MAX_RING_RESULT`].
    #[inline]
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
            "a result of {} bytes must travel in the outbound area",
            result.len()
        );
        self.publish_record(board, position, status as u8, result, wait);
    }

    /// Publishes that a result is in the outbound area.
    pub fn publish_large(
        &mut self,
        board: &Board,
        position: u64,
        status: Status,
        contents: Contents,
        wait: &mut dyn FnMut(),
    ) {
        self.publish_record(
            board,
            position,
            status as u8 | LARGE_FLAG,
            &contents.to_bytes(),
            wait,
        );
    }

    #[inline]
    fn publish_record(&mut self, board: &Board, position: u64, tag: u8, body: &[u8], wait: &mut dyn FnMut()) {
        let follows = position == self.next;
        self.next = position.wrapping_add(1);
        let header_bytes = if follows { WORD_BYTES } else { 2 * WORD_BYTES };
        let size = (header_bytes + padded(body.len())) as u64;
        if self.written + size - self.read > RING_BYTES as u64 {
            self.wait_for_room(board, size, wait);
        }
        let flags = if follows { 0 } else { POSITION_FLAG };
        put_word(
            board,
            self.written,
            body.len() as u64 | u64::from(tag | flags) << 32,
        );
        if !follows {
            put_word(board, self.written + WORD_BYTES as u64, position);
        }
        put_body(board, self.written + header_bytes as u64, body);
        self.written += size;
        board
            .memory()
            .word(RING_WRITTEN)
            .store(self.written, Ordering::Release);
    }

    #[cold]
    fn wait_for_room(&mut self, board: &Board, size: u64, wait: &mut dyn FnMut()) {
        while self.written + size - self.read > RING_BYTES as u64 {
            let turn = board.space().load(Ordering::Acquire);
            self.read = board.memory().word(RING_READ).load(Ordering::Acquire);
            if self.written + size - self.read <= RING_BYTES as u64 {
                break;
            }
            wait();
            let timeout = rustix::time::Timespec::try_from(SLICE).ok();
            // However this returns (woken, interrupted, timed out, turn changed), the loop looks again.
            let _woken_or_not = futex::wait(board.space(), futex::Flags::empty(), turn, timeout.as_ref());
        }
    }
}

/// Writes one word. Every record begins at a multiple of the word's size, so no word crosses the end of the ring.
#[inline]
fn put_word(board: &Board, at: u64, word: u64) {
    let start = (at & MASK) as usize;
    board
        .memory()
        .word(RING_START + start)
        .store(word.to_le(), Ordering::Relaxed);
}

#[inline]
fn put_body(board: &Board, at: u64, bytes: &[u8]) {
    if let Some(word) = short_word(bytes) {
        // Most results are this short, and a copy of unknown length costs more than everything else here.
        return put_word(board, at, word);
    }
    let start = (at & MASK) as usize;
    let (head, tail) = bytes.split_at(bytes.len().min(RING_BYTES - start));
    board.memory().write(RING_START + start, head);
    board.memory().write(RING_START, tail);
}

/// One to eight bytes as one word, the first byte lowest: read in two pieces that may overlap, never byte by byte.
#[inline]
fn short_word(bytes: &[u8]) -> Option<u64> {
    let length = bytes.len();
    if let (Some(head), Some(tail), 4..=WORD_BYTES) = (bytes.first_chunk(), bytes.last_chunk(), length) {
        let (head, tail) = (u32::from_le_bytes(*head), u32::from_le_bytes(*tail));
        return Some(u64::from(head) | u64::from(tail) << (8 * (length - 4)));
    }
    let (&first, &last, 1..=3) = (bytes.first()?, bytes.last()?, length) else {
        return None;
    };
    let middle = bytes[length / 2];
    Some(u64::from(first) | u64::from(middle) << (8 * (length / 2)) | u64::from(last) << (8 * (length - 1)))
}

/// The parent's end of the ring.
#[derive(Debug, Default)]
pub struct RingReader {
    read: u64,
    /// The position that follows that of the last record read.
    next: u64,
}

impl RingReader {
    /// Creates the reader of a new ring.
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends all records in the ring to `buffer` and frees their room; [`RingReader::records`] reads them from it.
    ///
    /// # Errors
    /// [`MemoryError::Corrupt`] if the number of bytes written is impossible.
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
        // The copies must be complete before the writer may overwrite what was copied.
        fence(Ordering::Release);
        self.read = written;
        board.memory().word(RING_READ).store(written, Ordering::Release);
        board.space().fetch_add(1, Ordering::Release);
        // The writer is seldom waiting, and this costs a system call. A writer that waits has left far more than this unread.
        if length > RING_BYTES as u64 / 4 {
            let _number_woken = futex::wake(board.space(), futex::Flags::empty(), u32::MAX);
        }
        Ok(())
    }

    /// Reads what [`RingReader::harvest`] has appended. Must be called once for each harvest, in their order.
    pub fn records<'a>(&'a mut self, harvest: &'a [u8]) -> Records<'a> {
        Records {
            rest: harvest,
            next: &mut self.next,
        }
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
    /// In the outbound area.
    InArea(Contents),
}

/// Reads the records of a harvest. After an error there are no more.
#[derive(Debug)]
pub struct Records<'a> {
    rest: &'a [u8],
    next: &'a mut u64,
}

impl<'a> Records<'a> {
    /// Returns how many bytes of the harvest are still to be read.
    pub fn bytes_left(&self) -> usize {
        self.rest.len()
    }

    fn read(&mut self) -> Result<Record<'a>, MemoryError> {
        let header = self.read_word()?;
        let tag = (header >> 32) as u8;
        let position = if tag & POSITION_FLAG == 0 {
            *self.next
        } else {
            self.read_word()?
        };
        *self.next = position.wrapping_add(1);
        let length = header as u32 as usize;
        let body = self.rest.get(..length).ok_or_else(overrun)?;
        self.rest = self.rest.get(padded(length)..).ok_or_else(overrun)?;
        let status = Status::from_byte(tag & !FLAGS)
            .ok_or_else(|| MemoryError::corrupt(format_args!("a result of unknown kind {tag:#04x}")))?;
        let body = if tag & LARGE_FLAG == 0 {
            Body::Inline(body)
        } else {
            let contents = body
                .try_into()
                .map_err(|_| MemoryError::corrupt("a large result's record without its lengths"))?;
            Body::InArea(Contents::from_bytes(contents))
        };
        Ok(Record {
            position,
            status,
            body,
        })
    }

    fn read_word(&mut self) -> Result<u64, MemoryError> {
        let (word, rest) = self.rest.split_first_chunk().ok_or_else(overrun)?;
        self.rest = rest;
        Ok(u64::from_le_bytes(*word))
    }
}

/// Splits records that [`Records`] has read before, all of them inline, after the first one: its status, its bytes, and the
/// records that follow.
///
/// # Panics
/// If they are something else.
#[inline]
pub fn split_first(records: &[u8]) -> (Status, &[u8], &[u8]) {
    let checked = "records that were read before";
    let (header, mut rest) = records.split_first_chunk().expect(checked);
    let header = u64::from_le_bytes(*header);
    let tag = (header >> 32) as u8;
    if tag & POSITION_FLAG != 0 {
        rest = &rest[WORD_BYTES..];
    }
    let length = header as u32 as usize;
    let (body, rest) = rest.split_at(padded(length));
    (
        Status::from_byte(tag & !FLAGS).expect(checked),
        &body[..length],
        rest,
    )
}

/// Returns how many bytes the first `count` of some records take, as [`split_first`] takes them.
///
/// # Panics
/// If there are fewer.
pub fn bytes_of(records: &[u8], count: u32) -> usize {
    let rest = (0..count).fold(records, |rest, _| split_first(rest).2);
    records.len() - rest.len()
}

fn overrun() -> MemoryError {
    MemoryError::corrupt("a result that ends before it is whole")
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

    fn texts(reader: &mut RingReader, board: &Board) -> Vec<(u64, Vec<u8>)> {
        let mut buffer = Vec::new();
        reader.harvest(board, &mut buffer).unwrap();
        let records = reader.records(&buffer);
        records
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
    fn records_wrap_around_the_ring_many_times_unharmed() {
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
            assert_eq!(texts(&mut reader, &board), sent);
        }
    }

    #[test]
    fn short_results_are_one_word() {
        let bytes = *b"abcdefgh";
        for length in 1..=bytes.len() {
            let mut padded = [0; 8];
            padded[..length].copy_from_slice(&bytes[..length]);
            assert_eq!(short_word(&bytes[..length]), Some(u64::from_le_bytes(padded)));
        }
        assert_eq!((short_word(b""), short_word(&[1; 9])), (None, None));
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
                seen.extend(texts(&mut reader, board));
            }
            assert!(seen.iter().map(|(position, _)| *position).eq(0..100));
        });
    }

    #[test]
    fn positions_in_any_order_arrive_and_records_can_be_read_again() {
        let board = Board::create().unwrap();
        let (mut writer, mut reader) = (RingWriter::new(), RingReader::new());
        let sent = [0, 1, 2, 7, 3, 4, 8, u64::MAX, 9, 10];
        for part in sent.chunks(3) {
            for &position in part {
                writer.publish(
                    &board,
                    position,
                    Status::Output,
                    &position.to_le_bytes()[..5],
                    &mut || (),
                );
            }
            let mut buffer = Vec::new();
            reader.harvest(&board, &mut buffer).unwrap();
            let mut again = &*buffer;
            let mut seen = Vec::new();
            for record in reader.records(&buffer) {
                let record = record.unwrap();
                let (status, body, rest) = split_first(again);
                assert_eq!((record.status, record.body), (status, Body::Inline(body)));
                assert_eq!(body, &record.position.to_le_bytes()[..5]);
                seen.push(record.position);
                again = rest;
            }
            assert_eq!((&*seen, again), (part, &[][..]));
        }
    }

    #[test]
    fn large_results_and_faults_are_distinguished() {
        let board = Board::create().unwrap();
        let (mut writer, mut reader) = (RingWriter::new(), RingReader::new());
        let contents = Contents {
            encoding: 1 << 40,
            attached: 2,
        };
        writer.publish_large(&board, 5, Status::Output, contents, &mut || ());
        writer.publish(&board, 6, Status::Fault, b"why", &mut || ());
        let mut buffer = Vec::new();
        reader.harvest(&board, &mut buffer).unwrap();
        let records: Vec<_> = reader.records(&buffer).map(Result::unwrap).collect();
        assert_eq!(
            records[0],
            Record {
                position: 5,
                status: Status::Output,
                body: Body::InArea(contents)
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
    fn an_impossible_number_of_bytes_is_refused() {
        let board = Board::create().unwrap();
        for forged in [RING_BYTES as u64 + 8, 7, u64::MAX] {
            board.memory().word(RING_WRITTEN).store(forged, Ordering::Release);
            assert!(
                RingReader::new().harvest(&board, &mut Vec::new()).is_err(),
                "{forged} bytes were accepted"
            );
        }
    }

    #[test]
    fn no_bytes_make_the_reader_of_records_panic() {
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
            assert!(RingReader::new().records(&garbage).count() <= length);
        }
    }
}
