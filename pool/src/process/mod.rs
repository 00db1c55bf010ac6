//! Processes with a function to run: what Python's `multiprocessing.Process` is.
//!
//! [`main`] is the one call in the program's `main`, [`Process`] what is to be started, [`Child`] what was. The parts
//! behind them: a function that another process of the same program can find, the household of all children
//! from the beginning of the main code to its end, and one member of it. There is no thread, and no signal handler.

mod child;
mod entry;
mod error;
mod function;
mod household;
mod image;
mod member;
mod target;

use std::{
    ffi::OsString,
    fmt,
    marker::PhantomData,
    os::fd::AsFd,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

pub use child::Child;
pub use entry::main;
pub use error::{JoinError, JoinErrorKind, StartError};
pub(crate) use household::is_open;
use protocol::{
    CodecError, PACKAGE_VERSION, PROCESS_ARGUMENT, control,
    control::ControlError,
    encode_argument,
    errand::{Errand, MAX_NAME_BYTES, Payload},
    family::{self, Heir, Transit},
    handshake,
};
use smallvec::SmallVec;
pub use target::{Portable, Run, Target};

use crate::spawn::{child::ChildProcess, program::Program};
use function::Entry;
use member::Member;

/// Encodes the arguments, once.
type Arguments = Box<dyn FnOnce(&mut Vec<u8>) -> Result<(), CodecError> + Send>;

/// A function with its arguments, to be run in a child process of its own: this same program, run again.
///
/// ```no_run
/// use pool::Process;
///
/// fn sum(from: u64, to: u64) -> u64 {
///     (from..to).sum()
/// }
///
/// fn main() {
///     pool::main(|| {
///         let process = Process::new(sum, (0, 1000)).name("adder").start().unwrap();
///         println!("{} runs as {}", process.name(), process.pid());
///         assert_eq!(process.join().unwrap(), 499_500);
///     });
/// }
/// ```
///
/// # What holds in the child
/// - The function runs in the child's main thread. What it is given and what it returns is encoded with serde, of any
///   size; statics, threads, open files and random state are not the parent's.
/// - Standard input is empty; standard output and standard error are the parent's.
/// - A panic is printed as in any thread, and told to who joins.
/// - It leads a process group of its own: a terminal's Ctrl-C reaches the parent alone, which then decides. However
///   the parent ends, the child, the processes of its group and its own children are killed at once.
/// - `std::env::args` are the program's name and one argument that makes it a child; its working directory and its
///   environment are the parent's at the start, as far as nothing else was asked for.
///
/// # What can run
/// Functions, and closures that capture nothing. What would be captured is passed:
///
/// ```no_run
/// # pool::main(|| {
/// let factor = 3;
/// pool::Process::new(|number: u64, factor: u64| number * factor, (2, factor)).start().unwrap();
/// # });
/// ```
///
/// ```compile_fail
/// # pool::main(|| {
/// let factor = 3;
/// pool::Process::new(move |number: u64| number * factor, (2,)).start().unwrap();
/// # });
/// ```
#[must_use = "a process does nothing until `start` is called"]
pub struct Process<T> {
    entry: &'static Entry,
    arguments: Arguments,
    name: Option<String>,
    is_daemon: bool,
    program: Program,
    start_deadline: Duration,
    output: PhantomData<fn() -> T>,
}

impl Process<()> {
    /// A function with its arguments, as a tuple.
    ///
    /// It does not compile for a closure that captures something: pass that among the arguments.
    pub fn new<F, A>(function: F, arguments: A) -> Process<F::Output>
    where
        F: Target<A>,
        A: Portable + Send + 'static,
    {
        Process {
            entry: Entry::of::<F, A>(function),
            arguments: Box::new(move |buffer| encode_argument(&arguments, buffer)),
            name: None,
            is_daemon: false,
            program: Program::default(),
            start_deadline: Duration::from_secs(30),
            output: PhantomData,
        }
    }

    /// An object that runs in the child.
    pub fn of<R: Run + Send + 'static>(object: R) -> Process<R::Output> {
        Self::new(R::run, (object,))
    }

    /// The name of the process that calls this: that of a child, or `MainProcess`.
    pub fn current_name() -> String {
        household::own_name().unwrap_or_else(|| "MainProcess".to_owned())
    }
}

impl<T: Portable> Process<T> {
    /// Names it, for messages and the process list. Default: `Process-1`, `Process-2`, … in the main program, and
    /// `Process-1:1` for a child's child.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Whether it is a daemon: it is ended when the main code ends, instead of being waited for. Default: no.
    ///
    /// Other than Python's, a daemon may have children; they end with it.
    pub fn daemon(mut self, is_daemon: bool) -> Self {
        self.is_daemon = is_daemon;
        self
    }

    /// Sets a variable in its environment. It inherits the others, as they are at the start.
    pub fn env(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.program.set_variable(name.into(), Some(value.into()));
        self
    }

    /// Removes a variable from its environment.
    pub fn env_remove(mut self, name: impl Into<OsString>) -> Self {
        self.program.set_variable(name.into(), None);
        self
    }

    /// Lets it inherit no variables.
    pub fn env_clear(mut self) -> Self {
        self.program.clear_environment();
        self
    }

    /// Its working directory. Default: the parent's.
    pub fn current_dir(mut self, folder: impl Into<PathBuf>) -> Self {
        self.program.folder = Some(folder.into());
        self
    }

    /// Starts this file instead of the one that this program was started from, as `/proc/self/exe` tells it.
    ///
    /// It must be the same file by another path: another build is refused, because it need not have the function. That
    /// is for programs that run under another one (a loader, an emulator), whose own file `/proc/self/exe` is not.
    pub fn program(mut self, program: impl Into<PathBuf>) -> Self {
        self.program.path = Some(program.into());
        self
    }

    /// How long it may take from its start until it comes to its function. Past that it counts as a program whose
    /// `main` does not call [`main`], and is killed by who waits for it. Default: 30 s.
    pub fn start_deadline(mut self, deadline: Duration) -> Self {
        self.start_deadline = deadline;
        self
    }

    /// Starts it, and returns at once: what goes wrong in the child is told by [`Child::join`].
    ///
    /// # Errors
    /// When it could not be started: outside of [`main`], its arguments cannot be encoded, or the system has no
    /// processes, descriptors or memory left.
    pub fn start(self) -> Result<Child<T>, StartError> {
        let (number, name) = household::enrol(self.name)?;
        if name.len() > MAX_NAME_BYTES || name.contains('\0') {
            return Err(StartError::Name(name));
        }
        let family = family::descriptor().map_err(StartError::Family)?;
        let (encoded, transit) = Transit::of(|| encode(self.arguments));
        let (arguments, wrapped) = Payload::wrap(encoded?).map_err(StartError::Memory)?;
        let errand = Errand {
            package: PACKAGE_VERSION.to_owned(),
            name: name.clone(),
            function: self.entry.reference()?,
            arguments,
            heir: Heir::this_process().map_err(StartError::Family)?,
        };
        let errand = handshake::encode(&errand).map_err(StartError::Arguments)?;
        let (ours, theirs) = control::pair().map_err(StartError::Control)?;
        let command = self.program.command(format!("{PROCESS_ARGUMENT}{name}").into());
        let offspring = ChildProcess::spawn(command, theirs).map_err(|source| StartError::Spawn {
            program: self.program.shown(),
            source,
        })?;
        let member = Member::new(
            (number, name),
            self.is_daemon,
            (offspring, ours),
            transit,
            self.start_deadline,
        );
        let descriptors: SmallVec<[_; 2]> = [family].into_iter().chain(wrapped.descriptor()).collect();
        let deadline = Instant::now() + self.start_deadline;
        match control::send_until(member.control().as_fd(), &errand, &descriptors, deadline) {
            // Who has gone already tells by its end why.
            Ok(()) | Err(ControlError::Closed) => {}
            Err(error) => {
                member.end();
                return Err(StartError::Control(error));
            }
        }
        let member = Arc::new(member);
        household::take_in(&member)?;
        Ok(Child::new(member))
    }
}

fn encode(arguments: Arguments) -> Result<Vec<u8>, StartError> {
    let mut bytes = Vec::new();
    let encoded = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| arguments(&mut bytes)));
    encoded
        .unwrap_or_else(|_| Err(CodecError::new("their encoding panicked")))
        .map_err(StartError::Arguments)?;
    Ok(bytes)
}

impl<T> fmt::Debug for Process<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Process")
            .field("name", &self.name)
            .field("daemon", &self.is_daemon)
            .field("program", &self.program)
            .finish_non_exhaustive()
    }
}
