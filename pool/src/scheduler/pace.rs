//! The number of jobs to send to a worker at once, from how long recent jobs took.
//!
//! A frame costs a wake-up or two, some ten microseconds, so tiny jobs go in large frames. But the jobs in a frame
//! are out of reach of the other workers, so slow jobs go one by one, and the last jobs of a backlog are shared
//! evenly. The pace knows only times and numbers.

use std::time::Duration;

/// The most jobs in one frame.
pub(crate) const MAX_FRAME_JOBS: u32 = 4096;
/// The work that a frame should contain for each lane.
const TARGET_NS: u64 = 1_000_000;
/// Less work than this for each lane is not worth sharing.
const SMALLEST_SHARE_NS: u64 = 100_000;
/// A lane with this much work needs no second frame yet.
const ENOUGH_NS: u64 = 4_000_000;
/// The factor by which a frame may exceed the most jobs that were ever done in one go.
const GROWTH: u64 = 4;
/// The weight of the past in the moving average, against 1 for the newest measurement.
const MEMORY: u64 = 3;

/// The measured time of a job and what follows from it.
#[derive(Debug)]
pub(crate) struct Pace {
    lanes: u32,
    job_ns: Option<u64>,
    /// Computed from the other two, and kept because each submission needs it.
    target: u32,
    /// Raised only by measurements, so that one lucky first measurement does not send thousands of slow jobs.
    ceiling: u32,
}

impl Pace {
    pub(crate) fn new(lanes: u32) -> Self {
        Self {
            lanes,
            job_ns: None,
            target: lanes,
            ceiling: lanes,
        }
    }

    /// Adds a measurement: a worker has done some jobs in this time altogether.
    pub(crate) fn measure(&mut self, done: u64, busy: Duration) {
        if done == 0 {
            return;
        }
        let latest = (u64::try_from(busy.as_nanos()).unwrap_or(u64::MAX) / done).max(1);
        self.job_ns = Some(match self.job_ns {
            None => latest,
            Some(past) => (past.saturating_mul(MEMORY).saturating_add(latest) / (MEMORY + 1)).max(1),
        });
        let grown = done.saturating_mul(GROWTH).min(u64::from(MAX_FRAME_JOBS));
        self.ceiling = self.ceiling.max(u32::try_from(grown).unwrap_or(MAX_FRAME_JOBS));
        self.target = self.worth(TARGET_NS).min(self.ceiling).max(self.lanes);
    }

    /// The number of jobs in the next frame, if this many are queued for this many workers.
    pub(crate) fn batch(&self, queued: usize, workers: usize) -> u32 {
        let even = u32::try_from(queued.div_ceil(2 * workers.max(1))).unwrap_or(u32::MAX);
        self.target.min(even.max(self.worthwhile())).max(1)
    }

    /// The fewest jobs in a frame that waits behind another.
    pub(crate) fn follower(&self) -> u32 {
        self.target.min(self.worthwhile())
    }

    /// Fewer jobs than this are not worth sharing among workers.
    fn worthwhile(&self) -> u32 {
        if self.job_ns.is_some() {
            self.worth(SMALLEST_SHARE_NS)
        } else {
            1
        }
    }

    /// Whether a worker with this many jobs in flight may get another frame.
    pub(crate) fn wants_more(&self, in_flight: usize) -> bool {
        let Some(job_ns) = self.job_ns else { return false };
        let in_flight = in_flight as u64;
        let before_each_lane_ns = in_flight.saturating_mul(job_ns) / u64::from(self.lanes);
        in_flight <= u64::from(self.target) && before_each_lane_ns < ENOUGH_NS
    }

    /// The measured time of a job, if any was measured.
    pub(crate) fn job_time(&self) -> Option<Duration> {
        self.job_ns.map(Duration::from_nanos)
    }

    /// The number of jobs that keep all lanes busy for this long, at least one.
    fn worth(&self, lane_ns: u64) -> u32 {
        let job_ns = self.job_ns.unwrap_or(u64::MAX);
        let jobs = lane_ns.saturating_mul(u64::from(self.lanes)) / job_ns;
        u32::try_from(jobs).unwrap_or(u32::MAX).clamp(1, MAX_FRAME_JOBS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A pace that has settled on this time of a job.
    fn settled(lanes: u32, job_ns: u64) -> Pace {
        let mut pace = Pace::new(lanes);
        pace.measure(1_000_000, Duration::from_nanos(job_ns * 1_000_000));
        pace
    }

    #[test]
    fn jobs_of_unknown_length_go_one_to_each_lane() {
        for lanes in [1, 3] {
            let pace = Pace::new(lanes);
            assert_eq!(
                (pace.target, pace.batch(1_000, 1), pace.batch(1, 1)),
                (lanes, lanes, 1)
            );
            assert!(!pace.wants_more(1), "the time of the first one is unknown");
            assert_eq!(pace.job_time(), None);
        }
    }

    #[test]
    fn a_frame_holds_a_millisecond_of_work_for_each_lane() {
        assert_eq!(settled(1, 10_000).target, 100);
        assert_eq!(settled(3, 10_000).target, 300);
        assert_eq!(settled(1, 100).target, MAX_FRAME_JOBS);
        assert_eq!(settled(1, 0).target, MAX_FRAME_JOBS);
    }

    #[test]
    fn slow_jobs_go_one_to_each_lane() {
        for job_ns in [600_000, 1_000_000, 7_000_000_000] {
            assert_eq!(settled(1, job_ns).batch(1_000, 1), 1);
            assert!((2..=3).contains(&settled(2, job_ns).batch(1_000, 1)));
        }
    }

    #[test]
    fn frames_grow_fourfold_at_most() {
        let mut pace = Pace::new(1);
        let mut targets = Vec::new();
        for _ in 0..7 {
            let frame = pace.target;
            targets.push(frame);
            pace.measure(u64::from(frame), Duration::from_nanos(100) * frame);
        }
        assert_eq!(targets, [1, 4, 16, 64, 256, 1_024, 4_096]);
    }

    #[test]
    fn the_last_jobs_are_shared_out() {
        let pace = settled(1, 10_000);
        assert_eq!(pace.batch(10_000, 4), 100, "plenty");
        assert_eq!(pace.batch(400, 4), 50, "an eighth for each of four workers");
        assert_eq!(pace.batch(401, 4), 51, "rounded up");
        assert_eq!(pace.batch(8, 4), 10, "less than 100 us is not worth sharing");
        assert_eq!(settled(1, 500_000).batch(3, 4), 1);
        assert_eq!(settled(1, 250_000).batch(16, 4), 2);
    }

    #[test]
    fn a_frame_that_lies_behind_another_holds_a_tenth_of_a_millisecond() {
        assert_eq!(settled(1, 10_000).follower(), 10);
        assert_eq!(settled(3, 10_000).follower(), 30);
        assert_eq!(settled(1, 300_000).follower(), 1);
        let mut pace = Pace::new(1);
        pace.measure(2, Duration::from_nanos(200));
        assert_eq!(pace.follower(), 8, "no more than the evidence allows");
    }

    #[test]
    fn only_fast_jobs_lie_before_others() {
        assert!(settled(1, 3_999_999).wants_more(1));
        assert!(!settled(1, 4_000_000).wants_more(1));
        assert!(settled(2, 3_999_999).wants_more(2));
        assert!(!settled(1, 1_000_000).wants_more(2), "one more, not two");
        assert!(settled(1, 10_000).wants_more(100));
        assert!(!settled(1, 10_000).wants_more(101));
    }

    #[test]
    fn the_average_follows_the_jobs() {
        let mut pace = settled(1, 1_000);
        pace.measure(10, Duration::from_micros(90));
        assert_eq!(pace.job_time(), Some(Duration::from_micros(3)));
        pace.measure(0, Duration::from_secs(9));
        assert_eq!(
            pace.job_time(),
            Some(Duration::from_micros(3)),
            "nothing done says nothing"
        );
    }

    #[test]
    fn impossible_figures_do_no_harm() {
        let mut pace = Pace::new(2);
        for (done, busy) in [
            (u64::MAX, Duration::ZERO),
            (1, Duration::MAX),
            (u64::MAX, Duration::MAX),
        ] {
            pace.measure(done, busy);
            assert!((1..=MAX_FRAME_JOBS).contains(&pace.batch(usize::MAX, 1)));
            assert!(!pace.wants_more(usize::MAX));
        }
    }
}
