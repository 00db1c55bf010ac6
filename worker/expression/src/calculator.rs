//! Computes plain arithmetic of 64-bit ints directly from the source, without a program.
//!
//! Expressions that are evaluated by the million are often as simple as `655+115*26`: decimal ints, `+ - * // %`, signs,
//! brackets and spaces. For these the calculator returns the value that the parser and the machine would return. It
//! returns nothing for any other source, for results beyond 64 bits and for errors, so that errors and limits are handled
//! only by the parser and the machine. A test compares it with them.

use smallvec::SmallVec;

use crate::limits::Limits;
use crate::operator::division::floor_small;

/// The most brackets and signs that may be open at once.
const MAX_OPEN: usize = 16;

/// The most digits of an int that always fits 64 bits.
const MAX_DIGITS: usize = 18;

/// Returns whether no computation here can exceed these limits. The length of the source is checked elsewhere.
pub(crate) fn fits_limits(limits: &Limits) -> bool {
    limits.max_depth >= MAX_OPEN
        && limits.max_int_bits >= 64
        && limits.max_len >= 64
        && limits.max_alloc >= 64
        && limits.fuel >= 64
        && limits.max_output >= 64
}

/// The value of a source, if it is plain arithmetic of ints that fit 64 bits.
pub(crate) fn calculate(source: &[u8]) -> Option<i64> {
    let mut reader = Reader { source, place: 0 };
    let mut level = Level::NEW;
    let mut outer = SmallVec::<[Level; 4]>::new();
    let mut open = 0;
    loop {
        match reader.next()? {
            sign @ (b'+' | b'-') => level.sign(sign),
            b'(' => outer.push(std::mem::replace(&mut level, Level::NEW)),
            digit @ b'0'..=b'9' => {
                open -= level.factor(reader.int(digit)?)?;
                while !reader.operator(&mut level)? {
                    let sum = level.sum()?;
                    let Some(around) = outer.pop() else {
                        return reader.is_at_end().then_some(sum);
                    };
                    if reader.next()? != b')' {
                        return None;
                    }
                    level = around;
                    open -= 1 + level.factor(sum)?;
                }
                continue;
            }
            _ => return None,
        }
        open += 1;
        if open > MAX_OPEN {
            return None;
        }
    }
}

/// How the next factor is joined to the product so far.
#[derive(Debug, Clone, Copy)]
enum Join {
    /// There is no product so far.
    Begin,
    Multiply,
    Divide,
    Remain,
}

/// The sum inside a bracket, or of the whole source. Its last product is unfinished.
#[derive(Debug, Clone, Copy)]
struct Level {
    sum: i64,
    is_subtracted: bool,
    product: i64,
    join: Join,
    /// The number of signs before the next factor.
    signs: usize,
    is_negated: bool,
}

impl Level {
    const NEW: Self = Self {
        sum: 0,
        is_subtracted: false,
        product: 0,
        join: Join::Begin,
        signs: 0,
        is_negated: false,
    };

    #[inline]
    fn sign(&mut self, sign: u8) {
        self.signs += 1;
        self.is_negated ^= sign == b'-';
    }

    /// Adds a factor to the product. Returns the number of its signs.
    #[inline]
    fn factor(&mut self, value: i64) -> Option<usize> {
        let value = if std::mem::take(&mut self.is_negated) {
            value.checked_neg()?
        } else {
            value
        };
        self.product = match self.join {
            Join::Begin => value,
            Join::Multiply => self.product.checked_mul(value)?,
            Join::Divide => floor_small(self.product, value)?.0,
            Join::Remain => floor_small(self.product, value)?.1,
        };
        Some(std::mem::take(&mut self.signs))
    }

    /// The sum, including its last product.
    #[inline]
    fn sum(&self) -> Option<i64> {
        if self.is_subtracted {
            self.sum.checked_sub(self.product)
        } else {
            self.sum.checked_add(self.product)
        }
    }

    #[inline]
    fn begin_product(&mut self, is_subtracted: bool) -> Option<()> {
        self.sum = self.sum()?;
        self.is_subtracted = is_subtracted;
        self.join = Join::Begin;
        Some(())
    }
}

/// Reads the source.
struct Reader<'a> {
    source: &'a [u8],
    place: usize,
}

impl Reader<'_> {
    #[inline]
    fn peek(&mut self) -> Option<u8> {
        while self.source.get(self.place) == Some(&b' ') {
            self.place += 1;
        }
        self.source.get(self.place).copied()
    }

    #[inline]
    fn next(&mut self) -> Option<u8> {
        let byte = self.peek();
        self.place += 1;
        byte
    }

    #[inline]
    fn is_at_end(&mut self) -> bool {
        self.peek().is_none()
    }

    /// Reads an int after its first digit. The caller finds anything invalid after it, because that is no operator.
    #[inline]
    fn int(&mut self, first: u8) -> Option<i64> {
        let start = self.place;
        let mut value = i64::from(first - b'0');
        while let Some(digit @ b'0'..=b'9') = self.source.get(self.place).copied() {
            value = value.wrapping_mul(10).wrapping_add(i64::from(digit - b'0'));
            self.place += 1;
        }
        let more = self.place - start;
        (more < MAX_DIGITS && (first != b'0' || more == 0)).then_some(value)
    }

    /// Consumes an operator between two operands. Returns whether there was one, and `None` for an operator that isn't
    /// computed here.
    #[inline]
    fn operator(&mut self, level: &mut Level) -> Option<bool> {
        let (byte, second) = (self.peek(), self.source.get(self.place + 1));
        let bytes = match byte {
            Some(byte @ (b'+' | b'-')) => {
                level.begin_product(byte == b'-')?;
                1
            }
            Some(b'*') if second != Some(&b'*') => {
                level.join = Join::Multiply;
                1
            }
            Some(b'%') => {
                level.join = Join::Remain;
                1
            }
            Some(b'/') if second == Some(&b'/') => {
                level.join = Join::Divide;
                2
            }
            Some(b')') | None => 0,
            Some(_) => return None,
        };
        self.place += bytes;
        Some(bytes > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Evaluator, Names};

    fn text(value: i64) -> String {
        value.to_string()
    }

    #[test]
    fn plain_arithmetic_is_computed() {
        for (source, value) in [
            ("655+115*26", 3645),
            ("0", 0),
            (" 1 - 2 - 3 ", -4),
            ("-7//2", -4),
            ("-7%2", 1),
            ("7%-2", -1),
            ("2*-3", -6),
            ("-(1+2)*3", -9),
            ("((((1))))", 1),
            ("1-(2-(3-4))", -2),
            ("--+-5", -5),
            ("100//7%4*3", 6),
            ("999999999999999999*9", 8_999_999_999_999_999_991),
        ] {
            assert_eq!(calculate(source.as_bytes()), Some(value), "{source}");
        }
    }

    #[test]
    fn other_sources_are_left_to_the_parser() {
        for source in [
            "",
            " ",
            "1+",
            "+",
            "()",
            "(1",
            "1)",
            "1)(2",
            "1 2",
            "007",
            "1.5",
            "1e5",
            "0x1",
            "1_0",
            "1j",
            "1if",
            "x",
            "1/2",
            "1**2",
            "1//0",
            "1%0",
            "1\t",
            "1\n",
            "1#",
            "1,",
            "1<2",
            "1&2",
            "~1",
            "not 1",
            "9999999999999999999",
            "9223372036854775807+1",
            "-9223372036854775807-2",
            "3037000500*3037000500",
            "((((((((((((((((((1))))))))))))))))))",
            "-----------------1",
        ] {
            assert_eq!(calculate(source.as_bytes()), None, "{source}");
        }
    }

    /// Sources made of pieces of arithmetic, most of them nearly valid.
    fn random_source(random: &mut fastrand::Rng) -> String {
        let mut source = String::new();
        for _ in 0..random.usize(1..12) {
            let piece: &[&str] = match random.u8(0..20) {
                0..8 => &[
                    "0",
                    "1",
                    "7",
                    "10",
                    "65",
                    "999999999",
                    "9223372036854775807",
                    "3037000500",
                    "00",
                    "1.",
                ],
                8..15 => &["+", "-", "*", "//", "%", "/", "**", "+-", "--"],
                15..17 => &["(", "(("],
                17..19 => &[")", "))"],
                _ => &[" ", "\t", "_", "if", ",", "<"],
            };
            source.push_str(piece[random.usize(..piece.len())]);
        }
        source
    }

    #[test]
    fn it_returns_the_value_of_the_machine_or_nothing() {
        let narrowest = Limits::default()
            .max_depth(MAX_OPEN)
            .max_int_bits(64)
            .max_len(64)
            .max_alloc(64)
            .fuel(64)
            .max_output(64);
        assert!(fits_limits(&narrowest));
        let mut random = fastrand::Rng::with_seed(41);
        let mut evaluators = [Limits::default(), narrowest].map(Evaluator::without_shortcuts);
        let mut calculated = 0;
        for _ in 0..300_000 {
            let source = random_source(&mut random);
            let Some(value) = calculate(source.as_bytes()) else {
                continue;
            };
            calculated += 1;
            for evaluator in &mut evaluators {
                let mut out = Vec::new();
                let evaluated = evaluator.eval_into(source.as_bytes(), &Names::default(), &mut out);
                assert_eq!(evaluated.map(|()| out), Ok(text(value).into_bytes()), "{source}");
            }
        }
        assert!(calculated > 10_000, "only {calculated} were computed");
    }

    #[test]
    fn a_long_sum_costs_no_more_than_the_limits_allow() {
        let source = "1+".repeat(5_000) + "1";
        let narrow = Limits::default().fuel(64).max_alloc(64);
        let mut evaluator = Evaluator::without_shortcuts(narrow);
        let mut out = Vec::new();
        let evaluated = evaluator.eval_into(source.as_bytes(), &Names::default(), &mut out);
        assert_eq!((evaluated, out), (Ok(()), b"5001".to_vec()));
        assert_eq!(calculate(source.as_bytes()), Some(5001));
    }

    #[test]
    fn the_depth_limit_is_that_of_the_parser() {
        let limits = Limits::default().max_depth(MAX_OPEN);
        assert!(fits_limits(&limits));
        let mut random = fastrand::Rng::with_seed(5);
        let mut evaluator = Evaluator::without_shortcuts(limits);
        for _ in 0..20_000 {
            let depth = random.usize(1..10);
            let mut source = String::new();
            for _ in 0..depth {
                source.push_str(["(", "-(", "1*--(", "1-(", "+-+("][random.usize(..5)]);
            }
            source.push('1');
            source.push_str(&")".repeat(depth));
            let evaluated = evaluator.eval_into(source.as_bytes(), &Names::default(), &mut Vec::new());
            assert_eq!(
                calculate(source.as_bytes()).is_some(),
                evaluated.is_ok(),
                "{source}"
            );
        }
    }

    #[test]
    fn narrow_limits_are_left_to_the_machine() {
        assert!(fits_limits(&Limits::default()));
        for limits in [
            Limits::default().max_depth(MAX_OPEN - 1),
            Limits::default().max_int_bits(63),
            Limits::default().max_output(3),
            Limits::default().fuel(3),
        ] {
            assert!(!fits_limits(&limits));
        }
    }
}
