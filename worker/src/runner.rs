//! What the serve loop needs of a kind of job, and how a job's faults are told apart.
//!
//! A [`Runner`] is one kind of job with its handler and initialiser; it sees jobs as they came. A [`LaneRunner`] is one
//! lane's runner with its state; it is what the lane works at. Neither knows how jobs come or results leave.

use protocol::{Fault, Incoming, Panicked, Payload, child::panics};

use crate::{
    context::{Context, JobPhase, Setup},
    error::WorkerError,
    forward,
    job_loop::JobLoop,
};

/// A kind of job, as encoded bytes.
pub(crate) trait Runner: Sync {
    /// What a lane keeps from job to job.
    type State;

    /// The name that both processes compare.
    fn job_name(&self) -> &'static str;

    /// Makes the state of a lane; the error is a text for people.
    fn initialise(&self, setup: &Setup) -> Result<Self::State, String>;

    /// Runs one encoded job and puts its encoded output into the empty payload. It says in the context how far it has come.
    fn run(
        &self,
        job: Incoming<'_>,
        context: &mut Context<'_, Self::State>,
        output: &mut Payload,
    ) -> Result<(), Fault>;
}

/// A runner whose type of state is forgotten.
pub(crate) trait ErasedRunner: Sync {
    /// The name that both processes compare.
    fn job_name(&self) -> &'static str;

    /// The bench of one lane, still without a state.
    fn runner(&self, setup: Setup) -> Box<dyn LaneRunner + '_>;
}

/// Where one lane runs its jobs. It stays in the lane's thread.
pub(crate) trait LaneRunner {
    /// Drops the state, if there is one, and runs the initialiser.
    fn rebuild(&mut self) -> Result<(), String>;

    /// Runs all jobs of a course. A job's fault is its outcome; after a panic of a handler the state is made anew.
    ///
    /// # Panics
    /// Without a state.
    fn run(&mut self, job_loop: &mut JobLoop<'_, '_>) -> Result<(), WorkerError>;

    /// Drops the state. A panic of its drop is printed and goes no further.
    fn close(&mut self);
}

impl<R: Runner> ErasedRunner for R {
    fn job_name(&self) -> &'static str {
        Runner::job_name(self)
    }

    fn runner(&self, setup: Setup) -> Box<dyn LaneRunner + '_> {
        Box::new(StatefulRunner {
            runner: self,
            setup,
            state: None,
        })
    }
}

/// A bench and what stands on it: the state.
struct StatefulRunner<'a, R: Runner> {
    runner: &'a R,
    setup: Setup,
    state: Option<R::State>,
}

impl<R: Runner> LaneRunner for StatefulRunner<'_, R> {
    fn rebuild(&mut self) -> Result<(), String> {
        self.close();
        let made = panics::catch(|| self.runner.initialise(&self.setup)).map_err(|panicked| told(&panicked));
        self.state = Some(made.flatten()?);
        Ok(())
    }

    fn run(&mut self, job_loop: &mut JobLoop<'_, '_>) -> Result<(), WorkerError> {
        loop {
            let state = self.state.as_mut().expect("a state has been built");
            let mut context = Context::new(state, self.setup.place());
            let caught = panics::catch_each(|watched| run_jobs(self.runner, &mut context, job_loop, watched));
            forward::runs(None);
            let panicked = match caught {
                Ok(ran) => return ran,
                Err(panicked) if job_loop.running().is_none() => return Err(WorkerError::Panicked(panicked)),
                Err(panicked) => panicked,
            };
            let fault = named(context.phase(), panicked);
            let spoils_state = matches!(fault, Fault::Panicked(_));
            job_loop.finish(Err(fault));
            if spoils_state {
                // No job is shown as running meanwhile, and the parent knows of the panic.
                job_loop.pause();
                self.rebuild().map_err(WorkerError::Rebuilding)?;
            }
        }
    }

    fn close(&mut self) {
        let state = self.state.take();
        panics::survive(|| drop(state));
    }
}

/// Runs jobs until there are none, or until one panics; then it is still running in the eyes of the course.
fn run_jobs<R: Runner>(
    runner: &R,
    context: &mut Context<'_, R::State>,
    job_loop: &mut JobLoop<'_, '_>,
    watched: &panics::Watched,
) -> Result<(), WorkerError> {
    while let Some((position, job)) = job_loop.next()? {
        watched.renew();
        forward::runs(Some(position));
        context.begin(position);
        let ran = runner.run(job, context, job_loop.output());
        job_loop.finish(ran);
    }
    Ok(())
}

fn told(panicked: &Panicked) -> String {
    format!("it panicked{panicked}")
}

fn named(phase: JobPhase, panicked: Panicked) -> Fault {
    match phase {
        JobPhase::Decoding => Fault::Undecodable(told(&panicked)),
        JobPhase::Running => Fault::Panicked(panicked),
        JobPhase::Encoding => Fault::Unencodable(told(&panicked)),
    }
}
