//! Lengths of time.

use std::time::Duration;

use super::number::decimal;

/// The units above the second, largest first, in seconds.
const UNITS: [(u64, &str); 4] = [(86_400, "d"), (3_600, "h"), (60, "min"), (1, "s")];

/// A length of time in its two largest units: `34 ms`, `1.2 s`, `3 d 4 h`. Rounded down, so that nothing is said to have lasted longer
/// than it has.
#[must_use]
pub fn duration(length: Duration) -> String {
    let micros = length.as_micros();
    if micros < 1_000 {
        return format!("{micros}\u{a0}µs");
    }
    if micros < 1_000_000 {
        let millis = length.as_secs_f64() * 1_000.0;
        return if millis < 10.0 {
            format!("{}\u{a0}ms", decimal((millis * 10.0).floor() / 10.0, 1))
        } else {
            format!("{}\u{a0}ms", length.as_millis())
        };
    }
    let seconds = length.as_secs();
    if seconds < 10 {
        let tenths = (length.as_secs_f64() * 10.0).floor() / 10.0;
        return format!("{}\u{a0}s", decimal(tenths, 1));
    }
    let Some(at) = UNITS.iter().position(|(unit, _)| seconds >= *unit) else {
        return "0\u{a0}s".to_owned();
    };
    let mut rest = seconds;
    let parts: Vec<String> = UNITS
        .iter()
        .skip(at)
        .take(2)
        .filter_map(|(unit, name)| {
            let count = rest / unit;
            rest %= unit;
            (count > 0).then(|| format!("{count}\u{a0}{name}"))
        })
        .collect();
    parts.join("\u{a0}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_told_in_two_units() {
        for (micros, text) in [
            (0, "0 µs"),
            (999, "999 µs"),
            (1_250, "1.2 ms"),
            (34_900, "34 ms"),
            (999_999, "999 ms"),
            (1_290_000, "1.2 s"),
            (59_999_999, "59 s"),
            (60_000_000, "1 min"),
            (3_725_000_000, "1 h 2 min"),
            (273_600_000_000, "3 d 4 h"),
            (86_400_000_000, "1 d"),
        ] {
            assert_eq!(
                duration(Duration::from_micros(micros)).replace('\u{a0}', " "),
                text
            );
        }
    }
}
