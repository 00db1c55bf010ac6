//! How a payload lies in a parcel area.
//!
//! First the encoding; then, from the next multiple of 8, the *table*: for each attached part an area, an offset and a
//! length, in 16 bytes; then the parts that lie in this area, each from a multiple of [`ALIGNMENT`] on. The parts of an
//! output may also lie in the area in which its job came: such a part is only named.
//!
//! All of this is arithmetic; whatever the other process wrote is checked here against the limit, and by whoever reaches
//! into an area against that area.

use std::ops::Range;

use crate::MemoryError;

/// Where attached parts begin: no two of them, nor the table, share a cache line.
pub const ALIGNMENT: usize = 64;

/// The bytes of [`Contents`] as it travels.
pub const CONTENTS_BYTES: usize = 16;

const ENTRY_BYTES: usize = 16;
const IN_JOB: u64 = 1 << 63;

/// What a frame or a record tells of a payload that lies in an area.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Contents {
    /// The bytes of its encoding.
    pub encoding: u64,
    /// How many parts are attached to it.
    pub attached: u64,
}

impl Contents {
    /// As it travels.
    pub fn to_bytes(self) -> [u8; CONTENTS_BYTES] {
        let mut bytes = [0; CONTENTS_BYTES];
        bytes[..8].copy_from_slice(&self.encoding.to_le_bytes());
        bytes[8..].copy_from_slice(&self.attached.to_le_bytes());
        bytes
    }

    /// From what has travelled.
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

    /// Where the encoding and the table lie.
    ///
    /// # Errors
    /// [`MemoryError::Corrupt`] when either is over the limit.
    pub(crate) fn place(self, limit: u64) -> Result<Place, MemoryError> {
        let table = self.attached.checked_mul(ENTRY_BYTES as u64);
        match table {
            Some(table) if self.encoding <= limit && table <= limit.max(ENTRY_BYTES as u64) => {
                let (encoding, table) = (self.encoding as usize, table as usize);
                let start = encoding.checked_next_multiple_of(8).filter(|_| table > 0);
                let start = start.unwrap_or(encoding);
                let end = start.checked_add(table);
                let end = end.ok_or_else(|| too_large(self.encoding, limit))?;
                Ok(Place {
                    encoding: 0..encoding,
                    table: start..end,
                })
            }
            Some(_) | None => Err(too_large(self.encoding.max(self.attached), limit)),
        }
    }
}

fn too_large(bytes: u64, limit: u64) -> MemoryError {
    MemoryError::corrupt(format_args!(
        "a payload of {bytes} bytes or parts, the limit being {limit}"
    ))
}

/// Where the encoding and the table of a payload lie in its area.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) encoding: Range<usize>,
    pub(crate) table: Range<usize>,
}

/// Where one attached part lies.
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

    fn from_bytes(bytes: [u8; ENTRY_BYTES]) -> Result<Self, MemoryError> {
        let Contents {
            encoding: start,
            attached: length,
        } = Contents::from_bytes(bytes);
        let (flag, start) = (start & IN_JOB, start & !IN_JOB);
        let end = start.checked_add(length);
        let range = start..end.ok_or_else(|| MemoryError::corrupt("a part that ends past all memory"))?;
        Ok(if flag == 0 {
            Self::Here(range)
        } else {
            Self::InJob(range)
        })
    }
}

/// Lays a payload out, one part after the other.
#[derive(Debug)]
pub(crate) struct Layout {
    contents: Contents,
    table: Range<usize>,
    entries: Vec<u8>,
    end: usize,
}

impl Layout {
    pub(crate) fn new(encoding: usize, attached: usize) -> Self {
        let start = if attached == 0 {
            encoding
        } else {
            encoding.next_multiple_of(8)
        };
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

    /// Gives the next part, of so many bytes, its place in this area.
    pub(crate) fn add(&mut self, length: usize) -> usize {
        let start = self.end.next_multiple_of(ALIGNMENT);
        self.end = start + length;
        self.name(&Entry::Here(start as u64..self.end as u64));
        start
    }

    /// Names the next part, which lies elsewhere.
    pub(crate) fn name(&mut self, entry: &Entry) {
        self.entries.extend_from_slice(&entry.to_bytes());
    }

    /// The bytes of the area that are used.
    pub(crate) fn end(&self) -> usize {
        self.end
    }

    pub(crate) fn contents(&self) -> Contents {
        self.contents
    }

    /// Where the table goes, and the table.
    pub(crate) fn table(&self) -> (usize, &[u8]) {
        debug_assert_eq!(self.entries.len(), self.table.len(), "an entry for each part");
        (self.table.start, &self.entries)
    }
}

/// Reads a table and checks that all parts together, with the encoding, are within the limit.
///
/// # Errors
/// [`MemoryError::Corrupt`] when they are not, or a part is nowhere.
pub(crate) fn read_table(contents: Contents, table: &[u8], limit: u64) -> Result<Vec<Entry>, MemoryError> {
    let (entries, _) = table.as_chunks::<ENTRY_BYTES>();
    let entries: Vec<Entry> = entries
        .iter()
        .map(|bytes| Entry::from_bytes(*bytes))
        .collect::<Result<_, _>>()?;
    let total = entries.iter().try_fold(contents.encoding, |total, entry| {
        total.checked_add(entry.length())
    });
    match total {
        Some(total) if total <= limit => Ok(entries),
        total => Err(too_large(total.unwrap_or(u64::MAX), limit)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_laid_out_is_found_again() {
        let mut layout = Layout::new(13, 3);
        let starts = [layout.add(100), layout.add(0)];
        layout.name(&Entry::InJob(7..9));
        assert_eq!((starts, layout.end()), ([64, 192], 192));
        let contents = Contents::from_bytes(layout.contents().to_bytes());
        let place = contents.place(115).unwrap();
        assert_eq!((place.encoding, place.table.clone()), (0..13, 16..64));
        let (start, table) = layout.table();
        assert_eq!((start, table.len()), (place.table.start, place.table.len()));
        let entries = read_table(contents, table, 115).unwrap();
        assert_eq!(
            entries,
            [Entry::Here(64..164), Entry::Here(192..192), Entry::InJob(7..9)]
        );
        assert!(read_table(contents, table, 114).is_err(), "one byte too many");
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
            (101, 0),
            (0, 1 << 60),
            (0, 7),
            (u64::MAX - 3, u64::MAX / 16),
        ] {
            let contents = Contents { encoding, attached };
            assert!(contents.place(100).is_err(), "{contents:?}");
        }
        let contents = Contents {
            encoding: 1,
            attached: 2,
        };
        let entry = |start: u64, length: u64| {
            Contents {
                encoding: start,
                attached: length,
            }
            .to_bytes()
        };
        for forged in [
            [entry(0, u64::MAX), entry(0, 1)],
            [entry(IN_JOB - 1, u64::MAX), entry(0, 1)],
            [entry(u64::MAX, 1 << 63), entry(0, 1 << 63)],
            [entry(0, 60), entry(0, 60)],
        ] {
            assert!(
                read_table(contents, forged.as_flattened(), 100).is_err(),
                "{forged:?}"
            );
        }
    }
}
