//! When jobs arrive, and when they stop.

use std::{
    thread,
    time::{Duration, Instant},
};

/// The jobs' numbers with the instants from which their latencies count, as they arrive.
#[derive(Debug, Clone)]
pub(crate) struct Arrivals {
    next: u64,
    jobs: u64,
    begun: Instant,
    end: Option<Instant>,
    per_second: Option<f64>,
}

impl Arrivals {
    /// Arrivals from now on: at most `jobs`, for at most `duration`, at the rate `per_second` or else on demand.
    pub(crate) fn new(jobs: Option<u64>, duration: Option<Duration>, per_second: Option<f64>) -> Self {
        let begun = Instant::now();
        Self {
            next: 0,
            jobs: jobs.unwrap_or(u64::MAX),
            begun,
            end: duration.and_then(|duration| begun.checked_add(duration)),
            per_second,
        }
    }

    /// When the job with this number is due, if there is a rate; independent of when other jobs return.
    pub(crate) fn due(&self, number: u64) -> Option<Instant> {
        let seconds = number as f64 / self.per_second?;
        Some(self.begun + Duration::from_secs_f64(seconds))
    }
}

impl Iterator for Arrivals {
    type Item = (u64, Instant);

    /// Waits until the next job is due.
    fn next(&mut self) -> Option<(u64, Instant)> {
        let now = Instant::now();
        let start = self.due(self.next).unwrap_or(now);
        if self.next == self.jobs || self.end.is_some_and(|end| start >= end) {
            return None;
        }
        if start > now {
            thread::sleep(start - now);
        }
        self.next += 1;
        Some((self.next - 1, start))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_that_is_asked_for_late_is_due_when_it_was_due() {
        let mut arrivals = Arrivals::new(Some(3), None, Some(1e3));
        // As if the pool had accepted no job for an hour.
        arrivals.begun -= Duration::from_hours(1);
        let begun = arrivals.begun;
        let due: Vec<_> = arrivals.collect();
        let expected = |number| begun + Duration::from_millis(number);
        assert_eq!(due, [0, 1, 2].map(|number| (number, expected(number))));
    }

    #[test]
    fn arrivals_end_with_the_time_or_with_the_jobs() {
        let hour = Some(Duration::from_hours(1));
        assert_eq!(Arrivals::new(Some(5), hour, None).count(), 5);
        assert_eq!(
            Arrivals::new(None, Some(Duration::from_millis(10)), Some(1e3)).count(),
            10
        );
        assert_eq!(Arrivals::new(None, Some(Duration::ZERO), None).count(), 0);
    }
}
