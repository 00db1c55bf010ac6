//! The first bytes of an input: a byte order mark of UTF-8 is skipped, and one of another encoding is an error.
//!
//! Works on plain data: blocks of any size go in. Bytes are held back only while they may still be the beginning of a mark.

use std::borrow::Cow;

/// The mark of UTF-8, which some editors write.
const UTF_8: &[u8] = b"\xef\xbb\xbf";

/// The marks of other encodings; a longer mark comes before one that it begins with.
const OTHERS: [(&[u8], &str); 3] = [
    (b"\xff\xfe\0\0", "UTF-32"),
    (b"\xff\xfe", "UTF-16"),
    (b"\xfe\xff", "UTF-16"),
];

/// The beginning of an input as it is read.
#[derive(Debug, Default)]
pub(crate) struct Opening {
    held: Vec<u8>,
    is_over: bool,
}

/// An input in another encoding than UTF-8.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct OtherEncoding(&'static str);

impl std::fmt::Display for OtherEncoding {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self(name) = self;
        write!(
            formatter,
            "it is {name} and not UTF-8; convert it with `iconv -f {name} -t UTF-8`"
        )
    }
}

impl std::error::Error for OtherEncoding {}

impl Opening {
    /// Takes the next block, and returns what of it and of the bytes held back is text.
    ///
    /// # Errors
    /// If the input is in another encoding.
    pub(crate) fn take<'a>(&mut self, block: &'a [u8]) -> Result<Cow<'a, [u8]>, OtherEncoding> {
        if self.is_over {
            return Ok(Cow::Borrowed(block));
        }
        self.held.extend_from_slice(block);
        let may_grow = |mark: &[u8]| mark.len() > self.held.len() && mark.starts_with(&self.held);
        if OTHERS.iter().any(|(mark, _)| may_grow(mark)) || may_grow(UTF_8) {
            return Ok(Cow::Borrowed(&[]));
        }
        self.finish().map(Cow::Owned)
    }

    /// Returns what is text of the bytes held back, because there are no more.
    ///
    /// # Errors
    /// If the input is in another encoding.
    pub(crate) fn finish(&mut self) -> Result<Vec<u8>, OtherEncoding> {
        self.is_over = true;
        let mut held = std::mem::take(&mut self.held);
        if let Some((_, name)) = OTHERS.iter().find(|(mark, _)| held.starts_with(mark)) {
            return Err(OtherEncoding(name));
        }
        if held.starts_with(UTF_8) {
            held.drain(..UTF_8.len());
        }
        Ok(held)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The text of an input that arrives in blocks of this size.
    fn text(input: &[u8], size: usize) -> Result<Vec<u8>, OtherEncoding> {
        let (mut opening, mut text) = (Opening::default(), Vec::new());
        for block in input.chunks(size) {
            text.extend_from_slice(&opening.take(block)?);
        }
        text.extend(opening.finish()?);
        Ok(text)
    }

    #[test]
    fn one_mark_at_the_start_is_skipped_however_the_input_arrives() {
        for size in 1..8 {
            let read = |input: &[u8]| text(input, size).unwrap();
            assert_eq!(read(b"\xef\xbb\xbf1+1\n"), b"1+1\n");
            assert_eq!(read(b"\xef\xbb\xbf\xef\xbb\xbf1"), b"\xef\xbb\xbf1");
            assert_eq!(read(b"\xef\xbb\xbf"), b"");
            for other in [
                &b""[..],
                b"1\n",
                b"\xef\xbb",
                b"\xef\xbb\xbe",
                b"\xff",
                b"\n\xef\xbb\xbf",
            ] {
                assert_eq!(read(other), other);
            }
        }
    }

    #[test]
    fn other_encodings_are_named() {
        for size in 1..8 {
            for (input, name) in [
                (&b"\xff\xfe1\0"[..], "UTF-16"),
                (b"\xfe\xff\x001", "UTF-16"),
                (b"\xff\xfe", "UTF-16"),
                (b"\xff\xfe\0\x001\0\0\0", "UTF-32"),
            ] {
                assert_eq!(text(input, size), Err(OtherEncoding(name)), "{input:?}");
            }
        }
    }

    #[test]
    fn a_short_first_line_is_not_held_back() {
        assert_eq!(&*Opening::default().take(b"1\n").unwrap(), b"1\n");
        assert_eq!(&*Opening::default().take(b"\0").unwrap(), b"\0");
    }
}
