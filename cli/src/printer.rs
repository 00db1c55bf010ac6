//! The printer: takes results from the pool and writes them.
//!
//! Results collect in a buffer while more are ready, and are written as soon as none is: large writes under load, and no
//! delay otherwise.

use std::{
    io::{self, Write},
    sync::Arc,
};

use pool::{
    JobError,
    policy::Halted,
    stream::{Block, StreamOutput},
};
use protocol::{Eval, job::eval::decode_evaluated};

use crate::{
    chunk::Extent, diagnostics::Painter, failure, failure::Failure, json, notices::Notices,
    pending::PendingChunks, pool_input::PoolInput, progress::Progress, text,
};

/// The buffer is written once it holds this many bytes.
const BUFFER_BYTES: usize = 64 * 1024;

/// How many failures are shown on standard error.
const SHOWN_FAILURES: u64 = 10;

/// How results are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    /// As text, with failures shown on standard error too.
    Text,
    /// As JSON.
    Json,
}

/// The totals of a run.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Totals {
    pub(crate) jobs: u64,
    pub(crate) failed: u64,
    /// Jobs that did not run or finish because the pool halted; they do not count as failures.
    pub(crate) not_run: u64,
    /// Jobs that did not run because of a Ctrl-C; they count neither as jobs nor as failures.
    pub(crate) interrupted: u64,
    /// Why the pool halted, if it did.
    pub(crate) halted: Option<Halted>,
    /// Why the pool ended before its jobs, if it did.
    pub(crate) end_of_pool: Option<String>,
}

/// Writes results to `sink`.
#[derive(Debug)]
pub(crate) struct Printer<W> {
    pub(crate) sink: W,
    pub(crate) style: Style,
    pub(crate) input: Arc<PoolInput>,
    pub(crate) pending: PendingChunks,
    pub(crate) painter: Painter,
    pub(crate) notices: Notices,
    pub(crate) progress: Progress,
    /// Whether results and the progress bar are on the same terminal, so that the bar has to make way.
    pub(crate) shares_terminal: bool,
    /// Whether results and messages are on the same terminal, so that a failure that is shown needs no line.
    pub(crate) reports_once: bool,
    /// Whether line N is the result of expression N, so that a job that was not run needs a line if one after it has run.
    pub(crate) counts_lines: bool,
    /// How many lines are due for jobs that were not run, if a result follows.
    pub(crate) gap: u64,
    pub(crate) max_record_bytes: usize,
    pub(crate) buffer: Vec<u8>,
    pub(crate) totals: Totals,
}

impl<W: Write> Printer<W> {
    /// Writes all results until the stream ends.
    ///
    /// # Errors
    /// If they cannot be written.
    pub(crate) fn print_all(&mut self, results: &mut StreamOutput<Eval>) -> io::Result<()> {
        loop {
            if !results.is_ready() {
                self.write_out()?;
            }
            let Some(block) = results.next_block() else {
                return self.write_out();
            };
            self.print_block(block)?;
        }
    }

    fn print_block(&mut self, block: Block<'_>) -> io::Result<()> {
        let (number, count) = (block.number(), block.len());
        if self.gap == 0
            && self.style == Style::Text
            && text::append_values(&mut self.buffer, block.clone(), block.bytes())
        {
            self.totals.jobs += count as u64;
            self.retire(number, count);
            return self.write_if_large();
        }
        for (number, result) in (number..).zip(block) {
            self.print(number, result)?;
            self.retire(number, 1);
            self.write_if_large()?;
        }
        Ok(())
    }

    fn retire(&mut self, number: u64, count: usize) {
        self.pending.retire(number, count);
        self.progress.count(self.totals.jobs);
    }

    fn print(&mut self, number: u64, result: Result<&[u8], JobError>) -> io::Result<()> {
        if self.input.is_interrupted() && result.as_ref().is_err_and(failure::is_stopped) {
            self.totals.interrupted += 1;
            self.gap += u64::from(self.counts_lines);
            return Ok(());
        }
        self.fill_gap();
        self.totals.jobs += 1;
        let evaluated = result.and_then(|bytes| decode_evaluated(bytes).map_err(JobError::UndecodableOutput));
        match evaluated {
            Ok(Ok(value)) => match self.style {
                Style::Text => text::append_value(&mut self.buffer, value),
                Style::Json => json::append_value(&mut self.buffer, number, value),
            },
            Ok(Err(error)) => self.print_failure(number, &Failure::of_expression(error))?,
            Err(error) => self.print_job_error(number, &error)?,
        }
        Ok(())
    }

    /// Writes the lines of jobs that were not run, so that the next line is that of its expression.
    fn fill_gap(&mut self) {
        for _ in 0..std::mem::take(&mut self.gap) {
            text::append_failure(&mut self.buffer, &Failure::interrupted());
        }
    }

    fn print_job_error(&mut self, number: u64, error: &JobError) -> io::Result<()> {
        if failure::is_end_of_pool(error) && self.totals.end_of_pool.is_none() {
            self.totals.end_of_pool = Some(error.to_string());
            self.input.end();
        }
        if let Some(by) = failure::halt_cause(error) {
            self.print_halted(number, by, error);
            return Ok(());
        }
        let extent = self
            .pending
            .find(number)
            .map_or(Extent::Whole, |located| located.extent);
        self.print_failure(number, &Failure::of_job(error, extent, self.max_record_bytes))
    }

    /// A job that did not run gets a line too, so that lines still match expressions, but no message on standard error.
    fn print_halted(&mut self, number: u64, by: Halted, error: &JobError) {
        if self.totals.halted.is_none() {
            self.totals.halted = Some(by);
            self.input.end();
        }
        self.totals.not_run += 1;
        let failure = Failure::of_job(error, Extent::Whole, self.max_record_bytes);
        self.append_failure(number, &failure);
    }

    fn append_failure(&mut self, number: u64, failure: &Failure) {
        match self.style {
            Style::Json => {
                let source = self
                    .pending
                    .find(number)
                    .map_or(&[][..], |located| located.source);
                json::append_failure(&mut self.buffer, number, failure, source);
            }
            Style::Text => text::append_failure(&mut self.buffer, failure),
        }
    }

    fn print_failure(&mut self, number: u64, failure: &Failure) -> io::Result<()> {
        self.totals.failed += 1;
        let is_shown = self.style == Style::Text && self.totals.failed <= SHOWN_FAILURES;
        if !(is_shown && self.reports_once) {
            self.append_failure(number, failure);
        }
        if is_shown {
            return self.show(number, failure);
        }
        Ok(())
    }

    /// Shows one of the first failures on standard error, after the results before it are written.
    fn show(&mut self, number: u64, failure: &Failure) -> io::Result<()> {
        self.write_out()?;
        if let Some(located) = self.pending.find(number) {
            self.notices.print(self.painter.paint(failure, &located));
            if let Some(file) = located.mistaken_file() {
                self.notices.say(format_args!(
                    "`{file}` is the name of a file: `-a {file}` evaluates its lines"
                ));
            }
        }
        Ok(())
    }

    /// Writes the buffer if it is large.
    fn write_if_large(&mut self) -> io::Result<()> {
        if self.buffer.len() >= BUFFER_BYTES {
            self.write_out()?;
        }
        Ok(())
    }

    fn write_out(&mut self) -> io::Result<()> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        let written = if self.shares_terminal {
            self.progress.bar().suspend(|| self.sink.write_all(&self.buffer))
        } else {
            self.sink.write_all(&self.buffer)
        };
        self.buffer.clear();
        written
    }

    /// Says how many failures were not shown.
    pub(crate) fn count_hidden(&self) {
        let hidden = self.totals.failed.saturating_sub(SHOWN_FAILURES);
        if self.style == Style::Text && hidden > 0 {
            let Totals { jobs, failed, .. } = self.totals;
            let shown = if self.reports_once {
                String::new()
            } else {
                format!("; the last {hidden} are not shown here")
            };
            self.notices
                .say(format_args!("{failed} of {jobs} jobs failed{shown}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input_budget::InputBudget;

    /// What is printed of these results after a Ctrl-C: values, and `None` for a job that was not run.
    fn printed(counts_lines: bool, results: &[Option<&[u8]>]) -> (String, Totals) {
        let (_chunks, received) = crossbeam_channel::unbounded();
        let mut printer = Printer {
            sink: Vec::new(),
            style: Style::Text,
            input: Arc::default(),
            pending: PendingChunks::new(received, Arc::new(InputBudget::new(1))),
            painter: Painter::new(80, false),
            notices: Notices::new(Progress::hidden().bar().clone()),
            progress: Progress::hidden(),
            shares_terminal: false,
            reports_once: false,
            counts_lines,
            gap: 0,
            max_record_bytes: 9,
            buffer: Vec::new(),
            totals: Totals::default(),
        };
        printer.input.interrupt();
        for (number, result) in (0..).zip(results) {
            printer.print(number, result.ok_or(JobError::Cancelled)).unwrap();
        }
        printer.write_out().unwrap();
        (String::from_utf8(printer.sink).unwrap(), printer.totals)
    }

    #[test]
    fn a_job_that_was_not_run_has_a_line_if_a_result_follows() {
        let results = [Some(&b"\x001"[..]), None, None, Some(b"\x004"), None];
        let (text, totals) = printed(true, &results);
        let missing = "Interrupted: the expression was not evaluated\n";
        assert_eq!(text, format!("1\n{missing}{missing}4\n"));
        assert_eq!((totals.jobs, totals.failed, totals.interrupted), (2, 0, 3));
        assert_eq!(printed(false, &results).0, "1\n4\n", "lines are not counted");
    }
}
