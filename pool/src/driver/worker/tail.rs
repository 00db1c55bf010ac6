//! The end of a worker's output, with what led up to a backtrace in it.

use memchr::memmem;

/// The bytes that are kept.
const KEPT_BYTES: usize = 4096;

/// The line that Rust writes above a backtrace. The lines before it say what went wrong.
const BACKTRACE: &[u8] = b"stack backtrace:\n";

/// The most bytes that are kept of the lines before a backtrace.
const HEADING_BYTES: usize = 1024;

/// After this many bytes a heading is dropped: what was written since is no longer its backtrace.
const BACKTRACE_BYTES: usize = 1 << 20;

/// Keeps the last bytes of a stream, and passes each whole line to the tracing subscriber.
#[derive(Debug, Default)]
pub(crate) struct Tail {
    kept: Vec<u8>,
    heading: Option<Heading>,
    line: Vec<u8>,
}

/// What was written before the last backtrace. The backtrace alone may be longer than what is kept.
#[derive(Debug)]
struct Heading {
    lines: Vec<u8>,
    /// The bytes that were written after it.
    since: usize,
}

impl Tail {
    pub(crate) fn push(&mut self, bytes: &[u8], worker: u32, pid: u32) {
        let untaken = self.kept.len().saturating_sub(BACKTRACE.len() - 1);
        self.kept.extend_from_slice(bytes);
        self.note_heading(untaken, bytes.len());
        let excess = self.kept.len().saturating_sub(KEPT_BYTES);
        self.kept.drain(..excess);
        if tracing::enabled!(target: "pool::output", tracing::Level::DEBUG) {
            self.trace(bytes, worker, pid);
        }
    }

    fn note_heading(&mut self, untaken: usize, added: usize) {
        if let Some(place) = memmem::rfind(&self.kept[untaken..], BACKTRACE) {
            let (before, since) = self.kept.split_at(untaken + place);
            self.heading = Some(Heading {
                lines: last_lines(before).to_vec(),
                since: since.len(),
            });
        } else if let Some(heading) = &mut self.heading {
            heading.since += added;
        }
        self.heading.take_if(|heading| heading.since > BACKTRACE_BYTES);
    }

    fn trace(&mut self, bytes: &[u8], worker: u32, pid: u32) {
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            let room = KEPT_BYTES - self.line.len().min(KEPT_BYTES);
            self.line.extend_from_slice(&piece[..piece.len().min(room)]);
            if piece.ends_with(b"\n") {
                let text = String::from_utf8_lossy(&self.line);
                tracing::debug!(target: "pool::output", worker, pid, "{}", text.trim_end());
                self.line.clear();
            }
        }
    }

    /// What is kept, as text. If it is the end of a backtrace, its heading comes first.
    pub(crate) fn text(&self) -> String {
        let Some(heading) = &self.heading else {
            return String::from_utf8_lossy(&self.kept).into_owned();
        };
        let mut text = heading.lines.clone();
        if let Some(place) = self.kept.len().checked_sub(heading.since) {
            text.extend_from_slice(&self.kept[place..]);
        } else {
            text.extend_from_slice(BACKTRACE);
            text.extend_from_slice("[…]\n".as_bytes());
            text.extend_from_slice(whole_lines(&self.kept));
        }
        String::from_utf8_lossy(&text).into_owned()
    }
}

/// The end of a text, from the beginning of a line.
fn last_lines(text: &[u8]) -> &[u8] {
    match text.len().checked_sub(HEADING_BYTES) {
        Some(cut) => whole_lines(&text[cut..]),
        None => text,
    }
}

/// A text without its first, partial line, unless there is nothing else.
fn whole_lines(text: &[u8]) -> &[u8] {
    match memchr::memchr(b'\n', text) {
        Some(end) if end + 1 < text.len() => &text[end + 1..],
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_bytes_are_kept_however_they_come() {
        let mut tail = Tail::default();
        for index in 0..3000 {
            tail.push(format!("line {index}\n").as_bytes(), 0, 1);
        }
        assert!(tail.text().ends_with("line 2998\nline 2999\n"));
        assert_eq!(tail.text().len(), KEPT_BYTES);
        tail.push(&[b'x'; 3 * KEPT_BYTES], 0, 1);
        assert_eq!(tail.text(), "x".repeat(KEPT_BYTES));
    }

    #[test]
    fn what_led_up_to_a_long_backtrace_is_kept() {
        let trace = "   7: deep::inside::of::a::program\n".repeat(1000);
        for pieces in [1, 7, 100, usize::MAX] {
            let mut tail = Tail::default();
            let written = format!(
                "a line\n{}out of memory\nstack backtrace:\n{trace}",
                "-".repeat(5000)
            );
            for piece in written.as_bytes().chunks(pieces) {
                tail.push(piece, 0, 1);
            }
            let text = tail.text();
            assert!(text.starts_with("------"), "{text}");
            assert!(
                text.contains("-out of memory\nstack backtrace:\n[…]\n   7: deep"),
                "{text}"
            );
            assert!(text.len() < KEPT_BYTES + HEADING_BYTES + 64);
        }
    }

    #[test]
    fn a_backtrace_that_is_kept_appears_once() {
        let mut tail = Tail::default();
        for _ in 0..2 {
            tail.push(b"a panic\nstack back", 0, 1);
            tail.push(b"trace:\n   0: here\nthe end\n", 0, 1);
        }
        let once = "a panic\nstack backtrace:\n   0: here\nthe end\n";
        assert_eq!(tail.text(), once.repeat(2));
    }

    #[test]
    fn a_backtrace_of_long_ago_is_forgotten() {
        let mut tail = Tail::default();
        tail.push(b"a panic\nstack backtrace:\n", 0, 1);
        for _ in 0..BACKTRACE_BYTES / KEPT_BYTES {
            tail.push(&[b'x'; KEPT_BYTES], 0, 1);
        }
        assert_eq!(tail.text(), "x".repeat(KEPT_BYTES));
    }
}
