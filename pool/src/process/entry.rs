//! The one call in `main`, and the life of a child from there on.

use std::{
    io::Write,
    os::fd::{AsFd, OwnedFd},
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    time::{Duration, Instant},
};

use protocol::{
    Fault, PROCESS_ARGUMENT,
    child::{self, ControlMissing, Role, panics, watchdog},
    control::{self, ControlError},
    errand::{Errand, Payload, Refusal, Report},
    family::{self, Entrusted},
    handshake,
};

use super::{function::Entry, household};

/// Exit code of a child whose function panicked, as of any Rust program that panics.
const PANICKED: i32 = 101;
/// Exit code of a child that gave no value for another reason.
const FAILED: i32 = 1;
/// Exit code of a child that somebody has started by hand.
const USAGE: i32 = 64;

/// How long a report is tried while the system allows no more descriptors under way.
const PATIENCE: Duration = Duration::from_secs(10);

/// Runs the program's main code, in which it may start a [`Process`](super::Process): what
/// `if __name__ == '__main__'` is for in Python.
///
/// A child is the same program run again, and comes here too: in it, `main_code` is not run, but the child's function,
/// and the process exits. So this call should be all that the program's `main` does, or at least come before anything
/// that takes long, reads input, writes output or can fail. (`worker::run_if_worker`, for a program that has a pool of
/// itself too, stands before it, or first in the main code: only then can the pool's jobs start processes.)
///
/// When the main code ends, by returning or by a panic, the processes that are daemons are ended (with SIGTERM, and
/// after a second with SIGKILL), and the others are waited for. Then its value is returned, or its panic goes on. A
/// program that ends otherwise, by a signal or by `std::process::exit`, waits for nobody: all its children, and theirs,
/// are killed.
///
/// # Panics
/// When it is called while it runs; and when the main code panics.
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
        && !household::is_open()
    {
        std::process::exit(live());
    }
    household::open(None);
    let ended = catch_unwind(AssertUnwindSafe(main_code));
    household::close();
    ended.unwrap_or_else(|panic| resume_unwind(panic))
}

/// The life of a child; gives its exit code.
fn live() -> i32 {
    let control = match child::take_control() {
        Ok(control) => control,
        Err(missing) => return report_by_hand(&missing),
    };
    child::take_program_name();
    let refusal = match begin(&control) {
        Ok((errand, entry, arguments)) => return run(&control, errand, entry, &arguments),
        Err(Early::ParentGone) => return FAILED,
        Err(Early::Refused(refusal)) => refusal,
    };
    // A parent that does not hear it is gone, and the watchdog is about to end this process.
    drop(report(&control, &Report::Refused(refusal), &[]));
    FAILED
}

/// Why nothing is called.
enum Early {
    ParentGone,
    Refused(Refusal),
}

impl Early {
    fn unusable(error: impl std::fmt::Display) -> Self {
        Self::Refused(Refusal::Unusable(error.to_string()))
    }
}

/// Learns what to do, and finds it.
fn begin(control: &OwnedFd) -> Result<(Errand, &'static Entry, Vec<u8>), Early> {
    let received = match control::receive(control, None) {
        Err(ControlError::Closed) => return Err(Early::ParentGone),
        received => received.map_err(Early::unusable)?,
    };
    let mut errand: Errand = handshake::decode(&received).map_err(Early::unusable)?;
    watchdog::start(control)
        .map_err(|error| Early::unusable(format_args!("starting the watchdog: {error}")))?;
    let mut descriptors = received.descriptors.into_iter();
    let family = descriptors
        .next()
        .ok_or_else(|| Early::unusable("the family's memory is missing"))?;
    family::adopt(family).map_err(Early::unusable)?;
    let entry = Entry::find(&errand.function).map_err(Early::Refused)?;
    let arguments = std::mem::replace(&mut errand.arguments, Payload::Inline(Vec::new()));
    let arguments = arguments.unwrap(descriptors.next()).map_err(Early::unusable)?;
    report(control, &Report::Begun, &[]).map_err(Early::unusable)?;
    Ok((errand, entry, arguments))
}

/// Calls the function and reports what came of it; gives the exit code.
fn run(control: &OwnedFd, errand: Errand, entry: &Entry, arguments: &[u8]) -> i32 {
    panics::install_hook();
    household::open(Some(errand.name));
    let mut output = Vec::new();
    let called = entry.call(arguments, &mut output);
    let told = called.and_then(|transit| hand_over(control, output, transit.entrust(errand.heir)));
    let code = match told {
        Ok(()) => 0,
        Err(fault) => {
            let code = if matches!(fault, Fault::Panicked(_)) {
                PANICKED
            } else {
                FAILED
            };
            // As above: who is not heard is about to be ended.
            drop(report(control, &Report::Failed(fault.shortened()), &[]));
            code
        }
    };
    household::close();
    code
}

fn hand_over(control: &OwnedFd, output: Vec<u8>, handles: Entrusted) -> Result<(), Fault> {
    let failed = |error: &dyn std::fmt::Display| Fault::NotHandedOver(error.to_string());
    let (payload, wrapped) = Payload::wrap(output).map_err(|error| failed(&error))?;
    let descriptors = wrapped.descriptor();
    report(
        control,
        &Report::Returned(payload, handles),
        descriptors.as_slice(),
    )
    .map_err(|error| failed(&error))
}

fn report(
    control: &OwnedFd,
    report: &Report,
    descriptors: &[std::os::fd::BorrowedFd<'_>],
) -> Result<(), ControlError> {
    let bytes =
        handshake::encode(report).map_err(|error| ControlError::System(std::io::Error::other(error)))?;
    control::send_until(control.as_fd(), &bytes, descriptors, Instant::now() + PATIENCE)
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
