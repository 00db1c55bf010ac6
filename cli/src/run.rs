//! One run of `pool eval`: puts reader, pool and printer together, and decides how it ended.

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
    budget::Budget,
    chunk::Numbering,
    diagnostics::Painter,
    exit::Ending,
    feeder::Feeder,
    gate::Gate,
    input::{self, Source},
    logging,
    notices::Notices,
    printer::{Printer, Style, Totals},
    progress::Progress,
    records::Format,
    setup,
    shelf::Shelf,
    signals,
};

/// A longer record is not read to its end, unless the limit of the evaluator is higher.
const MAX_RECORD_BYTES: usize = 1 << 20;

/// No limit of the evaluator makes records longer than this.
const HIGHEST_MAX_RECORD_BYTES: usize = 1 << 30;

/// How much input is kept until its results are out.
const KEPT_INPUT_BYTES: usize = 16 << 20;

/// What is used where a terminal's width is not known.
const USUAL_WIDTH: usize = 100;

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
        gate: Arc::default(),
        budget: Arc::new(Budget::new(KEPT_INPUT_BYTES)),
        is_input_lost: Arc::default(),
        format: format(&arguments, &setup),
        notices,
        arguments,
    };
    run.run(sources, &setup, painter, progress)
}

/// What the parts of a run share.
struct Run {
    gate: Arc<Gate>,
    budget: Arc<Budget>,
    is_input_lost: Arc<AtomicBool>,
    format: Format,
    notices: Notices,
    arguments: EvalArguments,
}

impl Run {
    fn run(self, sources: Vec<Source>, setup: &EvalSetup, painter: Painter, progress: Progress) -> Ending {
        let ran = self.try_run(sources, setup, painter, progress);
        ran.unwrap_or_else(|ending| ending)
    }

    /// Runs, and gives how it ended as an error when there are no totals to tell it from.
    fn try_run(
        &self,
        sources: Vec<Source>,
        setup: &EvalSetup,
        painter: Painter,
        progress: Progress,
    ) -> Result<Ending, Ending> {
        self.watch_signals()
            .map_err(|error| self.failed("watch for Ctrl-C", &error))?;
        let pool = self.build_pool(&sources, setup).map_err(|error| {
            self.notices.say(&error);
            ending_of_build(&error)
        })?;
        let (input, mut results) = pool.stream(self.order());
        self.gate.open(input);
        let shelf = self
            .start_feeder(sources)
            .map_err(|error| self.failed("start the reader", &error))?;
        let totals = self
            .print(shelf, &mut results, painter, progress)
            .map_err(|error| self.not_written(&error))?;
        pool.close();
        Ok(self.ending(&totals))
    }

    fn failed(&self, step: &str, error: &io::Error) -> Ending {
        self.notices.say(format_args!("cannot {step}: {error}"));
        Ending::PoolFailed
    }

    fn not_written(&self, error: &io::Error) -> Ending {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Ending::ReaderGone,
            _ => self.failed("write the results", error),
        }
    }

    fn watch_signals(&self) -> io::Result<()> {
        let (gate, notices) = (Arc::clone(&self.gate), self.notices.clone());
        signals::watch(move || {
            // First the word: with the gate shut the command may have ended before it is out.
            notices.say("stopping; jobs that were begun are let end, another Ctrl-C kills them");
            gate.shut();
        })
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

    /// Starts the reader and gives the shelf on which it puts what it reads.
    fn start_feeder(&self, sources: Vec<Source>) -> io::Result<Shelf> {
        let (chunks, shelved) = crossbeam_channel::unbounded();
        let feeder = Feeder {
            format: self.format,
            gate: Arc::clone(&self.gate),
            budget: Arc::clone(&self.budget),
            chunks,
            notices: self.notices.clone(),
            is_input_lost: Arc::clone(&self.is_input_lost),
        };
        let run = move || feeder.run(sources);
        thread::Builder::new().name("reader".into()).spawn(run)?;
        Ok(Shelf::new(shelved, Arc::clone(&self.budget)))
    }

    fn print(
        &self,
        shelf: Shelf,
        results: &mut StreamOutput<Eval>,
        painter: Painter,
        progress: Progress,
    ) -> io::Result<Totals> {
        let mut printer = Printer {
            sink: File::from(stdout().as_fd().try_clone_to_owned()?),
            style: if self.arguments.json {
                Style::Json
            } else {
                Style::Text
            },
            gate: Arc::clone(&self.gate),
            shelf,
            painter,
            notices: self.notices.clone(),
            shares_terminal: !progress.bar().is_hidden() && stdout().is_terminal(),
            progress,
            max_record_bytes: self.format.max_record_bytes,
            buffer: Vec::new(),
            totals: Totals::default(),
        };
        let printed = printer.print_all(results);
        printer
            .progress
            .show(printer.totals.jobs, printer.shelf.done_bytes());
        printer.progress.end(printed.is_ok() && !self.gate.is_shut());
        printed?;
        printer.tell_rest();
        Ok(printer.totals)
    }

    fn ending(&self, totals: &Totals) -> Ending {
        if let Some(cause) = &totals.end_of_pool {
            self.notices.say(cause);
            self.notices
                .say("what comes after the last line of output was not run");
            return Ending::PoolFailed;
        }
        if let Some(by) = &totals.halted {
            self.notices.say(format_args!(
                "halted, because {by}; {} more were read and not run to their end",
                totals.not_run
            ));
        }
        if self.gate.is_shut() {
            return Ending::Interrupted;
        }
        if totals.failed > 0 || self.is_input_lost.load(Ordering::SeqCst) {
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

/// The CPUs that there are, but no more than can have work.
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
    Painter::new(if width == 0 { USUAL_WIDTH } else { width }, is_coloured)
}
