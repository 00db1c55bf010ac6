//! The layout of a payload in a payload area.
//!
//! First the encoding; then, from the next multiple of 8, the *table*: for each attached part an area, an offset and a
//! length, in 16 bytes; then the parts that are in this area, each from a multiple of [`ALIGNMENT`] on. The parts of an
//! output may also be in the area in which its job came: such a part is only named.
//!
//! Owns this arithmetic, and checks what the other process wrote against the limit. It accesses no area: that a part is within
//! one is checked there. A payload *counts* against the limit as what it costs the process that takes it ([`counted`]), so
//! that the limit bounds that process's memory whatever the numbers in a table say. The parts in this area must be where
//! `Layout` places them, so that none overlaps another and none is far away.

use std::ops::Range;

use crate::memory::MemoryError;

/// Jobs of this many encoded bytes or more travel through shared memory instead of a frame.
pub const LARGE_BYTES: usize = 32 * 1024;

/// The alignment of attached parts: no two of them share a cache line, nor does one share it with the table.
pub const ALIGNMENT: usize = 64;

/// The bytes of an encoded [`Contents`].
pub const CONTENTS_BYTES: usize = 16;

/// The least that a part counts. This is the memory that an empty part costs: its entry, its element of a list, and the
/// smallest allocation.
const LEAST_COUNTED: u64 = 128;

const ENTRY_BYTES: usize = 16;
const IN_JOB: u64 = 1 << 63;

/// What a frame or a record says about a payload in an area.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Contents {
    /// The bytes of its encoding.
    pub encoding: u64,
    /// The number of parts attached to it.
    pub attached: u64,
}

impl Contents {
    /// Encodes it.
    pub fn to_bytes(self) -> [u8; CONTENTS_BYTES] {
        let mut bytes = [0; CONTENTS_BYTES];
        bytes[..8].copy_from_slice(&self.encoding.to_le_bytes());
        bytes[8..].copy_from_slice(&self.attached.to_le_bytes());
        bytes
    }

    /// Decodes what [`Contents::to_bytes`] returned.
    pub fn from_bytes(bytes: [u8; CONTENTS_BYTES]) -> Self {
        let (encoding, attached) = bytes.split_at(8);
        let word = |bytes: &[u8]| {
            bytes
                .iter()
                .rev()
                .fold(0, |word, byte| word << 8 | u64::from(*byte))
        };
        Self {
            encoding: word(encoding),
            attached: word(attached),
        }
    }

    /// Returns where the encoding and the table are.
    ///
    /// # Errors
    /// [`MemoryError::Corrupt`] if they are over the limit even with all parts empty.
    pub(crate) fn place(self, limit: u64) -> Result<Place, MemoryError> {
        let too_large = || {
            let Self { encoding, attached } = self;
            MemoryError::corrupt(format_args!(
                "a payload of {encoding} bytes and {attached} parts is over the limit of {limit}"
            ))
        };
        let least = self.attached.checked_mul(LEAST_COUNTED);
        least
            .and_then(|parts| parts.checked_add(self.encoding))
            .filter(|bytes| *bytes <= limit)
            .ok_or_else(too_large)?;
        let (encoding, table) = (self.encoding as usize, self.attached as usize * ENTRY_BYTES);
        let start = table_start(encoding, self.attached as usize).ok_or_else(too_large)?;
        let end = start.checked_add(table).ok_or_else(too_large)?;
        Ok(Place {
            encoding: 0..encoding,
            table: start..end,
        })
    }
}

/// Returns what a payload counts against the limit of a message, from the lengths of its encoding and of its parts.
pub fn counted(encoding: usize, parts: impl IntoIterator<Item = usize>) -> u64 {
    let parts = parts.into_iter().map(|length| counted_part(length as u64));
    parts.fold(encoding as u64, u64::saturating_add)
}

fn counted_part(length: u64) -> u64 {
    length.max(LEAST_COUNTED)
}

fn table_start(encoding: usize, attached: usize) -> Option<usize> {
    match attached {
        0 => Some(encoding),
        _ => encoding.checked_next_multiple_of(8),
    }
}

/// Where the encoding and the table of a payload are in its area.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) encoding: Range<usize>,
    pub(crate) table: Range<usize>,
}

/// Where one attached part is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Entry {
    /// In the payload's own area.
    Here(Range<u64>),
    /// In the area in which the job came.
    InJob(Range<u64>),
}

impl Entry {
    pub(crate) fn length(&self) -> u64 {
        let (Self::Here(range) | Self::InJob(range)) = self;
        range.end - range.start
    }

    fn to_bytes(&self) -> [u8; ENTRY_BYTES] {
        let (flag, range) = match self {
            Self::Here(range) => (0, range),
            Self::InJob(range) => (IN_JOB, range),
        };
        let place = Contents {
            encoding: range.start | flag,
            attached: self.length(),
        };
        place.to_bytes()
    }

    /// A part that ends past all memory is given that end, and is refused as one that is not there.
    fn from_bytes(bytes: [u8; ENTRY_BYTES]) -> Self {
        let Contents {
            encoding: start,
            attached: length,
        } = Contents::from_bytes(bytes);
        let (flag, start) = (start & IN_JOB, start & !IN_JOB);
        let range = start..start.saturating_add(length);
        if flag == 0 {
            Self::Here(range)
        } else {
            Self::InJob(range)
        }
    }
}

/// Places the parts of a payload, one after the other.
#[derive(Debug)]
pub(crate) struct Layout {
    contents: Contents,
    table: Range<usize>,
    entries: Vec<u8>,
    end: usize,
}

impl Layout {
    pub(crate) fn new(encoding: usize, attached: usize) -> Self {
        let start = table_start(encoding, attached).expect("an encoding that is in memory");
        let end = start + attached * ENTRY_BYTES;
        Self {
            contents: Contents {
                encoding: encoding as u64,
                attached: attached as u64,
            },
            table: start..end,
            entries: Vec::with_capacity(end - start),
            end,
        }
    }

    /// Adds the next part, of this length, to this area. Returns its offset.
    pub(crate) fn add(&mut self, length: usize) -> usize {
        let start = self.end.next_multiple_of(ALIGNMENT);
        self.end = start + length;
        self.name(&Entry::Here(start as u64..self.end as u64));
        start
    }

    /// Adds the next part, which is elsewhere.
    pub(crate) fn name(&mut self, entry: &Entry) {
        self.entries.extend_from_slice(&entry.to_bytes());
    }

    /// Returns the bytes of the area that are used.
    pub(crate) fn end(&self) -> usize {
        self.end
    }

    pub(crate) fn contents(&self) -> Contents {
        self.contents
    }

    /// Returns the offset of the table, and the table.
    pub(crate) fn table(&self) -> (usize, &[u8]) {
        debug_assert_eq!(self.entries.len(), self.table.len(), "an entry for each part");
        (self.table.start, &self.entries)
    }
}

/// The table of a payload, checked.
#[derive(Debug)]
pub(crate) struct Table<'a> {
    entries: &'a [[u8; ENTRY_BYTES]],
    /// Everything in the payload's own area is before this offset.
    pub(crate) end: usize,
}

impl Table<'_> {
    /// Returns where the parts are.
    pub(crate) fn entries(&self) -> impl ExactSizeIterator<Item = Entry> {
        self.entries.iter().map(|bytes| Entry::from_bytes(*bytes))
    }
}

/// Reads a table, whose bytes must not change meanwhile. Checks that all parts together, with the encoding, are
/// within the limit, and that the parts in this area follow each other.
///
/// # Errors
/// [`MemoryError::Corrupt`] if not.
pub(crate) fn read_table<'a>(place: &Place, table: &'a [u8], limit: u64) -> Result<Table<'a>, MemoryError> {
    let (entries, _) = table.as_chunks::<ENTRY_BYTES>();
    let (mut total, mut end) = (place.encoding.end as u64, place.table.end);
    for entry in entries.iter().map(|bytes| Entry::from_bytes(*bytes)) {
        let more = total.checked_add(counted_part(entry.length()));
        total = more.filter(|total| *total <= limit).ok_or_else(|| {
            MemoryError::corrupt(format_args!(
                "a part of {} bytes after {total} is over the limit of {limit}",
                entry.length()
            ))
        })?;
        if let Entry::Here(range) = entry {
            if end.checked_next_multiple_of(ALIGNMENT) != Some(range.start as usize) {
                return Err(MemoryError::corrupt(format_args!(
                    "a part at {} after what ends at {end}",
                    range.start
                )));
            }
            end = range.end as usize;
        }
    }
    Ok(Table { entries, end })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_found_where_they_were_placed() {
        let mut layout = Layout::new(13, 3);
        let starts = [layout.add(100), layout.add(0)];
        layout.name(&Entry::InJob(7..9));
        assert_eq!((starts, layout.end()), ([64, 192], 192));
        let contents = Contents::from_bytes(layout.contents().to_bytes());
        let counted = counted(13, [100, 0, 2]);
        assert_eq!(counted, 13 + 3 * LEAST_COUNTED);
        let place = contents.place(counted).unwrap();
        assert_eq!((&place.encoding, &place.table), (&(0..13), &(16..64)));
        let (start, table) = layout.table();
        assert_eq!((start, table.len()), (place.table.start, place.table.len()));
        let found = read_table(&place, table, counted).unwrap();
        assert_eq!(found.end, layout.end());
        let entries: Vec<Entry> = found.entries().collect();
        assert_eq!(
            entries,
            [Entry::Here(64..164), Entry::Here(192..192), Entry::InJob(7..9)]
        );
        assert!(
            read_table(&place, table, counted - 1).is_err(),
            "one byte too many"
        );
    }

    #[test]
    fn without_parts_there_is_no_table() {
        let layout = Layout::new(13, 0);
        assert_eq!(
            (layout.end(), layout.contents().place(13).unwrap().table),
            (13, 13..13)
        );
    }

    #[test]
    fn forged_numbers_are_refused() {
        for (encoding, attached) in [
            (u64::MAX, 0),
            (0, u64::MAX),
            (1001, 0),
            (0, 1 << 60),
            (0, (u64::MAX / LEAST_COUNTED) + 1),
            (u64::MAX - 3, u64::MAX / 16),
            (u64::MAX - 1000, u64::MAX / LEAST_COUNTED),
            // As many entries as there is room for, of parts that would cost eight times the limit.
            (0, 1000 / ENTRY_BYTES as u64),
            (1000 - LEAST_COUNTED + 1, 1),
        ] {
            let contents = Contents { encoding, attached };
            assert!(contents.place(1000).is_err(), "{contents:?}");
        }
        // Without a limit, it is the area that is too small.
        let none = Contents {
            encoding: u64::MAX,
            attached: 0,
        };
        assert!(none.place(u64::MAX).is_ok());
        assert!(Contents { attached: 1, ..none }.place(u64::MAX).is_err());
    }

    fn entry(start: u64, length: u64) -> [u8; ENTRY_BYTES] {
        let place = Contents {
            encoding: start,
            attached: length,
        };
        place.to_bytes()
    }

    #[test]
    fn forged_tables_are_refused() {
        // The encoding is one byte, and the table ends at 40.
        let contents = Contents {
            encoding: 1,
            attached: 2,
        };
        for limit in [1000, u64::MAX] {
            let place = contents.place(limit).unwrap();
            let sound = [entry(64, 300), entry(384, 400)];
            assert!(read_table(&place, sound.as_flattened(), limit).is_ok());
            for (why, forged) in [
                ("more than all memory", [entry(64, u64::MAX), entry(0, 1)]),
                (
                    "more than all memory, elsewhere",
                    [entry(u64::MAX, u64::MAX), entry(64, u64::MAX)],
                ),
                (
                    "a second one past all memory",
                    [entry(64, u64::MAX - 100), entry(0, 1)],
                ),
                ("one part over another", [entry(64, 300), entry(64, 300)]),
                (
                    "one part over a piece of another",
                    [entry(64, 300), entry(320, 300)],
                ),
                ("a part over the table", [entry(0, 300), entry(320, 300)]),
                ("far away", [entry(64, 300), entry(1 << 40, 1)]),
            ] {
                let read = read_table(&place, forged.as_flattened(), limit);
                assert!(read.is_err(), "{why}, with a limit of {limit}");
            }
        }
        // One over another, and together over the limit; and one after the other.
        let place = contents.place(1000).unwrap();
        for forged in [
            [entry(64, 600), entry(64, 600)],
            [entry(64, 600), entry(704, 600)],
            [entry(IN_JOB, 600), entry(IN_JOB, 600)],
            [entry(IN_JOB, 600), entry(u64::MAX, 600)],
        ] {
            assert!(read_table(&place, forged.as_flattened(), 1000).is_err());
        }
        // Parts of a job may overlap, and each counts.
        let twice = [entry(IN_JOB, 400), entry(IN_JOB, 400)];
        assert!(read_table(&place, twice.as_flattened(), 1000).is_ok());
    }
}
