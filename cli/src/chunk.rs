//! A chunk: records that were read together, with their text and their place in the input.
//!
//! The reader makes chunks, the printer drops them when all their results are out.

use std::{fmt, path::PathBuf, sync::Arc};

/// Where input comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Origin {
    /// The argument with this number, from 1.
    Argument(usize),
    /// This file.
    File(Arc<PathBuf>),
    /// Standard input.
    Stdin,
}

impl fmt::Display for Origin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Argument(number) => write!(formatter, "<argument {number}>"),
            Self::File(path) => path.display().fmt(formatter),
            Self::Stdin => formatter.write_str("<stdin>"),
        }
    }
}

/// What the numbers of records count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Numbering {
    /// Lines.
    Lines,
    /// Records that may have several lines.
    Records,
}

/// How much of a record there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Extent {
    /// All of it.
    Whole,
    /// It is longer than records may be; its text is not to be used.
    TooLong,
}

/// One expression in the text of its chunk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Record {
    /// Its first byte.
    pub(crate) start: u32,
    /// The byte behind its last.
    pub(crate) end: u32,
    /// How many lines after the chunk's first one it stands.
    pub(crate) line: u32,
    pub(crate) extent: Extent,
}

/// Records that were read together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Chunk {
    pub(crate) origin: Origin,
    pub(crate) numbering: Numbering,
    /// The number of the line at which the chunk begins, from 1.
    pub(crate) first_line: u64,
    pub(crate) text: Box<[u8]>,
    pub(crate) records: Vec<Record>,
    /// How many bytes of input were read for it, with ends of lines and what was skipped.
    pub(crate) input_bytes: u64,
}

/// One record with its place, as the printer needs it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Located<'a> {
    pub(crate) origin: &'a Origin,
    pub(crate) numbering: Numbering,
    /// The number of its line or record, from 1.
    pub(crate) number: u64,
    pub(crate) source: &'a [u8],
    pub(crate) extent: Extent,
}

impl Chunk {
    /// A chunk of one record, which is all of its text.
    pub(crate) fn single(origin: Origin, text: Vec<u8>) -> Self {
        let record = Record {
            start: 0,
            end: text.len() as u32,
            line: 0,
            extent: Extent::Whole,
        };
        Self {
            origin,
            numbering: Numbering::Lines,
            first_line: 1,
            input_bytes: text.len() as u64,
            text: text.into(),
            records: vec![record],
        }
    }

    /// The records in order.
    pub(crate) fn sources(&self) -> impl Iterator<Item = (&[u8], Extent)> {
        self.records
            .iter()
            .map(|record| (self.source(record), record.extent))
    }

    /// The record with this index.
    pub(crate) fn located(&self, index: usize) -> Located<'_> {
        let record = &self.records[index];
        Located {
            origin: &self.origin,
            numbering: self.numbering,
            number: self.first_line + u64::from(record.line),
            source: self.source(record),
            extent: record.extent,
        }
    }

    /// About how much memory it takes.
    pub(crate) fn footprint(&self) -> usize {
        size_of::<Self>() + self.text.len() + self.records.capacity() * size_of::<Record>()
    }

    fn source(&self, record: &Record) -> &[u8] {
        &self.text[record.start as usize..record.end as usize]
    }
}
