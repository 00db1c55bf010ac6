//! The leaves of expressions: literals, names, and short texts of each type.

use super::{Grammar, Type};

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

impl Grammar {
    pub(super) fn leaf(&mut self, kind: Type) {
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

    pub(super) fn any_leaf(&mut self) {
        let text = self.pick(&[
            "x", "y", "z", "w", "big", "s", "u", "t", "l", "m", "d", "n", "flag", "price", "nope",
        ]);
        self.token(text);
    }

    pub(super) fn int_leaf(&mut self) {
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

    pub(super) fn float_leaf(&mut self) {
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

    pub(super) fn str_leaf(&mut self) {
        if self.chance(4) {
            let name = self.pick(&["s", "u", "name"]);
            return self.token(name);
        }
        self.string_literal();
        while self.chance(10) {
            self.string_literal();
        }
    }

    pub(super) fn string_literal(&mut self) {
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
}
