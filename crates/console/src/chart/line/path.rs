//! From values to a path: few enough, and broken where there is no value.

use std::fmt::Write;

use super::Series;

/// How many times are drawn.
pub(super) const MAX_COLUMNS: usize = 300;

/// What is drawn: times, where they are, and for each line its values.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Columns {
    pub(super) times: Vec<i64>,
    /// Where each time is on the axis, 0 to 1.
    pub(super) shares: Vec<f64>,
    pub(super) values: Vec<Vec<Option<f64>>>,
}

impl Columns {
    /// The area of each time, left edge and width: to the middle between it and the next ones.
    pub(super) fn areas(&self) -> Vec<(f64, f64)> {
        let middle = |a: Option<&f64>, b: Option<&f64>| match (a, b) {
            (Some(a), Some(b)) => Some(f64::midpoint(*a, *b)),
            _ => None,
        };
        (0..self.shares.len())
            .map(|at| {
                let here = self.shares.get(at);
                let left = at
                    .checked_sub(1)
                    .and_then(|before| middle(self.shares.get(before), here));
                let right = middle(here, self.shares.get(at + 1));
                let (left, right) = (left.unwrap_or(0.0), right.unwrap_or(1.0));
                (left, right - left)
            })
            .collect()
    }
}

/// The values within the axis; when they are too many, the largest of each of [`MAX_COLUMNS`] stretches, at the time of the stretch's
/// first.
pub(super) fn reduce(from: i64, to: i64, times: &[i64], series: &[Series<'_>]) -> Columns {
    let length = to.saturating_sub(from).max(1);
    let within: Vec<(usize, i64)> = times
        .iter()
        .copied()
        .enumerate()
        .filter(|(_, at)| (from..=to).contains(at))
        .collect();
    let size = within.len().div_ceil(MAX_COLUMNS).max(1);
    let groups: Vec<&[(usize, i64)]> = within.chunks(size).collect();
    let first = |group: &&[(usize, i64)]| group.first().map_or(from, |(_, at)| *at);
    let largest = |series: &Series<'_>, group: &[(usize, i64)]| {
        group
            .iter()
            .filter_map(|(index, _)| series.values.get(*index).copied().flatten())
            .filter(|value| value.is_finite() && *value >= 0.0)
            .reduce(f64::max)
    };
    let times: Vec<i64> = groups.iter().map(first).collect();
    Columns {
        shares: times
            .iter()
            .map(|at| at.saturating_sub(from) as f64 / length as f64)
            .collect(),
        values: series
            .iter()
            .map(|series| groups.iter().map(|group| largest(series, group)).collect())
            .collect(),
        times,
    }
}

/// The path of a line in a square of 1,000, broken where there is no value. A value between two gaps is a line of no length, which is drawn as a
/// dot.
pub(super) fn path(shares: &[f64], values: &[Option<f64>], top: f64) -> String {
    let mut path = String::new();
    let mut drawing = false;
    for (share, value) in shares.iter().zip(values) {
        let Some(value) = value else {
            drawing = false;
            continue;
        };
        let x = share * 1_000.0;
        let y = 1_000.0 - (value / top).clamp(0.0, 1.0) * 1_000.0;
        let start = if drawing { "L" } else { "M" };
        // Writing to a string does not fail.
        let _ = write!(path, "{start}{x:.1} {y:.1}");
        if !drawing {
            path.push_str("h0");
        }
        drawing = true;
    }
    path
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn o4_4_a_line_is_broken_where_there_is_no_value() {
        let values = [Some(0.0), Some(10.0), None, Some(5.0), None];
        let path = path(&[0.0, 0.25, 0.5, 0.75, 1.0], &values, 10.0);
        assert_eq!(path, "M0.0 1000.0h0L250.0 0.0M750.0 500.0h0");
    }

    #[test]
    fn o4_4_a_peak_survives_when_values_are_too_many() {
        let times: Vec<i64> = (0..10_000).collect();
        let values: Vec<Option<f64>> = times
            .iter()
            .map(|at| Some(if *at == 4_321 { 99.0 } else { 1.0 }))
            .collect();
        let columns = reduce(
            0,
            9_999,
            &times,
            &[Series {
                name: "a",
                values: &values,
            }],
        );
        assert!(columns.times.len() <= MAX_COLUMNS);
        assert!(columns.values[0].contains(&Some(99.0)));
    }

    proptest! {
        #[test]
        fn o4_4_areas_fill_the_axis(mut times in prop::collection::vec(0i64..1_000, 1..400)) {
            times.sort_unstable();
            let columns = reduce(0, 1_000, &times, &[]);
            let areas = columns.areas();
            let all: f64 = areas.iter().map(|(_, width)| width).sum();
            prop_assert!((all - 1.0).abs() < 1e-9);
            prop_assert!(areas.iter().all(|(_, width)| *width >= 0.0));
        }
    }
}
