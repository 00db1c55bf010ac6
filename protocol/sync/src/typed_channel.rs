//! Typed items through a channel of the family's memory: what queues and pipes have in common.
//!
//! Owns the encoding of items, and the handles in them. The channel's memory is [`crate::object::channel_memory`]'s, and
//! the order of publication [`crate::word::channel`]'s.

use std::cell::Cell;

use protocol::{decode_argument, encode_argument};
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    heap::error::FamilyError,
    item_error::{GetError, PutError, PutErrorKind},
    object::{
        channel_memory::{self, Conduit, Limits, TICKET_BYTES, ticket_bytes, tickets},
        in_flight::Transit,
        reference::Tie,
    },
    word::{
        channel::{self, Caller, NotPut, NotTaken},
        lock_word::Patience,
    },
};

/// A thread keeps a buffer of no more bytes than this for its next item.
const KEPT_BYTES: usize = 64 * 1024;

thread_local! {
    static BUFFER: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// A channel that carries typed items.
#[derive(Debug, Clone)]
pub(crate) struct TypedChannel(Conduit);

impl TypedChannel {
    pub(crate) fn put<T: Serialize>(
        &self,
        tie: &Tie,
        item: T,
        patience: Patience,
    ) -> Result<(), PutError<T>> {
        let mut buffer = BUFFER.take();
        buffer.clear();
        let put = self.encode_and_put(tie, &item, patience, &mut buffer);
        keep(buffer);
        put.map_err(|kind| PutError::new(item, kind))
    }

    fn encode_and_put<T: Serialize>(
        &self,
        tie: &Tie,
        item: &T,
        patience: Patience,
        buffer: &mut Vec<u8>,
    ) -> Result<(), PutErrorKind> {
        let me = tie.me()?;
        let (encoded, transit) = Transit::of_item(tie.object(), || encode_argument(item, buffer));
        if let Err(error) = encoded {
            transit.undo();
            return Err(PutErrorKind::Encoding(error));
        }
        let caller = Caller {
            me,
            patience,
            peers: tie.member(),
        };
        let put = if transit.is_empty() {
            channel::put(&self.0, &caller, 0, &[], buffer)
        } else {
            let tickets: Vec<u8> = transit.tickets().flat_map(ticket_bytes).collect();
            let number = (tickets.len() / TICKET_BYTES) as u32;
            channel::put(&self.0, &caller, number, &tickets, buffer)
        };
        match put {
            Ok(()) => {
                transit.leave_to_message();
                Ok(())
            }
            Err(refused) => {
                transit.undo();
                Err(self.refusal(refused, patience, buffer.len()))
            }
        }
    }

    fn refusal(&self, refused: NotPut, patience: Patience, bytes: usize) -> PutErrorKind {
        match (refused, patience) {
            (NotPut::Full, Patience::None) => PutErrorKind::Full,
            (NotPut::Full, _) => PutErrorKind::TimedOut,
            (NotPut::Closed, _) => PutErrorKind::Closed,
            (NotPut::TooLarge, _) => PutErrorKind::TooLarge {
                bytes,
                limit: self.0.limits().bytes as usize,
            },
        }
    }

    pub(crate) fn get<T: DeserializeOwned>(&self, tie: &Tie, patience: Patience) -> Result<T, GetError> {
        let mut buffer = BUFFER.take();
        buffer.clear();
        let got = self.take_and_decode(tie, patience, &mut buffer);
        keep(buffer);
        got
    }

    fn take_and_decode<T: DeserializeOwned>(
        &self,
        tie: &Tie,
        patience: Patience,
        buffer: &mut Vec<u8>,
    ) -> Result<T, GetError> {
        let caller = Caller {
            me: tie.me()?,
            patience,
            peers: tie.member(),
        };
        let taken = channel::take(&self.0, &caller, buffer, |tag, bytes| claim(tie, tag, bytes));
        let tag = taken.map_err(|error| match (error, patience) {
            (NotTaken::Closed, _) => GetError::Closed,
            (NotTaken::Empty, Patience::None) => GetError::Empty,
            (NotTaken::Empty, _) => GetError::TimedOut,
        })?;
        if tag == 0 {
            return decode_argument(buffer).map_err(GetError::Decoding);
        }
        let body = (tag as usize * TICKET_BYTES).min(buffer.len());
        // Handles that the item's decoding does not receive are given back when it is done.
        let _transit = Transit::of_tickets(tie.member(), tickets(&buffer[..body], tag));
        decode_argument(&buffer[body..]).map_err(GetError::Decoding)
    }

    pub(crate) fn close(&self, tie: &Tie) -> Result<(), FamilyError> {
        let caller = Caller {
            me: tie.me()?,
            patience: Patience::Endless,
            peers: tie.member(),
        };
        channel::close(&self.0, &caller);
        Ok(())
    }

    pub(crate) fn is_closed(&self) -> bool {
        channel::is_closed(&self.0)
    }

    pub(crate) fn length(&self) -> usize {
        channel::length(&self.0) as usize
    }

    pub(crate) fn limits(&self) -> Limits {
        self.0.limits()
    }
}

/// The channels of an object that this process refers to, one behind the other in its extent.
pub(crate) fn channels<const N: usize>(tie: &Tie) -> Result<[TypedChannel; N], FamilyError> {
    let found = channel_memory::open(tie.member().arena(), tie.object(), N)?;
    found
        .into_iter()
        .map(TypedChannel)
        .collect::<Vec<_>>()
        .try_into()
        .map_err(|_| FamilyError::NotAFamily {
            why: "an object without its channels lies in it".to_owned(),
        })
}

/// Lets the handles in an item belong to the process that is about to take it.
fn claim(tie: &Tie, tag: u32, bytes: &[u8]) {
    // Without memory to map the books they stay their sender's.
    if let Ok(books) = tie.member().books() {
        for ticket in tickets(bytes, tag) {
            let mut transaction = books.transaction();
            if books.has_cell(ticket.reference) && transaction.is_under_way(ticket, None) {
                transaction.pass_on(ticket.reference, tie.member().slot());
                transaction.commit();
            }
        }
    }
}

fn keep(buffer: Vec<u8>) {
    if buffer.capacity() <= KEPT_BYTES {
        // While the thread's values are being destroyed there is no keeping.
        let _kept_or_not = BUFFER.try_with(|kept| kept.set(buffer));
    }
}
