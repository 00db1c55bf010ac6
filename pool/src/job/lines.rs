//! A text's lines as they are submitted: many together, and each large one by itself.

use protocol::message::frame::{Form, MAX_FRAME_BYTES};

/// A piece of a text.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Lines<'a> {
    /// Lines with their delimiters, and their number; the last line of a text may lack its delimiter.
    Several(&'a [u8], u32),
    /// One line too large to travel with others, without its delimiter.
    Large(&'a [u8]),
}

/// Cuts a text into pieces.
#[derive(Debug)]
pub(crate) struct Pieces<'a> {
    rest: &'a [u8],
    delimiter: u8,
    most: u32,
}

impl<'a> Pieces<'a> {
    /// Pieces of at most `most` lines, which is not 0.
    pub(crate) fn new(text: &'a [u8], delimiter: u8, most: u32) -> Self {
        assert!(most > 0, "a piece has at least one line");
        Self {
            rest: text,
            delimiter,
            most,
        }
    }

    /// How many of the first lines make a piece, and their bytes; none if the first line alone is too large.
    fn fitting(&self) -> (u32, usize) {
        let form = Form::Lines(self.delimiter);
        let window = &self.rest[..self.rest.len().min(MAX_FRAME_BYTES)];
        let (mut lines, mut bytes) = form.fitting(window, window.len());
        if window.len() == self.rest.len() && bytes < window.len() {
            // The last of all lines, without a delimiter.
            (lines, bytes) = (lines + 1, window.len());
        }
        if lines > self.most {
            (lines, bytes) = (self.most, form.offset_of(window, self.most));
        }
        (lines, bytes)
    }

    fn large(&mut self) -> &'a [u8] {
        let end = memchr::memchr(self.delimiter, self.rest).unwrap_or(self.rest.len());
        let line = &self.rest[..end];
        self.rest = self.rest.get(end + 1..).unwrap_or_default();
        line
    }
}

impl<'a> Iterator for Pieces<'a> {
    type Item = Lines<'a>;

    fn next(&mut self) -> Option<Lines<'a>> {
        if self.rest.is_empty() {
            return None;
        }
        let (lines, bytes) = self.fitting();
        if lines == 0 {
            return Some(Lines::Large(self.large()));
        }
        let (piece, rest) = self.rest.split_at(bytes);
        self.rest = rest;
        Some(Lines::Several(piece, lines))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The lines of all pieces, each of which has at most `most`.
    fn cut(text: &[u8], most: u32) -> Vec<Vec<u8>> {
        let mut lines: Vec<Vec<u8>> = Vec::new();
        for piece in Pieces::new(text, b'\n', most) {
            match piece {
                Lines::Large(line) => lines.push(line.to_vec()),
                Lines::Several(piece, count) => {
                    assert!(count <= most && piece.len() <= MAX_FRAME_BYTES);
                    let piece = piece.strip_suffix(b"\n").unwrap_or(piece);
                    let before = lines.len();
                    lines.extend(piece.split(|byte| *byte == b'\n').map(<[u8]>::to_vec));
                    assert_eq!(lines.len() - before, count as usize);
                }
            }
        }
        lines
    }

    #[test]
    fn every_line_is_in_one_piece() {
        let large = vec![b'x'; MAX_FRAME_BYTES];
        let nearly = vec![b'y'; MAX_FRAME_BYTES - 1];
        let lines: [&[u8]; 8] = [b"1", b"", &large, b"2", &nearly, b"", &large, b"3"];
        for end in 1..=lines.len() {
            let text = lines[..end].join(&b'\n');
            for most in [1, 2, 100] {
                let mut expected = lines[..end].to_vec();
                assert_eq!(cut(&[&*text, b"\n"].concat(), most), expected, "{end} {most}");
                // Without its delimiter an empty last line is none.
                expected.pop_if(|last| last.is_empty());
                assert_eq!(cut(&text, most), expected, "{end} {most}");
            }
        }
        assert!(cut(b"", 1).is_empty());
    }
}
