//! The spread of the figures of several rounds: least, median and most.

/// The least, the median and the most of some figures; not a number when there are none.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spread {
    /// The least.
    pub least: f64,
    /// The one in the middle; of two in the middle the greater one.
    pub median: f64,
    /// The most.
    pub most: f64,
}

impl Spread {
    /// Of figures in any order.
    pub fn of(figures: impl IntoIterator<Item = f64>) -> Self {
        let mut sorted: Vec<f64> = figures.into_iter().collect();
        sorted.sort_by(f64::total_cmp);
        let at = |place: usize| sorted.get(place).copied().unwrap_or(f64::NAN);
        Self {
            least: at(0),
            median: at(sorted.len() / 2),
            most: at(sorted.len().saturating_sub(1)),
        }
    }

    /// With each of the three changed.
    #[must_use]
    pub fn map<T>(self, change: impl FnMut(f64) -> T) -> [T; 3] {
        [self.least, self.median, self.most].map(change)
    }
}

/// The median of some figures.
pub fn median(figures: impl IntoIterator<Item = f64>) -> f64 {
    Spread::of(figures).median
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_of_the_figures_does_not_matter() {
        let spread = Spread {
            least: -1.0,
            median: 3.0,
            most: 20.0,
        };
        assert_eq!(Spread::of([3.0, 20.0, -1.0]), spread);
        assert_eq!(Spread::of([20.0, 3.0, 2.0, -1.0]), spread);
        assert_eq!(Spread::of([5.0]).map(|figure| format!("{figure}")), ["5"; 3]);
    }

    #[test]
    fn nothing_has_no_median() {
        assert!(median([]).is_nan());
    }
}
