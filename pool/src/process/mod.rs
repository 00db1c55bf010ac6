//! Runs functions in child processes, like Python's `multiprocessing.Process`. Describe a call with [`Process`], start it,
//! and take the function's output from its [`Child`].
//!
//! [`main`] is the one call in the program's `main`, [`Process`] describes a process to start, and [`Child`] is the
//! handle of one that was started. The parts behind them: the `call` messages, a reference to a `function` that
//! another process of the same program can find, the registry of all `children`, and one `supervised` child. There
//! is no background thread and no signal handler.

mod call;
mod child;
mod children;
mod entry;
mod error;
mod function;
mod image;
mod supervised;
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

pub use call::MAX_INLINE_BYTES;
pub use child::Child;
pub(crate) use children::is_open;
pub use entry::main;
pub use error::{JoinError, JoinErrorKind, StartError};
use protocol::{
    CodecError, PACKAGE_VERSION, PROCESS_ARGUMENT, encode_argument,
    message::{
        control::{self, ControlError},
        handshake,
    },
};
use smallvec::SmallVec;
use sync::{HandlesInFlight, Recipient, heap};
pub use target::{Portable, Run, Target};

use crate::spawn::{child::ChildProcess, program::Program};
use call::{CallData, CallRequest, MAX_NAME_BYTES};
use function::Entry;
use supervised::SupervisedChild;

/// Encodes the arguments, once.
type Arguments = Box<dyn FnOnce(&mut Vec<u8>) -> Result<(), CodecError> + Send>;

/// A function with its arguments, to run in a child process: this same program, run again.
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
/// - The function runs in the child's main thread. Its arguments and its output are encoded with serde, and may have any
///   size. Statics, threads, open files and random state are not the parent's.
/// - Standard input is empty; standard output and standard error are the parent's.
/// - A panic is printed as in any thread, and reported by [`Child::join`].
/// - The child leads a process group of its own: a terminal's Ctrl-C reaches only the parent, which then decides. However
///   the parent ends, the child, the processes of its group and its own children are killed at once.
/// - `std::env::args` are the program's name and one argument that makes it a child; its working directory and its
///   environment are the parent's at the start, unless set otherwise.
///
/// # What can run
/// Functions, and closures that capture nothing. Pass as an argument what would be captured:
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
    /// This does not compile for a closure that captures something: pass that as an argument.
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

    /// An object whose [`Run::run`] runs in the child.
    pub fn of<R: Run + Send + 'static>(object: R) -> Process<R::Output> {
        Self::new(R::run, (object,))
    }

    /// The name of the process that calls this: that of a child, or `MainProcess`.
    pub fn current_name() -> String {
        children::own_name().unwrap_or_else(|| "MainProcess".to_owned())
    }
}

impl<T: Portable> Process<T> {
    /// Names the process, for messages and the process list. Default: `Process-1`, `Process-2`, … in the main program,
    /// and `Process-1:1` for a child's child.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Whether the process is a daemon: it is ended when the main code ends, instead of being waited for. Default: no.
    ///
    /// Unlike Python's, a daemon may have children; they end with it.
    pub fn daemon(mut self, is_daemon: bool) -> Self {
        self.is_daemon = is_daemon;
        self
    }

    /// Sets an environment variable. The process inherits the others, as they are at the start.
    pub fn env(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.program.set_variable(name.into(), Some(value.into()));
        self
    }

    /// Removes an environment variable.
    pub fn env_remove(mut self, name: impl Into<OsString>) -> Self {
        self.program.set_variable(name.into(), None);
        self
    }

    /// Lets the process inherit no environment variables.
    pub fn env_clear(mut self) -> Self {
        self.program.clear_environment();
        self
    }

    /// Sets the working directory. Default: the parent's.
    pub fn current_dir(mut self, folder: impl Into<PathBuf>) -> Self {
        self.program.folder = Some(folder.into());
        self
    }

    /// Starts this file instead of `/proc/self/exe`, the file from which this program was started.
    ///
    /// It must be the same file by another path: another build is refused, because it need not have the function. Use
    /// this for programs that run under another one (a loader, an emulator), for which `/proc/self/exe` is the wrong
    /// file.
    pub fn program(mut self, program: impl Into<PathBuf>) -> Self {
        self.program.path = Some(program.into());
        self
    }

    /// Sets how long the process may take from its start until it calls its function. After that it counts as a program
    /// whose `main` does not call [`main`], and is killed by the next call that waits for it. Default: 30 s.
    pub fn start_deadline(mut self, deadline: Duration) -> Self {
        self.start_deadline = deadline;
        self
    }

    /// Starts the process and returns at once. [`Child::join`] reports what goes wrong in the child.
    ///
    /// # Errors
    /// If it cannot be started: outside of [`main`], if its arguments cannot be encoded, or if the system has no
    /// processes, descriptors or memory left.
    pub fn start(self) -> Result<Child<T>, StartError> {
        let (number, name) = children::reserve(self.name)?;
        if name.len() > MAX_NAME_BYTES || name.contains('\0') {
            return Err(StartError::Name(name));
        }
        let heap = heap::descriptor().map_err(StartError::SharedHeap)?;
        let (encoded, handles) = HandlesInFlight::collect(|| encode(self.arguments));
        let (arguments, memory) = CallData::pack(encoded?).map_err(StartError::Memory)?;
        let request = CallRequest {
            package: PACKAGE_VERSION.to_owned(),
            name: name.clone(),
            function: self.entry.reference()?,
            arguments,
            recipient: Recipient::this_process().map_err(StartError::SharedHeap)?,
        };
        let request = handshake::encode(&request).map_err(StartError::Arguments)?;
        let (ours, theirs) = control::pair().map_err(StartError::Control)?;
        let command = self.program.command(format!("{PROCESS_ARGUMENT}{name}").into());
        let process = ChildProcess::spawn(command, theirs).map_err(|source| StartError::Spawn {
            program: self.program.shown(),
            source,
        })?;
        let child = SupervisedChild::new(
            (number, name),
            self.is_daemon,
            (process, ours),
            handles,
            self.start_deadline,
        );
        let descriptors: SmallVec<[_; 2]> = [heap].into_iter().chain(memory.descriptor()).collect();
        let deadline = Instant::now().checked_add(self.start_deadline);
        match control::send_until(child.control().as_fd(), &request, &descriptors, deadline) {
            // A child that has ended already reports why by its exit.
            Ok(()) | Err(ControlError::Closed) => {}
            Err(error) => {
                child.kill_and_reap();
                return Err(StartError::Control(error));
            }
        }
        let child = Arc::new(child);
        children::register(&child)?;
        Ok(Child::new(child))
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
