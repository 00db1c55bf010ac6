//! One run of `pool eval`: connects reader, pool and printer, and decides how the command ends.

use std::{
    env,
    fs::File,
    io::{self, IsTerminal, stderr, stdout},
    num::NonZeroUsize,
    os::fd::AsFd,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use pool::{
    BuildError, Builder, Pool,
    stream::{Order, StreamOutput},
};
use protocol::Eval;
use worker::eval::EvalSetup;

use crate::{
    args::EvalArguments,
    chunk::Numbering,
    diagnostics::Painter,
    exit::Ending,
    input::{self, Source},
    input_budget::InputBudget,
    logging,
    notices::Notices,
    pending::PendingChunks,
    pool_input::PoolInput,
    printer::{Printer, Style, Totals},
    progress::Progress,
    reader::Reader,
    records::Format,
    running_pool::RunningPool,
    setup, signals, stdio,
};

/// Longer records are skipped, unless the evaluator's limit is higher.
const MAX_RECORD_BYTES: usize = 1 << 20;

/// The longest allowed record, whatever the evaluator's limit.
const HIGHEST_MAX_RECORD_BYTES: usize = 1 << 30;

/// How much input is kept until its results are written.
const PENDING_INPUT_BYTES: usize = 16 << 20;

/// The width that is assumed if the terminal's is unknown.
const DEFAULT_WIDTH: usize = 100;

/// Runs `pool eval`.
pub(crate) fn evaluate(mut arguments: EvalArguments) -> Ending {
    let painter = painter();
    let setup = match setup::setup(&arguments.definitions, arguments.limits.limits(), &painter) {
        Ok(setup) => setup,
        Err(message) => {
            Notices::new(Progress::hidden().bar().clone()).print(message);
            return Ending::Usage;
        }
    };
    let expressions = std::mem::take(&mut arguments.expressions);
    let sources = input::sources(expressions, std::mem::take(&mut arguments.files));
    let progress = if arguments.bar {
        Progress::visible(input::total_bytes(&sources))
    } else {
        Progress::hidden()
    };
    let notices = Notices::new(progress.bar().clone());
    logging::start(arguments.verbose, &notices);
    let run = Run {
        input: Arc::default(),
        pool: Arc::default(),
        budget: Arc::new(InputBudget::new(PENDING_INPUT_BYTES)),
        has_read_error: Arc::default(),
        format: format(&arguments, &setup),
        notices,
        progress,
        arguments,
    };
    run.run(sources, &setup, painter)
}

/// What the parts of a run share.
struct Run {
    input: Arc<PoolInput>,
    pool: Arc<RunningPool>,
    budget: Arc<InputBudget>,
    has_read_error: Arc<AtomicBool>,
    format: Format,
    notices: Notices,
    progress: Progress,
    arguments: EvalArguments,
}

impl Run {
    fn run(self, sources: Vec<Source>, setup: &EvalSetup, painter: Painter) -> Ending {
        let ran = self.try_run(sources, setup, painter);
        if self.input.is_interrupted() {
            return Ending::Interrupted;
        }
        ran.unwrap_or_else(|ending| ending)
    }

    /// Runs to the end. An error is how the command ends if it fails before there are totals.
    fn try_run(&self, sources: Vec<Source>, setup: &EvalSetup, painter: Painter) -> Result<Ending, Ending> {
        self.watch_signals()
            .map_err(|error| self.failed("watch for Ctrl-C", &error))?;
        let pool = self.build_pool(&sources, setup).map_err(|error| {
            self.notices.say(&error);
            ending_of_build(&error)
        })?;
        let pool = Arc::new(pool);
        self.pool.set(&pool);
        let (stream, mut results) = pool.stream(self.order());
        self.input.open(stream);
        if self.input.is_interrupted() {
            // Before the pool was known.
            pool.stop();
        }
        self.progress
            .start(Arc::clone(&self.pool))
            .map_err(|error| self.failed("start the progress bar", &error))?;
        let pending = self
            .start_reader(sources)
            .map_err(|error| self.failed("start the reader", &error))?;
        let totals = self
            .print(pending, &mut results, painter)
            .map_err(|error| self.ending_of_write(&error))?;
        pool.close();
        Ok(self.ending(&totals))
    }

    fn failed(&self, step: &str, error: &io::Error) -> Ending {
        self.notices.say(format_args!("cannot {step}: {error}"));
        Ending::PoolFailed
    }

    fn ending_of_write(&self, error: &io::Error) -> Ending {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Ending::ReaderGone,
            _ => self.failed("write the results", error),
        }
    }

    fn watch_signals(&self) -> io::Result<()> {
        let (input, notices, pool) = (
            Arc::clone(&self.input),
            self.notices.clone(),
            Arc::clone(&self.pool),
        );
        let interrupt = move || {
            if input.is_interrupted() {
                return;
            }
            // The message comes first: once the input is closed, the command may end at any time.
            notices.say("stopping: waiting for running jobs to finish (press Ctrl-C again to kill them)");
            input.interrupt();
            if let Some(pool) = pool.get() {
                pool.stop();
            }
        };
        let (progress, pool) = (self.progress.clone(), Arc::clone(&self.pool));
        let suspend = move |stop: &dyn Fn()| match pool.get() {
            Some(pool) => {
                pool.suspend();
                progress.stop(stop);
                pool.resume();
            }
            None => progress.stop(stop),
        };
        signals::watch(interrupt, suspend)
    }

    fn build_pool(&self, sources: &[Source], setup: &EvalSetup) -> Result<Pool<Eval>, BuildError> {
        let arguments = &self.arguments;
        let mut builder = Pool::<Eval>::builder()
            .workers(arguments.workers.unwrap_or_else(|| default_workers(sources)))
            .threads(arguments.threads)
            .attempts(arguments.attempts)
            .initialiser_argument(setup);
        if let Some(timeout) = arguments.timeout {
            builder = builder.job_deadline(timeout);
        }
        if let Some(halt) = arguments.halt {
            builder = builder.halt(halt);
        }
        if let Some(bytes) = arguments.memory_max {
            builder = builder.memory_max(bytes);
        }
        if let Some(bytes) = arguments.recycle_memory {
            builder = builder.recycle_memory(bytes);
        }
        if let Some(jobs) = arguments.recycle_after {
            builder = builder.recycle_after(jobs);
        }
        if let Some(program) = &arguments.worker {
            builder = builder.worker_program(program);
        }
        builder.build()
    }

    fn order(&self) -> Order {
        if self.arguments.unordered {
            Order::Completion
        } else {
            Order::Input
        }
    }

    /// Starts the reader and returns the chunks that it will read.
    fn start_reader(&self, sources: Vec<Source>) -> io::Result<PendingChunks> {
        let (chunks, received) = crossbeam_channel::unbounded();
        let reader = Reader {
            format: self.format,
            input: Arc::clone(&self.input),
            budget: Arc::clone(&self.budget),
            chunks,
            notices: self.notices.clone(),
            progress: self.progress.clone(),
            has_read_error: Arc::clone(&self.has_read_error),
        };
        let run = move || reader.run(sources);
        thread::Builder::new().name("reader".into()).spawn(run)?;
        Ok(PendingChunks::new(received, Arc::clone(&self.budget)))
    }

    fn print(
        &self,
        pending: PendingChunks,
        results: &mut StreamOutput<Eval>,
        painter: Painter,
    ) -> io::Result<Totals> {
        let is_json = self.arguments.json;
        let mut printer = Printer {
            sink: File::from(stdout().as_fd().try_clone_to_owned()?),
            style: if is_json { Style::Json } else { Style::Text },
            input: Arc::clone(&self.input),
            pending,
            painter,
            notices: self.notices.clone(),
            shares_terminal: !self.progress.bar().is_hidden() && stdout().is_terminal(),
            reports_once: stdio::is_one_terminal(),
            counts_lines: !is_json && !self.arguments.unordered,
            gap: 0,
            progress: self.progress.clone(),
            max_record_bytes: self.format.max_record_bytes,
            buffer: Vec::new(),
            totals: Totals::default(),
        };
        let printed = printer.print_all(results);
        self.progress.end(
            printer.totals.jobs - printer.totals.not_run,
            printer.totals.failed,
        );
        printed?;
        printer.count_hidden();
        Ok(printer.totals)
    }

    fn ending(&self, totals: &Totals) -> Ending {
        if let Some(cause) = &totals.end_of_pool {
            self.notices.say(cause);
            self.notices
                .say("expressions after the last line of output were not run");
            return Ending::PoolFailed;
        }
        if let Some(by) = &totals.halted {
            self.notices.say(format_args!(
                "halted because {by}; {} more expressions were read but did not finish",
                totals.not_run
            ));
        }
        if totals.interrupted > 0 {
            self.notices.say(format_args!(
                "interrupted; {} more expressions were read and not evaluated",
                totals.interrupted
            ));
        }
        if totals.failed > 0 || self.has_read_error.load(Ordering::SeqCst) {
            Ending::SomeFailed
        } else {
            Ending::AllGood
        }
    }
}

fn ending_of_build(error: &BuildError) -> Ending {
    match error {
        BuildError::Setting(_) => Ending::Usage,
        _ => Ending::PoolFailed,
    }
}

fn format(arguments: &EvalArguments, setup: &EvalSetup) -> Format {
    let max_source = setup.limits.max_source.unwrap_or(0);
    Format {
        numbering: if arguments.null {
            Numbering::Records
        } else {
            Numbering::Lines
        },
        skips_blank: arguments.skip_blank,
        max_record_bytes: max_source.clamp(MAX_RECORD_BYTES, HIGHEST_MAX_RECORD_BYTES),
    }
}

/// One worker per available CPU, but no more than there are expressions.
fn default_workers(sources: &[Source]) -> usize {
    let available = thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let only_arguments = sources
        .iter()
        .all(|source| matches!(source, Source::Argument(..)));
    let most = if only_arguments {
        sources.len()
    } else {
        Builder::<Eval>::MAX_WORKERS
    };
    available.min(most)
}

fn painter() -> Painter {
    let width = rustix::termios::tcgetwinsize(stderr()).map_or(0, |size| usize::from(size.ws_col));
    let is_coloured = stderr().is_terminal() && env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    Painter::new(if width == 0 { DEFAULT_WIDTH } else { width }, is_coloured)
}
