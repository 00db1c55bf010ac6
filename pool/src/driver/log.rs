//! The logs of workers, told to this process's `tracing` subscriber.
//!
//! `tracing` wants targets and levels that are known at compile time: each level has its one call site here, under the
//! target `pool::worker`, and the worker's own target is a field.

use protocol::message::log::Record;
use tracing::level_filters::LevelFilter;

/// What this process's subscriber may want of workers, as [`Record::level`] counts.
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
    /// `job_at` tells which job has a position.
    pub(crate) fn new(records: Vec<Record>, job_at: impl Fn(u64) -> Option<u64>) -> Self {
        let with_job = |record: Record| {
            let job = record.position.and_then(&job_at);
            (record, job)
        };
        Self(records.into_iter().map(with_job).collect())
    }

    /// Tells them. It runs the subscriber, which is the caller's code: nothing may be locked.
    pub(crate) fn tell(&self, worker: u32, pid: u32) {
        for (record, job) in &self.0 {
            tell(record, worker, pid, *job);
        }
    }
}

/// Tells of an event of a worker; `job` is the number of the job that was running there.
///
/// It runs the subscriber, which is the caller's code: nothing may be locked.
pub(crate) fn tell(record: &Record, worker: u32, pid: u32, job: Option<u64>) {
    macro_rules! tell {
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
        1 => tell!(tracing::Level::ERROR),
        2 => tell!(tracing::Level::WARN),
        3 => tell!(tracing::Level::INFO),
        4 => tell!(tracing::Level::DEBUG),
        _ => tell!(tracing::Level::TRACE),
    }
}

/// The spans, the message and the fields, as a person would write them.
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
    fn an_event_is_told_with_its_spans_and_fields() {
        let record = Record {
            message: "cannot open".into(),
            fields: vec![("path".into(), "/x".into()), ("errno".into(), "2".into())],
            spans: vec!["outer".into(), "inner".into()],
            ..Record::default()
        };
        assert_eq!(text(&record), "outer: inner: cannot open path=/x errno=2");
    }
}
