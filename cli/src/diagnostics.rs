//! Failures rendered for people: the location, the source, and a caret under the part that failed.
//!
//! Owns the conversion from a byte range in an arbitrary source to columns. annotate-snippets does the rendering and
//! handles wide and combining characters, tabs and control characters.

use std::{fmt, ops::Range};

use annotate_snippets::{AnnotationKind, Level, Origin, Renderer, Snippet};

use crate::{
    chunk::{Extent, Located, Numbering},
    failure::Failure,
};

/// Renders failures for a terminal of a given width, with or without colours.
#[derive(Debug)]
pub(crate) struct Painter {
    renderer: Renderer,
}

/// An expression with its location.
#[derive(Debug)]
struct LocatedSource<'a> {
    path: String,
    line: usize,
    source: &'a [u8],
    extent: Extent,
}

impl Painter {
    pub(crate) fn new(width: usize, is_coloured: bool) -> Self {
        let renderer = if is_coloured {
            Renderer::styled()
        } else {
            Renderer::plain()
        };
        Self {
            renderer: renderer.term_width(width),
        }
    }

    /// Renders a failure of a record.
    pub(crate) fn paint(&self, failure: &Failure, located: &Located<'_>) -> String {
        let number = located.number as usize;
        // Within a record that may span several lines, lines count from 1.
        let (path, line) = match located.numbering {
            Numbering::Lines => (located.origin.to_string(), number),
            Numbering::Records => (format!("{}, record {number}", located.origin), 1),
        };
        self.paint_source(
            failure,
            &LocatedSource {
                path,
                line,
                source: located.source,
                extent: located.extent,
            },
        )
    }

    /// Renders a failure of an expression that is not part of the input.
    pub(crate) fn paint_elsewhere(
        &self,
        failure: &Failure,
        location: impl fmt::Display,
        source: &str,
    ) -> String {
        self.paint_source(
            failure,
            &LocatedSource {
                path: location.to_string(),
                line: 1,
                source: source.as_bytes(),
                extent: Extent::Whole,
            },
        )
    }

    fn paint_source(&self, failure: &Failure, located: &LocatedSource<'_>) -> String {
        let message = failure.details.as_ref().unwrap_or(&failure.message);
        let title = Level::ERROR.primary_title(format!("{}: {message}", failure.kind));
        if located.extent == Extent::TooLong {
            let origin = Origin::path(&*located.path).line(located.line).char_column(1);
            return self.renderer.render(&[title.element(origin)]);
        }
        let span = failure.span.clone().unwrap_or(0..located.source.len());
        let (source, span) = readable(located.source, span);
        let snippet = Snippet::source(source)
            .path(&*located.path)
            .line_start(located.line);
        let caret = AnnotationKind::Primary.span(span);
        self.renderer.render(&[title.element(snippet.annotation(caret))])
    }
}

/// The column of a byte in an expression: characters within its line, counted from 1. Invalid UTF-8 counts as the
/// replacement characters that are shown for it.
pub(crate) fn column(source: &[u8], offset: usize) -> usize {
    let before = &source[..character_start(source, offset)];
    let line_start = memchr::memrchr2(b'\n', b'\r', before).map_or(0, |end| end + 1);
    String::from_utf8_lossy(&before[line_start..]).chars().count() + 1
}

/// The source as text, and the range of its bytes `span` within that text.
fn readable(source: &[u8], span: Range<usize>) -> (String, Range<usize>) {
    let start = character_start(source, span.start);
    let end = character_end(source, span.end).max(start);
    let [before, blamed, after] =
        [&source[..start], &source[start..end], &source[end..]].map(String::from_utf8_lossy);
    let span = before.len()..before.len() + blamed.len();
    (format!("{before}{blamed}{after}"), span)
}

/// The last start of a character at or before `offset`.
fn character_start(source: &[u8], offset: usize) -> usize {
    let offset = offset.min(source.len());
    character_around(source, offset).map_or(offset, |character| character.start)
}

/// The first end of a character at or after `offset`.
fn character_end(source: &[u8], offset: usize) -> usize {
    let offset = offset.min(source.len());
    character_around(source, offset).map_or(offset, |character| character.end)
}

/// The character that `offset` falls inside of, if any.
fn character_around(source: &[u8], offset: usize) -> Option<Range<usize>> {
    let first = (offset.saturating_sub(3)..offset)
        .rev()
        .find(|&index| is_character_start(source[index]))?;
    let length = source[first..]
        .utf8_chunks()
        .next()?
        .valid()
        .chars()
        .next()?
        .len_utf8();
    (first + length > offset).then_some(first..first + length)
}

fn is_character_start(byte: u8) -> bool {
    byte & 0xc0 != 0x80
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chunk::Origin;

    fn failure(span: Option<Range<usize>>) -> Failure {
        Failure {
            kind: "ZeroDivisionError".into(),
            message: "division by zero".into(),
            details: None,
            span,
        }
    }

    fn paint(source: &[u8], numbering: Numbering, extent: Extent, span: Option<Range<usize>>) -> String {
        let located = Located {
            origin: &Origin::Stdin,
            numbering,
            number: 7,
            source,
            extent,
        };
        Painter::new(80, false).paint(&failure(span), &located)
    }

    /// The place, the source line and the caret line of a line of input.
    fn lines(source: &[u8], span: Range<usize>) -> [String; 3] {
        let painted = paint(source, Numbering::Lines, Extent::Whole, Some(span));
        let lines: Vec<&str> = painted.lines().collect();
        assert_eq!(lines[0], "error: ZeroDivisionError: division by zero");
        [lines[1], lines[3], lines[4]]
            .map(|line| line.trim_start_matches([' ', '7', '|', '-', '>']).to_owned())
    }

    #[test]
    fn carets_stand_under_the_part_that_is_to_blame() {
        assert_eq!(lines(b"1+2/0", 2..5), ["<stdin>:7:3", "1+2/0", "^^^"]);
        assert_eq!(lines(b"", 0..0)[0], "<stdin>:7:1");
        assert_eq!(lines(b"1+", 2..2), ["<stdin>:7:3", "1+", "^"]);
        assert_eq!(lines(b"1+", 99..100)[0], "<stdin>:7:3");
    }

    #[test]
    fn wide_and_combining_characters_count_as_they_show() {
        let source = "'日本e\u{301}'+2/0";
        let painted = paint(source.as_bytes(), Numbering::Lines, Extent::Whole, Some(12..15));
        assert!(painted.contains("<stdin>:7:8"), "{painted}");
        let caret = painted.lines().last().unwrap();
        assert_eq!(caret, "  |         ^^^", "{painted}");
    }

    #[test]
    fn invalid_utf8_has_a_location() {
        assert_eq!(
            lines(b"1+\xff\xfe", 2..3),
            ["<stdin>:7:3", "1+\u{fffd}\u{fffd}", "^"]
        );
        assert_eq!(lines(b"1+\0", 2..3)[0], "<stdin>:7:3");
        assert_eq!(lines("é+".as_bytes(), 1..1)[0], "<stdin>:7:1");
    }

    #[test]
    fn any_bytes_and_any_range_can_be_painted() {
        let mut random = fastrand::Rng::with_seed(5);
        let pieces: [&[u8]; 9] = [
            b"a",
            b"\n",
            b"\r",
            b"\t",
            "é".as_bytes(),
            "日".as_bytes(),
            b"\xff",
            b"\xe2\x82",
            b"\0",
        ];
        for _ in 0..5_000 {
            let source = (0..random.usize(..9))
                .map(|_| pieces[random.usize(..9)])
                .collect::<Vec<_>>()
                .concat();
            let span = random.usize(..20)..random.usize(..20);
            paint(&source, Numbering::Records, Extent::Whole, Some(span.clone()));
            assert!(column(&source, span.start) >= 1);
        }
    }

    #[test]
    fn a_record_of_several_lines_counts_its_own_lines() {
        let painted = paint(b"(1,\n2/0)", Numbering::Records, Extent::Whole, Some(4..7));
        assert!(painted.contains("<stdin>, record 7:2:1"), "{painted}");
    }

    #[test]
    fn a_failure_without_a_span_has_a_location() {
        let painted = paint(b"1+2", Numbering::Lines, Extent::Whole, None);
        assert!(
            painted.contains("<stdin>:7:1") && painted.contains("^^^"),
            "{painted}"
        );
        let painted = paint(b"", Numbering::Lines, Extent::TooLong, None);
        assert!(
            painted.contains("<stdin>:7:1") && !painted.contains('^'),
            "{painted}"
        );
    }

    #[test]
    fn columns_count_characters_in_their_line() {
        assert_eq!(column("é日x".as_bytes(), 5), 3);
        assert_eq!(column(b"(1,\n x", 5), 2);
        assert_eq!(column(b"\xff\xffx", 2), 3);
        assert_eq!(column("é".as_bytes(), 1), 1);
        assert_eq!(column(b"x", 99), 2);
    }
}
