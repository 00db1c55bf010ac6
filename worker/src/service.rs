//! A kind of job with the code that runs it: the public way to be a worker.
//!
//! Owns the adapter from typed handlers to bytes, and the decision what the process was started as.

use std::{convert::Infallible, fmt, marker::PhantomData, process::ExitCode};

use protocol::{
    CodecError, Delivered, Fault, Incoming, Job, Payload,
    child::{self, ControlMissing, Role, watchdog},
    family,
};

use crate::{
    context::{Context, Setup, Stage},
    failure::{self, Failure},
    forward,
    runner::{Runner, Serving},
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
    serving: Box<dyn Serving + 'a>,
}

impl<'a> Service<'a> {
    /// A service whose handler keeps nothing from job to job.
    pub fn new<J, H>(handler: H) -> Self
    where
        J: Job,
        H: Fn(J, &mut Context<'_, ()>) -> J::Output + Sync + 'a,
    {
        Self::with_state(|_: &Setup| Ok::<(), Infallible>(()), handler)
    }

    /// A service whose handler has a state.
    ///
    /// The initialiser runs once for each lane when the worker starts, and once more for a lane whose handler has
    /// panicked. The state is made, used and dropped in the lane's own thread, and so need not be `Send`. When the
    /// initialiser fails at the start, the pool is told the error and the worker exits.
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
            types: PhantomData::<fn(J) -> Result<S, E>>,
        })
    }

    pub(crate) fn from_runner(runner: impl Runner + 'a) -> Self {
        Self {
            serving: Box::new(runner),
        }
    }

    #[cfg(test)]
    pub(crate) fn serving(&self) -> &dyn Serving {
        &*self.serving
    }

    /// Serves until the pool wants no more: the whole `main` of a worker program.
    ///
    /// Why it ended otherwise than well stands on standard error, which the pool shows with the worker's death. The
    /// code is 0 in the end, 64 when no pool started the process, 70 when the pool broke the protocol, and 1 for all
    /// else: another type of job was asked for, or the initialiser failed.
    pub fn serve(&self) -> ExitCode {
        ExitCode::from(self.serve_process())
    }

    /// Serves and exits the process when a pool started it as a worker for this type of job; otherwise returns at
    /// once.
    ///
    /// To be called at the top of `main`, before the program looks at its arguments, starts threads or opens a pool.
    /// A program with several types of jobs calls it for each.
    #[expect(
        clippy::disallowed_methods,
        reason = "a worker process ends here and never runs the program"
    )]
    pub fn run_if_worker(&self) {
        if Role::of_this_process() == Role::WorkerFor(self.serving.job_name().into()) {
            std::process::exit(self.serve_process().into());
        }
    }

    fn serve_process(&self) -> u8 {
        match self.try_serve() {
            Ok(()) => 0,
            Err(failure) => failure::report(&failure),
        }
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "a worker process ends if serving fails in another thread"
    )]
    fn try_serve(&self) -> Result<(), Failure> {
        let serves = self.serving.job_name();
        let Role::WorkerFor(_) = Role::of_this_process() else {
            return Err(Failure::StartedByHand { serves });
        };
        let control = child::take_control().map_err(|missing| match missing {
            ControlMissing::StartedByHand => Failure::StartedByHand { serves },
            ControlMissing::System { step, source } => Failure::System { step, source },
        })?;
        child::take_program_name();
        let host = Host {
            watch: |control| watchdog::start(control).map_err(Failure::system("starting the watchdog")),
            adopt: |memory| family::adopt(memory).map_err(|error| Failure::Unusable(error.to_string())),
            forward: |control, level| {
                forward::start(control, level).map_err(Failure::system("telling the pool of the log"))
            },
            fatal: |failure| std::process::exit(failure::report(failure).into()),
        };
        session::serve(&control, &*self.serving, &host)?;
        watchdog::wait_for_leave();
        Ok(())
    }
}

impl fmt::Debug for Service<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Service")
            .field("job", &self.serving.job_name())
            .finish_non_exhaustive()
    }
}

/// Typed functions as a runner of bytes.
struct Typed<I, H, T> {
    initialiser: I,
    handler: H,
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
        // Each way decodes and runs on its own: where both met, every small job would be copied once more.
        match job {
            Incoming::Framed(encoding) => self.run_decoded(J::decode(encoding), context, output),
            Incoming::Delivered(delivered) => self.run_delivered(*delivered, context, output),
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
        job: Delivered,
        context: &mut Context<'_, S>,
        output: &mut Payload,
    ) -> Result<(), Fault> {
        self.run_decoded(job.decode(J::decode), context, output)
    }

    #[expect(
        clippy::inline_always,
        reason = "a job that is handed over is copied, which takes longer than decoding it"
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
        context.enter(Stage::Running);
        let value = (self.handler)(job, context);
        context.enter(Stage::Encoding);
        let encoded = output.encode(|encoding| J::encode_output(&value, encoding));
        encoded.map_err(|error| Fault::Unencodable(error.to_string()))
    }
}
