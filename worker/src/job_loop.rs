//! The loop of a lane over the jobs of one frame: claim a job, show it on the board, publish its outcome.
//!
//! The parent's accounting relies on the order of these steps. A lane claims a job before it touches anything of it, and
//! publishes its record before it claims the next. So at every instant, even if the process is killed, a claimed position
//! without a record is a job that was started and not finished, and each lane has at most one.
//!
//! [`crate::runner`] runs the jobs and handles their panics.

use protocol::{
    Fault, Incoming, Payload,
    board::Board,
    memory::Origin,
    payload::{
        area::{KEPT_BYTES, Part},
        mapped::MappedPayload,
    },
};

use crate::{
    batch::BatchReader, delimiters, error::WorkerError, publisher::Publisher, wake_sender::SharedWakeSender,
};

/// If the last wake-up is at least this old, the lane wakes the parent for published results before it starts a job.
const WAKE_INTERVAL_NS: u64 = 1_000_000;

/// The state of the loop, until the lane needs new work.
#[derive(Debug)]
pub(crate) struct JobLoop<'a, 'p> {
    lane: usize,
    board: &'a Board,
    wake_sender: &'a SharedWakeSender<'a>,
    publisher: &'a mut Publisher<'p>,
    jobs: JobSource<'a>,
    running: Option<u64>,
    /// The memory of the running job, if it is a large one.
    delivery: Option<MappedPayload>,
    done: u64,
    /// The time of the last wake-up, on the board's clock.
    last_wake_ns: Option<u64>,
    /// The buffer for the encoded output of a job. Reused from job to job.
    output: Payload,
    /// The process whose results may be published.
    origin: Origin,
}

/// Where the jobs come from.
#[derive(Debug)]
pub(crate) enum JobSource<'a> {
    /// The jobs of a frame, claimed one by one.
    Frame(BatchReader<'a>),
    /// A large job, claimed already.
    Delivered(Option<(u64, MappedPayload)>),
}

impl<'a, 'p> JobLoop<'a, 'p> {
    pub(crate) fn new(
        lane: usize,
        board: &'a Board,
        wake_sender: &'a SharedWakeSender<'a>,
        publisher: &'a mut Publisher<'p>,
        jobs: JobSource<'a>,
        output: Payload,
    ) -> Self {
        Self {
            lane,
            board,
            wake_sender,
            publisher,
            jobs,
            running: None,
            delivery: None,
            done: 0,
            last_wake_ns: None,
            output,
            origin: Origin::here(),
        }
    }

    /// Starts the next job, which counts as started from here on. `None` if there is none left.
    #[inline]
    pub(crate) fn next(&mut self) -> Result<Option<(u64, Incoming<'a>)>, WorkerError> {
        let next = match &mut self.jobs {
            JobSource::Frame(reader) => {
                let (board, epoch, end) = (self.board, reader.epoch(), reader.end());
                let next = reader.next(|| board.claim(epoch, end))?;
                next.map(|(position, job)| (position, Incoming::Framed(job)))
            }
            JobSource::Delivered(job) => job.take().map(|(position, delivery)| {
                let job = delivery.job();
                self.delivery = Some(delivery);
                (position, job)
            }),
        };
        if let Some((position, _)) = &next {
            self.running = Some(*position);
            let now_ns = self.board.show_start(self.lane, *position);
            self.wake_if_due(now_ns);
        }
        Ok(next)
    }

    /// The position of the job that is started and not finished.
    pub(crate) fn running(&self) -> Option<u64> {
        self.running
    }

    /// The empty buffer for the output of the running job.
    #[inline]
    pub(crate) fn output(&mut self) -> &mut Payload {
        self.output.clear();
        &mut self.output
    }

    /// Publishes the outcome of the running job: what the runner wrote to the output buffer, or a fault.
    ///
    /// A copy of the process that the job has forked ends here: the job has one outcome, that of the original.
    #[inline]
    pub(crate) fn finish(&mut self, ran: Result<(), Fault>) {
        self.origin.end_copy();
        let Some(position) = self.running.take() else {
            return;
        };
        delimiters::end_job(position);
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

    /// Publishes the outcome of a large job, or an output with attachments.
    #[cold]
    fn publish_large(&mut self, position: u64, ran: Result<(), Fault>) {
        let attached = self.free_delivery();
        let encoding = &self.output.encoding;
        match ran {
            Ok(()) if attached.is_empty() => self.publisher.output(position, encoding),
            Ok(()) => self.publisher.output_with(position, encoding, &attached),
            Err(fault) => self.publisher.fault(position, fault),
        }
    }

    /// Frees a large job's memory, which must happen before the parent learns that the job is done. Returns how the
    /// attachments of the output travel.
    fn free_delivery(&mut self) -> Vec<Part> {
        let attached = self.output.attached.drain(..);
        let Some(delivery) = self.delivery.take() else {
            return attached.map(Part::Bytes).collect();
        };
        let attached = attached.map(|bytes| delivery.part(bytes)).collect();
        delivery.give_back();
        attached
    }

    /// Shows the lane as idle and wakes the parent for all published results, before work that is no job.
    pub(crate) fn pause(&self) {
        self.board.show_idle(self.lane);
        self.wake_sender.wake();
    }

    /// Ends the loop. Returns the number of finished jobs, and the output buffer.
    pub(crate) fn end(self) -> (u64, Payload) {
        self.board.show_idle(self.lane);
        (self.done, self.output)
    }

    /// Wakes the parent for published results if the last wake-up is too old: the job that starts now may take long.
    #[inline]
    fn wake_if_due(&mut self, now_ns: u64) {
        let last_wake_ns = *self.last_wake_ns.get_or_insert(now_ns);
        if self.done > 0 && now_ns.saturating_sub(last_wake_ns) >= WAKE_INTERVAL_NS {
            self.wake_sender.wake();
            self.last_wake_ns = Some(now_ns);
        }
    }
}
