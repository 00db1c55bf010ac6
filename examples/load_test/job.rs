//! The job, and the code that runs it: in a worker, or in this process to compare.

use std::convert::Infallible;

use pool::{Bytes, Job};
use serde::{Deserialize, Serialize};
use worker::{
    Service, Setup,
    expression::{Evaluator, Limits, Names},
};

use crate::spin;

/// One job.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Load {
    /// Evaluate an expression.
    Eval(String),
    /// Keep a CPU busy for this many rounds.
    Spin(u64),
    /// Return the bytes.
    Echo(Bytes),
    /// End the worker, as a crash in a native library would.
    Crash,
}

impl Job for Load {
    type Output = Bytes;
    const NAME: &'static str = "load";
}

/// The state that is kept from one job to the next.
#[derive(Debug)]
pub(crate) struct JobRunner {
    evaluator: Evaluator,
    names: Names,
}

impl JobRunner {
    pub(crate) fn new() -> Self {
        Self {
            evaluator: Evaluator::new(Limits::default()),
            names: Names::default(),
        }
    }

    pub(crate) fn run(&mut self, job: Load) -> Bytes {
        match job {
            Load::Eval(source) => {
                let mut text = Vec::new();
                if let Err(error) = self
                    .evaluator
                    .eval_into(source.as_bytes(), &self.names, &mut text)
                {
                    text.extend_from_slice(error.to_string().as_bytes());
                }
                Bytes::from(text)
            }
            Load::Spin(rounds) => {
                spin::spin(rounds);
                Bytes::new()
            }
            Load::Echo(bytes) => bytes,
            Load::Crash => std::process::abort(),
        }
    }
}

/// The worker's side.
pub(crate) fn service() -> Service<'static> {
    Service::with_state(
        |_: &Setup| Ok::<_, Infallible>(JobRunner::new()),
        |job: Load, context| context.state().run(job),
    )
}
