//! Counts, shares and sizes.

/// Between thousands: narrow, and never at the end of a line.
const THOUSANDS: char = '\u{202f}';
/// Before a unit.
const SPACE: char = '\u{a0}';

/// A count with its thousands apart: `1 234 567`.
#[must_use]
pub fn number(value: u64) -> String {
    let digits = value.to_string();
    let mut text = String::with_capacity(digits.len() * 2);
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            text.push(THOUSANDS);
        }
        text.push(digit);
    }
    text
}

/// A count in three digits at most: `999`, `1.23 k`, `45.6 M`.
#[must_use]
pub fn compact(value: u64) -> String {
    scaled(value as f64, 1_000.0, &["", "k", "M", "G", "T", "P", "E"])
}

/// A size by powers of 1,024: `512 B`, `1.5 KiB`.
#[must_use]
pub fn bytes(value: u64) -> String {
    scaled(
        value as f64,
        1_024.0,
        &["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"],
    )
}

/// A share as a percentage. What is not all is never written as 100 %, and what is something never as 0 %: that of an uptime is
/// what is looked for.
#[must_use]
pub fn percent(share: f64) -> String {
    if !share.is_finite() {
        return "–".to_owned();
    }
    let value = share.clamp(0.0, 1.0) * 100.0;
    let text = if value >= 100.0 {
        "100".to_owned()
    } else if value > 99.99 {
        ">99.99".to_owned()
    } else if value >= 99.0 {
        decimal(value.min(99.99), 2)
    } else if value > 0.0 && value < 0.1 {
        "<0.1".to_owned()
    } else {
        decimal(value, 1)
    };
    format!("{text}{SPACE}%")
}

/// A number with at most so many decimals, without those at its end that are 0.
#[must_use]
pub fn decimal(value: f64, places: usize) -> String {
    if !value.is_finite() {
        return "–".to_owned();
    }
    let text = format!("{value:.places$}");
    let text = if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.')
    } else {
        &text
    };
    // What was rounded to nothing has no sign.
    if text == "-0" {
        "0".to_owned()
    } else {
        text.to_owned()
    }
}

/// A value with the unit in which it has one to three (by 1,024: four) digits before the point.
fn scaled(value: f64, step: f64, units: &[&str]) -> String {
    let mut rest = value;
    let mut unit = units.iter();
    let mut name = unit.next().copied().unwrap_or_default();
    // Half of the last digit below the step would be rounded up to it.
    while rounded(rest) >= step {
        let Some(next) = unit.next() else { break };
        rest /= step;
        name = next;
    }
    let text = decimal(rest, places(rest));
    if name.is_empty() {
        text
    } else {
        format!("{text}{SPACE}{name}")
    }
}

fn places(value: f64) -> usize {
    match value {
        v if v >= 99.95 => 0,
        v if v >= 9.995 => 1,
        _ => 2,
    }
}

fn rounded(value: f64) -> f64 {
    if value >= 99.95 { value.round() } else { value }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn counts_are_grouped() {
        assert_eq!(number(0), "0");
        assert_eq!(number(999), "999");
        assert_eq!(number(1_000), "1\u{202f}000");
        assert_eq!(number(1_234_567), "1\u{202f}234\u{202f}567");
    }

    #[test]
    fn large_counts_and_sizes_get_a_unit() {
        let plain = |text: String| text.replace(SPACE, " ");
        for (value, text) in [
            (0, "0"),
            (999, "999"),
            (1_234, "1.23 k"),
            (12_000, "12 k"),
            (999_600, "1 M"),
            (u64::MAX, "18.4 E"),
        ] {
            assert_eq!(plain(compact(value)), text);
        }
        for (value, text) in [
            (0, "0 B"),
            (1_023, "1023 B"),
            (1_024, "1 KiB"),
            (1_536, "1.5 KiB"),
            (1_048_575, "1 MiB"),
        ] {
            assert_eq!(plain(bytes(value)), text);
        }
    }

    #[test]
    fn o2_4_an_uptime_is_not_rounded_to_all_or_nothing() {
        let plain = |share| percent(share).replace(SPACE, " ");
        assert_eq!(plain(1.0), "100 %");
        assert_eq!(plain(0.999_99), ">99.99 %");
        assert_eq!(plain(0.9987), "99.87 %");
        assert_eq!(plain(0.5), "50 %");
        assert_eq!(plain(0.000_1), "<0.1 %");
        assert_eq!(plain(0.0), "0 %");
        assert_eq!(percent(f64::NAN), "–");
    }

    proptest! {
        #[test]
        fn no_count_is_longer_than_its_column(value: u64) {
            prop_assert!(compact(value).chars().count() <= 6);
            prop_assert!(bytes(value).chars().count() <= 8);
        }
    }
}
