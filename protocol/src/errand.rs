//! What a parent and a child with a function to run tell each other, over the control socket.
//!
//! The parent speaks first ([`Errand`]), when the child has been started; the child reports ([`Report`]) that it has
//! begun and what came of it, and ends. Messages have the prefix of [`crate::message::handshake`], so that programs of
//! different versions tell each other theirs.
//!
//! Arguments and outputs have any size: small ones stand in the message, larger ones lie in shared memory whose
//! descriptor comes with it ([`Payload`]). This file neither finds nor calls the function.

use std::os::fd::{BorrowedFd, OwnedFd};

use serde::{Deserialize, Serialize};

use crate::{
    Fault, MemoryError,
    family::{Entrusted, Heir},
    payload::area::PayloadArea,
};

/// Payloads of up to this many bytes stand in the message itself.
///
/// With the rest of an errand it stays well below [`crate::message::control::MAX_CONTROL_BYTES`].
pub const MAX_INLINE_BYTES: usize = 16 * 1024;

/// The most bytes of a name, of a process or of its function's type.
pub const MAX_NAME_BYTES: usize = 8 * 1024;

/// Parent to child, its first and only message: what to do.
///
/// Answered by [`Report::Begun`] or [`Report::Refused`]. Its descriptors are the family's memory, then that of the
/// arguments if they are not inline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Errand {
    /// The parent's package version, for messages.
    pub package: String,
    /// The process's name.
    pub name: String,
    /// What to call.
    pub function: FunctionReference,
    /// The encoded arguments.
    pub arguments: Payload,
    /// To whom the child leaves the handles in its output.
    pub heir: Heir,
}

/// A function of the program, as another process that runs the same file can find it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FunctionReference {
    /// The file that holds it.
    pub image: ImageIdentity,
    /// How far its entry lies from the anchor of that file, in bytes.
    pub offset: i64,
    /// The name of its type, compared before it is called, and shown.
    pub type_name: String,
}

/// Which file an executable's code was loaded from. As long as a process runs it, no other file can have its identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageIdentity {
    /// The device's major and minor number.
    pub device: (u32, u32),
    /// The inode on that device.
    pub inode: u64,
}

/// Child to parent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Report {
    /// The function was found and is about to be called. [`Report::Returned`] or [`Report::Failed`] follows, unless the
    /// process dies before.
    Begun,
    /// The errand cannot be done; nothing was called, and the process ends.
    Refused(Refusal),
    /// The function returned; this is its output, encoded, and the handles in it. With a descriptor if it is not inline.
    Returned(Payload, Entrusted),
    /// There is no output: the function panicked, or could not be given its arguments, or its output could not be sent.
    Failed(Fault),
}

/// Why nothing was called.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Refusal {
    /// The child runs another file than its parent, or finds something else where the function should be.
    FunctionNotFound(String),
    /// The child could not use what it was given, or was refused something by the system.
    Unusable(String),
}

/// Bytes of any number: in the message, or in shared memory that comes with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Payload {
    /// The bytes themselves, [`MAX_INLINE_BYTES`] at most.
    Inline(Vec<u8>),
    /// How many there are in the memory whose descriptor is the message's last.
    Parcel(u64),
}

/// The memory that goes with a [`Payload`].
#[derive(Debug)]
pub struct Wrapped(Option<PayloadArea>);

impl Wrapped {
    /// The descriptor to send, if there is one.
    pub fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        self.0.as_ref().map(PayloadArea::descriptor)
    }
}

impl Payload {
    /// Wraps bytes up; the memory that comes out is to be kept until the message was sent.
    ///
    /// # Errors
    /// When there is not enough memory, or no descriptor for it.
    pub fn wrap(bytes: Vec<u8>) -> Result<(Self, Wrapped), MemoryError> {
        if bytes.len() <= MAX_INLINE_BYTES {
            return Ok((Self::Inline(bytes), Wrapped(None)));
        }
        let mut parcel = PayloadArea::create("pool-payload")?;
        let contents = parcel.put(&bytes, &[])?;
        Ok((Self::Parcel(contents.encoding), Wrapped(Some(parcel))))
    }

    /// Takes the bytes out again; `descriptor` is the one that came with the message.
    ///
    /// # Errors
    /// When the memory is missing or shorter than was said.
    pub fn unwrap(self, descriptor: Option<OwnedFd>) -> Result<Vec<u8>, MemoryError> {
        match self {
            Self::Inline(bytes) => Ok(bytes),
            Self::Parcel(length) => {
                let missing = || MemoryError::corrupt("a payload came without its memory");
                PayloadArea::open(descriptor.ok_or_else(missing)?)?.copy(0..length as usize)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn payloads_of_every_size_arrive() {
        for length in [0, 1, MAX_INLINE_BYTES, MAX_INLINE_BYTES + 1, 40_000_000] {
            let bytes: Vec<u8> = (0..length).map(|index| (index % 251) as u8).collect();
            let (payload, wrapped) = Payload::wrap(bytes.clone()).unwrap();
            assert_eq!(wrapped.descriptor().is_none(), length <= MAX_INLINE_BYTES);
            let descriptor = wrapped
                .descriptor()
                .map(|borrowed| borrowed.try_clone_to_owned().unwrap());
            assert!(payload.unwrap(descriptor).unwrap() == bytes, "{length}");
        }
        let alone = Payload::Parcel(7).unwrap(None).unwrap_err();
        assert!(alone.to_string().contains("without its memory"), "{alone}");
    }
}
