//! The program that the parser writes and the machine runs: a flat list of operations in postfix order.
//!
//! Owns the operations, their constants, names and source ranges. Jumps are relative, so that the parser can move code:
//! a comprehension's element comes before its loops in the source and after them in the program.

use std::collections::HashMap;

use crate::builtins::builtin;
use crate::builtins::math::MathFunction;
use crate::object::Object;
use crate::object::compare::Comparison;
use crate::object::function::Function;
use crate::operator::arithmetic::{BinaryOperator, UnaryOperator};

/// One operation. Jump distances are relative to the jump itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Op {
    Integer(i32),
    Constant(u32),
    None,
    Bool(bool),
    /// Pushes the value of a variable.
    Name(u32),
    /// Pushes the value of a name before an argument list: a variable or a function.
    Callee(u32),
    /// Pushes a function of the `math` module.
    MathFunction(MathFunction),
    /// Raises an `Unsupported` error that is only raised if it is evaluated.
    Fail(UnsupportedValue),
    /// Raises an `AttributeError` for a name that `math` does not have.
    NoSuchMath(u32),
    Binary(BinaryOperator),
    /// A binary operator whose right operand is a small literal.
    BinaryInteger(BinaryOperator, i32),
    Unary(UnaryOperator),
    Not,
    Compare(Comparison),
    /// Compares. If true, keeps the right operand for the next comparison; otherwise pushes False and jumps.
    CompareChain(Comparison, i32),
    JumpIfFalseOrPop(i32),
    JumpIfTrueOrPop(i32),
    /// Pops the condition. Backward jumps are loop steps, which cost fuel.
    JumpIfFalse(i32),
    Jump(i32),
    Tuple(u32),
    List(u32),
    Set(u32),
    Dict(u32),
    Subscript,
    Slice,
    /// Raises the `TypeError` of a subscript such as `x[1:2, 3]`. The number counts the values above the subscripted one.
    SliceTuple(u32),
    /// Calls with this number of positional arguments.
    Call(u32),
    /// Calls with keyword arguments, which a shape describes.
    CallKeywords(u32),
    /// Pops a value and starts to iterate over it.
    Iterate,
    /// Checks that the value below accepts a bare generator.
    CheckConsumer,
    /// Starts a comprehension: hides the outer bindings of its variables and starts its result.
    Enter(u32),
    /// Pushes the next item, or drops the cursor and jumps.
    Next(i32),
    Unpack(u32),
    Store(u32),
    Append,
    AppendPair,
    /// Ends `any()` or `all()` early if the value has this truth value: drops the loops and skips the next operation.
    Decide(bool),
    /// Ends a comprehension and pushes its result.
    Leave,
    /// Drops the function below the result, if the comprehension has computed the function's result.
    DropCallee,
}

/// Unsupported values, whose evaluation is an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum UnsupportedValue {
    MathFunction,
    Math,
}

/// A range of the source, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Span {
    pub(crate) start: u32,
    pub(crate) end: u32,
}

/// A name in the source.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Symbol {
    span: Span,
    pub(crate) function: Option<&'static Function>,
}

/// The arguments of a call with keywords. The last arguments have keywords.
#[derive(Debug, Clone)]
pub(crate) struct CallShape {
    pub(crate) positional: usize,
    pub(crate) keywords: Vec<u32>,
}

/// How a comprehension collects its result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Collector {
    List,
    Set,
    Dict,
    /// `any()` of a generator.
    Any,
    /// `all()` of a generator.
    All,
}

/// A comprehension: its kind of result and its variables.
#[derive(Debug, Clone)]
pub(crate) struct Scope {
    pub(crate) collector: Collector,
    pub(crate) variables: Vec<u32>,
}

/// A parsed expression.
#[derive(Debug, Clone, Default)]
pub(crate) struct Program {
    pub(crate) ops: Vec<Op>,
    pub(crate) spans: Vec<Span>,
    pub(crate) constants: Vec<Object>,
    pub(crate) symbols: Vec<Symbol>,
    pub(crate) shapes: Vec<CallShape>,
    pub(crate) scopes: Vec<Scope>,
    /// Symbols by name, once there are too many for a linear search.
    index: HashMap<Box<[u8]>, u32>,
}

/// Up to this number, symbols are found by a linear search.
const FEW_SYMBOLS: usize = 16;

impl Program {
    /// Empties the program and keeps its memory.
    pub(crate) fn clear(&mut self) {
        self.ops.clear();
        self.spans.clear();
        self.constants.clear();
        self.symbols.clear();
        self.shapes.clear();
        self.scopes.clear();
        self.index.clear();
    }

    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.ops.len()
    }

    /// The end of the expression in the source.
    pub(crate) fn end(&self) -> u32 {
        self.spans.last().map_or(0, |span| span.end)
    }

    #[inline]
    pub(crate) fn push(&mut self, op: Op, start: u32, end: u32) {
        self.ops.push(op);
        self.spans.push(Span { start, end });
    }

    pub(crate) fn pop(&mut self) {
        self.ops.pop();
        self.spans.pop();
    }

    /// Moves the `count` operations from `start` on to the end of the program.
    pub(crate) fn rotate(&mut self, start: usize, count: usize) {
        self.ops[start..].rotate_left(count);
        self.spans[start..].rotate_left(count);
    }

    /// The distance of a jump.
    pub(crate) fn distance(from: usize, to: usize) -> i32 {
        let place = |place: usize| i32::try_from(place).unwrap_or(i32::MAX);
        place(to) - place(from)
    }

    /// Sets the target of a jump to the current end of the program.
    pub(crate) fn land(&mut self, jump: usize) {
        self.redirect(jump, self.len());
    }

    /// Sets the target of a jump.
    pub(crate) fn redirect(&mut self, jump: usize, target: usize) {
        let distance = Self::distance(jump, target);
        match &mut self.ops[jump] {
            Op::CompareChain(_, jump)
            | Op::JumpIfFalseOrPop(jump)
            | Op::JumpIfTrueOrPop(jump)
            | Op::JumpIfFalse(jump)
            | Op::Jump(jump)
            | Op::Next(jump) => *jump = distance,
            _ => {}
        }
    }

    pub(crate) fn constant(&mut self, value: Object) -> Op {
        self.constants.push(value);
        Op::Constant(small(self.constants.len() - 1))
    }

    /// The number of a name, which is the same for all its occurrences.
    pub(crate) fn symbol(&mut self, source: &[u8], start: usize, end: usize) -> u32 {
        let name = &source[start..end];
        if self.symbols.len() <= FEW_SYMBOLS {
            if let Some(place) = self.symbols.iter().position(|symbol| symbol.name(source) == name) {
                return small(place);
            }
        } else {
            if self.index.is_empty() {
                let symbols = self.symbols.iter().enumerate();
                self.index = symbols
                    .map(|(place, symbol)| (symbol.name(source).into(), small(place)))
                    .collect();
            }
            if let Some(&place) = self.index.get(name) {
                return place;
            }
        }
        let place = small(self.symbols.len());
        let span = Span {
            start: small(start),
            end: small(end),
        };
        self.symbols.push(Symbol {
            span,
            function: builtin(name),
        });
        if !self.index.is_empty() {
            self.index.insert(name.into(), place);
        }
        place
    }
}

impl Symbol {
    pub(crate) fn name<'a>(&self, source: &'a [u8]) -> &'a [u8] {
        &source[self.span.start as usize..self.span.end as usize]
    }

    pub(crate) fn text<'a>(&self, source: &'a [u8]) -> &'a str {
        std::str::from_utf8(self.name(source)).unwrap_or("")
    }
}

/// Converts an offset or a count, which fits 31 bits because the length of a source does.
pub(crate) fn small(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_operation_is_small() {
        assert_eq!(size_of::<Op>(), 8);
        assert_eq!(size_of::<Symbol>(), 16);
    }

    #[test]
    fn names_are_the_same_symbol_however_many_there_are() {
        let names: Vec<String> = (0..100).map(|index| format!("name{index}")).collect();
        let source = names.join(" ");
        let mut program = Program::default();
        for _ in 0..2 {
            let mut start = 0;
            for (index, name) in names.iter().enumerate() {
                let symbol = program.symbol(source.as_bytes(), start, start + name.len());
                assert_eq!(symbol as usize, index);
                start += name.len() + 1;
            }
        }
        assert_eq!(program.symbols.len(), 100);
    }

    #[test]
    fn moved_code_keeps_its_jumps() {
        let mut program = Program::default();
        program.push(Op::Integer(1), 0, 1);
        program.push(Op::Jump(0), 1, 2);
        program.push(Op::Integer(2), 2, 3);
        program.land(1);
        program.rotate(0, 1);
        assert_eq!(program.ops, [Op::Jump(2), Op::Integer(2), Op::Integer(1)]);
        assert_eq!(program.spans[2], Span { start: 0, end: 1 });
    }
}
