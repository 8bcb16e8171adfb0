//! Fields of answers, for people.
//!
//! Much of what is shown strangers have written: control characters do not reach the terminal.

use serde_json::Value;

use crate::output::grouped;

/// As it stands, without control characters.
pub(super) fn text(value: &Value) -> String {
    let text = match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    text.replace(char::is_control, " ")
}

/// With its thousands apart.
pub(super) fn count(value: &Value) -> String {
    value.as_u64().map_or_else(|| text(value), grouped)
}

/// Milliseconds.
pub(super) fn millis(value: &Value) -> String {
    format!("{} ms", text(value))
}

/// A share in percent.
pub(super) fn percent(value: &Value) -> String {
    value
        .as_f64()
        .map_or_else(String::new, |share| format!("{:.1}%", share * 100.0))
}

/// Unix milliseconds.
pub(super) fn time(value: &Value) -> String {
    value
        .as_u64()
        .map_or_else(String::new, |ms| date(ms / 1_000))
}

/// Unix seconds.
pub(super) fn second(value: &Value) -> String {
    value.as_u64().map_or_else(String::new, date)
}

/// A day since 1970; before it is what cannot be true.
pub(super) fn day(value: &Value) -> String {
    let date = |day: u64| {
        let (year, month, day) = civil(day);
        format!("{year:04}-{month:02}-{day:02}")
    };
    value
        .as_u64()
        .map_or_else(|| "no true time".to_owned(), date)
}

/// A score among its parts.
pub(super) fn score(value: &Value) -> String {
    let score = value.get("score").and_then(Value::as_f64);
    score.map_or_else(String::new, |score| format!("{score:.3}"))
}

/// A time of day in UTC.
fn date(seconds: u64) -> String {
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    let (year, month, day) = civil(days);
    format!(
        "{year:04}-{month:02}-{day:02} {:02}:{:02}:{:02}",
        rest / 3_600,
        rest / 60 % 60,
        rest % 60
    )
}

/// The date of a day since 1970, by eras of 400 years that begin with March.
const fn civil(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let (era, of_era) = (days / 146_097, days % 146_097);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let (month, carried) = if month < 10 {
        (month + 3, 0)
    } else {
        (month - 9, 1)
    };
    (era * 400 + year + carried, month, day)
}

/// A time in its two largest units.
pub(super) fn duration(seconds: u64) -> String {
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, minutes) => format!("{minutes} min"),
        (0, hours, minutes) => format!("{hours} h {minutes} min"),
        (days, hours, _) => format!("{} d {hours} h", grouped(days)),
    }
}
