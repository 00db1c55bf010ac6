//! A type of job with the code that runs it: the public interface of a worker.
//!
//! Owns the adapter from typed handlers to bytes, and finds out what the process was started as.

use std::{convert::Infallible, fmt, marker::PhantomData, process::ExitCode};

use protocol::{
    CodecError, Fault, Incoming, Job, MappedBytes, Payload,
    child::{self, ControlMissing, Role, watchdog},
    memory::Origin,
};
use sync::heap;

use crate::{
    context::{Context, JobPhase, Setup},
    error::{self, WorkerError},
    forward,
    runner::{ErasedRunner, Runner},
    session::{self, Host},
};

/// One type of job, with the handler that runs it and the initialiser that makes the handler's state.
///
/// ```no_run
/// use std::collections::HashMap;
///
/// use serde::{Deserialize, Serialize};
/// use worker::{Job, Service, Setup};
///
/// #[derive(Serialize, Deserialize)]
/// struct Translate(String);
///
/// impl Job for Translate {
///     type Output = Option<String>;
///     const NAME: &'static str = "translate";
/// }
///
/// fn main() -> std::process::ExitCode {
///     Service::with_state(
///         |setup: &Setup| setup.argument::<HashMap<String, String>>(),
///         |job: Translate, cx| cx.state().get(&job.0).cloned(),
///     )
///     .serve()
/// }
/// ```
pub struct Service<'a> {
    runner: Box<dyn ErasedRunner + 'a>,
}

impl<'a> Service<'a> {
    /// Creates a service whose handler keeps no state.
    pub fn new<J, H>(handler: H) -> Self
    where
        J: Job,
        H: Fn(J, &mut Context<'_, ()>) -> J::Output + Sync + 'a,
    {
        Self::with_state(|_: &Setup| Ok::<(), Infallible>(()), handler)
    }

    /// Creates a service whose handler has a state.
    ///
    /// The initialiser runs once for each lane when the worker starts, and again for a lane whose handler has panicked.
    /// The state is made, used and dropped in the lane's own thread, so it need not be `Send`. If the initialiser fails at
    /// the start, the worker reports the error to the pool and exits.
    pub fn with_state<J, S, E, I, H>(initialiser: I, handler: H) -> Self
    where
        J: Job,
        S: 'a,
        E: fmt::Display + 'a,
        I: Fn(&Setup) -> Result<S, E> + Sync + 'a,
        H: Fn(J, &mut Context<'_, S>) -> J::Output + Sync + 'a,
    {
        Self::from_runner(Typed {
            initialiser,
            handler,
            origin: Origin::here(),
            types: PhantomData::<fn(J) -> Result<S, E>>,
        })
    }

    pub(crate) fn from_runner(runner: impl Runner + 'a) -> Self {
        Self {
            runner: Box::new(runner),
        }
    }

    #[cfg(test)]
    pub(crate) fn runner(&self) -> &dyn ErasedRunner {
        &*self.runner
    }

    /// Serves until the pool closes the worker: the whole `main` of a worker program.
    ///
    /// An error is printed on standard error, which the pool shows with the worker's death. The exit code is 0 if the pool
    /// closed the worker, 64 if no pool started the process, 70 if the pool broke the protocol, and 1 for any other
    /// error: the pool asked for another type of job, or the initialiser failed.
    pub fn serve(&self) -> ExitCode {
        ExitCode::from(self.serve_process())
    }

    /// Serves and exits the process if a pool started it as a worker for this type of job; otherwise returns at once.
    ///
    /// Call it at the top of `main`, before the program reads its arguments, starts threads or opens a pool. A program
    /// with several types of jobs calls it for each.
    #[expect(
        clippy::disallowed_methods,
        reason = "a worker process ends here and never runs the program"
    )]
    pub fn run_if_worker(&self) {
        if Role::of_this_process() == Role::WorkerFor(self.runner.job_name().into()) {
            std::process::exit(self.serve_process().into());
        }
    }

    fn serve_process(&self) -> u8 {
        match self.try_serve() {
            Ok(()) => 0,
            Err(error) => error::report(&error),
        }
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "a worker process ends if serving fails in another thread"
    )]
    fn try_serve(&self) -> Result<(), WorkerError> {
        let serves = self.runner.job_name();
        let Role::WorkerFor(_) = Role::of_this_process() else {
            return Err(WorkerError::StartedByHand { serves });
        };
        let control = child::take_control().map_err(|missing| match missing {
            ControlMissing::StartedByHand => WorkerError::StartedByHand { serves },
            ControlMissing::System { step, source } => WorkerError::System { step, source },
        })?;
        child::take_program_name();
        let host = Host {
            watch: |control| watchdog::start(control).map_err(WorkerError::system("starting the watchdog")),
            adopt: |memory| heap::adopt(memory).map_err(|error| WorkerError::Unusable(error.to_string())),
            forward: |control, level| {
                forward::start(control, level).map_err(WorkerError::system("forwarding the log"))
            },
            fatal: |error| std::process::exit(error::report(error).into()),
        };
        session::serve(&control, &*self.runner, &host)?;
        watchdog::wait_for_leave();
        Ok(())
    }
}

impl fmt::Debug for Service<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Service")
            .field("job", &self.runner.job_name())
            .finish_non_exhaustive()
    }
}

/// A runner of bytes made of typed functions.
struct Typed<I, H, T> {
    initialiser: I,
    handler: H,
    /// The process in which handlers return; a copy that one of them has forked ends.
    origin: Origin,
    types: PhantomData<T>,
}

impl<J, S, E, I, H> Runner for Typed<I, H, fn(J) -> Result<S, E>>
where
    J: Job,
    E: fmt::Display,
    I: Fn(&Setup) -> Result<S, E> + Sync,
    H: Fn(J, &mut Context<'_, S>) -> J::Output + Sync,
{
    type State = S;

    fn job_name(&self) -> &'static str {
        J::NAME
    }

    fn initialise(&self, setup: &Setup) -> Result<S, String> {
        (self.initialiser)(setup).map_err(|error| error.to_string())
    }

    fn run(
        &self,
        job: Incoming<'_>,
        context: &mut Context<'_, S>,
        output: &mut Payload,
    ) -> Result<(), Fault> {
        // Each branch decodes and runs by itself: if they joined first, every small job would be copied once more.
        match job {
            Incoming::Framed(encoding) => self.run_decoded(J::decode(encoding), context, output),
            Incoming::Mapped(delivered) => self.run_delivered(*delivered, context, output),
        }
    }
}

impl<J, S, E, I, H> Typed<I, H, fn(J) -> Result<S, E>>
where
    J: Job,
    H: Fn(J, &mut Context<'_, S>) -> J::Output,
{
    #[cold]
    fn run_delivered(
        &self,
        job: MappedBytes,
        context: &mut Context<'_, S>,
        output: &mut Payload,
    ) -> Result<(), Fault> {
        self.run_decoded(job.decode(J::decode), context, output)
    }

    #[expect(
        clippy::inline_always,
        reason = "passing the decoded job to a call copies it, which takes longer than decoding it"
    )]
    #[inline(always)]
    fn run_decoded(
        &self,
        job: Result<J, CodecError>,
        context: &mut Context<'_, S>,
        output: &mut Payload,
    ) -> Result<(), Fault> {
        let job = match job {
            Ok(job) => job,
            Err(error) => return Err(Fault::Undecodable(error.to_string())),
        };
        context.enter(JobPhase::Running);
        let value = (self.handler)(job, context);
        self.origin.end_copy();
        context.enter(JobPhase::Encoding);
        let encoded = output.encode(|encoding| J::encode_output(&value, encoding));
        encoded.map_err(|error| Fault::Unencodable(error.to_string()))
    }
}
