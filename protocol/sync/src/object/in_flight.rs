//! What becomes of the handles in a message that is under way.

use std::{
    cell::{Cell, RefCell},
    sync::{Arc, atomic::Ordering},
};

use serde::{Deserialize, Serialize};

use super::{
    member::{Member, member},
    reference::Tie,
    release::{self, Departure},
};
use crate::heap::{error::FamilyError, objects::Ticket};

thread_local! {
    static MESSAGE: Cell<Message> = const { Cell::new(Message::NONE) };
    /// The handles in all messages that this thread encodes, one within the other, the innermost last.
    static NOTED: RefCell<Vec<Passenger>> = const { RefCell::new(Vec::new()) };
}

/// The innermost message that this thread encodes. It is looked at for every job, whether there are handles in it or not:
/// hence apart from them, and without a destructor.
#[derive(Debug, Clone, Copy)]
struct Message {
    care: Care,
    /// Where its handles begin among those that are noted, and where they end.
    handles: (usize, usize),
}

impl Message {
    const NONE: Self = Self {
        care: Care::None,
        handles: (0, 0),
    };
}

/// The handles that were encoded into one message, until they are received.
///
/// A handle in a message keeps its object alive. Whoever transports messages encodes each within [`Transit::of`], keeps
/// the `Transit` for as long as the message can still be received, and drops it when that is over: handles that were
/// received are not touched by it; those that never can be (the receiver died, the message was thrown away) are given
/// back then, the end of a pipe among them counts as closed, and a barrier as broken.
///
/// An encoding outside of any `Transit` keeps its handles' objects alive until they are received, whoever ends meanwhile:
/// if they never are, for as long as the family lives.
///
/// ```
/// use sync::{Lock, Transit};
///
/// let lock = Lock::new()?;
/// let (bytes, transit) = Transit::of(|| {
///     let mut bytes = Vec::new();
///     protocol::encode_argument(&lock, &mut bytes).map(|()| bytes)
/// });
/// drop(lock);
/// // The object lives on in the message, which may be received.
/// let received: Lock = protocol::decode_argument(&bytes?)?;
/// drop(transit);
/// received.lock().unwrap();
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Default)]
#[must_use = "dropping it gives back the handles that were encoded"]
pub struct Transit {
    passengers: Vec<Passenger>,
}

/// One handle under way.
#[derive(Debug)]
pub(crate) struct Passenger {
    pub(crate) member: &'static Member,
    pub(crate) ticket: Ticket,
    /// The handle itself, when it was moved and not copied.
    pub(crate) moved: Option<Arc<Tie>>,
}

impl Transit {
    /// Runs `encode` and takes note of the handles that it encodes, in this thread.
    pub fn of<R>(encode: impl FnOnce() -> R) -> (R, Self) {
        Self::note(Care::Sender { container: None }, encode)
    }

    /// As [`Transit::of`], for a message that is about to lie in an item of this queue or pipe.
    pub(crate) fn of_item<R>(container: u64, encode: impl FnOnce() -> R) -> (R, Self) {
        let container = Some(container);
        Self::note(Care::Sender { container }, encode)
    }

    #[inline]
    fn note<R>(care: Care, encode: impl FnOnce() -> R) -> (R, Self) {
        let _notes = Notes::begin(care);
        let result = encode();
        let passengers = Notes::take();
        (result, Self { passengers })
    }

    /// Whether no handle is under way in the message.
    pub fn is_empty(&self) -> bool {
        self.passengers.is_empty()
    }

    /// The message was not sent: handles that were moved into it are back where they were.
    pub fn undo(mut self) {
        for passenger in self.passengers.drain(..) {
            let Ok(books) = passenger.member.books() else {
                continue;
            };
            let mut transaction = books.transaction();
            if !transaction.is_under_way(passenger.ticket, None) {
                continue;
            }
            if let Some(tie) = passenger.moved {
                transaction.arrive(passenger.ticket.reference, passenger.member.slot());
                transaction.commit();
                // Should its end have been dropped meanwhile, it opens the books itself.
                drop(books);
                tie.moved.store(false, Ordering::Release);
            } else {
                release::leave(&books, passenger.ticket.reference, Departure::Left);
            }
        }
    }

    /// The tickets of the handles.
    pub(crate) fn tickets(&self) -> impl Iterator<Item = Ticket> {
        self.passengers.iter().map(|passenger| passenger.ticket)
    }

    /// The message has its handles' tickets with it, and whoever takes or destroys it sees to them.
    pub(crate) fn leave_to_message(mut self) {
        self.passengers.clear();
    }

    /// The handles of a message that was taken with its tickets.
    pub(crate) fn of_tickets(member: &'static Member, tickets: impl Iterator<Item = Ticket>) -> Self {
        let passengers = tickets.map(|ticket| Passenger {
            member,
            ticket,
            moved: None,
        });
        Self {
            passengers: passengers.collect(),
        }
    }
}

/// The process that is to have what another entrusts to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Heir {
    slot: usize,
}

impl Heir {
    /// This process, which becomes a member of its family if it is none.
    ///
    /// # Errors
    /// When the system lacks what shared objects need, or has run out of it.
    pub fn this_process() -> Result<Self, FamilyError> {
        member().map(|member| Self { slot: member.slot() })
    }
}

/// The handles in a message that lives longer than its sender; it travels with the message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entrusted {
    /// Each a reference and its nonce.
    tickets: Vec<(u64, u64)>,
}

impl Transit {
    /// Leaves the handles to the process that is to receive the message, so that this one may end before.
    pub fn entrust(mut self, heir: Heir) -> Entrusted {
        let mut tickets = Vec::new();
        for Passenger { member, ticket, .. } in self.passengers.drain(..) {
            let Ok(books) = member.books() else {
                continue;
            };
            let mut transaction = books.transaction();
            if transaction.is_under_way(ticket, None) {
                transaction.pass_on(ticket.reference, heir.slot);
                transaction.commit();
                tickets.push((ticket.reference, ticket.nonce));
            }
        }
        Entrusted { tickets }
    }
}

impl Entrusted {
    /// Takes note of the handles, in the process to which they were left.
    pub fn claim(self) -> Transit {
        if self.tickets.is_empty() {
            return Transit::default();
        }
        // Who was made an heir is a member.
        member().map_or_else(
            |_| Transit::default(),
            |member| {
                let tickets = self.tickets.into_iter();
                Transit::of_tickets(
                    member,
                    tickets.map(|(reference, nonce)| Ticket { reference, nonce }),
                )
            },
        )
    }
}

impl Drop for Transit {
    fn drop(&mut self) {
        for passenger in self.passengers.drain(..) {
            if let Ok(books) = passenger.member.books()
                && books.has_cell(passenger.ticket.reference)
                && books.transaction().is_under_way(passenger.ticket, None)
            {
                release::leave(&books, passenger.ticket.reference, Departure::Lost);
            }
        }
    }
}

/// Who sees to the handles that a thread encodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Care {
    /// Nobody.
    None,
    /// The sender, with a [`Transit`].
    Sender {
        /// The queue or pipe in whose item they are about to lie.
        container: Option<u64>,
    },
}

/// Who sees to what this thread encodes.
pub(crate) fn care() -> Care {
    MESSAGE.get().care
}

/// Takes note of a handle that was encoded, if somebody sees to it.
pub(crate) fn note(passenger: Passenger) {
    let message = MESSAGE.get();
    if message.care == Care::None {
        return;
    }
    // It cannot be noted while the thread's values are being destroyed.
    let noted = NOTED.try_with(|noted| noted.borrow_mut().push(passenger));
    if noted.is_ok() {
        let (first, end) = message.handles;
        let handles = (first, end + 1);
        MESSAGE.set(Message { handles, ..message });
    }
}

/// While a message is encoded; goes back to the message around it, also after a panic.
struct Notes {
    outer: Message,
}

impl Notes {
    #[inline]
    fn begin(care: Care) -> Self {
        let outer = MESSAGE.get();
        let (_, end) = outer.handles;
        let handles = (end, end);
        MESSAGE.set(Message { care, handles });
        Self { outer }
    }

    /// The handles that were noted since the innermost message was begun.
    #[inline]
    fn take() -> Vec<Passenger> {
        let message = MESSAGE.get();
        let (first, end) = message.handles;
        if end == first {
            return Vec::new();
        }
        let handles = (first, first);
        MESSAGE.set(Message { handles, ..message });
        NOTED.with_borrow_mut(|noted| noted.split_off(first))
    }
}

impl Drop for Notes {
    #[inline]
    fn drop(&mut self) {
        let passengers = Self::take();
        MESSAGE.set(self.outer);
        if !passengers.is_empty() {
            Transit { passengers }.undo();
        }
    }
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
        let ((), transit) = Transit::of(|| {
            encode(&event);
            let ((), inner) = Transit::of(|| encode(&[&event, &event]));
            assert_eq!(inner.tickets().count(), 2);
            queue.put(event.clone()).unwrap();
            encode(&event);
        });
        let books = transit.passengers[0].member.books().unwrap();
        let is_under_way = |ticket| books.transaction().is_under_way(ticket, None);
        assert!(transit.tickets().all(is_under_way));
        assert_eq!(transit.tickets().count(), 2);
        drop(books);
        drop(transit);
        queue.get().unwrap().set();
        assert!(event.is_set());
    }

    #[test]
    fn a_panic_within_a_message_gives_back_its_own_handles_alone() {
        let event = Event::new().unwrap();
        let ((), transit) = Transit::of(|| {
            encode(&event);
            let inner = std::panic::AssertUnwindSafe(|| {
                Transit::of(|| {
                    encode(&event);
                    panic!("in an encoding, on purpose")
                })
            });
            assert!(std::panic::catch_unwind(inner).is_err());
            encode(&event);
        });
        assert_eq!(transit.tickets().count(), 2);
        assert_eq!(care(), Care::None);
    }
}
