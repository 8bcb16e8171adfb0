//! Days, weeks and months, as numbers of days since 1 January 1970 (UTC).

use serde::{Deserialize, Serialize};
use time::Date;
use utoipa::ToSchema;

/// The day under which events are counted whose time cannot be true.
pub(crate) const ABSURD: i64 = -1;
/// 1 January 2020: no event is older.
const FIRST: i64 = 18_262;
const SECONDS: u64 = 86_400;
/// 1 January 1970 as a Julian day.
const EPOCH: i64 = 2_440_588;

/// The length of a period.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Period {
    /// A day.
    Day,
    /// A week, from Monday on.
    Week,
    /// A calendar month.
    Month,
}

impl Period {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Day, Self::Week, Self::Month];

    /// Its word in the records and in questions.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
        }
    }

    /// The first day of the period that this day is in.
    #[must_use]
    pub fn start(self, day: i64) -> i64 {
        match self {
            Self::Day => day,
            // 1 January 1970 was a Thursday.
            Self::Week => day - (day + 3).rem_euclid(7),
            Self::Month => month(day).unwrap_or(day),
        }
    }
}

/// `None` beyond the year 9999.
fn month(day: i64) -> Option<i64> {
    let julian = i32::try_from(day + EPOCH).ok()?;
    let date = Date::from_julian_day(julian).ok()?;
    let first = date.replace_day(1).ok()?;
    Some(i64::from(first.to_julian_day()) - EPOCH)
}

/// The day of an event's time, in Unix seconds, that came at this time, in Unix milliseconds; [`ABSURD`] for a time that cannot be true.
pub(crate) fn day(created_at: u64, came_ms: u64) -> i64 {
    let latest = (came_ms / 1_000).saturating_add(SECONDS);
    let day = i64::try_from(created_at / SECONDS).unwrap_or(i64::MAX);
    if created_at > latest || day < FIRST {
        return ABSURD;
    }
    day
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn o4_1_periods_begin_where_the_calendar_says() {
        // Thursday, 29 February 2024.
        let day = 19_782;
        assert_eq!(Period::Day.start(day), day);
        assert_eq!(Period::Week.start(day), day - 3);
        assert_eq!(Period::Month.start(day), day - 28);
        assert_eq!(Period::Month.start(day + 1), day + 1);
        assert_eq!(Period::Week.start(day + 3), day - 3);
        assert_eq!(Period::Week.start(day + 4), day + 4);
    }

    #[test]
    fn o4_1_times_that_cannot_be_true_have_a_day_of_their_own() {
        let now = 1_700_000_000_u64;
        assert_eq!(day(now, now * 1_000), 19_675);
        assert_eq!(day(now + 86_400, now * 1_000), 19_676);
        assert_eq!(day(now + 86_401, now * 1_000), ABSURD);
        assert_eq!(day(1_577_836_799, now * 1_000), ABSURD);
        assert_eq!(day(1_577_836_800, now * 1_000), 18_262);
        assert_eq!(day(u64::MAX, u64::MAX), ABSURD);
    }
}
