//! A table of the times of operations, each beside a reference that was measured alternately with it.

use std::fmt;

use crate::median;

/// What a ratio is to be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Goal {
    /// Whatever it is.
    None,
    /// No more than this.
    AtMost(f64),
    /// No less than this.
    AtLeast(f64),
}

impl Goal {
    /// What is said of a ratio.
    fn verdict(self, ratio: f64) -> String {
        let (is_kept, bound) = match self {
            Self::None => return String::new(),
            Self::AtMost(most) => (ratio <= most, format!("at most {most}")),
            Self::AtLeast(least) => (ratio >= least, format!("at least {least}")),
        };
        format!("{} ({bound})", if is_kept { "ok" } else { "MISSED" })
    }
}

/// Lines of figures in nanoseconds, with their ratios to others.
#[derive(Debug, Default)]
pub struct Table {
    lines: Vec<String>,
    rounds: usize,
}

impl Table {
    /// Adds the median of some rounds; gives them back, for others to be compared to them.
    pub fn add<'a>(&mut self, name: &str, rounds: &'a [f64]) -> &'a [f64] {
        self.rounds = self.rounds.max(rounds.len());
        let figure = median(rounds.iter().copied());
        self.lines.push(format!("{name:<46}{figure:>12.1}"));
        rounds
    }

    /// Adds the median of some rounds, and how many times the reference they are: the median of the ratios of the rounds.
    pub fn compare(&mut self, name: &str, rounds: &[f64], reference: &[f64], goal: Goal) {
        let ratio = median(rounds.iter().zip(reference).map(|(one, other)| one / other));
        let figure = median(rounds.iter().copied());
        let verdict = goal.verdict(ratio);
        let line = format!("{name:<46}{figure:>12.1}{ratio:>10.2} x  {verdict}");
        self.lines.push(line.trim_end().to_owned());
    }

    /// Adds a line without figures.
    pub fn note(&mut self, text: &str) {
        self.lines.push(text.to_owned());
    }
}

impl fmt::Display for Table {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let title = format!("median of {} rounds", self.rounds);
        writeln!(formatter, "{title:<46}{:>12}{:>12}", "ns", "ratio")?;
        self.lines
            .iter()
            .try_for_each(|line| writeln!(formatter, "{line}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratios_are_those_of_rounds_and_are_judged() {
        let mut table = Table::default();
        let reference = table.add("mutex", &[10.0, 20.0, 40.0]);
        table.compare("lock", &[20.0, 20.0, 120.0], reference, Goal::AtMost(3.0));
        table.compare("slow", &[20.0, 40.0, 80.0], reference, Goal::AtLeast(3.0));
        table.note("nothing else");
        let text = table.to_string();
        let lines: Vec<Vec<&str>> = text
            .lines()
            .map(|line| line.split_whitespace().collect())
            .collect();
        assert_eq!(lines[0], ["median", "of", "3", "rounds", "ns", "ratio"]);
        assert_eq!(lines[1], ["mutex", "20.0"]);
        assert_eq!(lines[2], ["lock", "20.0", "2.00", "x", "ok", "(at", "most", "3)"]);
        assert_eq!(
            lines[3],
            ["slow", "40.0", "2.00", "x", "MISSED", "(at", "least", "3)"]
        );
        assert_eq!(lines[4], ["nothing", "else"]);
    }
}
