//! Publishes results: through the ring, or, if they are large, through the outbound payload area.
//!
//! Owns the writing ends of both, which the lanes share. If there is no room, it wakes the parent and waits.

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

use crate::wake_sender::SharedWakeSender;

/// The writing ends, shared by all lanes.
#[derive(Debug)]
pub(crate) struct ResultWriter {
    ring: RingWriter,
    outbound: PayloadArea,
    message_limit: u64,
}

impl ResultWriter {
    pub(crate) fn new(outbound: PayloadArea, message_limit: u64) -> Mutex<Self> {
        Mutex::new(Self {
            ring: RingWriter::new(),
            outbound,
            message_limit,
        })
    }

    #[inline]
    fn publish(&mut self, parent: ParentSide<'_>, position: u64, output: &[u8]) {
        if output.len() <= MAX_RING_RESULT && output.len() as u64 <= self.message_limit {
            self.publish_record(parent, position, Status::Output, output);
        } else {
            self.publish_large(parent, position, output, &[]);
        }
    }

    #[cold]
    fn publish_large(&mut self, parent: ParentSide<'_>, position: u64, output: &[u8], attached: &[Part]) {
        let bytes = layout::counted(output.len(), attached.iter().map(Part::length));
        let limit = self.message_limit;
        if bytes > limit {
            self.publish_fault(parent, position, Fault::TooLarge { bytes, limit });
        } else {
            self.publish_payload(parent, position, output, attached);
        }
    }

    #[inline]
    fn publish_record(&mut self, parent: ParentSide<'_>, position: u64, status: Status, body: &[u8]) {
        let mut wait = || parent.wake_sender.wake();
        self.ring.publish(parent.board, position, status, body, &mut wait);
    }

    fn publish_payload(&mut self, parent: ParentSide<'_>, position: u64, output: &[u8], attached: &[Part]) {
        let mut wait = || parent.wake_sender.wake();
        outbound::wait_until_empty(parent.board, &mut wait);
        let contents = match self.outbound.put(output, attached) {
            Ok(contents) => contents,
            Err(error) => {
                return self.publish_fault(parent, position, Fault::NotHandedOver(error.to_string()));
            }
        };
        outbound::mark_full(parent.board);
        self.ring
            .publish_large(parent.board, position, Status::Output, contents, &mut wait);
    }

    fn publish_fault(&mut self, parent: ParentSide<'_>, position: u64, fault: Fault) {
        let mut bytes = Vec::new();
        fault.encode(&mut bytes);
        self.publish_record(parent, position, Status::Fault, &bytes);
    }
}

/// How the parent learns of a result.
#[derive(Debug, Clone, Copy)]
struct ParentSide<'a> {
    board: &'a Board,
    wake_sender: &'a SharedWakeSender<'a>,
}

/// One lane's access to the result writer.
#[derive(Debug)]
pub(crate) struct Publisher<'a> {
    parent: ParentSide<'a>,
    writer: &'a Mutex<ResultWriter>,
    /// The only lane of a worker holds the lock all the time, which saves it an atomic operation for each result.
    guard: Option<MutexGuard<'a, ResultWriter>>,
}

impl<'a> Publisher<'a> {
    pub(crate) fn new(
        board: &'a Board,
        wake_sender: &'a SharedWakeSender<'a>,
        writer: &'a Mutex<ResultWriter>,
        lanes: usize,
    ) -> Self {
        Self {
            parent: ParentSide { board, wake_sender },
            writer,
            guard: (lanes == 1).then(|| lock(writer)),
        }
    }

    /// Publishes the encoded output of the job at `position`.
    #[inline]
    pub(crate) fn output(&mut self, position: u64, output: &[u8]) {
        match &mut self.guard {
            Some(writer) => writer.publish(self.parent, position, output),
            None => lock(self.writer).publish(self.parent, position, output),
        }
    }

    /// Publishes the encoded output of the job at `position`, with attachments.
    pub(crate) fn output_with(&mut self, position: u64, output: &[u8], attached: &[Part]) {
        match &mut self.guard {
            Some(writer) => writer.publish_large(self.parent, position, output, attached),
            None => lock(self.writer).publish_large(self.parent, position, output, attached),
        }
    }

    /// Publishes a fault as the outcome of the job at `position`.
    #[cold]
    pub(crate) fn fault(&mut self, position: u64, fault: Fault) {
        match &mut self.guard {
            Some(writer) => writer.publish_fault(self.parent, position, fault),
            None => lock(self.writer).publish_fault(self.parent, position, fault),
        }
    }
}

fn lock(writer: &Mutex<ResultWriter>) -> MutexGuard<'_, ResultWriter> {
    writer.lock().unwrap_or_else(PoisonError::into_inner)
}
