//! The handshake of a parent and a worker, over the control socket.
//!
//! The parent sends the first message ([`StartRequest`], with the descriptors of [`StartupDescriptors`]). The worker connects the link, runs
//! its initialiser, and answers once ([`Answer`]). Every message begins with twelve bytes that are the same in every version, so
//! that two programs of different versions can still report each other's.
//!
//! Owns the messages and the check of the version. Comparing the job's name and the token, and deadlines, are for the crates
//! `pool` and `worker`.

use std::os::fd::{BorrowedFd, OwnedFd};

use serde::{Deserialize, Serialize};

use crate::{
    CodecError, MemoryError, PACKAGE_VERSION, PROTOCOL_VERSION,
    board::Board,
    job::{from_postcard, to_postcard},
    message::{capture::Secret, control::Received},
    payload::{area::PayloadArea, mapped::InboundArea},
};

const MAGIC: [u8; 8] = *b"poolhand";
const PREFIX_BYTES: usize = 12;

/// Parent to worker, the first message: what to serve, and how.
///
/// Answered by exactly one [`Answer`]. No message may cross it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StartRequest {
    /// The parent's package version, for messages.
    pub package: String,
    /// The name of the job type that the pool sends.
    pub job: String,
    /// Random bytes that the worker returns over the link, to show that it is the process that was asked.
    pub token: [u8; 16],
    /// The worker's number in its pool, from 0.
    pub worker: u32,
    /// How many jobs the worker may run at once, each in a thread of its own; at least 1.
    pub lanes: u16,
    /// The most bytes that one job or result may have.
    pub message_limit: u64,
    /// The bytes of the argument for the worker's initialiser, in the inbound payload area.
    pub argument_bytes: u64,
    /// The highest level of log events that the worker forwards, as [`super::log::Record::level`] counts; 0 for none.
    pub log_level: u8,
    /// The beginning of the worker's delimiters, if the parent captures what each job writes.
    pub capture: Option<Secret>,
}

/// Worker to parent, the one answer to an [`StartRequest`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Answer {
    /// The worker has connected the link and run its initialiser: it takes jobs.
    Ready {
        /// Its package version, for messages.
        package: String,
    },
    /// The worker serves other jobs than it was asked for; it exits.
    WrongJob {
        /// What it serves.
        serves: String,
    },
    /// Its initialiser failed or panicked; it exits.
    InitialiserFailed {
        /// Why.
        message: String,
    },
    /// The worker could not use what it was given; it exits.
    Unusable {
        /// Why.
        message: String,
    },
}

/// Why a message is not one that this version understands.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HandshakeError {
    /// It does not begin as one.
    #[error("this is not the handshake of a pool")]
    NotAHandshake,
    /// The two sides speak different protocols.
    #[error("protocol version {theirs} on the other side, {ours} on this one")]
    Version {
        /// This side's version.
        ours: u32,
        /// The other side's version.
        theirs: u32,
    },
    /// It begins as a handshake and cannot be decoded.
    #[error("a damaged handshake: {0}")]
    Damaged(CodecError),
}

/// The descriptors that are sent with an [`StartRequest`].
#[derive(Debug)]
pub struct StartupDescriptors {
    /// The listening socket to which the worker connects the link; it has no name any more.
    pub listener: OwnedFd,
    /// The worker's board.
    pub board: Board,
    /// The area in which large jobs arrive.
    pub inbound: InboundArea,
    /// The area for large results.
    pub outbound: PayloadArea,
    /// The shared heap of the parent's process tree.
    pub shared_heap: OwnedFd,
}

impl StartupDescriptors {
    /// The number of descriptors.
    pub const COUNT: usize = 5;

    /// Returns the descriptors in the order in which they are sent.
    pub fn descriptors<'a>(
        listener: BorrowedFd<'a>,
        board: &'a Board,
        inbound: &'a PayloadArea,
        outbound: &'a PayloadArea,
        shared_heap: BorrowedFd<'a>,
    ) -> [BorrowedFd<'a>; Self::COUNT] {
        [
            listener,
            board.memory().descriptor(),
            inbound.descriptor(),
            outbound.descriptor(),
            shared_heap,
        ]
    }

    /// Opens the descriptors that came with a start request.
    ///
    /// # Errors
    /// If descriptors are missing or are something else.
    pub fn open(descriptors: Vec<OwnedFd>) -> Result<Self, MemoryError> {
        let [listener, board, inbound, outbound, shared_heap] =
            <[OwnedFd; Self::COUNT]>::try_from(descriptors).map_err(|got| {
                MemoryError::corrupt(format_args!(
                    "{} descriptors came with the start request",
                    got.len()
                ))
            })?;
        Ok(Self {
            listener,
            board: Board::open(board)?,
            inbound: InboundArea::open(inbound)?,
            outbound: PayloadArea::open(outbound)?,
            shared_heap,
        })
    }
}

/// Encodes a handshake message, after the prefix that all versions share.
///
/// # Errors
/// If it could not be encoded; that does not happen with the messages of this file.
pub fn encode<T: Serialize>(message: &T) -> Result<Vec<u8>, CodecError> {
    let mut bytes = Vec::with_capacity(256);
    bytes.extend_from_slice(&MAGIC);
    bytes.extend_from_slice(&PROTOCOL_VERSION.to_le_bytes());
    to_postcard(message, &mut bytes)?;
    Ok(bytes)
}

/// Decodes a handshake message.
///
/// # Errors
/// If it is not one, or is of another version.
pub fn decode<T: for<'de> Deserialize<'de>>(received: &Received) -> Result<T, HandshakeError> {
    let (prefix, body) = received
        .bytes
        .split_first_chunk::<PREFIX_BYTES>()
        .ok_or(HandshakeError::NotAHandshake)?;
    let [magic @ .., v0, v1, v2, v3] = *prefix;
    if magic != MAGIC {
        return Err(HandshakeError::NotAHandshake);
    }
    let theirs = u32::from_le_bytes([v0, v1, v2, v3]);
    if theirs != PROTOCOL_VERSION {
        return Err(HandshakeError::Version {
            ours: PROTOCOL_VERSION,
            theirs,
        });
    }
    from_postcard(body).map_err(HandshakeError::Damaged)
}

impl Answer {
    /// Creates the answer of a worker that takes jobs.
    pub fn ready() -> Self {
        Self::Ready {
            package: PACKAGE_VERSION.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn received(bytes: Vec<u8>) -> Received {
        Received {
            bytes,
            descriptors: Vec::new(),
        }
    }

    #[test]
    fn another_version_is_reported_whatever_follows() {
        let mut bytes = encode(&Answer::ready()).unwrap();
        bytes[8..12].copy_from_slice(&9_u32.to_le_bytes());
        bytes.truncate(12);
        let error = decode::<Answer>(&received(bytes)).unwrap_err();
        assert_eq!(
            error,
            HandshakeError::Version {
                ours: PROTOCOL_VERSION,
                theirs: 9
            }
        );
    }

    #[test]
    fn messages_of_other_programs_are_refused() {
        for text in [
            "",
            "GET / HTTP/1.1\r\n\r\n",
            "poolhand",
            "hello, world, I am a shell",
        ] {
            let error = decode::<Answer>(&received(text.into())).unwrap_err();
            assert_eq!(error, HandshakeError::NotAHandshake, "{text:?}");
        }
        let mut damaged = encode(&Answer::ready()).unwrap();
        damaged.push(1);
        assert!(matches!(
            decode::<Answer>(&received(damaged)),
            Err(HandshakeError::Damaged(_))
        ));
    }
}
