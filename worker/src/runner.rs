//! Runs jobs of one type, and turns panics into faults.
//!
//! A [`Runner`] is one type of job with its handler and initialiser; it takes jobs as encoded bytes. A [`LaneRunner`] is a
//! runner with the state of one lane. Neither knows how jobs arrive or how results leave.

use protocol::{Fault, Incoming, Panicked, Payload, child::panics, memory::Origin};

use crate::{
    context::{Context, JobPhase, Setup},
    error::WorkerError,
    forward,
    job_loop::JobLoop,
};

/// Runs one type of job, as encoded bytes.
pub(crate) trait Runner: Sync {
    /// The state that a lane keeps from job to job.
    type State;

    /// The name that both processes compare.
    fn job_name(&self) -> &'static str;

    /// Makes the state of a lane. The error is a message for people.
    fn initialise(&self, setup: &Setup) -> Result<Self::State, String>;

    /// Runs one encoded job and writes its encoded output to the empty payload. Records in the context how far it has come.
    fn run(
        &self,
        job: Incoming<'_>,
        context: &mut Context<'_, Self::State>,
        output: &mut Payload,
    ) -> Result<(), Fault>;
}

/// A runner without the type of its state.
pub(crate) trait ErasedRunner: Sync {
    /// The name that both processes compare.
    fn job_name(&self) -> &'static str;

    /// The runner of one lane, which has no state yet.
    fn lane_runner(&self, setup: Setup) -> Box<dyn LaneRunner + '_>;
}

/// Runs the jobs of one lane. It stays in the lane's thread.
pub(crate) trait LaneRunner {
    /// Drops the state, if there is one, and runs the initialiser.
    fn initialise(&mut self) -> Result<(), String>;

    /// Runs all jobs of a job loop. A fault is the outcome of its job alone. After a panic in the handler, makes a new state.
    ///
    /// # Panics
    /// If there is no state.
    fn run(&mut self, job_loop: &mut JobLoop<'_, '_>) -> Result<(), WorkerError>;

    /// Drops the state. A panic in its drop is printed and caught.
    fn drop_state(&mut self);
}

impl<R: Runner> ErasedRunner for R {
    fn job_name(&self) -> &'static str {
        Runner::job_name(self)
    }

    fn lane_runner(&self, setup: Setup) -> Box<dyn LaneRunner + '_> {
        Box::new(StatefulRunner {
            runner: self,
            setup,
            state: None,
        })
    }
}

/// A runner with the state of one lane.
struct StatefulRunner<'a, R: Runner> {
    runner: &'a R,
    setup: Setup,
    state: Option<R::State>,
}

impl<R: Runner> LaneRunner for StatefulRunner<'_, R> {
    fn initialise(&mut self) -> Result<(), String> {
        self.drop_state();
        let origin = Origin::here();
        let made =
            panics::catch(|| self.runner.initialise(&self.setup)).map_err(|panicked| message_of(&panicked));
        origin.end_copy();
        self.state = Some(made.flatten()?);
        Ok(())
    }

    fn run(&mut self, job_loop: &mut JobLoop<'_, '_>) -> Result<(), WorkerError> {
        loop {
            let state = self.state.as_mut().expect("a state has been built");
            let mut context = Context::new(state, self.setup.lane_info());
            let caught = panics::catch_each(|watched| run_jobs(self.runner, &mut context, job_loop, watched));
            forward::set_position(None);
            let panicked = match caught {
                Ok(ran) => return ran,
                Err(panicked) if job_loop.running().is_none() => return Err(WorkerError::Panicked(panicked)),
                Err(panicked) => panicked,
            };
            let fault = fault_of(context.phase(), panicked);
            let spoils_state = matches!(fault, Fault::Panicked(_));
            job_loop.finish(Err(fault));
            if spoils_state {
                // Meanwhile the board shows no running job, and the parent knows of the panic.
                job_loop.pause();
                self.initialise().map_err(WorkerError::Reinitialising)?;
            }
        }
    }

    fn drop_state(&mut self) {
        let (state, origin) = (self.state.take(), Origin::here());
        panics::survive(|| drop(state));
        origin.end_copy();
    }
}

/// Runs jobs until none is left. If one panics, it is still the running job of the job loop.
fn run_jobs<R: Runner>(
    runner: &R,
    context: &mut Context<'_, R::State>,
    job_loop: &mut JobLoop<'_, '_>,
    watched: &panics::Watched,
) -> Result<(), WorkerError> {
    while let Some((position, job)) = job_loop.next()? {
        watched.renew();
        forward::set_position(Some(position));
        context.begin(position);
        let ran = runner.run(job, context, job_loop.output());
        job_loop.finish(ran);
    }
    Ok(())
}

fn message_of(panicked: &Panicked) -> String {
    format!("it panicked{panicked}")
}

/// The fault that a panic in a phase is.
fn fault_of(phase: JobPhase, panicked: Panicked) -> Fault {
    match phase {
        JobPhase::Decoding => Fault::Undecodable(message_of(&panicked)),
        JobPhase::Running => Fault::Panicked(panicked),
        JobPhase::Encoding => Fault::Unencodable(message_of(&panicked)),
    }
}
