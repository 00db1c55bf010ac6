//! The service for the job [`protocol::Eval`], which takes an expression and returns the text of its value.
//!
//! Owns the adapter between the job's bytes and the evaluator, and the type of the pool's argument. [`crate::expression`]
//! defines what an expression means.

use std::borrow::Cow;

use protocol::{
    Eval, Fault, Incoming, Job, Payload,
    job::eval::{EvalError, EvalRef, encode_evaluated},
};
use serde::{Deserialize, Serialize};

use crate::{
    context::{Context, JobPhase, Setup},
    expression::{Error, Evaluator, Expression, Limits, Names},
    runner::Runner,
    service::Service,
};

/// A service that evaluates expressions. Its initialiser's argument is an [`EvalSetup`], or none.
pub fn service() -> Service<'static> {
    Service::from_runner(EvalRunner)
}

/// Names and limits for every expression of a pool: the argument of the service's initialiser.
///
/// ```
/// use worker::eval::{EvalLimits, EvalSetup};
///
/// let setup = EvalSetup {
///     names: vec![("vat".into(), "0.19".into())],
///     limits: EvalLimits { fuel: Some(10_000), ..EvalLimits::default() },
/// };
/// # assert_eq!(setup.names.len(), 1);
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EvalSetup {
    /// Names, each with the expression of its value. An expression may use the names before it.
    pub names: Vec<(String, String)>,
    /// The limits that differ from the defaults.
    pub limits: EvalLimits,
}

/// The limits of an evaluation that differ from the defaults of [`Limits`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EvalLimits {
    /// See [`Limits::max_source`].
    pub max_source: Option<usize>,
    /// See [`Limits::max_depth`].
    pub max_depth: Option<usize>,
    /// See [`Limits::max_int_bits`].
    pub max_int_bits: Option<u64>,
    /// See [`Limits::max_len`].
    pub max_len: Option<usize>,
    /// See [`Limits::max_alloc`].
    pub max_alloc: Option<u64>,
    /// See [`Limits::fuel`].
    pub fuel: Option<u64>,
    /// See [`Limits::max_output`].
    pub max_output: Option<usize>,
}

impl From<EvalLimits> for Limits {
    fn from(limits: EvalLimits) -> Self {
        let mut all = Self::default();
        all = apply(all, limits.max_source, Self::max_source);
        all = apply(all, limits.max_depth, Self::max_depth);
        all = apply(all, limits.max_int_bits, Self::max_int_bits);
        all = apply(all, limits.max_len, Self::max_len);
        all = apply(all, limits.max_alloc, Self::max_alloc);
        all = apply(all, limits.fuel, Self::fuel);
        apply(all, limits.max_output, Self::max_output)
    }
}

fn apply<T>(limits: Limits, value: Option<T>, set: impl FnOnce(Limits, T) -> Limits) -> Limits {
    match value {
        Some(value) => set(limits, value),
        None => limits,
    }
}

/// The runner of the service. All that it uses is in the lane's state.
struct EvalRunner;

/// The state of a lane, kept from expression to expression.
struct EvalState {
    evaluator: Evaluator,
    names: Names,
    limits: Limits,
}

impl Runner for EvalRunner {
    type State = EvalState;

    fn job_name(&self) -> &'static str {
        Eval::NAME
    }

    fn initialise(&self, setup: &Setup) -> Result<EvalState, String> {
        let setup: EvalSetup = if setup.has_argument() {
            setup.argument().map_err(|error| error.to_string())?
        } else {
            EvalSetup::default()
        };
        let limits = Limits::from(setup.limits);
        let names = bound(Names::default(), &setup.names, &limits).map_err(|error| error.to_string())?;
        Ok(EvalState {
            evaluator: Evaluator::new(limits.clone()),
            names,
            limits,
        })
    }

    fn run(
        &self,
        job: Incoming<'_>,
        context: &mut Context<'_, EvalState>,
        output: &mut Payload,
    ) -> Result<(), Fault> {
        let job = EvalRef::decode(job.encoding()).map_err(|error| Fault::Undecodable(error.to_string()))?;
        context.enter(JobPhase::Running);
        let state = context.state();
        encode_evaluated(&mut output.encoding, |output| state.evaluate(&job, output))
            .map_err(|error| Fault::Unencodable(error.to_string()))
    }
}

impl EvalState {
    #[inline]
    fn evaluate(&mut self, job: &EvalRef<'_>, output: &mut Vec<u8>) -> Result<(), EvalError> {
        let names = match &*job.names {
            [] => Cow::Borrowed(&self.names),
            own => Cow::Owned(bound(self.names.clone(), own, &self.limits)?),
        };
        self.evaluator
            .eval_into(job.source, &names, output)
            .map_err(|error| in_source(&error))
    }
}

/// Adds `bindings` to `names`, in order.
fn bound(mut names: Names, bindings: &[(String, String)], limits: &Limits) -> Result<Names, EvalError> {
    for (name, expression) in bindings {
        let value = Expression::parse_with(expression, limits)
            .and_then(|expression| expression.evaluate(&names, limits))
            .map_err(|error| in_binding(name, &error))?;
        names.bind(name, value).map_err(|error| EvalError {
            kind: "NameError".into(),
            message: error.to_string(),
            start: 0,
            end: 0,
        })?;
    }
    Ok(names)
}

fn in_source(error: &Error) -> EvalError {
    EvalError {
        kind: error.kind().name().into(),
        message: error.message().to_owned(),
        start: error.start() as u32,
        end: error.end() as u32,
    }
}

/// An error in the value of a name has no position in the job's expression.
fn in_binding(name: &str, error: &Error) -> EvalError {
    EvalError {
        message: format!("in the value of `{name}`: {}", error.message()),
        start: 0,
        end: 0,
        ..in_source(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake_parent::{FakeParent, StartOptions, encode_argument, start, start_ready};

    fn options(argument: Vec<u8>) -> StartOptions {
        StartOptions {
            job: Eval::NAME,
            argument,
            ..StartOptions::default()
        }
    }

    fn with_setup(names: &[(&str, &str)]) -> StartOptions {
        let names = names
            .iter()
            .map(|&(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        let limits = EvalLimits::default();
        options(encode_argument(&EvalSetup { names, limits }))
    }

    fn evaluate(parent: &mut FakeParent, job: &Eval) -> Result<String, EvalError> {
        let mut bytes = Vec::new();
        job.encode(&mut bytes).unwrap();
        let position = parent.send_encoded(&[bytes]) - 1;
        Eval::decode_output(&parent.result(position).unwrap()).unwrap()
    }

    #[test]
    fn an_expression_becomes_the_text_of_its_value() {
        let mut parent = start_ready(service(), &options(Vec::new()));
        assert_eq!(evaluate(&mut parent, &Eval::new("1+2+3")).unwrap(), "6");
        let error = evaluate(&mut parent, &Eval::new("missing")).unwrap_err();
        assert_eq!(error.to_string(), "NameError: name 'missing' is not defined");
    }

    #[test]
    fn names_of_the_pool_are_bound_in_all_jobs_and_those_of_a_job_only_in_it() {
        let mut parent = start_ready(service(), &with_setup(&[("a", "1"), ("b", "a + a")]));
        let own = Eval::new("a + b + c").bind("a", "10").bind("c", "a + 100");
        assert_eq!(evaluate(&mut parent, &own).unwrap(), "122");
        assert_eq!(evaluate(&mut parent, &Eval::new("a + b")).unwrap(), "3");
        assert_eq!(
            evaluate(&mut parent, &Eval::new("c")).unwrap_err().kind,
            "NameError"
        );
    }

    #[test]
    fn a_name_that_cannot_be_bound_is_the_jobs_error() {
        let mut parent = start_ready(service(), &options(Vec::new()));
        let error = evaluate(&mut parent, &Eval::new("1").bind("x", "missing")).unwrap_err();
        assert_eq!(
            error.message,
            "in the value of `x`: name 'missing' is not defined"
        );
        assert_eq!((error.start, error.end), (0, 0));
        let error = evaluate(&mut parent, &Eval::new("1").bind("__x", "1")).unwrap_err();
        assert!(error.message.contains("__x"), "{error}");
    }

    #[test]
    fn a_setup_that_cannot_be_used_fails_the_start() {
        for options in [
            with_setup(&[("x", "missing")]),
            with_setup(&[("__x", "1")]),
            options(vec![0xff; 9]),
        ] {
            assert!(start(service(), &options).is_err());
        }
    }

    #[test]
    fn bytes_that_are_no_eval_job_are_undecodable() {
        let mut parent = start_ready(service(), &options(Vec::new()));
        parent.send_encoded(&[vec![1, 0xff]]);
        assert!(matches!(parent.fault(0), Fault::Undecodable(_)));
    }
}
