//! The shared area for a worker's large jobs, as its parent holds it.
//!
//! The sender puts a job in. The thread that takes the job's result copies from here whatever parts of the job come
//! back in it. The scheduler sends a large job only to a worker that has no other, so the area holds one job until
//! its result is taken.

use std::{
    ops::Range,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use protocol::{
    MemoryError, Payload,
    payload::{
        area::{Part, PayloadArea},
        layout::Contents,
    },
};

/// No position: the area is empty.
const EMPTY: u64 = u64::MAX;

/// The inbound area of one worker.
pub(crate) struct Inbound {
    area: Mutex<PayloadArea>,
    /// The position of the job in the area.
    position: AtomicU64,
}

impl Inbound {
    pub(crate) fn new(area: PayloadArea) -> Self {
        Self {
            area: Mutex::new(area),
            position: AtomicU64::new(EMPTY),
        }
    }

    /// Puts the job at `position` in.
    pub(crate) fn put(&self, position: u64, job: &Payload) -> Result<Contents, MemoryError> {
        let attached: Vec<Part> = job.attached.iter().cloned().map(Part::Bytes).collect();
        let mut area = self.lock();
        self.position.store(position, Ordering::Relaxed);
        area.put(&job.encoding, &attached)
    }

    /// Copies bytes out of the job at `position`. The position and the range come from the worker and are checked.
    pub(crate) fn copy(&self, position: u64, range: Range<u64>) -> Result<Vec<u8>, MemoryError> {
        let area = self.lock();
        if self.position() != Some(position) {
            return Err(MemoryError::corrupt(format_args!(
                "the result at position {position} has parts of another job"
            )));
        }
        area.copy_own(range.start as usize..range.end as usize)
    }

    /// The position of the job in the area.
    pub(crate) fn position(&self) -> Option<u64> {
        Some(self.position.load(Ordering::Relaxed)).filter(|position| *position != EMPTY)
    }

    /// Marks the area empty once its job has a result, and gives back the memory that a large payload needed.
    pub(crate) fn empty(&self) {
        let mut area = self.lock();
        self.position.store(EMPTY, Ordering::Relaxed);
        area.trim();
    }

    fn lock(&self) -> MutexGuard<'_, PayloadArea> {
        self.area.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_job_that_lies_there_is_copied_from() {
        let inbound = Inbound::new(PayloadArea::create("test").unwrap());
        assert!(inbound.copy(0, 0..0).is_err(), "nothing is there");
        let job = Payload {
            encoding: b"job".to_vec(),
            attached: vec![vec![7; 100_000].into()],
        };
        inbound.put(5, &job).unwrap();
        assert_eq!(inbound.copy(5, 0..3).unwrap(), b"job");
        assert_eq!(inbound.copy(5, 64..100_064).unwrap(), job.attached[0]);
        for (position, range) in [
            (4, 0..3),
            (5, 0..1 << 40),
            (5, u64::MAX - 1..u64::MAX),
            (EMPTY, 0..3),
        ] {
            assert!(
                inbound.copy(position, range.clone()).is_err(),
                "{position} {range:?}"
            );
        }
        inbound.empty();
        assert!(inbound.copy(5, 0..3).is_err());
    }
}
