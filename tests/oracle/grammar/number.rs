//! Ints, floats and bools: operators, and functions that return numbers.

use super::{Grammar, TYPES, Type};

const FUNCTIONS_OF_FLOATS: [&str; 28] = [
    "sqrt", "exp", "expm1", "log", "log2", "log10", "log1p", "sin", "cos", "tan", "asin", "acos", "atan",
    "sinh", "cosh", "tanh", "asinh", "acosh", "atanh", "degrees", "radians", "fabs", "floor", "ceil",
    "trunc", "isnan", "isinf", "isfinite",
];

impl Grammar {
    pub(super) fn int(&mut self) {
        match self.random.u32(..20) {
            0..7 => {
                let operator = self.pick(&[
                    "+", "-", "*", "//", "%", "&", "|", "^", "+", "-", "*", "<<", ">>", "**",
                ]);
                self.typed(Type::Int);
                self.token(operator);
                if matches!(operator, "<<" | ">>" | "**") && !self.chance(8) {
                    let count = self.random.i32(-1..70).to_string();
                    self.token(&count);
                } else {
                    self.typed(Type::Int);
                }
            }
            7 | 8 => {
                let operator = self.pick(&["-", "+", "~", "--", "-~", "~ -"]);
                self.token(operator);
                self.typed(Type::Int);
            }
            9 => self.call("abs", &[Type::Int]),
            10 => {
                let container = self.container();
                self.call("len", &[container]);
            }
            11 => self.int_call(),
            12 => self.call("round", &[Type::Float]),
            13 => {
                self.token("round(");
                self.typed(Type::Int);
                self.token(",");
                self.small();
                self.token(")");
            }
            14 => {
                self.token("ord(");
                self.typed(Type::Str);
                self.token("[");
                self.index();
                self.token("])");
            }
            15 => self.consumer("sum", Type::Int),
            16 => {
                let base = self.random.bool();
                self.token("pow(");
                if base && self.chance(3) {
                    self.token("base=");
                }
                self.typed(Type::Int);
                self.token(",");
                if self.out.contains("base=") || self.chance(6) {
                    self.token("exp=");
                }
                self.small();
                if self.random.bool() {
                    self.token(",");
                    if self.out.contains("exp=") || self.chance(6) {
                        self.token("mod=");
                    }
                    self.typed(Type::Int);
                }
                self.token(")");
            }
            17 => self.counting(),
            18 => {
                let function = self.pick(&["math.floor", "math.ceil", "math.trunc", "int"]);
                self.call(function, &[Type::Float]);
            }
            _ => self.int_leaf(),
        }
    }

    pub(super) fn small(&mut self) {
        match self.random.u32(..12) {
            0 => self.typed(Type::Int),
            1 => self.token("None"),
            2 => self.typed(Type::Float),
            _ => {
                let number = self.random.i32(-25..30).to_string();
                self.token(&number);
            }
        }
    }

    pub(super) fn int_call(&mut self) {
        self.token("int(");
        match self.random.u32(..4) {
            0 => self.typed(Type::Str),
            1 => {
                let text = self.pick(&[
                    "' 12 '",
                    "'-0x1f'",
                    "'1_0'",
                    "'1__0'",
                    "'0b11'",
                    "'z'",
                    "''",
                    "'+7'",
                    "'- 7'",
                    "'0'",
                    "'007'",
                    "'\\u00a05'",
                    "'12\\x1f'",
                    "'٣'",
                    "'0o17'",
                    "'_1'",
                    "'1_'",
                    "'0x_f'",
                    "'0_7'",
                ]);
                self.token(text);
                if self.random.bool() {
                    let text = self.pick(&[",base=", ","]);
                    self.token(text);
                    let text = self.pick(&[
                        "10", "16", "2", "0", "36", "37", "1", "8", "-1", "True", "2.0", "10**30",
                    ]);
                    self.token(text);
                }
            }
            2 => self.typed(Type::Float),
            _ => self.typed(Type::Any),
        }
        self.token(")");
    }

    pub(super) fn counting(&mut self) {
        match self.random.u32(..7) {
            0 => {
                self.token("math.factorial(");
                let number = self.random.i32(-1..40).to_string();
                self.token(&number);
                self.token(")");
            }
            1 | 2 => {
                let function = self.pick(&["math.comb(", "math.perm("]);
                self.token(function);
                self.small();
                if !self.chance(5) {
                    self.token(",");
                    self.small();
                }
                self.token(")");
            }
            3 | 4 => {
                let function = self.pick(&["math.gcd(", "math.lcm("]);
                self.token(function);
                self.items(0, 3, |this| this.typed(Type::Int));
                self.token(")");
            }
            5 => self.call("math.isqrt", &[Type::Int]),
            _ => self.consumer("math.prod", Type::Int),
        }
    }

    pub(super) fn float(&mut self) {
        match self.random.u32(..16) {
            0..5 => {
                let (left, right) = match self.random.u32(..4) {
                    0 => (Type::Int, Type::Float),
                    1 => (Type::Float, Type::Int),
                    _ => (Type::Float, Type::Float),
                };
                self.typed(left);
                let operator = self.pick(&["+", "-", "*", "/", "//", "%", "**"]);
                self.token(operator);
                self.typed(right);
            }
            5 | 6 => {
                self.typed(Type::Int);
                self.token("/");
                self.typed(Type::Int);
            }
            7 => {
                self.token("-");
                self.typed(Type::Float);
            }
            8 => {
                self.token("round(");
                self.typed(Type::Float);
                let text = self.pick(&[",", ", ndigits="]);
                self.token(text);
                self.small();
                self.token(")");
            }
            9 | 10 => {
                let function = format!("math.{}", self.pick(&FUNCTIONS_OF_FLOATS));
                let argument = if self.chance(4) { Type::Int } else { Type::Float };
                self.call(&function, &[argument]);
            }
            11 => {
                let function =
                    self.pick(&["math.pow", "math.atan2", "math.fmod", "math.copysign", "math.log"]);
                self.call(function, &[Type::Float, Type::Float]);
            }
            12 => {
                self.token("math.hypot(");
                self.items(0, 4, |this| this.typed(Type::Float));
                self.token(")");
            }
            13 => {
                let function = self.pick(&["sum", "math.fsum", "math.prod"]);
                self.consumer(function, Type::Float);
            }
            14 => {
                self.token("float(");
                match self.random.u32(..3) {
                    0 => self.typed(Type::Str),
                    1 => self.typed(Type::Int),
                    _ => {
                        let text = self.pick(&[
                            "'1e5'",
                            "' 1_0.5 '",
                            "'inf'",
                            "'-Infinity'",
                            "'1e400'",
                            "'.5'",
                            "'5.'",
                            "'.'",
                            "'1_'",
                            "'0x1p3'",
                            "'1e'",
                            "'+1.5e-3'",
                            "'infi'",
                            "'1__0'",
                            "'\\t7\\n'",
                            "'1.5.5'",
                            "'-0'",
                        ]);
                        self.token(text);
                    }
                }
                self.token(")");
            }
            _ => self.float_leaf(),
        }
    }

    pub(super) fn bool(&mut self) {
        match self.random.u32(..14) {
            0..5 => {
                let kind = TYPES[self.random.usize(..TYPES.len())];
                self.typed(kind);
                for _ in 0..=self.random.u32(..2) {
                    let operator = self.pick(&["<", "<=", ">", ">=", "==", "!="]);
                    self.token(operator);
                    let kind = if self.chance(6) { Type::Any } else { kind };
                    self.typed(kind);
                }
            }
            5 | 6 => {
                self.any();
                let operator = self.pick(&["in", "not in"]);
                self.token(operator);
                let container = self.container();
                self.typed(container);
            }
            7 => {
                self.typed(Type::Str);
                self.token("in");
                self.typed(Type::Str);
            }
            8 => {
                self.any();
                let operator = self.pick(&["is", "is not"]);
                self.token(operator);
                let right = self.pick(&["None", "True", "False", "None", "(None)"]);
                self.token(right);
            }
            9 => {
                self.token("not");
                self.any();
            }
            10 => {
                self.typed(Type::Bool);
                let operator = self.pick(&["and", "or", "&", "|", "^"]);
                self.token(operator);
                self.typed(Type::Bool);
            }
            11 => {
                let function = self.pick(&["any", "all"]);
                self.consumer(function, Type::Bool);
            }
            12 => self.call("bool", &[Type::Any]),
            _ => self.leaf(Type::Bool),
        }
    }
}
