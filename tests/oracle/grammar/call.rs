//! Calls and comprehensions.

use super::{Grammar, Type};

impl Grammar {
    pub(super) fn call(&mut self, function: &str, arguments: &[Type]) {
        self.token(function);
        self.token("(");
        for (index, &kind) in arguments.iter().enumerate() {
            if index > 0 {
                self.token(",");
            }
            self.typed(kind);
        }
        if self.chance(30) {
            self.token(",");
        }
        if self.chance(60) {
            self.token(",");
            self.any();
        }
        self.token(")");
    }

    /// A call of a function that accepts an iterable or a generator.
    pub(super) fn consumer(&mut self, function: &str, item: Type) {
        self.token(function);
        self.token("(");
        match self.random.u32(..4) {
            0 => {
                let container = self.container();
                self.typed(container);
            }
            1 => self.generator(item),
            _ => {
                self.token("[");
                self.items(0, 4, |this| this.typed(item));
                self.token("]");
            }
        }
        if matches!(function, "sum" | "math.prod") && self.chance(5) {
            let text = self.pick(&[",start=", ","]);
            self.token(text);
            self.typed(item);
        }
        self.token(")");
    }

    pub(super) fn generator(&mut self, item: Type) {
        self.comprehension(|this| this.typed(item));
    }

    /// `element for targets in iterable ...`: the element is made once its variables are known, and put in front.
    pub(super) fn comprehension(&mut self, element: impl FnOnce(&mut Self)) {
        let outer = self.scope.len();
        let front = std::mem::take(&mut self.out);
        for _ in 0..=self.random.u32(..2) {
            self.token("for");
            self.clause();
        }
        let clauses = std::mem::replace(&mut self.out, front);
        element(self);
        if !self.out.ends_with(' ') {
            self.put(" ");
        }
        self.put(&clauses);
        self.scope.truncate(outer);
    }

    pub(super) fn clause(&mut self) {
        let name = self
            .pick(&["a", "b", "c", "i", "j", "k", "v", "x", "s"])
            .to_owned();
        match self.random.u32(..10) {
            0 => {
                let other = self.pick(&["p", "q", "a"]).to_owned();
                let shape = self.pick(&[
                    "{0},{1}",
                    "({0}, {1})",
                    "[{0}, {1}]",
                    "{0},({1})",
                    "{0},",
                    "({0})",
                    "[{0}]",
                ]);
                let targets = shape.replace("{0}", &name).replace("{1}", &other);
                self.token(&targets);
                self.token("in");
                let source = self.pick(&[
                    "m",
                    "[(1, 2), (3, 4)]",
                    "d",
                    "{1: 2}",
                    "['ab', 'cd']",
                    "[[1], [2]]",
                    "[(1, 2, 3)]",
                    "[{1, 2}]",
                ]);
                self.token(source);
                self.scope.push((name, Type::Any));
                if shape.contains("{1}") {
                    self.scope.push((other, Type::Any));
                }
            }
            1 | 2 => {
                self.token(&name);
                self.token("in");
                let source = self.pick(&["d", "t", "u", "s", "'abc'", "m", "{3, 1, 2}"]);
                self.token(source);
                self.scope.push((name, Type::Any));
            }
            3 => {
                self.token(&name);
                self.token("in");
                let container = self.container();
                self.typed(container);
                self.scope.push((name, Type::Any));
            }
            _ => {
                self.token(&name);
                self.token("in");
                let source = self.pick(&["range(3)", "range(5)", "l", "[1, 2]", "range(-2, 2)", "t", "[0]"]);
                self.token(source);
                self.scope.push((name, Type::Int));
            }
        }
        while self.chance(3) {
            self.token("if");
            if self.chance(6) {
                self.conditional(Type::Bool);
            } else {
                self.typed(Type::Bool);
            }
        }
    }
}
