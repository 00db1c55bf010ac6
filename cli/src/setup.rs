//! What all jobs share: names and limits, checked before any job runs.

use worker::{
    eval::{EvalLimits, EvalSetup},
    expression::{Error, Expression, Limits, Names},
};

use crate::{args::Definition, diagnostics::Painter, failure::Failure};

/// The setup of the workers.
///
/// Evaluates the definitions here too, in order, so that a mistake is reported at once and with its location.
///
/// # Errors
/// The message for the user, if a definition has no value or its name cannot be bound.
pub(crate) fn setup(
    definitions: &[Definition],
    limits: EvalLimits,
    painter: &Painter,
) -> Result<EvalSetup, String> {
    let mut names = Names::default();
    for definition in definitions {
        bind(&mut names, definition, &limits.into(), painter)?;
    }
    let pairs = definitions
        .iter()
        .map(|defined| (defined.name.clone(), defined.expression.clone()));
    Ok(EvalSetup {
        names: pairs.collect(),
        limits,
    })
}

fn bind(
    names: &mut Names,
    definition: &Definition,
    limits: &Limits,
    painter: &Painter,
) -> Result<(), String> {
    let Definition { name, expression } = definition;
    let value = Expression::parse_with(expression, limits)
        .and_then(|expression| expression.evaluate(names, limits))
        .map_err(|error| painter.paint_elsewhere(&failure(&error), format_args!("-D {name}"), expression))?;
    names
        .bind(name.as_str(), value)
        .map_err(|error| format!("error: -D {name}: {error}"))
}

fn failure(error: &Error) -> Failure {
    Failure {
        kind: error.kind().to_string().into(),
        message: error.message().to_owned(),
        details: None,
        span: Some(error.start()..error.end()),
    }
}
