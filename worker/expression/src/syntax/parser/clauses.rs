//! What is known of a comprehension while it is parsed.

use crate::machine::program::{Collector, Op, Span};

/// The clauses of a comprehension under construction.
#[derive(Debug)]
pub(super) struct Clauses {
    pub(super) collector: Collector,
    /// Is this the argument of a call, and not a bracket of its own?
    pub(super) is_argument: bool,
    /// Where the element's code is, until it is moved.
    pub(super) element: u32,
    pub(super) element_span: Span,
    /// Where the code of the clauses begins.
    pub(super) code: u32,
    /// The first and the last `Next` so far.
    pub(super) loops: Option<(u32, u32)>,
    pub(super) clause: Clause,
    /// The targets of the clause at hand, whose code comes behind that of its iterable.
    pub(super) targets: Vec<(Op, Span)>,
    pub(super) variables: Vec<u32>,
}

/// Whose operand is being parsed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Clause {
    Iterable,
    Filter,
}

impl Clauses {
    /// From the element on, as far as it is known.
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
