//! The progress bar: how many jobs have ended, how fast, and, if the size of the input is known, the time left.
//!
//! Jobs count when they end in the pool, which may be long before their results are printed in order. How much of the
//! input that is follows from the average size of the jobs read so far.

use std::{
    fmt, io,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use indicatif::{HumanCount, HumanDuration, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

use crate::running_pool::RunningPool;

const KNOWN: &str = "{wide_bar} {percent}% {jobs} jobs, {rate}/s, {left} left";
const UNKNOWN: &str = "{spinner} {jobs} jobs, {rate}/s, {time}, ? left";

/// How often the bar is redrawn.
const TICK: Duration = Duration::from_millis(200);

/// The progress bar. Its position is in bytes of input, since their total may be known in advance; its text counts jobs.
#[derive(Debug, Clone)]
pub(crate) struct Progress {
    bar: ProgressBar,
    counts: Arc<Counts>,
}

/// What the bar shows.
#[derive(Debug)]
struct Counts {
    begun: Instant,
    stopped_ms: AtomicU64,
    read_jobs: AtomicU64,
    read_bytes: AtomicU64,
    ended_jobs: AtomicU64,
    /// Whether the final figures are shown. Locked while the bar is drawn.
    is_final: Mutex<bool>,
}

impl Counts {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            begun: Instant::now(),
            stopped_ms: AtomicU64::new(0),
            read_jobs: AtomicU64::new(0),
            read_bytes: AtomicU64::new(0),
            ended_jobs: AtomicU64::new(0),
            is_final: Mutex::new(false),
        })
    }

    /// The time since the start, without the time in which the command was stopped.
    fn time(&self) -> Duration {
        let stopped = Duration::from_millis(self.stopped_ms.load(Ordering::Relaxed));
        self.begun.elapsed().saturating_sub(stopped)
    }

    /// How many jobs have ended.
    fn ended(&self) -> u64 {
        self.ended_jobs.load(Ordering::Relaxed)
    }

    /// The bytes of input of the jobs that have ended, by the average job.
    fn ended_bytes(&self) -> u64 {
        let [jobs, bytes] = [&self.read_jobs, &self.read_bytes].map(|count| count.load(Ordering::Relaxed));
        share(bytes, self.ended().min(jobs), jobs)
    }
}

/// This part of a number, in whole units; 0 of an empty whole.
fn share(number: u64, part: u64, whole: u64) -> u64 {
    let share = u128::from(number) * u128::from(part) / u128::from(whole.max(1));
    u64::try_from(share).unwrap_or(u64::MAX)
}

impl Progress {
    /// A bar that shows nothing.
    pub(crate) fn hidden() -> Self {
        Self {
            bar: ProgressBar::hidden(),
            counts: Counts::new(),
        }
    }

    /// A bar on standard error, if it is a terminal, for this many bytes of input.
    pub(crate) fn visible(total_bytes: Option<u64>) -> Self {
        let bar = ProgressBar::with_draw_target(total_bytes, ProgressDrawTarget::stderr());
        let counts = Counts::new();
        let template = if total_bytes.is_some() { KNOWN } else { UNKNOWN };
        bar.set_style(style(template, &counts));
        Self { bar, counts }
    }

    /// Starts to redraw the bar, in a thread, with what the pool counts.
    pub(crate) fn start(&self, pool: Arc<RunningPool>) -> io::Result<()> {
        if self.bar.is_hidden() {
            return Ok(());
        }
        let progress = self.clone();
        let draw = move || {
            for _ in crossbeam_channel::tick(TICK) {
                if let Some(stats) = pool.get().map(|pool| pool.stats()) {
                    let failed = stats.worker_died + stats.deadline_exceeded + stats.quarantined;
                    progress.count(stats.finished + failed);
                }
                if !progress.draw() {
                    return;
                }
            }
        };
        thread::Builder::new().name("bar".into()).spawn(draw).map(drop)
    }

    /// Draws the bar; returns whether it is still to be drawn.
    fn draw(&self) -> bool {
        let is_final = self
            .counts
            .is_final
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if !*is_final {
            let position = self.counts.ended_bytes();
            // The average job may shrink, but the bar does not.
            if position > self.bar.position() {
                self.bar.set_position(position);
            }
            self.bar.tick();
        }
        !*is_final
    }

    /// The bar, for code that writes to the same terminal.
    pub(crate) fn bar(&self) -> &ProgressBar {
        &self.bar
    }

    /// Notes that jobs were read, with this many bytes of input.
    pub(crate) fn read(&self, jobs: u64, bytes: u64) {
        self.counts.read_bytes.fetch_add(bytes, Ordering::Relaxed);
        self.counts.read_jobs.fetch_add(jobs, Ordering::Relaxed);
    }

    /// Notes how many jobs have ended, as far as the caller knows.
    pub(crate) fn count(&self, jobs: u64) {
        self.counts.ended_jobs.fetch_max(jobs, Ordering::Relaxed);
    }

    /// Stops the command with `stop`, and makes room on the terminal meanwhile. The time does not count.
    pub(crate) fn stop(&self, stop: impl FnOnce()) {
        self.bar.suspend(|| {
            let begun = Instant::now();
            stop();
            let stopped = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
            self.counts.stopped_ms.fetch_add(stopped, Ordering::Relaxed);
        });
    }

    /// Ends the bar and leaves the final figures on the screen.
    pub(crate) fn end(&self, jobs: u64, failed: u64) {
        let mut is_final = self
            .counts
            .is_final
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        *is_final = true;
        let style = ProgressStyle::with_template("{msg}").expect("the template is valid");
        self.bar.set_style(style);
        self.bar
            .abandon_with_message(figures(jobs, failed, self.counts.time()));
    }
}

/// The line that is left at the end.
fn figures(jobs: u64, failed: u64, time: Duration) -> String {
    let rate = per_second(jobs, time);
    format!(
        "{} jobs in {}, {}/s, {} failed",
        HumanCount(jobs),
        total(time),
        HumanCount(rate),
        HumanCount(failed)
    )
}

/// A total time: in tenths of a second if it is short, or else in whole seconds.
fn total(time: Duration) -> String {
    if time < Duration::from_mins(1) {
        format!("{:.1}s", time.as_secs_f64())
    } else {
        humantime::format_duration(Duration::from_secs(time.as_secs())).to_string()
    }
}

/// The time left after `time` for `done` of `all`, if anything can be known about it.
fn time_left(time: Duration, done: u64, all: u64) -> Option<Duration> {
    let nanos = u128::from(all.saturating_sub(done)).checked_mul(time.as_nanos())? / u128::from(done).max(1);
    let left = Duration::from_nanos(u64::try_from(nanos).ok()?);
    (done > 0).then_some(left)
}

fn style(template: &str, counts: &Arc<Counts>) -> ProgressStyle {
    let [of_jobs, of_rate, of_time, of_left] = [(); 4].map(|()| Arc::clone(counts));
    ProgressStyle::with_template(template)
        .expect("the templates are valid")
        .with_key("jobs", move |_: &ProgressState, out: &mut dyn fmt::Write| {
            show(out, HumanCount(of_jobs.ended()));
        })
        .with_key("rate", move |_: &ProgressState, out: &mut dyn fmt::Write| {
            show(out, HumanCount(per_second(of_rate.ended(), of_rate.time())));
        })
        .with_key("time", move |_: &ProgressState, out: &mut dyn fmt::Write| {
            show(out, format_args!("{:#}", HumanDuration(of_time.time())));
        })
        .with_key(
            "left",
            move |state: &ProgressState, out: &mut dyn fmt::Write| match time_left(
                of_left.time(),
                state.pos(),
                state.len().unwrap_or(0),
            ) {
                Some(left) => show(out, format_args!("{:#}", HumanDuration(left))),
                None => show(out, "?"),
            },
        )
}

#[expect(
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "a displayed rate need not be exact, and is not negative"
)]
fn per_second(jobs: u64, time: Duration) -> u64 {
    (jobs as f64 / time.as_secs_f64().max(f64::MIN_POSITIVE)) as u64
}

/// Writes a part of the bar; a failure to draw is ignored.
fn show(out: &mut dyn fmt::Write, part: impl fmt::Display) {
    let _infallible = write!(out, "{part}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_are_valid() {
        for total in [None, Some(10)] {
            let progress = Progress::visible(total);
            progress.read(2, 4);
            progress.count(1);
            assert!(progress.draw());
            assert_eq!(progress.bar().position(), 2);
            progress.end(2, 1);
            assert!(!progress.draw());
        }
    }

    #[test]
    fn the_position_follows_the_jobs_that_have_ended() {
        let counts = Counts::new();
        assert_eq!(counts.ended_bytes(), 0);
        counts.read_jobs.store(4, Ordering::Relaxed);
        counts.read_bytes.store(100, Ordering::Relaxed);
        for (ended, bytes) in [(1, 25), (4, 100), (9, 100)] {
            counts.ended_jobs.store(ended, Ordering::Relaxed);
            assert_eq!(counts.ended_bytes(), bytes);
        }
    }

    #[test]
    fn the_time_left_is_unknown_before_anything_has_ended() {
        let second = Duration::from_secs(1);
        assert_eq!(time_left(second, 0, 9), None);
        assert_eq!(time_left(second, 3, 9), Some(2 * second));
        assert_eq!(time_left(second, 9, 9), Some(Duration::ZERO));
        assert_eq!(time_left(Duration::MAX, 1, u64::MAX), None);
    }

    #[test]
    fn the_last_line_has_the_totals() {
        assert_eq!(
            figures(10, 3, Duration::from_millis(2040)),
            "10 jobs in 2.0s, 4/s, 3 failed"
        );
        assert_eq!(
            figures(1200, 0, Duration::from_secs(61)),
            "1,200 jobs in 1m 1s, 19/s, 0 failed"
        );
    }
}
