//! Answers for people: aligned tables, and lines with a name before each.

use std::fmt::Write as _;

use serde_json::Value;

use super::columns::CHECKS;
use super::field::{count, duration, millis, percent, second, text, time};
use crate::output::bytes;

/// Characters of a field in a table.
const WIDEST: usize = 60;

/// A column of a table: its heading, the field, and how that is written.
pub type Column = (&'static str, &'static str, fn(&Value) -> String);

/// A field as a text.
pub fn word(value: &Value, name: &str) -> String {
    value.get(name).map_or_else(String::new, text)
}

/// Rows below their headings, each column as wide as it has to be.
pub fn table(rows: &[Value], columns: &[Column]) -> String {
    let heading = columns.iter().map(|(heading, ..)| (*heading).to_owned());
    let mut lines: Vec<Vec<String>> = vec![heading.collect()];
    for row in rows {
        let field = |(_, name, write): &Column| {
            let field = row.get(*name).filter(|value| !value.is_null());
            let field: String = field.map_or_else(|| "-".to_owned(), write);
            field.chars().take(WIDEST).collect()
        };
        lines.push(columns.iter().map(field).collect());
    }
    let mut widths = vec![0; columns.len()];
    for line in &lines {
        for (width, field) in widths.iter_mut().zip(line) {
            *width = field.chars().count().max(*width);
        }
    }
    let mut out = String::new();
    for line in lines {
        let mut row = String::new();
        for (field, width) in line.iter().zip(&widths) {
            let _ = write!(row, "{field:width$}  ");
        }
        out.push_str(row.trim_end());
        out.push('\n');
    }
    out
}

/// A relay.
pub fn relay(detail: &Value) -> String {
    let summary = detail.get("relay").unwrap_or(detail);
    let mut out = String::new();
    for value in [summary, detail] {
        let fields = value.as_object().into_iter().flatten();
        for (field, value) in fields {
            // Lists and documents come below, or in JSON.
            if !value.is_null() && !value.is_object() && !value.is_array() {
                let _ = writeln!(out, "{field:22} {}", named(field, value));
            }
        }
    }
    let nips = detail.get("nips").and_then(Value::as_array);
    let nips: Vec<String> = nips.into_iter().flatten().map(text).collect();
    if !nips.is_empty() {
        let _ = writeln!(out, "{:22} {}", "nips", nips.join(" "));
    }
    let list = |name: &str| {
        detail
            .get(name)
            .and_then(Value::as_array)
            .cloned()
            .unwrap_or_default()
    };
    let coverage = list("coverage");
    if !coverage.is_empty() {
        let _ = write!(out, "\n{}", table(&coverage, COVERED));
    }
    let checks = list("last_checks");
    if !checks.is_empty() {
        let _ = write!(out, "\n{}", table(&checks, CHECKS.1));
    }
    out
}

const COVERED: &[Column] = &[
    ("FILTER", "filter", text),
    ("STATE", "state", text),
    ("SINCE", "since", second),
    ("UNTIL", "until", second),
    ("EVENTS", "events", count),
    ("PIECES", "intervals", count),
];

/// A field whose name says what it is.
fn named(name: &str, value: &Value) -> String {
    if name.starts_with("uptime_") {
        percent(value)
    } else if matches!(name, "open_ms" | "read_ms" | "write_ms") {
        millis(value)
    } else if name.ends_with("_ms") {
        time(value)
    } else {
        text(value)
    }
}

/// The network.
pub fn network(network: &Value) -> String {
    let mut out = String::new();
    for name in ["candidates", "degraded", "events", "authors"] {
        let _ = writeln!(
            out,
            "{name:12} {}",
            network.get(name).map_or_else(String::new, count)
        );
    }
    let _ = writeln!(
        out,
        "{:12} {}",
        "size",
        network
            .get("bytes")
            .and_then(Value::as_u64)
            .map_or_else(String::new, bytes)
    );
    if network.get("own_network") == Some(&Value::Bool(false)) {
        out.push_str("our own network is down: checks say nothing of relays\n");
    }
    for name in ["status", "networks", "software", "countries", "nips"] {
        let rows = network.get(name).and_then(Value::as_array);
        let rows = rows.map(Vec::as_slice).unwrap_or_default();
        if !rows.is_empty() {
            let _ = write!(out, "\n{}:\n{}", name, table(rows, SHARES));
        }
    }
    out
}

const SHARES: &[Column] = &[("NAME", "name", text), ("RELAYS", "relays", count)];

/// The great sums.
pub fn totals(totals: &Value) -> String {
    let mut out = String::new();
    for (name, value) in totals.as_object().into_iter().flatten() {
        let value = match name.as_str() {
            "bytes" => value.as_u64().map_or_else(|| text(value), bytes),
            _ => count(value),
        };
        let _ = writeln!(out, "{name:15} {value}");
    }
    out
}

/// How far the archive has got.
pub fn archive(progress: &Value) -> String {
    let number = |name: &str| progress.get(name).map_or_else(String::new, count);
    let mut out = String::new();
    let _ = writeln!(
        out,
        "relays      {}, {} of them without a gap",
        number("relays"),
        number("complete")
    );
    let _ = writeln!(out, "covered     {}", pace(progress));
    for (name, field) in [
        ("capped", "capped_seconds"),
        ("refused", "refused_seconds"),
        ("failed", "failed_seconds"),
    ] {
        let _ = writeln!(
            out,
            "{name:11} {}",
            progress
                .get(field)
                .and_then(Value::as_u64)
                .map_or_else(String::new, duration)
        );
    }
    let _ = writeln!(
        out,
        "events      {}; sent to us: {} new, {} known, {} not taken",
        number("events"),
        number("new_events"),
        number("duplicates"),
        number("rejected")
    );
    out
}

/// How far the archive has got, in a line.
pub fn pace(progress: &Value) -> String {
    let share = progress.get("share").filter(|share| !share.is_null());
    let share = share.map_or_else(|| "nothing yet".to_owned(), percent);
    let eta = progress.get("eta_seconds").and_then(Value::as_u64);
    let eta = match eta {
        Some(0) => "nothing left".to_owned(),
        Some(seconds) => format!("about {} to go", duration(seconds)),
        None => "no pace in the last hour".to_owned(),
    };
    let events = progress.get("events").map_or_else(String::new, count);
    format!("{share}, {eta}, {events} events")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn o4_2_a_table_is_aligned_and_says_what_is_missing() {
        let rows = [
            json!({"at_ms": 1_709_210_096_000_u64, "online": true, "open_ms": 12}),
            json!({"at_ms": 0, "online": false, "reason": "dns\u{1b}[31m"}),
        ];
        let shown = table(&rows, CHECKS.1);
        let lines: Vec<&str> = shown.lines().collect();
        assert_eq!(
            lines[1],
            "2024-02-29 12:34:56  true    12 ms  -     -      -"
        );
        assert!(
            lines[2].starts_with("1970-01-01 00:00:00  false   -  "),
            "{shown}"
        );
        assert!(
            lines[2].ends_with("dns [31m"),
            "no escape reaches the terminal"
        );
    }

    #[test]
    fn o5_3_the_pace_is_told_in_words() {
        let pace =
            |eta: Option<u64>| pace(&json!({"share": 0.123, "eta_seconds": eta, "events": 1_234}));
        assert_eq!(
            pace(Some(93_600)),
            "12.3%, about 1 d 2 h to go, 1,234 events"
        );
        assert_eq!(pace(Some(0)), "12.3%, nothing left, 1,234 events");
        assert_eq!(pace(None), "12.3%, no pace in the last hour, 1,234 events");
    }
}
