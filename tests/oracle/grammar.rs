//! Random expressions.
//!
//! Owns the grammar of what is tried against CPython: everything that the language has, biased towards values of
//! types that fit, with blanks where they may be, and now and then a text that is broken on purpose.

use fastrand::Rng;

/// A source of expressions, the same ones for the same seed.
pub(crate) struct Grammar {
    random: Rng,
    out: String,
    /// How much deeper the expression may get.
    fuel: u32,
    /// Variables of the comprehensions around, with their types.
    scope: Vec<(String, Type)>,
}

/// What an expression should have as its value, if nothing goes wrong.
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

const TOKENS: [&str; 84] = [
    "1", "0", "2.5", "x", "y", "s", "l", "d", "t", "big", "(", ")", "[", "]", "{", "}", ",", ":", "+", "-",
    "*", "**", "/", "//", "%", "@", "<<", ">>", "&", "|", "^", "~", "<", ">", "<=", ">=", "==", "!=", "=",
    ":=", ".", "...", "and", "or", "not", "in", "is", "if", "else", "for", "lambda", "None", "True", "False",
    "await", "async", "yield", "'a'", "\"b\"", "'''c'''", "b'x'", "f'y'", "r'\\'", "u'z'", "len", "sum",
    "max", "sorted", "math.", "math.pi", "1j", "0x1f", "0777", "1_0", "1__0", "1e5", ".5", "5.", "\n",
    "\\\n", "#c", "!", "->", ";",
];

const INTS: [&str; 40] = [
    "0",
    "1",
    "2",
    "3",
    "5",
    "7",
    "10",
    "-1",
    "00",
    "0_0",
    "1_000",
    "0xff",
    "0XfF",
    "0x_f",
    "0b101",
    "0B1_1",
    "0o17",
    "0O7_7",
    "255",
    "256",
    "1023",
    "4294967296",
    "2147483647",
    "2147483648",
    "9007199254740992",
    "9007199254740993",
    "9223372036854775807",
    "9223372036854775808",
    "18446744073709551615",
    "18446744073709551616",
    "3037000500",
    "1180591620717411303424",
    "123456789012345678901234567890",
    "10000000000000000000000",
    "0xffffffffffffffffffffffff",
    "170141183460469231731687303715884105728",
    "99",
    "64",
    "63",
    "100",
];

const FLOATS: [&str; 40] = [
    "0.0",
    "1.0",
    "0.5",
    "1.5",
    "2.5",
    "3.5",
    "1e16",
    "1e15",
    "123456789.123",
    "1e-5",
    "1e-4",
    "0.1",
    "0.2",
    "0.3",
    "1e22",
    "1e23",
    "1e308",
    "1.7976931348623157e308",
    "5e-324",
    "2.2250738585072014e-308",
    "1e-310",
    ".5",
    "5.",
    "1_0.5_0",
    "1e1_0",
    "1E+5",
    "1e-7",
    "9007199254740993.0",
    "4503599627370496.5",
    "2.675",
    "0.125",
    "1e100",
    "9.999999999999999e22",
    "1e400",
    "0e0",
    "00.5",
    "09.25",
    "1.e5",
    "0.30000000000000004",
    "1e-400",
];

const FUNCTIONS_OF_FLOATS: [&str; 28] = [
    "sqrt", "exp", "expm1", "log", "log2", "log10", "log1p", "sin", "cos", "tan", "asin", "acos", "atan",
    "sinh", "cosh", "tanh", "asinh", "acosh", "atanh", "degrees", "radians", "fabs", "floor", "ceil",
    "trunc", "isnan", "isinf", "isfinite",
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

    /// The next source.
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

    /// A token, with blanks before it now and then.
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

    /// One item or a few, with commas between them.
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

    /// An expression of this type, most of the time.
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

    fn leaf(&mut self, kind: Type) {
        let bound: Vec<String> = self
            .scope
            .iter()
            .filter(|(_, bound)| *bound == kind || *bound == Type::Any)
            .map(|(name, _)| name.clone())
            .collect();
        if !bound.is_empty() && self.random.bool() {
            let name = bound[self.random.usize(..bound.len())].clone();
            return self.token(&name);
        }
        match kind {
            Type::Int => self.int_leaf(),
            Type::Float => self.float_leaf(),
            Type::Bool => {
                let text = self.pick(&["True", "False", "flag", "None", "n"]);
                self.token(text);
            }
            Type::Str => self.str_leaf(),
            Type::List => {
                let text = self.pick(&["l", "m", "[]", "[1, 2]", "[3,1,2]*2"]);
                self.token(text);
            }
            Type::Tuple => {
                let text = self.pick(&["t", "()", "(1,)", "(1, 2.0)"]);
                self.token(text);
            }
            Type::Set => {
                let text = self.pick(&["set()", "{1, 2}", "{True, 3}", "{'a', 'b'}"]);
                self.token(text);
            }
            Type::Dict => {
                let text = self.pick(&["d", "{}", "{1: 2}", "dict(a=1)"]);
                self.token(text);
            }
            Type::Range => {
                let text = self.pick(&["range(3)", "range(10, 0, -3)", "range(0)", "range(1, 5)"]);
                self.token(text);
            }
            Type::Any => self.any_leaf(),
        }
    }

    fn any_leaf(&mut self) {
        let text = self.pick(&[
            "x", "y", "z", "w", "big", "s", "u", "t", "l", "m", "d", "n", "flag", "price", "nope",
        ]);
        self.token(text);
    }

    fn int_leaf(&mut self) {
        if self.chance(4) {
            let number = self.random.i64(-20..200).to_string();
            return self.token(&number);
        }
        if self.chance(12) {
            let digits = self.random.usize(1..60);
            let number: String = (0..digits)
                .map(|_| char::from(self.random.u8(b'0'..=b'9')))
                .collect();
            let number = number.trim_start_matches('0').to_owned() + "0";
            return self.token(&number);
        }
        if self.chance(3) {
            let name = self.pick(&["x", "y", "w", "qty", "big"]);
            return self.token(name);
        }
        let text = self.pick(&INTS);
        self.token(text);
    }

    fn float_leaf(&mut self) {
        if self.chance(3) {
            let value = f64::from_bits(self.random.u64(..));
            if value.is_finite() {
                return self.token(&format!("{value:e}"));
            }
        }
        if self.chance(4) {
            let text = format!("{}.{}", self.random.u32(..10_000), self.random.u32(..100_000));
            return self.token(&text);
        }
        if self.chance(6) {
            let text = self.pick(&[
                "math.pi",
                "math.e",
                "math.tau",
                "math.inf",
                "-math.inf",
                "z",
                "price",
            ]);
            return self.token(text);
        }
        let text = self.pick(&FLOATS);
        self.token(text);
    }

    fn str_leaf(&mut self) {
        if self.chance(4) {
            let name = self.pick(&["s", "u", "name"]);
            return self.token(name);
        }
        self.string_literal();
        while self.chance(10) {
            self.string_literal();
        }
    }

    fn string_literal(&mut self) {
        let prefix = match self.random.u32(..12) {
            0 => "r",
            1 => "R",
            2 => "u",
            3 => "U",
            _ => "",
        };
        let quote = self.pick(&["'", "\"", "'''", "\"\"\""]);
        self.token(prefix);
        self.put(quote);
        for _ in 0..self.random.u32(..6) {
            let piece = self.pick(&[
                "a",
                "b",
                "Z",
                "0",
                "12",
                " ",
                ".",
                "1.5",
                "-7",
                "é",
                "☃",
                "日",
                "\u{301}",
                "😀",
                "\\n",
                "\\t",
                "\\\\",
                "\\'",
                "\\\"",
                "\\x41",
                "\\xe9",
                "\\u00e9",
                "\\U0001F600",
                "\\0",
                "\\12",
                "\\101",
                "\\777",
                "\\q",
                "\\é",
                "#",
                "{",
                "}",
                "%s",
                "\\a\\b\\f\\v\\r",
                "\u{7f}",
                "\u{a0}",
                "\u{ad}",
                "\u{200b}",
                "\\x7f",
                "\\x80",
                "\\u2028",
                "\\ud7ff",
                "\\ue000",
                "e5",
                "inf",
                "nan",
                "_",
                "+",
                "0x1f",
            ]);
            self.put(piece);
            if quote.len() == 3 && self.chance(10) {
                let piece = self.pick(&["\n", "\r\n", "'", "\"", "\\\n"]);
                self.put(piece);
            }
        }
        self.put(quote);
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

    fn container(&mut self) -> Type {
        [
            Type::List,
            Type::Tuple,
            Type::Set,
            Type::Dict,
            Type::Range,
            Type::Str,
        ][self.random.usize(..6)]
    }

    fn subscript_of(&mut self, kind: Type) {
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

    fn index(&mut self) {
        match self.random.u32(..10) {
            0 => self.typed(Type::Int),
            1 => self.typed(Type::Any),
            _ => {
                let text = self.pick(&["0", "1", "-1", "2", "True", "0x0"]);
                self.token(text);
            }
        }
    }

    fn slice(&mut self) {
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

    fn int(&mut self) {
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

    fn small(&mut self) {
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

    fn int_call(&mut self) {
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

    fn counting(&mut self) {
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

    fn call(&mut self, function: &str, arguments: &[Type]) {
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

    /// A function that takes an iterable or a generator.
    fn consumer(&mut self, function: &str, item: Type) {
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

    fn generator(&mut self, item: Type) {
        self.comprehension(|this| this.typed(item));
    }

    /// `element for targets in iterable ...`: the element is made when its variables are known, and put in front.
    fn comprehension(&mut self, element: impl FnOnce(&mut Self)) {
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

    fn clause(&mut self) {
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

    fn float(&mut self) {
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

    fn bool(&mut self) {
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

    fn str(&mut self) {
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

    fn list(&mut self) {
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

    fn tuple(&mut self) {
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

    fn hashable(&mut self) {
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

    fn set(&mut self) {
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

    fn dict(&mut self) {
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

    fn range(&mut self) {
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

    fn top_tuple(&mut self) {
        if self.items(1, 3, Self::any) == 1 || self.chance(4) {
            self.token(",");
        }
    }

    /// Tokens in no order.
    fn soup(&mut self) {
        for _ in 0..self.random.u32(1..12) {
            let token = self.pick(&TOKENS);
            if self.random.bool() {
                self.put(" ");
            }
            self.put(token);
        }
    }

    /// What may stand before and behind an expression.
    fn surround(&mut self, source: &mut String) {
        let head = self.pick(&[
            "", " ", "\t ", "\n", "# c\n", "\r\n", "\\\n", "\u{c}", " \n", "\n\n",
        ]);
        let tail = self.pick(&[
            "", " ", "\n", " # é", "\n\n", "\r\n", "\n# c", "\\\n", "\t\n", ";",
        ]);
        *source = format!("{head}{source}{tail}");
    }

    /// One change that may make it no expression.
    fn break_it(&mut self, source: &mut String) {
        let places: Vec<usize> = source
            .char_indices()
            .map(|(place, _)| place)
            .chain([source.len()])
            .collect();
        let place = places[self.random.usize(..places.len())];
        match self.random.u32(..5) {
            0 => {
                let token = self.pick(&TOKENS);
                source.insert_str(place, token);
            }
            1 => {
                let character = self.pick(&[
                    " ", "\n", "(", ")", "_", ".", "'", "\"", "\\", "0", "e", "j", "é", "\u{a0}", "$", "?",
                    "!", "\u{0}", "\u{1}", "\u{202e}", "０", "\u{feff}", "`", "=", ":", ",", "x", "L",
                ]);
                source.insert_str(place, character);
            }
            2 => {
                if let Some(end) = places.iter().find(|&&end| end > place) {
                    source.replace_range(place..*end, "");
                }
            }
            3 => source.truncate(place),
            _ => {
                let other = places[self.random.usize(..places.len())];
                let (start, end) = (place.min(other), place.max(other));
                let piece: String = source[start..end].chars().take(8).collect();
                source.insert_str(place, &piece);
            }
        }
    }
}
