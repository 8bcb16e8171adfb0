//! A line as large as a word, for the course of a figure.

use std::fmt::Write;

use maud::{Markup, html};

/// How many values are drawn: the last ones.
const MAX_VALUES: usize = 120;

/// The course of a value, between its own least and greatest. `label` says of what, `format` writes a value.
#[must_use]
pub fn sparkline(label: &str, values: &[f64], format: fn(f64) -> String) -> Markup {
    let values: Vec<f64> = values
        .iter()
        .copied()
        .filter(|value| value.is_finite())
        .collect();
    let values = values
        .get(values.len().saturating_sub(MAX_VALUES)..)
        .unwrap_or_default();
    let (Some(first), Some(last)) = (values.first(), values.last()) else {
        return html! { span class="spark-none" { (label) ": no values" } };
    };
    html! {
        svg class="spark" viewBox="0 0 100 24" preserveAspectRatio="none" role="img"
            aria-label={ (label) ": from " (format(*first)) " to " (format(*last)) } {
            path class="line s1" d=(path(values)) {}
        }
    }
}

fn path(values: &[f64]) -> String {
    let (low, high) = values
        .iter()
        .fold((f64::MAX, f64::MIN), |(low, high), value| {
            (low.min(*value), high.max(*value))
        });
    let steps = values.len().saturating_sub(1).max(1) as f64;
    let mut path = String::new();
    for (number, value) in values.iter().enumerate() {
        // Halved, as the distance of two large numbers may be none.
        let (part, whole) = (value / 2.0 - low / 2.0, high / 2.0 - low / 2.0);
        let share = if whole > 0.0 { part / whole } else { 0.5 };
        let start = if number == 0 { 'M' } else { 'L' };
        // Writing to a string does not fail.
        let _ = write!(
            path,
            "{start}{:.1} {:.1}",
            number as f64 / steps * 100.0,
            22.0 - share * 20.0
        );
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn o4_4_a_course_fits_whatever_its_values() {
        assert_eq!(path(&[1.0, 3.0, 2.0]), "M0.0 22.0L50.0 2.0L100.0 12.0");
        assert_eq!(path(&[5.0, 5.0]), "M0.0 12.0L100.0 12.0");
        assert!(!path(&[f64::MAX, f64::MIN]).contains("NaN"));
        let none = sparkline("Events", &[f64::NAN], |value| value.to_string()).into_string();
        assert!(none.contains("no values"));
    }
}
