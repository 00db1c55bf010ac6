//! The end of what a worker wrote to its standard output and error.

use std::collections::VecDeque;

/// How many bytes are kept.
const KEPT_BYTES: usize = 4096;

/// Keeps the last bytes of a stream, and tells each whole line to the tracing subscriber.
#[derive(Debug, Default)]
pub(crate) struct Tail {
    kept: VecDeque<u8>,
    line: Vec<u8>,
}

impl Tail {
    pub(crate) fn push(&mut self, bytes: &[u8], worker: u32, pid: u32) {
        let kept = &bytes[bytes.len().saturating_sub(KEPT_BYTES)..];
        let excess = (self.kept.len() + kept.len()).saturating_sub(KEPT_BYTES);
        self.kept.drain(..excess);
        self.kept.extend(kept);
        if tracing::enabled!(target: "pool::output", tracing::Level::DEBUG) {
            self.trace(bytes, worker, pid);
        }
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

    /// What is kept, as text.
    pub(crate) fn text(&self) -> String {
        let (head, tail) = self.kept.as_slices();
        String::from_utf8_lossy(&[head, tail].concat()).into_owned()
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
}
