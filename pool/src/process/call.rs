//! The messages between a parent and a child process that runs a function, over the control socket.
//!
//! The parent sends one [`CallRequest`] after it has started the child. The child sends [`Report`]s: that it is about
//! to call the function, then the result. Messages have the prefix of [`protocol::handshake`], so that a parent and a
//! child of different versions can report both.
//!
//! Arguments and outputs have any size: small ones are part of the message, larger ones are in shared memory whose
//! descriptor travels with the message ([`CallData`]). This file neither finds nor calls the function.

use std::os::fd::{BorrowedFd, OwnedFd};

use protocol::{Fault, MemoryError, payload::area::PayloadArea};
use serde::{Deserialize, Serialize};
use sync::{Recipient, TransferredHandles};

/// Arguments and outputs of up to this many bytes are part of the message.
///
/// With the rest of a call request this stays well below [`protocol::message::control::MAX_CONTROL_BYTES`].
pub const MAX_INLINE_BYTES: usize = 16 * 1024;

/// The longest name, in bytes: of a process, or of its function's type.
pub(crate) const MAX_NAME_BYTES: usize = 8 * 1024;

/// Parent to child, its first and only message: the function to call.
///
/// The child answers with [`Report::Begun`] or [`Report::Refused`]. The message's descriptors are the shared heap's,
/// then that of the arguments if they are not inline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct CallRequest {
    /// The parent's package version, for messages.
    pub(crate) package: String,
    /// The child's name.
    pub(crate) name: String,
    /// The function to call.
    pub(crate) function: FunctionReference,
    /// The encoded arguments.
    pub(crate) arguments: CallData,
    /// The process to which the child transfers the handles in its output.
    pub(crate) recipient: Recipient,
}

/// A reference to a function of the program, by which another process that runs the same file can find it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FunctionReference {
    /// The file that contains the function.
    pub(crate) image: ImageIdentity,
    /// The distance of the function's entry from the anchor of that file, in bytes.
    pub(crate) offset: i64,
    /// The name of the function's type, which is compared before the call and shown in errors.
    pub(crate) type_name: String,
}

/// The identity of the file from which a program's code was loaded. While a process runs it, no other file can have the
/// same identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ImageIdentity {
    /// The device's major and minor number.
    pub(crate) device: (u32, u32),
    /// The inode on that device.
    pub(crate) inode: u64,
}

/// Child to parent: how the call goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Report {
    /// The function was found and is about to be called. [`Report::Returned`] or [`Report::Failed`] follows, unless the
    /// process dies first.
    Begun,
    /// The request cannot be carried out: nothing was called, and the process ends.
    Refused(Refusal),
    /// The function returned: its encoded output, and the handles in it. A descriptor comes with it if it is not
    /// inline.
    Returned(CallData, TransferredHandles),
    /// There is no output: the function panicked, its arguments could not be decoded, or its output could not be sent.
    Failed(Fault),
}

/// Why the child called nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Refusal {
    /// The child runs another file than its parent, or another function is where this one should be.
    FunctionNotFound(String),
    /// The child could not use the request, or the system refused something it needs.
    Unusable(String),
}

/// Encoded arguments or an encoded output of any size: in the message, or in shared memory that comes with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum CallData {
    /// The bytes themselves, [`MAX_INLINE_BYTES`] at most.
    Inline(Vec<u8>),
    /// The number of bytes in the shared memory, whose descriptor is the message's last.
    Shared(u64),
}

/// The shared memory of a [`CallData`], if it needs one. Keep it until the message is sent.
#[derive(Debug)]
pub(crate) struct CallMemory(Option<PayloadArea>);

impl CallMemory {
    /// The descriptor to send with the message, if there is one.
    pub(crate) fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        self.0.as_ref().map(PayloadArea::descriptor)
    }
}

impl CallData {
    /// Puts bytes into a message, or into shared memory if they are too many.
    ///
    /// # Errors
    /// If there is not enough memory, or no descriptor for it.
    pub(crate) fn pack(bytes: Vec<u8>) -> Result<(Self, CallMemory), MemoryError> {
        if bytes.len() <= MAX_INLINE_BYTES {
            return Ok((Self::Inline(bytes), CallMemory(None)));
        }
        let mut memory = PayloadArea::create("pool-call")?;
        let contents = memory.put(&bytes, &[])?;
        Ok((Self::Shared(contents.encoding), CallMemory(Some(memory))))
    }

    /// Takes the bytes out of a message that came with this descriptor.
    ///
    /// # Errors
    /// If the shared memory is missing or shorter than the message says.
    pub(crate) fn unpack(self, descriptor: Option<OwnedFd>) -> Result<Vec<u8>, MemoryError> {
        match self {
            Self::Inline(bytes) => Ok(bytes),
            Self::Shared(length) => {
                let missing = || MemoryError::corrupt("the data of a call came without its memory");
                PayloadArea::open(descriptor.ok_or_else(missing)?)?.copy(0..length as usize)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_of_every_size_arrives() {
        for length in [0, 1, MAX_INLINE_BYTES, MAX_INLINE_BYTES + 1, 40_000_000] {
            let bytes: Vec<u8> = (0..length).map(|index| (index % 251) as u8).collect();
            let (data, memory) = CallData::pack(bytes.clone()).unwrap();
            assert_eq!(memory.descriptor().is_none(), length <= MAX_INLINE_BYTES);
            let descriptor = memory
                .descriptor()
                .map(|borrowed| borrowed.try_clone_to_owned().unwrap());
            assert!(data.unpack(descriptor).unwrap() == bytes, "{length}");
        }
        let alone = CallData::Shared(7).unpack(None).unwrap_err();
        assert!(alone.to_string().contains("without its memory"), "{alone}");
    }
}
