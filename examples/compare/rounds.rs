//! Measures several sides alternately and shows them beside each other.

use std::{error::Error, time::Duration};

use examples::{Spread, median};

/// What the figures of a comparison are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unit {
    /// Seconds: less is better.
    Seconds,
    /// Jobs in a second: more is better.
    JobsPerSecond,
}

/// One way to do the work.
pub(crate) struct Side<'a> {
    name: String,
    measure: Box<dyn FnMut() -> Result<f64, Box<dyn Error>> + 'a>,
    figures: Vec<f64>,
}

impl<'a> Side<'a> {
    pub(crate) fn new(
        name: impl Into<String>,
        measure: impl FnMut() -> Result<f64, Box<dyn Error>> + 'a,
    ) -> Self {
        Self {
            name: name.into(),
            measure: Box::new(measure),
            figures: Vec::new(),
        }
    }
}

/// Measures all sides alternately, `rounds` times, and prints them. The others are compared with the first, the pool.
pub(crate) fn compare(
    title: &str,
    unit: Unit,
    rounds: usize,
    mut sides: Vec<Side<'_>>,
) -> Result<(), Box<dyn Error>> {
    for _ in 0..rounds {
        for side in &mut sides {
            side.figures.push((side.measure)()?);
        }
    }
    println!("{title} ({rounds} rounds in turn: median, least to most)");
    let Some((ours, others)) = sides.split_first() else {
        return Ok(());
    };
    println!("  {:<38} {}", ours.name, unit.show(&ours.figures));
    for other in others {
        let ratios = ours.figures.iter().zip(&other.figures);
        let ratios = ratios.map(|(ours, theirs)| unit.times_as_fast(*ours, *theirs));
        let ratios = Spread::of(ratios);
        println!(
            "  {:<38} {}   the pool is {:.2} x as fast ({:.2} to {:.2})",
            other.name,
            unit.show(&other.figures),
            ratios.median,
            ratios.least,
            ratios.most
        );
    }
    println!();
    Ok(())
}

impl Unit {
    fn times_as_fast(self, ours: f64, theirs: f64) -> f64 {
        match self {
            Self::Seconds => theirs / ours,
            Self::JobsPerSecond => ours / theirs,
        }
    }

    fn show(self, figures: &[f64]) -> String {
        let [low, middle, high] = Spread::of(figures.iter().copied()).map(|figure| match self {
            Self::Seconds => micros(figure),
            Self::JobsPerSecond => format!("{figure:.0}"),
        });
        let unit = match self {
            Self::Seconds => "µs",
            Self::JobsPerSecond => "jobs/s",
        };
        format!("{middle:>11} {unit} ({low} to {high})")
    }
}

fn micros(seconds: f64) -> String {
    let micros = seconds * 1e6;
    let digits = usize::from(micros < 1000.0);
    format!("{micros:.digits$}")
}

/// The median of some durations, in seconds.
pub(crate) fn median_seconds(durations: &[Duration]) -> f64 {
    median(durations.iter().map(Duration::as_secs_f64))
}
