//! Handles as plain values: how they are encoded into a message, and received from one.
//!
//! Owns the encoding of a handle. The references in flight are [`super::in_flight`]'s.

use std::sync::{Arc, atomic::Ordering};

use protocol::refuse;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _, ser::Error as _};

use super::{
    in_flight::{self, HandleInFlight, Owner},
    participant::{self, Participant},
    reference::Reference,
};
use crate::heap::{
    self,
    error::SharedHeapError,
    layout::UNOWNED,
    objects::{Kind, ObjectId, Token},
};

/// A handle in a message.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(rename = "SharedObject")]
struct Encoded {
    heap: u64,
    cell: u64,
    generation: u32,
    reference: u64,
    nonce: u64,
}

/// Why a handle in a message cannot be received.
#[derive(Debug, thiserror::Error)]
enum NotReceived {
    #[error("{0} of another process tree: handles are for the processes that one parent has started")]
    OtherHeap(&'static str),
    #[error("{0} that is gone: all its handles were dropped before this one was received")]
    Gone(&'static str),
    #[error("{0} that was received before: it belongs to one process only")]
    Taken(&'static str),
    #[error("a handle of {found}, where {0} was expected", found = .1.noun())]
    OtherKind(&'static str, Kind),
    #[error(transparent)]
    SharedHeap(#[from] SharedHeapError),
}

impl Reference {
    /// Encodes a copy of the handle: another reference, which is in flight.
    pub(crate) fn serialize_copy<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let token = self
            .send_copy()
            .map_err(|error| refuse(&error, S::Error::custom))?;
        self.serialize(token, None, serializer)
    }

    fn send_copy(&self) -> Result<Token, SharedHeapError> {
        let table = self.participant().table()?;
        table.allocate_cells(1)?;
        let mut transaction = table.transaction();
        let (owner, container) = owner_in_flight(self.participant());
        let copy = transaction.add_reference(self.object(), owner);
        let token = transaction.send(copy, container);
        transaction.commit();
        Ok(token)
    }

    /// Encodes the handle itself, which cannot be used any more.
    pub(crate) fn serialize_move<S: Serializer>(self: &Arc<Self>, serializer: S) -> Result<S::Ok, S::Error> {
        let table = self
            .participant()
            .table()
            .map_err(|error| refuse(&error, S::Error::custom))?;
        if self.moved.swap(true, Ordering::AcqRel) {
            return Err(S::Error::custom(
                "this end of the pipe was sent to another process before",
            ));
        }
        let mut transaction = table.transaction();
        let (owner, container) = owner_in_flight(self.participant());
        let token = transaction.send(self.cell(), container);
        transaction.transfer(self.cell(), owner);
        transaction.commit();
        drop(table);
        self.serialize(token, Some(Arc::clone(self)), serializer)
    }

    fn serialize<S: Serializer>(
        &self,
        token: Token,
        moved: Option<Arc<Self>>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        in_flight::note(HandleInFlight {
            participant: self.participant(),
            token,
            moved,
        });
        let encoded = Encoded {
            heap: self.participant().arena().cookie(),
            cell: self.object(),
            generation: self.id.generation,
            reference: token.reference,
            nonce: token.nonce,
        };
        encoded.serialize(serializer)
    }

    /// Receives a handle of an object of this kind. A handle that was copied may be received more than once.
    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
        kind: Kind,
    ) -> Result<Self, D::Error> {
        let encoded = Encoded::deserialize(deserializer)?;
        Self::receive(encoded, kind).map_err(|error| refuse(&error, D::Error::custom))
    }

    fn receive(encoded: Encoded, kind: Kind) -> Result<Self, NotReceived> {
        if !heap::exists() {
            return Err(NotReceived::OtherHeap(kind.noun()));
        }
        let participant = participant::participant()?;
        if participant.arena().cookie() != encoded.heap {
            return Err(NotReceived::OtherHeap(kind.noun()));
        }
        let id = ObjectId {
            cell: encoded.cell,
            generation: encoded.generation,
        };
        let token = Token {
            reference: encoded.reference,
            nonce: encoded.nonce,
        };
        let table = participant.table()?;
        if !table.has_cell(id.cell) || !table.has_cell(token.reference) {
            return Err(NotReceived::Gone(kind.noun()));
        }
        table.allocate_cells(1)?;
        let mut transaction = table.transaction();
        match transaction.kind(id) {
            None => return Err(NotReceived::Gone(kind.noun())),
            Some(found) if found != kind => return Err(NotReceived::OtherKind(kind.noun(), found)),
            Some(_) => {}
        }
        let cell = if transaction.is_in_flight(token, Some(id.cell)) {
            transaction.receive(token.reference, participant.slot());
            token.reference
        } else if kind == Kind::Pipe {
            return Err(NotReceived::Taken(kind.noun()));
        } else {
            transaction.add_reference(id.cell, participant.slot())
        };
        transaction.commit();
        Ok(Self::new(participant, id, cell))
    }
}

/// Implements serde's traits for a handle that is copied into messages: each copy is a handle of the same object.
macro_rules! serialize_as_copy {
    ($handle:ident) => {
        impl serde::Serialize for $handle {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                self.reference.serialize_copy(serializer)
            }
        }

        impl<'de> serde::Deserialize<'de> for $handle {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                Reference::deserialize(deserializer, Kind::$handle).map(Self::of)
            }
        }
    };
}

pub(crate) use serialize_as_copy;

/// The slot of the process that owns a reference in flight, and the queue or pipe in whose item it is about to be. The
/// sender owns it if its message is collected; else it has no owner, so that the sender may end before it is received.
fn owner_in_flight(sender: &Participant) -> (usize, Option<u64>) {
    match in_flight::owner() {
        Owner::Sender { container } => (sender.slot(), container),
        Owner::None => (UNOWNED, None),
    }
}
