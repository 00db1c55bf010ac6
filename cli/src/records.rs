//! Splitting blocks of input into records.
//!
//! Works on plain data, without files: blocks of any size go in, chunks of whole records come out, and an incomplete
//! record is carried over to the next block. Memory is bounded by the longest allowed record: the rest of a longer one
//! is skipped.

use memchr::memchr;

use protocol::Eval;

use crate::chunk::{Chunk, Extent, Numbering, Origin, Record, Records};

/// How to split input.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Format {
    /// What ends a record.
    pub(crate) numbering: Numbering,
    /// Whether blank records are skipped.
    pub(crate) skips_blank: bool,
    /// The longest allowed record, in bytes.
    pub(crate) max_record_bytes: usize,
}

/// Splits one input.
#[derive(Debug)]
pub(crate) struct Splitter {
    origin: Origin,
    format: Format,
    /// The start of a record whose end has not been read.
    carried: Vec<u8>,
    /// Whether the rest of a record that is too long is being skipped.
    is_skipping: bool,
    /// The number of the next record.
    next_line: u64,
    /// Bytes that were read and are not part of a chunk yet.
    input_bytes: u64,
}

/// The records found so far for one chunk.
#[derive(Debug, Default)]
struct Found {
    records: Vec<Record>,
    lines: u32,
}

impl Splitter {
    pub(crate) fn new(origin: Origin, format: Format) -> Self {
        Self {
            origin,
            format,
            carried: Vec::new(),
            is_skipping: false,
            next_line: 1,
            input_bytes: 0,
        }
    }

    /// Takes a block and returns the records that end in it, if any.
    pub(crate) fn split(&mut self, block: &[u8]) -> Option<Chunk> {
        self.input_bytes += block.len() as u64;
        let block = self.skip_rest(block);
        let scanned = self.carried.len();
        let mut text = std::mem::take(&mut self.carried);
        text.reserve_exact(block.len());
        text.extend_from_slice(block);
        if self.are_plain_lines(&text) {
            return self.split_lines(text, scanned);
        }
        let mut found = Found::default();
        let rest = self.find_records(&text, scanned, &mut found);
        self.carry_rest(&mut text, rest, &mut found);
        self.chunk(text, found)
    }

    /// Whether each line of the text is a record that can be sent unchanged.
    fn are_plain_lines(&self, text: &[u8]) -> bool {
        let has_cr = self.format.numbering == Numbering::Lines && memchr(b'\r', text).is_some();
        !self.format.skips_blank
            && !has_cr
            && text.len() <= self.format.max_record_bytes
            && Eval::all_are_own_encodings(text)
    }

    /// Like [`split`](Self::split), for a text of plain lines whose first `scanned` bytes contain no delimiter.
    fn split_lines(&mut self, mut text: Vec<u8>, scanned: usize) -> Option<Chunk> {
        let delimiter = self.format.numbering.delimiter();
        let Some(last) = memchr::memrchr(delimiter, &text[scanned..]) else {
            self.carried = text;
            return None;
        };
        let end = scanned + last + 1;
        self.carried = text[end..].to_vec();
        text.truncate(end);
        let count = memchr::memchr_iter(delimiter, &text[scanned..]).count();
        let first_line = self.next_line;
        self.next_line += count as u64;
        Some(self.chunk_of(text, first_line, Records::lines(count)))
    }

    /// Returns the last record if it has no delimiter.
    pub(crate) fn finish(mut self) -> Option<Chunk> {
        let text = std::mem::take(&mut self.carried);
        let mut found = Found::default();
        if !text.is_empty() {
            self.add(&text, 0, text.len(), &mut found);
        }
        self.chunk(text, found)
    }

    /// The part of a block after the rest of a record that is too long.
    fn skip_rest<'a>(&mut self, block: &'a [u8]) -> &'a [u8] {
        if !self.is_skipping {
            return block;
        }
        match memchr(self.format.numbering.delimiter(), block) {
            Some(end) => {
                self.is_skipping = false;
                &block[end + 1..]
            }
            None => &[],
        }
    }

    /// Finds all complete records and returns the start of the incomplete one after them. The first `scanned` bytes are
    /// known to contain no delimiter.
    fn find_records(&self, text: &[u8], scanned: usize, found: &mut Found) -> usize {
        let mut start = 0;
        for end in memchr::memchr_iter(self.format.numbering.delimiter(), &text[scanned..]) {
            let end = scanned + end;
            self.add(text, start, end, found);
            start = end + 1;
        }
        start
    }

    /// Carries the incomplete record over to the next chunk, unless it is too long already.
    fn carry_rest(&mut self, text: &mut Vec<u8>, rest: usize, found: &mut Found) {
        if text.len() - rest > self.format.max_record_bytes + 1 {
            text.truncate(rest);
            found.push(rest, rest, Extent::TooLong);
            self.is_skipping = true;
        } else if rest == 0 {
            self.carried = std::mem::take(text);
        } else {
            self.carried = text[rest..].to_vec();
            text.truncate(rest);
        }
    }

    fn add(&self, text: &[u8], start: usize, end: usize, found: &mut Found) {
        let is_line = self.format.numbering == Numbering::Lines;
        let ends_in_cr = is_line && end < text.len() && end > start && text[end - 1] == b'\r';
        let end = if ends_in_cr { end - 1 } else { end };
        if end - start > self.format.max_record_bytes {
            found.push(start, start, Extent::TooLong);
        } else if self.format.skips_blank && text[start..end].trim_ascii().is_empty() {
            found.lines += 1;
        } else {
            found.push(start, end, Extent::Whole);
        }
    }

    /// A chunk of the records found, if any. Skipped lines alone make no chunk; the next one accounts for them.
    fn chunk(&mut self, text: Vec<u8>, found: Found) -> Option<Chunk> {
        let first_line = self.next_line;
        self.next_line += u64::from(found.lines);
        if found.records.is_empty() {
            return None;
        }
        Some(self.chunk_of(text, first_line, Records::Listed(found.records)))
    }

    fn chunk_of(&mut self, text: Vec<u8>, first_line: u64, records: Records) -> Chunk {
        Chunk {
            origin: self.origin.clone(),
            numbering: self.format.numbering,
            first_line,
            text: text.into(),
            records,
            input_bytes: std::mem::take(&mut self.input_bytes),
        }
    }
}

impl Found {
    fn push(&mut self, start: usize, end: usize, extent: Extent) {
        self.records.push(Record {
            start: start as u32,
            end: end as u32,
            line: self.lines,
            extent,
        });
        self.lines += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINES: Format = Format {
        numbering: Numbering::Lines,
        skips_blank: false,
        max_record_bytes: 8,
    };

    /// The records of an input that arrives in these blocks: line and text, or `None` for a record that is too long.
    fn records<'a>(format: Format, blocks: impl IntoIterator<Item = &'a [u8]>) -> Vec<(u64, Option<String>)> {
        let mut splitter = Splitter::new(Origin::Stdin, format);
        let mut chunks: Vec<Chunk> = blocks
            .into_iter()
            .filter_map(|block| splitter.split(block))
            .collect();
        chunks.extend(splitter.finish());
        let mut records = Vec::new();
        for chunk in &chunks {
            for index in 0..chunk.records.len() {
                let located = chunk.located(index);
                let text = String::from_utf8_lossy(located.source).into_owned();
                records.push((located.number, (located.extent == Extent::Whole).then_some(text)));
            }
        }
        records
    }

    /// Splits an input at every pair of block boundaries and expects the same records each time.
    fn check(format: Format, input: &str, expected: &[(u64, Option<&str>)]) {
        let input = input.as_bytes();
        for first in 0..=input.len() {
            for second in first..=input.len() {
                let blocks = [&input[..first], &input[first..second], &input[second..]];
                let records = records(format, blocks);
                let records: Vec<_> = records
                    .iter()
                    .map(|(line, text)| (*line, text.as_deref()))
                    .collect();
                assert_eq!(records, expected, "blocks {blocks:?}");
            }
        }
        assert_eq!(records(format, input.chunks(1)).len(), expected.len());
    }

    #[test]
    fn lines_end_with_lf_or_crlf_or_the_input() {
        check(LINES, "", &[]);
        check(LINES, "\n", &[(1, Some(""))]);
        check(
            LINES,
            "a\nbc\r\n\nd",
            &[(1, Some("a")), (2, Some("bc")), (3, Some("")), (4, Some("d"))],
        );
        check(LINES, "a\r\r\n\rb\r", &[(1, Some("a\r")), (2, Some("\rb\r"))]);
    }

    #[test]
    fn records_of_several_lines_end_with_nul() {
        let format = Format {
            numbering: Numbering::Records,
            ..LINES
        };
        check(
            format,
            "a\n\0\0b\r\nc",
            &[(1, Some("a\n")), (2, Some("")), (3, Some("b\r\nc"))],
        );
    }

    #[test]
    fn blank_lines_are_skipped_and_counted() {
        let format = Format {
            skips_blank: true,
            ..LINES
        };
        check(format, "\n \t\r\na\n\nb\n\n", &[(3, Some("a")), (5, Some("b"))]);
    }

    #[test]
    fn the_longest_line_passes_and_a_longer_one_is_skipped() {
        let eight = "12345678";
        check(LINES, "12345678\nb\n", &[(1, Some(eight)), (2, Some("b"))]);
        check(LINES, "12345678\r\nb", &[(1, Some(eight)), (2, Some("b"))]);
        check(
            LINES,
            "a\n12345678901234567\nb\n",
            &[(1, Some("a")), (2, None), (3, Some("b"))],
        );
        check(LINES, "123456789", &[(1, None)]);
        check(
            LINES,
            "12345678901\n\nb",
            &[(1, None), (2, Some("")), (3, Some("b"))],
        );
    }

    #[test]
    fn all_bytes_read_are_accounted_for() {
        let mut splitter = Splitter::new(Origin::Stdin, LINES);
        assert_eq!(splitter.split(b"1").map(|chunk| chunk.input_bytes), None);
        assert_eq!(splitter.split(b"2\n3").map(|chunk| chunk.input_bytes), Some(4));
        assert_eq!(splitter.finish().map(|chunk| chunk.input_bytes), Some(0));
    }
}
