//! `pool::main`, the one call in a program's `main`: it runs the main code, or, in a child, the child's function.
//!
//! Owns what a child does from that call to its exit. Starting children and keeping track of them is the part of
//! [`super::Process`] and [`super::children`].

use std::{
    io::Write,
    os::fd::{AsFd, OwnedFd},
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    time::{Duration, Instant},
};

use protocol::{
    Fault, PROCESS_ARGUMENT,
    child::{self, ControlMissing, Role, panics, watchdog},
    memory::Origin,
    message::{
        control::{self, ControlError},
        handshake,
    },
};
use sync::{TransferredHandles, heap};

use super::{
    call::{CallData, CallRequest, Refusal, Report},
    children,
    function::Entry,
};

/// Exit code of a child whose function panicked, as of any Rust program that panics.
const PANICKED: i32 = 101;
/// Exit code of a child that returned no value for another reason.
const FAILED: i32 = 1;
/// Exit code of a child that was started by hand.
const USAGE: i32 = 64;

/// How long to retry a report while the system allows no more descriptors in flight.
const REPORT_TIMEOUT: Duration = Duration::from_secs(10);

/// Runs the program's main code, in which it may start a [`Process`](super::Process): what
/// `if __name__ == '__main__'` is for in Python.
///
/// A child is the same program run again, and reaches this call too: there it runs the child's function instead of
/// `main_code`, and exits the process. So this call should be all that the program's `main` does, or at least come
/// before anything that takes long, reads input, writes output or can fail. (If the program is also the worker of its
/// own pool, call `worker::run_if_worker` before it, or first in the main code: only then can the pool's jobs start
/// processes.)
///
/// When the main code ends, by returning or by a panic, its daemons are ended (with SIGTERM, and after a second with
/// SIGKILL), and its other processes are waited for. Then this call returns the main code's value, or resumes its
/// panic. A program that ends in another way, by a signal or by `std::process::exit`, waits for no process: all its
/// children, and theirs, are killed.
///
/// # Panics
/// If it is called while it runs, or if the main code panics.
///
/// ```no_run
/// use pool::Process;
///
/// fn task(name: String) {
///     println!("hello from {name}");
/// }
///
/// fn main() -> Result<(), Box<dyn std::error::Error>> {
///     pool::main(|| {
///         let process = Process::new(task, ("a child".to_owned(),)).start()?;
///         process.join()?;
///         Ok(())
///     })
/// }
/// ```
#[expect(
    clippy::disallowed_methods,
    reason = "a child ends here and never runs the main code"
)]
pub fn main<R>(main_code: impl FnOnce() -> R) -> R {
    if let Role::Process(_) = Role::of_this_process()
        && !children::is_open()
    {
        std::process::exit(run_child());
    }
    children::open(None);
    let ended = catch_unwind(AssertUnwindSafe(main_code));
    children::close();
    ended.unwrap_or_else(|panic| resume_unwind(panic))
}

/// Runs a child from here to its end; returns its exit code.
fn run_child() -> i32 {
    let control = match child::take_control() {
        Ok(control) => control,
        Err(missing) => return report_by_hand(&missing),
    };
    child::take_program_name();
    let refusal = match prepare(&control) {
        Ok((request, entry, arguments)) => return run(&control, request, entry, &arguments),
        Err(NotCalled::ParentGone) => return FAILED,
        Err(NotCalled::Refused(refusal)) => refusal,
    };
    // If the parent is gone, the watchdog is about to end this process.
    drop(report(&control, &Report::Refused(refusal), &[]));
    FAILED
}

/// Why the function is not called.
enum NotCalled {
    ParentGone,
    Refused(Refusal),
}

impl NotCalled {
    fn unusable(error: impl std::fmt::Display) -> Self {
        Self::Refused(Refusal::Unusable(error.to_string()))
    }
}

/// Receives the request, and finds its function.
fn prepare(control: &OwnedFd) -> Result<(CallRequest, &'static Entry, Vec<u8>), NotCalled> {
    let received = match control::receive(control, None) {
        Err(ControlError::Closed) => return Err(NotCalled::ParentGone),
        received => received.map_err(NotCalled::unusable)?,
    };
    let mut request: CallRequest = handshake::decode(&received).map_err(NotCalled::unusable)?;
    watchdog::start(control)
        .map_err(|error| NotCalled::unusable(format_args!("starting the watchdog: {error}")))?;
    let mut descriptors = received.descriptors.into_iter();
    let heap = descriptors
        .next()
        .ok_or_else(|| NotCalled::unusable("the shared heap's descriptor is missing"))?;
    heap::adopt(heap).map_err(NotCalled::unusable)?;
    let entry = Entry::find(&request.function).map_err(NotCalled::Refused)?;
    let arguments = std::mem::replace(&mut request.arguments, CallData::Inline(Vec::new()));
    let arguments = arguments
        .unpack(descriptors.next())
        .map_err(NotCalled::unusable)?;
    report(control, &Report::Begun, &[]).map_err(NotCalled::unusable)?;
    Ok((request, entry, arguments))
}

/// Calls the function and reports the result; returns the exit code.
fn run(control: &OwnedFd, request: CallRequest, entry: &Entry, arguments: &[u8]) -> i32 {
    panics::install_hook();
    children::open(Some(request.name));
    let mut output = Vec::new();
    let origin = Origin::here();
    let called = entry.call(arguments, &mut output);
    // A copy that the function has forked returns here too: the function has one result, that of the original.
    origin.end_copy();
    let sent = called.and_then(|handles| send_output(control, output, handles.transfer(request.recipient)));
    let code = match sent {
        Ok(()) => 0,
        Err(fault) => {
            let code = if matches!(fault, Fault::Panicked(_)) {
                PANICKED
            } else {
                FAILED
            };
            // As above: if the parent is gone, this process is about to be ended.
            drop(report(control, &Report::Failed(fault.shortened()), &[]));
            code
        }
    };
    children::close();
    code
}

fn send_output(control: &OwnedFd, output: Vec<u8>, handles: TransferredHandles) -> Result<(), Fault> {
    let failed = |error: &dyn std::fmt::Display| Fault::NotHandedOver(error.to_string());
    let (data, memory) = CallData::pack(output).map_err(|error| failed(&error))?;
    let descriptors = memory.descriptor();
    report(control, &Report::Returned(data, handles), descriptors.as_slice()).map_err(|error| failed(&error))
}

fn report(
    control: &OwnedFd,
    report: &Report,
    descriptors: &[std::os::fd::BorrowedFd<'_>],
) -> Result<(), ControlError> {
    let bytes =
        handshake::encode(report).map_err(|error| ControlError::System(std::io::Error::other(error)))?;
    control::send_until(
        control.as_fd(),
        &bytes,
        descriptors,
        Some(Instant::now() + REPORT_TIMEOUT),
    )
}

fn report_by_hand(missing: &ControlMissing) -> i32 {
    // Nothing can be done when standard error is closed.
    drop(writeln!(
        std::io::stderr(),
        "a process with the argument {PROCESS_ARGUMENT}NAME is started by `Process::start` alone, with a socket as \
         standard input: {missing}"
    ));
    USAGE
}
