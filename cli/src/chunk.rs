//! A chunk: records that were read together, with their text and their location in the input.
//!
//! The reader creates chunks; the printer drops each once all its results are written.

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
};

/// Where input comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Origin {
    /// The argument with this number, counted from 1.
    Argument(usize),
    /// A file.
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

/// What record numbers count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Numbering {
    /// Lines.
    Lines,
    /// Records that may span several lines.
    Records,
}

impl Numbering {
    /// The byte that ends a record.
    pub(crate) fn delimiter(self) -> u8 {
        match self {
            Self::Lines => b'\n',
            Self::Records => 0,
        }
    }
}

/// How much of a record is available.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Extent {
    /// All of it.
    Whole,
    /// None: it is longer than a record may be, and its text was not kept.
    TooLong,
}

/// One expression in the text of its chunk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Record {
    /// The index of its first byte.
    pub(crate) start: u32,
    /// The index after its last byte.
    pub(crate) end: u32,
    /// Its line, counted from the chunk's first line.
    pub(crate) line: u32,
    pub(crate) extent: Extent,
}

/// The records of a chunk.
#[derive(Debug)]
pub(crate) enum Records {
    /// The lines of its text, which can be sent to workers unchanged. The last delimiter may be missing. `starts` is
    /// computed on first use.
    Lines {
        count: usize,
        starts: OnceLock<Box<[u32]>>,
    },
    /// The listed records; the text between them is skipped.
    Listed(Vec<Record>),
}

impl Records {
    /// This many lines.
    pub(crate) fn lines(count: usize) -> Self {
        Self::Lines {
            count,
            starts: OnceLock::new(),
        }
    }

    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Lines { count, .. } => *count,
            Self::Listed(records) => records.len(),
        }
    }
}

/// Records that were read together.
#[derive(Debug)]
pub(crate) struct Chunk {
    pub(crate) origin: Origin,
    pub(crate) numbering: Numbering,
    /// The number of the chunk's first line, counted from 1.
    pub(crate) first_line: u64,
    pub(crate) text: Box<[u8]>,
    pub(crate) records: Records,
    /// The bytes of input that were read for it, including delimiters and skipped text.
    pub(crate) input_bytes: u64,
}

/// One record with its location, as the printer needs it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Located<'a> {
    pub(crate) origin: &'a Origin,
    pub(crate) numbering: Numbering,
    /// The number of its line or record, counted from 1.
    pub(crate) number: u64,
    pub(crate) source: &'a [u8],
    pub(crate) extent: Extent,
}

impl Located<'_> {
    /// The argument, if a file of that name exists: the user may have meant the file.
    pub(crate) fn mistaken_file(&self) -> Option<&str> {
        let Origin::Argument(_) = self.origin else {
            return None;
        };
        let name = std::str::from_utf8(self.source).ok()?;
        Path::new(name).is_file().then_some(name)
    }
}

impl Chunk {
    /// A chunk whose whole text is one record.
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
            records: Records::Listed(vec![record]),
        }
    }

    /// The record with this index.
    pub(crate) fn located(&self, index: usize) -> Located<'_> {
        let record = match &self.records {
            Records::Lines { starts, .. } => line(starts.get_or_init(|| self.starts()), index),
            Records::Listed(records) => records[index].clone(),
        };
        Located {
            origin: &self.origin,
            numbering: self.numbering,
            number: self.first_line + u64::from(record.line),
            source: self.source(&record),
            extent: record.extent,
        }
    }

    /// Its approximate size in memory, in bytes.
    pub(crate) fn footprint(&self) -> usize {
        let records = match &self.records {
            Records::Lines { .. } => 0,
            Records::Listed(records) => records.capacity() * size_of::<Record>(),
        };
        size_of::<Self>() + self.text.len() + records
    }

    /// The text of a listed record.
    pub(crate) fn source(&self, record: &Record) -> &[u8] {
        &self.text[record.start as usize..record.end as usize]
    }

    /// The start of each line, followed by the end of the text, including the last delimiter.
    fn starts(&self) -> Box<[u32]> {
        let delimiter = self.numbering.delimiter();
        let ends = memchr::memchr_iter(delimiter, &self.text).map(|end| end as u32 + 1);
        let is_cut = self.text.last() != Some(&delimiter);
        let end = is_cut.then_some(self.text.len() as u32 + 1);
        std::iter::once(0).chain(ends).chain(end).collect()
    }
}

fn line(starts: &[u32], index: usize) -> Record {
    Record {
        start: starts[index],
        end: starts[index + 1] - 1,
        line: index as u32,
        extent: Extent::Whole,
    }
}
