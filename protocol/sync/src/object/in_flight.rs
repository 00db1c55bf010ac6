//! The handles in a message that is in flight: what becomes of them when it is received, lost, or never sent.
//!
//! Handles are what shared objects leave [beside](protocol::job::beside) the encoding of a message. How a handle is
//! encoded is [`super::handle`]'s.

use std::{
    cell::{Cell, RefCell},
    sync::{Arc, atomic::Ordering},
    thread::LocalKey,
};

use protocol::job::beside::{self, Beside, Collection};
use serde::{Deserialize, Serialize};

use super::{
    participant::{Participant, participant},
    reference::Reference,
    release::{self, ReleaseCause},
};
use crate::heap::{error::SharedHeapError, objects::Token};

thread_local! {
    static COLLECTION: Cell<Collection<Owner>> = const { Cell::new(Collection::closed(Owner::None)) };
    static LEFT: RefCell<Vec<HandleInFlight>> = const { RefCell::new(Vec::new()) };
}

/// The handles that were encoded into one message, until they are received.
///
/// A handle in a message keeps its object alive. Encode each message within [`HandlesInFlight::collect`], keep the
/// value as long as the message can still be received, and drop it then. Dropping does not affect handles that were
/// received. Those that never can be (because the receiver died, or the message was discarded) are released: if the end
/// of a pipe is among them, the pipe is closed, and if a barrier is, it is broken.
///
/// Encoding a handle outside of any `HandlesInFlight` keeps its object alive until the handle is received, also if the
/// sender ends: if it never is, as long as the shared heap exists.
///
/// ```
/// use sync::{HandlesInFlight, Lock};
///
/// let lock = Lock::new()?;
/// let (bytes, handles) = HandlesInFlight::collect(|| {
///     let mut bytes = Vec::new();
///     protocol::encode_argument(&lock, &mut bytes).map(|()| bytes)
/// });
/// drop(lock);
/// // The message keeps the object alive, and may be received.
/// let received: Lock = protocol::decode_argument(&bytes?)?;
/// drop(handles);
/// received.lock().unwrap();
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Default)]
#[must_use = "dropping it releases the handles that were encoded"]
pub struct HandlesInFlight {
    handles: Vec<HandleInFlight>,
}

/// One handle in flight.
#[derive(Debug)]
pub(crate) struct HandleInFlight {
    pub(crate) participant: &'static Participant,
    pub(crate) token: Token,
    /// The handle's reference, if the handle was moved and not copied.
    pub(crate) moved: Option<Arc<Reference>>,
}

impl Beside for HandleInFlight {
    type Context = Owner;

    fn collection() -> &'static LocalKey<Cell<Collection<Owner>>> {
        &COLLECTION
    }

    fn left() -> &'static LocalKey<RefCell<Vec<Self>>> {
        &LEFT
    }

    /// The message was never sent.
    fn abandon(handles: Vec<Self>) {
        HandlesInFlight { handles }.undo();
    }
}

impl HandlesInFlight {
    /// Runs `encode` and collects the handles that it encodes in this thread.
    pub fn collect<R>(encode: impl FnOnce() -> R) -> (R, Self) {
        Self::collect_with(Owner::Sender { container: None }, encode)
    }

    /// As [`HandlesInFlight::collect`], for a message that is about to become an item of this queue or pipe.
    pub(crate) fn collect_for_item<R>(container: u64, encode: impl FnOnce() -> R) -> (R, Self) {
        let container = Some(container);
        Self::collect_with(Owner::Sender { container }, encode)
    }

    #[inline]
    fn collect_with<R>(owner: Owner, encode: impl FnOnce() -> R) -> (R, Self) {
        let (result, handles) = beside::collect(owner, encode);
        (result, Self { handles })
    }

    /// Whether the message contains no handle.
    pub fn is_empty(&self) -> bool {
        self.handles.is_empty()
    }

    /// Undoes the encoding of a message that was not sent: handles that were moved into it are usable again.
    pub fn undo(mut self) {
        for handle in self.handles.drain(..) {
            let Ok(table) = handle.participant.table() else {
                continue;
            };
            let mut transaction = table.transaction();
            if !transaction.is_in_flight(handle.token, None) {
                continue;
            }
            if let Some(reference) = handle.moved {
                transaction.receive(handle.token.reference, handle.participant.slot());
                transaction.commit();
                // If its end of the pipe was dropped meanwhile, dropping the reference locks the table itself.
                drop(table);
                reference.moved.store(false, Ordering::Release);
            } else {
                release::release(&table, handle.token.reference, ReleaseCause::Dropped);
            }
        }
    }

    /// The tokens of the handles.
    pub(crate) fn tokens(&self) -> impl Iterator<Item = Token> {
        self.handles.iter().map(|handle| handle.token)
    }

    /// Leaves the handles to the message, which contains their tokens: the process that receives or destroys it owns
    /// them.
    pub(crate) fn leave_to_message(mut self) {
        self.handles.clear();
    }

    /// The handles of a message that was taken with its tokens.
    pub(crate) fn from_tokens(
        participant: &'static Participant,
        tokens: impl Iterator<Item = Token>,
    ) -> Self {
        let handles = tokens.map(|token| HandleInFlight {
            participant,
            token,
            moved: None,
        });
        Self {
            handles: handles.collect(),
        }
    }

    /// Transfers the handles to the process that is to receive the message, so that this one may end first.
    pub fn transfer(mut self, recipient: Recipient) -> TransferredHandles {
        let mut tokens = Vec::new();
        for HandleInFlight {
            participant, token, ..
        } in self.handles.drain(..)
        {
            let Ok(table) = participant.table() else {
                continue;
            };
            let mut transaction = table.transaction();
            if transaction.is_in_flight(token, None) {
                transaction.transfer(token.reference, recipient.slot);
                transaction.commit();
                tokens.push((token.reference, token.nonce));
            }
        }
        TransferredHandles { tokens }
    }

    /// Releases the handles that can no longer be received.
    #[cold]
    fn release(&mut self) {
        for handle in self.handles.drain(..) {
            if let Ok(table) = handle.participant.table()
                && table.has_cell(handle.token.reference)
                && table.transaction().is_in_flight(handle.token, None)
            {
                release::release(&table, handle.token.reference, ReleaseCause::Lost);
            }
        }
    }
}

impl Drop for HandlesInFlight {
    // One is dropped for every job, and nearly all are empty.
    #[inline]
    fn drop(&mut self) {
        if !self.handles.is_empty() {
            self.release();
        }
    }
}

/// The process to which another transfers the handles in a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recipient {
    slot: usize,
}

impl Recipient {
    /// This process, which becomes a participant of its shared heap if it is none.
    ///
    /// # Errors
    /// If the system lacks what shared objects need, or has run out of it.
    pub fn this_process() -> Result<Self, SharedHeapError> {
        participant().map(|participant| Self {
            slot: participant.slot(),
        })
    }
}

/// The handles in a message that outlives its sender. It travels with the message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TransferredHandles {
    /// Each a reference and its nonce.
    tokens: Vec<(u64, u64)>,
}

impl TransferredHandles {
    /// Takes over the handles, in the process to which they were transferred.
    pub fn accept(self) -> HandlesInFlight {
        if self.tokens.is_empty() {
            return HandlesInFlight::default();
        }
        // A recipient is a participant.
        participant().map_or_else(
            |_| HandlesInFlight::default(),
            |participant| {
                let tokens = self.tokens.into_iter();
                HandlesInFlight::from_tokens(
                    participant,
                    tokens.map(|(reference, nonce)| Token { reference, nonce }),
                )
            },
        )
    }
}

/// Who owns the handles that a thread encodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Owner {
    /// No process.
    None,
    /// The sender, by its [`HandlesInFlight`].
    Sender {
        /// The queue or pipe in whose item they are about to be.
        container: Option<u64>,
    },
}

/// Who owns the handles that this thread encodes.
pub(crate) fn owner() -> Owner {
    beside::context::<HandleInFlight>()
}

/// Notes a handle that was encoded, if its message has an owner.
pub(crate) fn note(handle: HandleInFlight) {
    let _number = beside::leave(handle);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Event, Queue};
    use protocol::encode_argument;

    fn encode(value: &impl Serialize) {
        encode_argument(value, &mut Vec::new()).unwrap();
    }

    #[test]
    fn a_message_encoded_within_another_has_its_own_handles() {
        let event = Event::new().unwrap();
        let queue = Queue::new().unwrap();
        let ((), handles) = HandlesInFlight::collect(|| {
            encode(&event);
            let ((), inner) = HandlesInFlight::collect(|| encode(&[&event, &event]));
            assert_eq!(inner.tokens().count(), 2);
            queue.put(event.clone()).unwrap();
            encode(&event);
        });
        let table = handles.handles[0].participant.table().unwrap();
        let is_in_flight = |token| table.transaction().is_in_flight(token, None);
        assert!(handles.tokens().all(is_in_flight));
        assert_eq!(handles.tokens().count(), 2);
        drop(table);
        drop(handles);
        queue.get().unwrap().set();
        assert!(event.is_set());
    }

    #[test]
    fn a_panic_within_a_message_gives_back_its_own_handles_alone() {
        let event = Event::new().unwrap();
        let ((), handles) = HandlesInFlight::collect(|| {
            encode(&event);
            let inner = std::panic::AssertUnwindSafe(|| {
                HandlesInFlight::collect(|| {
                    encode(&event);
                    panic!("in an encoding, on purpose")
                })
            });
            assert!(std::panic::catch_unwind(inner).is_err());
            encode(&event);
        });
        assert_eq!(handles.tokens().count(), 2);
        assert_eq!(owner(), Owner::None);
    }
}
