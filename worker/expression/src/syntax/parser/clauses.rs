//! The state of a comprehension while it is parsed.

use crate::machine::program::{Collector, Op, Span};

/// The clauses of a comprehension, and where their code is.
#[derive(Debug)]
pub(super) struct Clauses {
    pub(super) collector: Collector,
    /// Whether this is the argument of a call, rather than a bracket of its own.
    pub(super) is_argument: bool,
    /// The start of the element's code, until it is moved.
    pub(super) element: u32,
    pub(super) element_span: Span,
    /// The start of the clauses' code.
    pub(super) code: u32,
    /// The indices of the first and the last `Next` so far.
    pub(super) loops: Option<(u32, u32)>,
    pub(super) clause: Clause,
    /// The targets of the current clause, whose code follows that of its iterable.
    pub(super) targets: Vec<(Op, Span)>,
    pub(super) variables: Vec<u32>,
}

/// The part of a clause whose operand is being parsed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Clause {
    Iterable,
    Filter,
}

impl Clauses {
    /// The range of the comprehension, as far as it is parsed.
    pub(super) fn whole(&self) -> Span {
        self.element_span
    }

    pub(super) fn closing(&self) -> u8 {
        match self.collector {
            _ if self.is_argument => b')',
            Collector::Set | Collector::Dict => b'}',
            _ => b']',
        }
    }
}
