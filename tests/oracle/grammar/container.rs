//! Strs, containers and ranges, and operations on their items.

use super::{Grammar, Type};

impl Grammar {
    pub(super) fn container(&mut self) -> Type {
        [
            Type::List,
            Type::Tuple,
            Type::Set,
            Type::Dict,
            Type::Range,
            Type::Str,
        ][self.random.usize(..6)]
    }

    pub(super) fn subscript_of(&mut self, kind: Type) {
        match kind {
            Type::Str | Type::List | Type::Tuple | Type::Range => {
                self.typed(kind);
                self.token("[");
                self.slice();
                self.token("]");
            }
            _ => {
                let open = self.pick(&["[", "("]);
                self.token(open);
                self.items(1, 3, |this| this.typed(kind));
                if open == "[" {
                    self.token("]");
                } else {
                    self.token(",)");
                }
                self.token("[");
                self.index();
                self.token("]");
            }
        }
    }

    pub(super) fn index(&mut self) {
        match self.random.u32(..10) {
            0 => self.typed(Type::Int),
            1 => self.typed(Type::Any),
            _ => {
                let text = self.pick(&["0", "1", "-1", "2", "True", "0x0"]);
                self.token(text);
            }
        }
    }

    pub(super) fn slice(&mut self) {
        for part in 0..3 {
            if part > 0 {
                if part == 2 && self.random.bool() {
                    return;
                }
                self.token(":");
            }
            match self.random.u32(..6) {
                0 => self.typed(Type::Int),
                1 => {
                    let text = self.pick(&["None", "-10**30", "10**30", "True", "big", "n"]);
                    self.token(text);
                }
                2 => {}
                _ => {
                    let text = self.pick(&["0", "1", "-1", "2", "-2", "3", "100", "-100"]);
                    self.token(text);
                }
            }
        }
    }

    pub(super) fn str(&mut self) {
        match self.random.u32(..12) {
            0 | 1 => {
                self.typed(Type::Str);
                self.token("+");
                self.typed(Type::Str);
            }
            2 => {
                self.typed(Type::Str);
                self.token("*");
                let count = self.random.i32(-1..4).to_string();
                self.token(&count);
            }
            3 | 4 => {
                let function = self.pick(&["str", "repr", "ascii"]);
                self.call(function, &[Type::Any]);
            }
            5 => {
                let function = self.pick(&["hex", "oct", "bin"]);
                self.call(function, &[Type::Int]);
            }
            6 => {
                self.token("chr(");
                let point = match self.random.u32(..4) {
                    0 => self.random.u32(..0xd800),
                    1 => self.random.u32(0xe000..0x11_0010),
                    _ => self.random.u32(..0x250),
                };
                self.token(&point.to_string());
                self.token(")");
            }
            7 | 8 => {
                self.typed(Type::Str);
                self.token("[");
                self.slice();
                self.token("]");
            }
            _ => self.str_leaf(),
        }
    }

    pub(super) fn list(&mut self) {
        match self.random.u32(..12) {
            0..3 => {
                self.token("[");
                if self.items(0, 4, Self::any) > 0 && self.chance(6) {
                    self.token(",");
                }
                self.token("]");
            }
            3..6 => {
                self.token("[");
                self.generator(Type::Any);
                self.token("]");
            }
            6 => {
                self.typed(Type::List);
                self.token("+");
                self.typed(Type::List);
            }
            7 => {
                self.typed(Type::List);
                self.token("*");
                let count = self.random.i32(-1..4).to_string();
                self.token(&count);
            }
            8 => {
                self.token("sorted(");
                if self.chance(3) {
                    let container = self.container();
                    self.typed(container);
                } else {
                    let item = [Type::Int, Type::Float, Type::Str, Type::Tuple][self.random.usize(..4)];
                    self.token("[");
                    self.items(0, 6, |this| this.typed(item));
                    self.token("]");
                }
                if self.chance(3) {
                    self.token(",");
                    let text = self.pick(&[
                        "reverse=True",
                        "reverse=0",
                        "key=None",
                        "reverse=None",
                        "key=None, reverse=1",
                    ]);
                    self.token(text);
                }
                self.token(")");
            }
            _ => {
                let container = self.container();
                self.call("list", &[container]);
            }
        }
    }

    pub(super) fn tuple(&mut self) {
        match self.random.u32(..8) {
            0..4 => {
                self.token("(");
                if self.items(0, 4, Self::any) == 1 || self.chance(8) {
                    self.token(",");
                }
                self.token(")");
            }
            4 => {
                self.typed(Type::Tuple);
                self.token("+");
                self.typed(Type::Tuple);
            }
            5 => {
                self.typed(Type::Int);
                self.token("*");
                self.typed(Type::Tuple);
            }
            6 => self.call("divmod", &[Type::Int, Type::Int]),
            _ => {
                let container = self.container();
                self.call("tuple", &[container]);
            }
        }
    }

    pub(super) fn hashable(&mut self) {
        let kind = [
            Type::Int,
            Type::Float,
            Type::Bool,
            Type::Str,
            Type::Tuple,
            Type::Int,
            Type::Str,
            Type::Range,
        ][self.random.usize(..8)];
        self.typed(kind);
    }

    pub(super) fn set(&mut self) {
        match self.random.u32(..10) {
            0..4 => {
                self.token("{");
                self.items(1, 5, Self::hashable);
                self.token("}");
            }
            4 | 5 => {
                self.token("{");
                self.comprehension(Self::hashable);
                self.token("}");
            }
            6 | 7 => {
                self.typed(Type::Set);
                let operator = self.pick(&["|", "&", "-", "^"]);
                self.token(operator);
                self.typed(Type::Set);
            }
            _ => {
                let container = self.container();
                self.call("set", &[container]);
            }
        }
    }

    pub(super) fn dict(&mut self) {
        let pair = |this: &mut Self| {
            this.hashable();
            this.token(":");
            this.any();
        };
        match self.random.u32(..10) {
            0..4 => {
                self.token("{");
                self.items(0, 4, pair);
                self.token("}");
            }
            4..6 => {
                self.token("{");
                self.comprehension(pair);
                self.token("}");
            }
            6 => {
                self.typed(Type::Dict);
                self.token("|");
                self.typed(Type::Dict);
            }
            7 => {
                self.token("dict(");
                if self.random.bool() {
                    self.typed(Type::Dict);
                    self.token(",");
                }
                self.token("a=");
                self.any();
                if self.random.bool() {
                    let text = self.pick(&[",b=", ",a=", ", if=", ",x1="]);
                    self.token(text);
                    self.any();
                }
                self.token(")");
            }
            8 => {
                self.token("dict([");
                self.items(0, 3, |this| {
                    this.token("(");
                    this.hashable();
                    this.token(",");
                    this.any();
                    this.token(")");
                });
                self.token("])");
            }
            _ => self.leaf(Type::Dict),
        }
    }

    pub(super) fn range(&mut self) {
        self.token("range(");
        self.items(1, 3, |this| {
            if this.chance(8) {
                this.typed(Type::Int);
            } else {
                let number = this.random.i32(-4..12).to_string();
                this.token(&number);
            }
        });
        self.token(")");
    }
}
