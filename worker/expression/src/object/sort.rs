//! Sorting with a comparison that may fail or be inconsistent.
//!
//! Owns the algorithm of `sorted()`. Short inputs are sorted with Python's steps (a run, then binary insertion), so that
//! inconsistent orders, those of sets and of NaN, give Python's result. Longer inputs are merged. `slice::sort_by` isn't
//! used, because it may panic on inconsistent orders.

use crate::error::Result;

/// Python sorts inputs shorter than this as one run.
const RUN: usize = 64;

/// Sorts stably. The function returns whether its first argument comes before the second.
pub(crate) fn merge_sort<T: Clone>(
    items: &mut [T],
    mut before: impl FnMut(&T, &T) -> Result<bool>,
) -> Result<()> {
    if items.len() < RUN {
        return sort_run(items, &mut before);
    }
    let run = run_length(items.len());
    for chunk in items.chunks_mut(run) {
        sort_run(chunk, &mut before)?;
    }
    let mut buffer: Vec<T> = Vec::with_capacity(items.len() / 2 + run);
    let mut width = run;
    while width < items.len() {
        for chunk in items.chunks_mut(2 * width) {
            if chunk.len() > width {
                merge(chunk, width, &mut buffer, &mut before)?;
            }
        }
        width *= 2;
    }
    Ok(())
}

/// The length of runs: from 32 to 64, so that the number of runs is a power of two or a little less.
fn run_length(mut length: usize) -> usize {
    let mut rest = 0;
    while length >= RUN {
        rest |= length & 1;
        length >>= 1;
    }
    length + rest
}

/// Sorts one run as Python does: finds the run at the start, reverses it if it descends, then inserts the other items.
fn sort_run<T>(items: &mut [T], before: &mut impl FnMut(&T, &T) -> Result<bool>) -> Result<()> {
    if items.len() < 2 {
        return Ok(());
    }
    let descending = before(&items[1], &items[0])?;
    let mut sorted = 2;
    while sorted < items.len() && before(&items[sorted], &items[sorted - 1])? == descending {
        sorted += 1;
    }
    if descending {
        items[..sorted].reverse();
    }
    for pivot in sorted..items.len() {
        let (mut low, mut high) = (0, pivot);
        while low < high {
            let middle = low + (high - low) / 2;
            if before(&items[pivot], &items[middle])? {
                high = middle;
            } else {
                low = middle + 1;
            }
        }
        items[low..=pivot].rotate_right(1);
    }
    Ok(())
}

/// Merges two sorted parts, the first of which ends at `middle`.
fn merge<T: Clone>(
    items: &mut [T],
    middle: usize,
    buffer: &mut Vec<T>,
    before: &mut impl FnMut(&T, &T) -> Result<bool>,
) -> Result<()> {
    if !before(&items[middle], &items[middle - 1])? {
        return Ok(());
    }
    buffer.clear();
    buffer.extend_from_slice(&items[..middle]);
    let (mut left, mut right) = (0, middle);
    for place in 0..items.len() {
        if left == buffer.len() {
            break;
        }
        if right < items.len() && before(&items[right], &buffer[left])? {
            items[place] = items[right].clone();
            right += 1;
        } else {
            items[place] = buffer[left].clone();
            left += 1;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sorts_stably_at_every_length() {
        let mut state = 1_u64;
        for length in [0, 1, 2, 3, 63, 64, 65, 100, 127, 128, 129, 1000, 5000] {
            let mut items: Vec<(u64, usize)> = (0..length)
                .map(|index| {
                    state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                    (state >> 58, index)
                })
                .collect();
            let mut expected = items.clone();
            expected.sort_by_key(|item| item.0);
            merge_sort(&mut items, |left, right| Ok(left.0 < right.0)).unwrap();
            assert_eq!(items, expected);
        }
    }

    #[test]
    fn inconsistent_orders_do_not_panic() {
        let mut items: Vec<f64> = (0..500)
            .map(|index| {
                if index % 3 == 0 {
                    f64::NAN
                } else {
                    f64::from(index)
                }
            })
            .collect();
        merge_sort(&mut items, |left, right| Ok(left < right)).unwrap();
        assert_eq!(items.len(), 500);
        let mut flip = false;
        merge_sort(&mut items, |_, _| {
            flip = !flip;
            Ok(flip)
        })
        .unwrap();
    }

    #[test]
    fn an_error_ends_the_sort() {
        let mut items = [3, 2, 1];
        assert!(merge_sort(&mut items, |_, _| Err(crate::error::type_error("no"))).is_err());
    }
}
