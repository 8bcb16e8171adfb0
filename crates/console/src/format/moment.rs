//! Points in time, given in seconds since 1970 and shown in UTC: a server knows no reader's zone.

use time::OffsetDateTime;

/// The largest distance that is told in seconds.
const NOW: u64 = 5;

/// As RFC 3339, for machines: `2025-01-31T12:34:56Z`. Empty for what is beyond the year 9999.
#[must_use]
pub fn rfc3339(at: i64) -> String {
    let Some(t) = date(at) else {
        return String::new();
    };
    format!(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z",
        t.year(),
        u8::from(t.month()),
        t.day(),
        t.hour(),
        t.minute(),
        t.second()
    )
}

/// For people: `2025-01-31 12:34 UTC`. The bare number for what is beyond the year 9999.
#[must_use]
pub fn utc(at: i64) -> String {
    let Some(t) = date(at) else {
        return at.to_string();
    };
    format!(
        "{:04}-{:02}-{:02} {:02}:{:02} UTC",
        t.year(),
        u8::from(t.month()),
        t.day(),
        t.hour(),
        t.minute()
    )
}

/// At an axis whose ticks are `step` seconds apart: the time of the day, or, from a day on, the date. A tick at midnight between
/// times is the date as well.
#[must_use]
pub fn axis_label(at: i64, step: i64) -> String {
    let Some(t) = date(at) else {
        return String::new();
    };
    let month = t.month().to_string();
    let month = month.get(..3).unwrap_or_default();
    if step >= 28 * 86_400 {
        format!("{month} {}", t.year())
    } else if step >= 86_400 || (t.hour(), t.minute()) == (0, 0) {
        format!("{} {month}", t.day())
    } else {
        format!("{:02}:{:02}", t.hour(), t.minute())
    }
}

/// How far from now: `3 min ago`, `in 2 h`. The script says the same as time goes by.
#[must_use]
pub fn relative(at: i64, now: i64) -> String {
    let distance = at.abs_diff(now);
    if distance <= NOW {
        return "just now".to_owned();
    }
    let (count, unit) = match distance {
        ..=59 => (distance, "s"),
        60..=3_599 => (distance / 60, "min"),
        3_600..=86_399 => (distance / 3_600, "h"),
        _ => (distance / 86_400, "d"),
    };
    if at > now {
        format!("in {count}\u{a0}{unit}")
    } else {
        format!("{count}\u{a0}{unit} ago")
    }
}

fn date(at: i64) -> Option<OffsetDateTime> {
    OffsetDateTime::from_unix_timestamp(at)
        .ok()
        .filter(|t| (0..=9_999).contains(&t.year()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn times_are_in_utc() {
        assert_eq!(rfc3339(0), "1970-01-01T00:00:00Z");
        assert_eq!(rfc3339(1_709_210_096), "2024-02-29T12:34:56Z");
        assert_eq!(utc(1_709_210_096), "2024-02-29 12:34 UTC");
        assert_eq!(rfc3339(i64::MAX), "");
    }

    #[test]
    fn distances_are_told_both_ways() {
        let plain = |at| relative(at, 100_000).replace('\u{a0}', " ");
        assert_eq!(plain(99_998), "just now");
        assert_eq!(plain(99_970), "30 s ago");
        assert_eq!(plain(99_700), "5 min ago");
        assert_eq!(plain(107_200), "in 2 h");
        assert_eq!(plain(-100_000), "2 d ago");
    }

    #[test]
    fn an_axis_changes_from_times_to_dates() {
        assert_eq!(axis_label(1_709_210_096, 3_600), "12:34");
        assert_eq!(axis_label(1_709_164_800, 3_600), "29 Feb");
        assert_eq!(axis_label(1_709_210_096, 86_400), "29 Feb");
        assert_eq!(axis_label(1_709_210_096, 30 * 86_400), "Feb 2024");
    }

    proptest! {
        #[test]
        fn every_time_can_be_told(at: i64, now: i64) {
            let _ = (rfc3339(at), utc(at), relative(at, now), axis_label(at, 60));
        }
    }
}
