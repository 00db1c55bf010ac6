//! A worker's log: one event of `tracing` in one message over the control socket.
//!
//! A message is with the kernel as soon as it is sent, so that the last ones before a crash arrive too. No send waits: a
//! worker that logs faster than its parent reads loses events, and says how many.
//!
//! Owns the message. How events are recorded, and what happens to them, is for the crates `worker` and `pool`.

use serde::{Deserialize, Serialize};

use crate::{
    CodecError,
    job::{from_postcard, to_postcard},
};

/// The beginning of every such message; no message of the handshake begins like it.
const MAGIC: [u8; 8] = *b"pool-log";

/// Texts of an event are cut to this length, so that each event fits into a message.
const MAX_TEXT_BYTES: usize = 4096;

/// The most fields of an event that are sent.
const MAX_FIELDS: usize = 32;

/// One event.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// 1 for an error, 2 for a warning, 3 for information, 4 for debugging, 5 for a trace.
    pub level: u8,
    /// The event's target, by default the module that records it.
    pub target: String,
    /// The file that records it, if that is known.
    pub file: Option<String>,
    /// The line of that file.
    pub line: Option<u32>,
    /// The message.
    pub message: String,
    /// The other fields, as text.
    pub fields: Vec<(String, String)>,
    /// The names of the spans around it, the outermost first.
    pub spans: Vec<String>,
    /// The position of the job that the thread was running, if any.
    pub position: Option<u64>,
    /// The number of events that were lost since the last one that was sent.
    pub lost: u64,
}

impl Record {
    /// Encodes it as a message.
    pub fn encode(mut self) -> Vec<u8> {
        self.fields.truncate(MAX_FIELDS);
        let fields = self.fields.iter_mut().map(|(_, value)| value);
        let room = MAX_TEXT_BYTES / MAX_FIELDS;
        fields.for_each(|value| cut(value, room.max(256)));
        cut(&mut self.message, MAX_TEXT_BYTES);
        self.spans.truncate(MAX_FIELDS);
        let mut bytes = MAGIC.to_vec();
        // Encoding texts and numbers does not fail; if it did, the parent would find no event in the message.
        drop(to_postcard(&self, &mut bytes));
        bytes
    }

    /// Decodes a message, if it is one of these.
    ///
    /// # Errors
    /// If it begins as one and cannot be decoded.
    pub fn decode(bytes: &[u8]) -> Option<Result<Self, CodecError>> {
        bytes.strip_prefix(&MAGIC[..]).map(from_postcard)
    }
}

fn cut(text: &mut String, most: usize) {
    if text.len() > most {
        text.truncate(text.floor_char_boundary(most));
        text.push_str(" [cut]");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_decoded_as_it_was_encoded_and_a_huge_one_is_cut() {
        let record = Record {
            level: 2,
            target: "a::b".into(),
            message: "é".repeat(100_000),
            fields: vec![("field".into(), "x".repeat(100_000)); 100],
            position: Some(7),
            ..Record::default()
        };
        let bytes = record.encode();
        assert!(bytes.len() < crate::message::control::MAX_CONTROL_BYTES / 2);
        let read = Record::decode(&bytes).unwrap().unwrap();
        assert!(read.message.ends_with("é [cut]"));
        assert_eq!(
            (read.level, read.position, read.fields.len()),
            (2, Some(7), MAX_FIELDS)
        );
    }

    #[test]
    fn other_messages_are_not_decoded() {
        assert!(Record::decode(b"leave").is_none());
        assert!(Record::decode(&MAGIC).unwrap().is_err());
        assert!(
            Record::decode(&[&MAGIC[..], &[0xff; 40]].concat())
                .unwrap()
                .is_err()
        );
    }
}
