//! The jobs of one piece of work, one after the other: claimed, shown, and each outcome published.
//!
//! The order of its steps is what the parent's accounting rests on. A job is claimed before anything of it is touched;
//! its record is published before the lane claims again. So at every instant, also when the process is killed, a
//! claimed position without a record is a job that was started and not finished, and a lane has one such at most.
//!
//! Who runs the jobs, and what becomes of a panic, is for [`crate::runner`].

use protocol::{
    Fault, Incoming, Payload,
    board::Board,
    payload::{
        area::{KEPT_BYTES, Part},
        mapped::MappedPayload,
    },
};

use crate::{batch::Reader, bell::Bell, failure::Failure, marks, publisher::Publisher};

/// When the parent was last woken this long ago, it is woken for what has been published before the next job starts.
const UNTOLD_NS: u64 = 1_000_000;

/// A lane's jobs until it needs new work.
#[derive(Debug)]
pub(crate) struct Course<'a, 'p> {
    lane: usize,
    board: &'a Board,
    bell: &'a Bell<'a>,
    publisher: &'a mut Publisher<'p>,
    jobs: Jobs<'a>,
    running: Option<u64>,
    /// Where the running job lies, when it is a large one.
    delivery: Option<MappedPayload>,
    done: u64,
    /// When the parent was last told, on the board's clock.
    told_ns: Option<u64>,
    /// Where the encoded output of a job goes. Reused from job to job.
    output: Payload,
}

/// Where the jobs come from.
#[derive(Debug)]
pub(crate) enum Jobs<'a> {
    /// To be claimed one by one.
    Frame(Reader<'a>),
    /// One, claimed already.
    Delivered(Option<(u64, MappedPayload)>),
}

impl<'a, 'p> Course<'a, 'p> {
    pub(crate) fn new(
        lane: usize,
        board: &'a Board,
        bell: &'a Bell<'a>,
        publisher: &'a mut Publisher<'p>,
        jobs: Jobs<'a>,
        output: Payload,
    ) -> Self {
        Self {
            lane,
            board,
            bell,
            publisher,
            jobs,
            running: None,
            delivery: None,
            done: 0,
            told_ns: None,
            output,
        }
    }

    /// Starts the next job: from here on it counts as started. `None` when there is none left.
    #[inline]
    pub(crate) fn next(&mut self) -> Result<Option<(u64, Incoming<'a>)>, Failure> {
        let next = match &mut self.jobs {
            Jobs::Frame(reader) => {
                let (board, epoch, end) = (self.board, reader.epoch(), reader.end());
                let next = reader.next(|| board.claim(epoch, end))?;
                next.map(|(position, job)| (position, Incoming::Framed(job)))
            }
            Jobs::Delivered(job) => job.take().map(|(position, delivery)| {
                let job = delivery.job();
                self.delivery = Some(delivery);
                (position, job)
            }),
        };
        if let Some((position, _)) = &next {
            self.running = Some(*position);
            let now_ns = self.board.show_start(self.lane, *position);
            self.tell_if_late(now_ns);
        }
        Ok(next)
    }

    /// The job that was started and is not finished.
    pub(crate) fn running(&self) -> Option<u64> {
        self.running
    }

    /// Where the output of the running job is to be written; empty.
    #[inline]
    pub(crate) fn output(&mut self) -> &mut Payload {
        self.output.clear();
        &mut self.output
    }

    /// Publishes what became of the running job: what was written to the output, or why there is none.
    #[inline]
    pub(crate) fn finish(&mut self, ran: Result<(), Fault>) {
        let Some(position) = self.running.take() else {
            return;
        };
        marks::end(position);
        match ran {
            _ if self.delivery.is_some() || !self.output.attached.is_empty() => {
                self.publish_large(position, ran);
            }
            Ok(()) => self.publisher.output(position, &self.output.encoding),
            Err(fault) => self.publisher.fault(position, fault),
        }
        if self.output.encoding.capacity() > KEPT_BYTES {
            self.output = Payload::default();
        }
        self.done += 1;
    }

    /// Publishes what became of a large job, or an output with something attached.
    #[cold]
    fn publish_large(&mut self, position: u64, ran: Result<(), Fault>) {
        let attached = self.give_back();
        let encoding = &self.output.encoding;
        match ran {
            Ok(()) if attached.is_empty() => self.publisher.output(position, encoding),
            Ok(()) => self.publisher.output_with(position, encoding, &attached),
            Err(fault) => self.publisher.fault(position, fault),
        }
    }

    /// Gives a large job's place back, which comes before the parent hears that the job is done; and says how what is
    /// attached to the output travels.
    fn give_back(&mut self) -> Vec<Part> {
        let attached = self.output.attached.drain(..);
        let Some(delivery) = self.delivery.take() else {
            return attached.map(Part::Bytes).collect();
        };
        let attached = attached.map(|bytes| delivery.part(bytes)).collect();
        delivery.give_back();
        attached
    }

    /// Shows the lane as idle and tells the parent of all that is done: something that is no job takes time now.
    pub(crate) fn pause(&self) {
        self.board.show_idle(self.lane);
        self.bell.ring();
    }

    /// How many jobs are done, and the buffer back.
    pub(crate) fn end(self) -> (u64, Payload) {
        self.board.show_idle(self.lane);
        (self.done, self.output)
    }

    /// Wakes the parent for what has been published, when it was woken too long ago and another job goes first.
    #[inline]
    fn tell_if_late(&mut self, now_ns: u64) {
        let told_ns = *self.told_ns.get_or_insert(now_ns);
        if self.done > 0 && now_ns.saturating_sub(told_ns) >= UNTOLD_NS {
            self.bell.ring();
            self.told_ns = Some(now_ns);
        }
    }
}
