//! Forwards the logs of workers to this process's `tracing` subscriber.
//!
//! `tracing` needs targets and levels that are known at compile time. Each level has one call site here, under the
//! target `pool::worker`; the worker's own target is a field.

use protocol::message::log::Record;
use tracing::level_filters::LevelFilter;

/// The most verbose level that this process's subscriber may want of workers, counted as [`Record::level`].
pub(crate) fn wanted_level() -> u8 {
    match LevelFilter::current() {
        LevelFilter::OFF => 0,
        LevelFilter::ERROR => 1,
        LevelFilter::WARN => 2,
        LevelFilter::INFO => 3,
        LevelFilter::DEBUG => 4,
        LevelFilter::TRACE => 5,
    }
}

/// Some events of one worker, each with the number of the job that was running there.
pub(crate) struct Log(Vec<(Record, Option<u64>)>);

impl Log {
    /// `job_at` returns the job at a position.
    pub(crate) fn new(records: Vec<Record>, job_at: impl Fn(u64) -> Option<u64>) -> Self {
        let with_job = |record: Record| {
            let job = record.position.and_then(&job_at);
            (record, job)
        };
        Self(records.into_iter().map(with_job).collect())
    }

    /// Emits the events. This runs the subscriber, which is the caller's code, so no lock may be held.
    pub(crate) fn emit(&self, worker: u32, pid: u32) {
        for (record, job) in &self.0 {
            emit(record, worker, pid, *job);
        }
    }
}

/// Emits an event of a worker. `job` is the number of the job that was running there.
///
/// This runs the subscriber, which is the caller's code, so no lock may be held.
pub(crate) fn emit(record: &Record, worker: u32, pid: u32, job: Option<u64>) {
    macro_rules! emit {
        ($level:expr) => {
            tracing::event!(
                target: "pool::worker",
                $level,
                worker,
                pid,
                job,
                origin = record.target,
                file = record.file.as_deref(),
                line = record.line,
                lost = (record.lost > 0).then_some(record.lost),
                "{}",
                text(record)
            )
        };
    }
    match record.level {
        1 => emit!(tracing::Level::ERROR),
        2 => emit!(tracing::Level::WARN),
        3 => emit!(tracing::Level::INFO),
        4 => emit!(tracing::Level::DEBUG),
        _ => emit!(tracing::Level::TRACE),
    }
}

/// The spans, the message and the fields, as text.
fn text(record: &Record) -> String {
    let mut text = String::new();
    for span in &record.spans {
        text.push_str(span);
        text.push_str(": ");
    }
    text.push_str(&record.message);
    for (name, value) in &record.fields {
        text.push(' ');
        text.push_str(name);
        text.push('=');
        text.push_str(value);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_emitted_with_its_spans_and_fields() {
        let record = Record {
            message: "cannot open".into(),
            fields: vec![("path".into(), "/x".into()), ("errno".into(), "2".into())],
            spans: vec!["outer".into(), "inner".into()],
            ..Record::default()
        };
        assert_eq!(text(&record), "outer: inner: cannot open path=/x errno=2");
    }
}
