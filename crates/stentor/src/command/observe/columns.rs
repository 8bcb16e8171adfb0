//! What tables show, list by list.

use serde_json::Value;

use super::field::{count, day, duration, millis, percent, score, second, text, time};
use super::show::Column;

/// Of a list of relays.
pub const RELAYS: (&str, &[Column]) = (
    "relays",
    &[
        ("URL", "url", text),
        ("STATUS", "status", text),
        ("UPTIME", "uptime_month", percent),
        ("OPEN", "open_ms", millis),
        ("READ", "read_ms", millis),
        ("EVENTS", "events", count),
        ("ONLY HERE", "exclusive", count),
        ("SOFTWARE", "software", text),
        ("NAME", "name", text),
    ],
);

/// Of a list of checks.
pub const CHECKS: (&str, &[Column]) = (
    "checks",
    &[
        ("TIME", "at_ms", time),
        ("ONLINE", "online", text),
        ("OPEN", "open_ms", millis),
        ("READ", "read_ms", millis),
        ("WRITE", "write_ms", millis),
        ("REASON", "reason", text),
    ],
);

/// Of a list of coverage.
pub const COVERAGE: (&str, &[Column]) = (
    "intervals",
    &[
        ("RELAY", "url", text),
        ("SINCE", "since", second),
        ("UNTIL", "until", second),
        ("STATE", "state", text),
        ("EVENTS", "events", count),
        ("HOW", "method", text),
        ("REASON", "reason", text),
        ("FILTER", "filter", text),
    ],
);

/// Of a list of watches.
pub const WATCHES: (&str, &[Column]) = (
    "watches",
    &[
        ("ID", "id", text),
        ("RELAY", "url", text),
        ("STATE", "state", text),
        ("RECIPIENT", "recipient", text),
        ("MADE BY", "made_by", text),
    ],
);

/// Of events by day and kind.
pub const KINDS: (&str, &[Column]) = (
    "rows",
    &[
        ("DAY", "day", day),
        ("KIND", "kind", text),
        ("EVENTS", "events", count),
        ("BYTES", "bytes", count),
    ],
);

/// Of active authors.
pub const AUTHORS: (&str, &[Column]) = (
    "rows",
    &[("DAY", "start", day), ("AUTHORS", "authors", count)],
);

/// Of new authors.
pub const NEW_AUTHORS: (&str, &[Column]) = (
    "rows",
    &[("DAY", "day", day), ("AUTHORS", "authors", count)],
);

/// Of the histogram of copies.
pub const REPLICATION: (&str, &[Column]) = (
    "rows",
    &[("RELAYS", "copies", count), ("EVENTS", "events", count)],
);

/// Of what relays hold.
pub const HOLDINGS: (&str, &[Column]) = (
    "rows",
    &[
        ("RELAY", "url", text),
        ("EVENTS", "events", count),
        ("ONLY HERE", "exclusive", count),
    ],
);

/// Of latencies.
pub const LATENCY: (&str, &[Column]) = (
    "rows",
    &[
        ("RELAY", "url", text),
        ("EVENTS", "events", count),
        ("HALF WITHIN", "p50_ms", millis),
        ("95% WITHIN", "p95_ms", millis),
    ],
);

/// Of what relays run.
pub const SOFTWARE: (&str, &[Column]) = (
    "software",
    &[
        ("SOFTWARE", "software", text),
        ("VERSION", "version", text),
        ("RELAYS", "relays", count),
    ],
);

/// Of NIPs.
pub const NIPS: (&str, &[Column]) = ("nips", &[("NIP", "nip", text), ("RELAYS", "relays", count)]);
/// Of dead entries.
pub const LISTS: (&str, &[Column]) = (
    "urls",
    &[
        ("URL", "url", text),
        ("LISTS", "entries", count),
        ("WAS A RELAY", "was_relay", text),
        ("OFFLINE SINCE", "offline_since_ms", time),
    ],
);

/// How long a part of the past is, in seconds.
fn length(value: &Value) -> String {
    value.as_u64().map_or_else(|| text(value), duration)
}

/// Of coverage by relay.
pub const COVERED_SECONDS: (&str, &[Column]) = (
    "rows",
    &[
        ("RELAY", "url", text),
        ("COMPLETE", "complete_seconds", length),
        ("CAPPED", "capped_seconds", length),
        ("REFUSED", "refused_seconds", length),
        ("FAILED", "failed_seconds", length),
    ],
);

/// Of checks by outcome.
pub const OUTCOMES: (&str, &[Column]) = (
    "rows",
    &[("OUTCOME", "outcome", text), ("CHECKS", "checks", count)],
);

/// Of ranked relays.
pub const RANKING: (&str, &[Column]) = (
    "rows",
    &[
        ("RELAY", "url", text),
        ("SCORE", "score", score),
        ("READ", "read_ms", millis),
        ("EVENTS", "events", count),
        ("COUNTRY", "country", text),
    ],
);

/// Of deliveries.
pub const DELIVERIES: (&str, &[Column]) = (
    "relays",
    &[
        ("RELAY", "url", text),
        ("HOLDS", "held", count),
        ("WITH THOSE BEFORE", "held_so_far", count),
        ("LISTED", "listed", text),
        ("ONLINE", "online", text),
    ],
);

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::show::table;
    use super::*;

    #[test]
    fn o4_2_how_much_is_covered_is_told_in_days() {
        let row = json!({"url": "wss://a.example/", "complete_seconds": 217_513_365, "capped_seconds": 0, "failed_seconds": 90});
        let shown = table(&[row], COVERED_SECONDS.1);
        let row = shown.lines().next_back().unwrap_or_default();
        assert_eq!(
            row,
            "wss://a.example/  2,517 d 12 h  0 s     -        1 min"
        );
    }
}
