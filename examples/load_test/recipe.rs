//! The jobs of a run, by their number: the same in the pool and in one thread.

use pool::Bytes;

use crate::{job::Load, kind::Kind, spin};

/// The number of different expressions if none is given.
const EXPRESSIONS: usize = 1024;

/// How to make the jobs of a run.
#[derive(Debug)]
pub(crate) struct Recipe {
    ingredients: Ingredients,
    crash_every: Option<u64>,
}

#[derive(Debug)]
enum Ingredients {
    Expressions(Vec<String>),
    Rounds(u64),
    Bytes(Bytes),
}

impl Recipe {
    /// A recipe for jobs of this kind, each `crash_every`th of which crashes.
    pub(crate) fn new(kind: &Kind, crash_every: Option<u64>) -> Self {
        let ingredients = match kind {
            Kind::Eval(Some(expression)) => Ingredients::Expressions(vec![expression.clone()]),
            Kind::Eval(None) => Ingredients::Expressions(expressions()),
            Kind::Spin(time) => Ingredients::Rounds(spin::rounds_in(*time)),
            Kind::Echo(bytes) => Ingredients::Bytes(vec![7; *bytes].into()),
        };
        Self {
            ingredients,
            crash_every,
        }
    }

    /// The job with this number.
    pub(crate) fn job(&self, number: u64) -> Load {
        if self.crash_every.is_some_and(|every| number % every == every - 1) {
            return Load::Crash;
        }
        self.harmless_job(number)
    }

    /// The job with this number, even if it is one that crashes.
    pub(crate) fn harmless_job(&self, number: u64) -> Load {
        match &self.ingredients {
            Ingredients::Expressions(all) => Load::Eval(all[number as usize % all.len()].clone()),
            Ingredients::Rounds(rounds) => Load::Spin(*rounds),
            Ingredients::Bytes(bytes) => Load::Echo(bytes.clone()),
        }
    }

    /// Whether running a job takes time that can be compared; returning bytes does not.
    pub(crate) fn is_work(&self) -> bool {
        match &self.ingredients {
            Ingredients::Expressions(_) => true,
            Ingredients::Rounds(rounds) => *rounds > 0,
            Ingredients::Bytes(_) => false,
        }
    }
}

fn expressions() -> Vec<String> {
    let mut random = fastrand::Rng::with_seed(42);
    let mut number = || random.u32(1..1000);
    let expression = |_| format!("{}+{}*{}", number(), number(), number());
    (0..EXPRESSIONS).map(expression).collect()
}
