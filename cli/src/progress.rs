//! The progress bar: how many jobs are done, how fast, and, if the size of the input is known, the time left.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use indicatif::{HumanCount, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

const KNOWN: &str = "{wide_bar} {percent}% {jobs} jobs, {rate}/s, {eta} left";
const UNKNOWN: &str = "{spinner} {jobs} jobs, {rate}/s, {elapsed}";

/// How often the bar is redrawn while nothing happens.
const TICK: Duration = Duration::from_millis(200);

/// The progress bar. Its position is in bytes of input, since their total may be known in advance; its text counts jobs.
#[derive(Debug)]
pub(crate) struct Progress {
    bar: ProgressBar,
    jobs: Arc<AtomicU64>,
}

impl Progress {
    /// A bar that shows nothing.
    pub(crate) fn hidden() -> Self {
        Self {
            bar: ProgressBar::hidden(),
            jobs: Arc::default(),
        }
    }

    /// A bar on standard error, if it is a terminal, for this many bytes of input.
    pub(crate) fn visible(total_bytes: Option<u64>) -> Self {
        let bar = ProgressBar::with_draw_target(total_bytes, ProgressDrawTarget::stderr());
        let jobs = Arc::<AtomicU64>::default();
        let template = if total_bytes.is_some() { KNOWN } else { UNKNOWN };
        bar.set_style(style(template, &jobs));
        if !bar.is_hidden() {
            bar.enable_steady_tick(TICK);
        }
        Self { bar, jobs }
    }

    /// The bar, for code that writes to the same terminal.
    pub(crate) fn bar(&self) -> &ProgressBar {
        &self.bar
    }

    /// Shows how many jobs and bytes of input are done.
    pub(crate) fn show(&self, jobs: u64, bytes: u64) {
        self.jobs.store(jobs, Ordering::Relaxed);
        self.bar.set_position(bytes);
    }

    /// Ends the bar and leaves the final figures on the screen.
    pub(crate) fn end(&self, is_complete: bool) {
        match (is_complete, self.bar.length()) {
            (true, Some(_)) => self.bar.finish(),
            _ => self.bar.abandon(),
        }
    }
}

fn style(template: &str, jobs: &Arc<AtomicU64>) -> ProgressStyle {
    let (count, rate) = (Arc::clone(jobs), Arc::clone(jobs));
    ProgressStyle::with_template(template)
        .expect("the templates are valid")
        .with_key("jobs", move |_: &ProgressState, out: &mut dyn fmt::Write| {
            write_count(out, count.load(Ordering::Relaxed));
        })
        .with_key("rate", move |state: &ProgressState, out: &mut dyn fmt::Write| {
            let seconds = state.elapsed().as_secs_f64().max(f64::MIN_POSITIVE);
            write_count(out, per_second(rate.load(Ordering::Relaxed), seconds));
        })
}

#[expect(
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "a displayed rate need not be exact, and is not negative"
)]
fn per_second(jobs: u64, seconds: f64) -> u64 {
    (jobs as f64 / seconds) as u64
}

/// Writes a count; a failure to draw is ignored.
fn write_count(out: &mut dyn fmt::Write, count: u64) {
    let _infallible = write!(out, "{}", HumanCount(count));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_are_valid() {
        for total in [None, Some(10)] {
            let progress = Progress::visible(total);
            progress.show(1, 2);
            progress.end(true);
        }
        assert_eq!(per_second(10, 2.0), 5);
    }
}
