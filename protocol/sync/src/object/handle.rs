//! How a handle is encoded, travels, and is received.

use std::sync::{Arc, atomic::Ordering};

use protocol::refuse;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _, ser::Error as _};

use super::{
    in_flight::{self, Care, Passenger},
    member::{self, Member},
    reference::Tie,
};
use crate::heap::{
    self,
    error::FamilyError,
    layout::ESTATE,
    objects::{Kind, ObjectId, Ticket},
};

/// A handle as it travels.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(rename = "SharedObject")]
struct Encoded {
    family: u64,
    cell: u64,
    generation: u32,
    reference: u64,
    nonce: u64,
}

/// Why a handle that was received is good for nothing.
#[derive(Debug, thiserror::Error)]
enum NotReceived {
    #[error("{0} of another family of processes: handles are for the processes that one parent has started")]
    OtherFamily(&'static str),
    #[error("{0} that is gone: all its handles were dropped before this one was received")]
    Gone(&'static str),
    #[error("{0} that was received before: it is one process's only")]
    Taken(&'static str),
    #[error("a handle of {found}, where {0} was expected", found = .1.noun())]
    OtherKind(&'static str, Kind),
    #[error(transparent)]
    Family(#[from] FamilyError),
}

impl Tie {
    /// Encodes a copy of the handle: another reference, which is under way.
    pub(crate) fn serialize_copy<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let ticket = self
            .dispatch_copy()
            .map_err(|error| refuse(&error, S::Error::custom))?;
        self.serialize(ticket, None, serializer)
    }

    fn dispatch_copy(&self) -> Result<Ticket, FamilyError> {
        let books = self.member().books()?;
        books.back_cells(1)?;
        let mut transaction = books.transaction();
        let (owner, container) = under_way(self.member());
        let reference = transaction.refer(self.object(), owner);
        let ticket = transaction.dispatch(reference, container);
        transaction.commit();
        Ok(ticket)
    }

    /// Encodes the handle itself, which is used up.
    pub(crate) fn serialize_move<S: Serializer>(self: &Arc<Self>, serializer: S) -> Result<S::Ok, S::Error> {
        let books = self
            .member()
            .books()
            .map_err(|error| refuse(&error, S::Error::custom))?;
        if self.moved.swap(true, Ordering::AcqRel) {
            return Err(S::Error::custom(
                "this end of the pipe was sent to another process before",
            ));
        }
        let mut transaction = books.transaction();
        let (owner, container) = under_way(self.member());
        let ticket = transaction.dispatch(self.reference(), container);
        transaction.pass_on(self.reference(), owner);
        transaction.commit();
        drop(books);
        self.serialize(ticket, Some(Arc::clone(self)), serializer)
    }

    fn serialize<S: Serializer>(
        &self,
        ticket: Ticket,
        moved: Option<Arc<Self>>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        in_flight::note(Passenger {
            member: self.member(),
            ticket,
            moved,
        });
        let encoded = Encoded {
            family: self.member().arena().cookie(),
            cell: self.object(),
            generation: self.id.generation,
            reference: ticket.reference,
            nonce: ticket.nonce,
        };
        encoded.serialize(serializer)
    }

    /// Receives a handle of an object of this kind. One that can be copied may be received more than once.
    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
        kind: Kind,
    ) -> Result<Self, D::Error> {
        let encoded = Encoded::deserialize(deserializer)?;
        Self::receive(encoded, kind).map_err(|error| refuse(&error, D::Error::custom))
    }

    fn receive(encoded: Encoded, kind: Kind) -> Result<Self, NotReceived> {
        if !heap::exists() {
            return Err(NotReceived::OtherFamily(kind.noun()));
        }
        let member = member::member()?;
        if member.arena().cookie() != encoded.family {
            return Err(NotReceived::OtherFamily(kind.noun()));
        }
        let id = ObjectId {
            cell: encoded.cell,
            generation: encoded.generation,
        };
        let ticket = Ticket {
            reference: encoded.reference,
            nonce: encoded.nonce,
        };
        let books = member.books()?;
        if !books.has_cell(id.cell) || !books.has_cell(ticket.reference) {
            return Err(NotReceived::Gone(kind.noun()));
        }
        books.back_cells(1)?;
        let mut transaction = books.transaction();
        match transaction.kind(id) {
            None => return Err(NotReceived::Gone(kind.noun())),
            Some(found) if found != kind => return Err(NotReceived::OtherKind(kind.noun(), found)),
            Some(_) => {}
        }
        let reference = if transaction.is_under_way(ticket, Some(id.cell)) {
            transaction.arrive(ticket.reference, member.slot());
            ticket.reference
        } else if kind == Kind::Pipe {
            return Err(NotReceived::Taken(kind.noun()));
        } else {
            transaction.refer(id.cell, member.slot())
        };
        transaction.commit();
        Ok(Self::new(member, id, reference))
    }
}

/// Lets a handle travel as a plain value, of which each copy is a handle of the same object.
macro_rules! travels_as_a_copy {
    ($handle:ident) => {
        impl serde::Serialize for $handle {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                self.tie.serialize_copy(serializer)
            }
        }

        impl<'de> serde::Deserialize<'de> for $handle {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                Tie::deserialize(deserializer, Kind::$handle).map(Self::of)
            }
        }
    };
}

pub(crate) use travels_as_a_copy;

/// To whom a handle belongs while it is under way: to the sender for as long as somebody looks after the message, else to
/// nobody, so that the sender may end before it is received. And in whose item it is about to lie.
fn under_way(member: &Member) -> (usize, Option<u64>) {
    match in_flight::care() {
        Care::Sender { container } => (member.slot(), container),
        Care::None => (ESTATE, None),
    }
}
