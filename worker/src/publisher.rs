//! How results leave: through the ring, or, when they are large, through the outbound parcel area.
//!
//! Owns the writing ends of both, shared by the lanes. Waits when there is no room, having woken the parent.

use std::sync::{Mutex, MutexGuard, PoisonError};

use protocol::{
    Fault, Status,
    board::{
        Board, outbound,
        ring::{MAX_RING_RESULT, RingWriter},
    },
    payload::{
        area::{Part, PayloadArea},
        layout,
    },
};

use crate::bell::Bell;

/// The writing ends, which belong to all lanes.
#[derive(Debug)]
pub(crate) struct Outlet {
    ring: RingWriter,
    outbound: PayloadArea,
    message_limit: u64,
}

impl Outlet {
    pub(crate) fn new(outbound: PayloadArea, message_limit: u64) -> Mutex<Self> {
        Mutex::new(Self {
            ring: RingWriter::new(),
            outbound,
            message_limit,
        })
    }

    #[inline]
    fn publish(&mut self, way: Way<'_>, position: u64, output: &[u8]) {
        if output.len() <= MAX_RING_RESULT && output.len() as u64 <= self.message_limit {
            self.publish_record(way, position, Status::Output, output);
        } else {
            self.publish_large(way, position, output, &[]);
        }
    }

    #[cold]
    fn publish_large(&mut self, way: Way<'_>, position: u64, output: &[u8], attached: &[Part]) {
        let bytes = layout::counted(output.len(), attached.iter().map(Part::length));
        let limit = self.message_limit;
        if bytes > limit {
            self.publish_fault(way, position, Fault::TooLarge { bytes, limit });
        } else {
            self.publish_parcel(way, position, output, attached);
        }
    }

    #[inline]
    fn publish_record(&mut self, way: Way<'_>, position: u64, status: Status, body: &[u8]) {
        let mut wait = || way.bell.ring();
        self.ring.publish(way.board, position, status, body, &mut wait);
    }

    fn publish_parcel(&mut self, way: Way<'_>, position: u64, output: &[u8], attached: &[Part]) {
        let mut wait = || way.bell.ring();
        outbound::wait_until_empty(way.board, &mut wait);
        let contents = match self.outbound.put(output, attached) {
            Ok(contents) => contents,
            Err(error) => {
                return self.publish_fault(way, position, Fault::NotHandedOver(error.to_string()));
            }
        };
        outbound::mark_full(way.board);
        self.ring
            .publish_large(way.board, position, Status::Output, contents, &mut wait);
    }

    fn publish_fault(&mut self, way: Way<'_>, position: u64, fault: Fault) {
        let mut bytes = Vec::new();
        fault.encode(&mut bytes);
        self.publish_record(way, position, Status::Fault, &bytes);
    }
}

#[derive(Debug, Clone, Copy)]
struct Way<'a> {
    board: &'a Board,
    bell: &'a Bell<'a>,
}

/// One lane's way to the outlet.
#[derive(Debug)]
pub(crate) struct Publisher<'a> {
    way: Way<'a>,
    outlet: &'a Mutex<Outlet>,
    /// A lane that is alone keeps the lock for good, so that a result costs it no atomic operation more.
    held: Option<MutexGuard<'a, Outlet>>,
}

impl<'a> Publisher<'a> {
    pub(crate) fn new(board: &'a Board, bell: &'a Bell<'a>, outlet: &'a Mutex<Outlet>, lanes: usize) -> Self {
        Self {
            way: Way { board, bell },
            outlet,
            held: (lanes == 1).then(|| lock(outlet)),
        }
    }

    /// Publishes the encoded output of the job at `position`.
    #[inline]
    pub(crate) fn output(&mut self, position: u64, output: &[u8]) {
        match &mut self.held {
            Some(outlet) => outlet.publish(self.way, position, output),
            None => lock(self.outlet).publish(self.way, position, output),
        }
    }

    /// Publishes the encoded output of the job at `position` with what is attached to it.
    pub(crate) fn output_with(&mut self, position: u64, output: &[u8], attached: &[Part]) {
        match &mut self.held {
            Some(outlet) => outlet.publish_large(self.way, position, output, attached),
            None => lock(self.outlet).publish_large(self.way, position, output, attached),
        }
    }

    /// Publishes why the job at `position` has no output.
    #[cold]
    pub(crate) fn fault(&mut self, position: u64, fault: Fault) {
        match &mut self.held {
            Some(outlet) => outlet.publish_fault(self.way, position, fault),
            None => lock(self.outlet).publish_fault(self.way, position, fault),
        }
    }
}

fn lock(outlet: &Mutex<Outlet>) -> MutexGuard<'_, Outlet> {
    outlet.lock().unwrap_or_else(PoisonError::into_inner)
}
