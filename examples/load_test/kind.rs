//! What a job does, as it is written on the command line.

use std::{fmt, str::FromStr, time::Duration};

/// What a job does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Evaluates an expression: this one, or one of many with three numbers.
    Eval(Option<String>),
    /// Keeps a CPU busy for this long.
    Spin(Duration),
    /// Carries so many bytes there, and back.
    Echo(usize),
}

/// The most bytes of an echo: what a pool carries by default.
const MAX_ECHO_BYTES: usize = 1 << 30;

impl Kind {
    /// The bytes that one job carries, roughly.
    pub(crate) fn bytes(&self) -> usize {
        match self {
            Self::Eval(expression) => expression.as_ref().map_or(16, String::len),
            Self::Spin(_) => 8,
            Self::Echo(bytes) => *bytes,
        }
    }
}

impl FromStr for Kind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once(':') {
            None if text == "eval" => Ok(Self::Eval(None)),
            Some(("eval", expression)) => Ok(Self::Eval(Some(expression.to_owned()))),
            Some(("spin", time)) => humantime::parse_duration(time)
                .map(Self::Spin)
                .map_err(|error| format!("how long to spin, as in spin:10us: {error}")),
            Some(("echo", bytes)) => parse_bytes(bytes).map(Self::Echo),
            _ => Err(
                "a job is eval, eval:EXPRESSION, spin:TIME or echo:BYTES, as in spin:10us or echo:64KiB"
                    .into(),
            ),
        }
    }
}

/// Reads a number of bytes, with or without a unit.
fn parse_bytes(text: &str) -> Result<usize, String> {
    let digits = text.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    let unit: usize = match &text[digits.len()..] {
        "" | "B" => 1,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        unit => {
            return Err(format!(
                "{unit} is no unit of bytes; there are B, KiB, MiB and GiB"
            ));
        }
    };
    let number: usize = digits
        .parse()
        .map_err(|error| format!("how many bytes to echo, as in echo:64KiB: {error}"))?;
    let bytes = number.checked_mul(unit).filter(|bytes| *bytes <= MAX_ECHO_BYTES);
    bytes.ok_or_else(|| format!("an echo has at most {MAX_ECHO_BYTES} bytes"))
}

impl fmt::Display for Kind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Eval(None) => formatter.write_str("eval"),
            Self::Eval(Some(expression)) => write!(formatter, "eval:{expression}"),
            Self::Spin(time) => write!(formatter, "spin:{}", humantime::format_duration(*time)),
            Self::Echo(bytes) => write!(formatter, "echo:{bytes}B"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_is_read_as_it_is_shown() {
        for kind in [
            Kind::Eval(None),
            Kind::Eval(Some("{1: 2}".into())),
            Kind::Spin(Duration::from_micros(10)),
            Kind::Echo(0),
            Kind::Echo(MAX_ECHO_BYTES),
        ] {
            assert_eq!(kind.to_string().parse(), Ok(kind));
        }
        assert_eq!("echo:64KiB".parse(), Ok(Kind::Echo(65_536)));
    }

    #[test]
    fn what_is_no_kind_is_refused_with_an_example() {
        for text in [
            "",
            "spin",
            "spin:10",
            "echo:",
            "echo:1kB",
            "echo:-1",
            "echo:2GiB",
            "echo:99999999999GiB",
            "sleep:1s",
        ] {
            let refused = text.parse::<Kind>().unwrap_err();
            assert!(refused.len() > 20, "{text}: {refused}");
        }
    }
}
