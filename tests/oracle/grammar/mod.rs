//! Random expressions.
//!
//! Owns the grammar of the expressions that are compared with CPython: everything in the language, biased towards operands
//! of matching types, with random whitespace, and sometimes broken on purpose.

mod broken;
mod call;
mod container;
mod leaf;
mod number;

use fastrand::Rng;

/// Generates expressions, the same ones for the same seed.
pub(crate) struct Grammar {
    random: Rng,
    out: String,
    /// The remaining depth of the expression.
    fuel: u32,
    /// Variables of the enclosing comprehensions, with their types.
    scope: Vec<(String, Type)>,
}

/// The intended type of an expression.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Type {
    Int,
    Float,
    Bool,
    Str,
    List,
    Tuple,
    Set,
    Dict,
    Range,
    Any,
}

const TYPES: [Type; 9] = [
    Type::Int,
    Type::Float,
    Type::Bool,
    Type::Str,
    Type::List,
    Type::Tuple,
    Type::Set,
    Type::Dict,
    Type::Range,
];

impl Grammar {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            random: Rng::with_seed(seed),
            out: String::new(),
            fuel: 0,
            scope: Vec::new(),
        }
    }

    /// Generates the next source.
    pub(crate) fn source(&mut self) -> String {
        self.out.clear();
        self.scope.clear();
        self.fuel = self.random.u32(1..30);
        match self.random.u32(..20) {
            0 => self.soup(),
            1 => self.top_tuple(),
            _ => self.any(),
        }
        let mut source = std::mem::take(&mut self.out);
        if self.random.u32(..10) == 0 {
            self.surround(&mut source);
        }
        if self.random.u32(..8) == 0 {
            for _ in 0..self.random.u32(1..3) {
                self.break_it(&mut source);
            }
        }
        source
    }

    fn put(&mut self, text: &str) {
        self.out.push_str(text);
    }

    /// Adds a token, sometimes with whitespace before it.
    fn token(&mut self, text: &str) {
        let ends_in_word = self
            .out
            .ends_with(|last: char| last.is_ascii_alphanumeric() || last == '_');
        let starts_as_word =
            text.starts_with(|first: char| first.is_ascii_alphanumeric() || "_'\"".contains(first));
        if ends_in_word && starts_as_word && self.random.u32(..12) != 0 {
            self.put(" ");
        }
        match self.random.u32(..40) {
            0 => self.put("  "),
            1 => self.put("\t"),
            2 => self.put("\u{c}"),
            3 | 4 => self.put(" "),
            _ => {}
        }
        self.put(text);
    }

    fn chance(&mut self, one_in: u32) -> bool {
        self.random.u32(..one_in) == 0
    }

    fn pick<'a>(&mut self, choices: &[&'a str]) -> &'a str {
        choices[self.random.usize(..choices.len())]
    }

    /// Adds items, with commas between them.
    fn items(&mut self, least: usize, most: usize, mut item: impl FnMut(&mut Self)) -> usize {
        let count = self.random.usize(least..=most);
        for index in 0..count {
            if index > 0 {
                self.token(",");
            }
            item(self);
        }
        count
    }

    fn any(&mut self) {
        let kind = TYPES[self.random.usize(..TYPES.len())];
        self.typed(kind);
    }

    /// Adds an expression, usually of this type.
    fn typed(&mut self, kind: Type) {
        if self.fuel == 0 {
            return self.leaf(kind);
        }
        self.fuel -= 1;
        let kind = match kind {
            Type::Any => TYPES[self.random.usize(..TYPES.len())],
            _ if self.chance(25) => TYPES[self.random.usize(..TYPES.len())],
            other => other,
        };
        match self.random.u32(..24) {
            0..4 => self.leaf(kind),
            4 => self.group(kind),
            5 => self.conditional(kind),
            6 if kind != Type::Bool => self.logical(kind),
            7 => self.subscript_of(kind),
            8 => {
                let function = self.pick(&["max", "min"]);
                self.token(function);
                self.token("(");
                self.items(1, 3, |this| this.typed(kind));
                if self.chance(6) {
                    self.token(",default=");
                    self.leaf(kind);
                }
                self.token(")");
            }
            _ => self.made(kind),
        }
    }

    fn made(&mut self, kind: Type) {
        match kind {
            Type::Int => self.int(),
            Type::Float => self.float(),
            Type::Bool => self.bool(),
            Type::Str => self.str(),
            Type::List => self.list(),
            Type::Tuple => self.tuple(),
            Type::Set => self.set(),
            Type::Dict => self.dict(),
            Type::Range => self.range(),
            Type::Any => self.any(),
        }
    }

    fn group(&mut self, kind: Type) {
        self.token("(");
        if self.chance(6) {
            let blank = self.pick(&["\n", "  \n ", " # note\n", "\r\n", "\\\n"]);
            self.put(blank);
        }
        self.typed(kind);
        self.token(")");
    }

    fn conditional(&mut self, kind: Type) {
        self.typed(kind);
        self.token("if");
        self.typed(Type::Bool);
        self.token("else");
        self.typed(kind);
    }

    fn logical(&mut self, kind: Type) {
        self.typed(kind);
        let operator = self.pick(&["and", "or"]);
        self.token(operator);
        self.typed(kind);
    }

    fn top_tuple(&mut self) {
        if self.items(1, 3, Self::any) == 1 || self.chance(4) {
            self.token(",");
        }
    }
}
