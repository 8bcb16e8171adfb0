//! How a relay has done: its checks, charts of them, its days, and what has changed.

use serde::Serialize;
use stentor_sql::{Database, Error, FromRow, Row};
use utoipa::ToSchema;

use super::csv::Table;
use super::parameters::{AskError, Parameters, wrong};
use super::place::{Part, Place};
use super::rows::{maybe, number};
use crate::clock::{read, stored};
use crate::history::{self, Change, Day, Point};
use crate::table::RelayId;

/// The longest time of a chart, in milliseconds: 400 days.
const LONGEST: u64 = 400 * DAY_MS;
const DAY_MS: u64 = 86_400_000;

/// A check of a relay.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct RelayCheck {
    /// When, in Unix milliseconds.
    pub at_ms: u64,
    /// Whether it was online; nothing where the check says nothing of it, as our own network was down.
    pub online: Option<bool>,
    /// Why not, in a word.
    pub reason: Option<String>,
    /// Milliseconds to open.
    pub open_ms: Option<u64>,
    /// Milliseconds to read.
    pub read_ms: Option<u64>,
    /// Milliseconds to write.
    pub write_ms: Option<u64>,
    /// What came of the write test, in a word.
    pub write_outcome: Option<String>,
    /// How many attempts it took.
    pub attempts: u64,
}

impl FromRow for RelayCheck {
    fn from_row(row: Row) -> Result<Self, Error> {
        Ok(Self {
            at_ms: number(&row, "at_ms")?,
            online: row.get("online")?,
            reason: row.get("reason")?,
            open_ms: maybe(&row, "open_ms")?,
            read_ms: maybe(&row, "read_ms")?,
            write_ms: maybe(&row, "write_ms")?,
            write_outcome: row.get("write_outcome")?,
            attempts: number(&row, "attempts")?,
        })
    }
}

/// A page of checks.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(crate) struct CheckPage {
    /// The newest first.
    pub checks: Vec<RelayCheck>,
    /// The `after` of the next page; none behind the last.
    pub next: Option<String>,
}

impl Table for CheckPage {
    const ROWS: &'static str = "checks";
    const COLUMNS: &'static [&'static str] = &[
        "at_ms",
        "online",
        "reason",
        "open_ms",
        "read_ms",
        "write_ms",
        "write_outcome",
        "attempts",
    ];
}

/// A page of changes.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct ChangePage {
    /// The newest first.
    pub changes: Vec<Change>,
    /// The `after` of the next page; none behind the last.
    pub next: Option<String>,
}

impl Table for ChangePage {
    const ROWS: &'static str = "changes";
    const COLUMNS: &'static [&'static str] = &["at_ms", "kind", "keys", "before", "after"];
}

/// Checks as a chart shows them.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct SeriesAnswer {
    /// When it begins, in Unix milliseconds.
    pub from_ms: u64,
    /// When it ends, in Unix milliseconds.
    pub to_ms: u64,
    /// The oldest first. Times without a check are left out.
    pub points: Vec<Point>,
}

impl Table for SeriesAnswer {
    const ROWS: &'static str = "points";
    const COLUMNS: &'static [&'static str] = &[
        "at_ms", "open_ms", "read_ms", "write_ms", "online", "checks",
    ];
}

/// The days of a relay.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct DayPage {
    /// The oldest first. Days without a check are left out.
    pub days: Vec<Day>,
}

impl Table for DayPage {
    const ROWS: &'static str = "days";
    const COLUMNS: &'static [&'static str] = &[
        "day",
        "checks",
        "online",
        "open_sum",
        "read_sum",
        "read_count",
    ];
}

/// A page of what is newest first.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Back {
    /// Rows of the page.
    pub limit: u32,
    /// Where the page begins.
    pub after: Option<String>,
}

impl Back {
    /// Takes it from the parameters.
    pub fn read(parameters: &mut Parameters) -> Result<Self, AskError> {
        Ok(Self {
            limit: parameters.limit()?,
            after: parameters.text("after")?,
        })
    }

    /// The time before which the page is.
    fn before(&self, list: &str) -> Result<u64, AskError> {
        let Some(after) = &self.after else {
            return Ok(u64::MAX);
        };
        match Place::read(after, list, b"i")
            .map_err(|error| wrong("after", error))?
            .first()
        {
            Some(Part::Integer(before)) => Ok(read(*before)),
            _ => Err(wrong("after", "not a cursor")),
        }
    }
}

/// Which part of the time a chart shows.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Range {
    from_ms: Option<u64>,
    to_ms: Option<u64>,
    points: u64,
}

impl Range {
    /// Takes it from the parameters: `from_ms`, `to_ms`, or the `hours` until now; and how many points.
    pub fn read(parameters: &mut Parameters) -> Result<(Self, Option<u64>), AskError> {
        let hours = parameters.number("hours")?;
        let range = Self {
            from_ms: parameters.number("from_ms")?,
            to_ms: parameters.number("to_ms")?,
            points: parameters.number("points")?.unwrap_or(200),
        };
        if hours.is_some() && (range.from_ms.is_some() || range.to_ms.is_some()) {
            return Err(wrong("hours", "not together with from_ms or to_ms"));
        }
        if hours.is_some_and(|hours| !(1..=LONGEST / 3_600_000).contains(&hours)) {
            return Err(wrong("hours", "not between 1 and 9600"));
        }
        if !(1..=500).contains(&range.points) {
            return Err(wrong("points", "not between 1 and 500"));
        }
        Ok((range, hours))
    }

    /// Whether it names neither its beginning nor its end.
    pub const fn is_open(&self) -> bool {
        self.from_ms.is_none() && self.to_ms.is_none()
    }

    /// The same in another number of points, at most 500.
    #[must_use]
    pub fn in_points(&self, points: u64) -> Self {
        Self {
            points: points.clamp(1, 500),
            ..self.clone()
        }
    }

    /// When it begins and ends.
    pub fn times(&self, hours: Option<u64>, now_ms: u64) -> Result<(u64, u64), AskError> {
        let to_ms = self.to_ms.unwrap_or(now_ms);
        let length = hours.map_or(DAY_MS, |hours| hours * 3_600_000);
        let from_ms = self.from_ms.unwrap_or(to_ms.saturating_sub(length));
        match to_ms.checked_sub(from_ms) {
            Some(1..=LONGEST) => Ok((from_ms, to_ms)),
            _ => Err(wrong(
                "from_ms",
                "not before to_ms, or more than 400 days before it",
            )),
        }
    }
}

const CHECKS: &str =
    "SELECT at_ms, online, reason, open_ms, read_ms, write_ms, write_outcome, attempts
    FROM observatory_checks WHERE relay = ? AND at_ms < ? ORDER BY at_ms DESC LIMIT ?";

/// The checks of a relay.
pub(crate) async fn checks(
    records: &Database,
    relay: RelayId,
    back: &Back,
) -> Result<CheckPage, AskError> {
    let list = format!("checks:{}", relay.0);
    let before = stored(back.before(&list)?);
    let values = (relay.0, before, i64::from(back.limit + 1));
    let mut checks: Vec<RelayCheck> = records.fetch_all(CHECKS, values).await?;
    let next = next(&mut checks, back.limit, &list, |check| check.at_ms);
    Ok(CheckPage { checks, next })
}

/// What has changed at a relay; at most 100 in one page.
pub(crate) async fn changes(
    records: &Database,
    relay: RelayId,
    back: &Back,
) -> Result<ChangePage, AskError> {
    let list = format!("changes:{}", relay.0);
    let before = back.before(&list)?;
    let limit = back.limit.min(99);
    let mut changes = history::changes(records, relay, before, u64::from(limit + 1)).await?;
    let next = next(&mut changes, limit, &list, |change| change.at_ms);
    Ok(ChangePage { changes, next })
}

/// Leaves a page of the rows, and says where the next begins.
fn next<T>(rows: &mut Vec<T>, limit: u32, list: &str, at_ms: impl Fn(&T) -> u64) -> Option<String> {
    let limit = limit as usize;
    if rows.len() <= limit {
        return None;
    }
    rows.truncate(limit);
    let parts = vec![Part::Integer(stored(at_ms(rows.last()?)))];
    let list = list.to_owned();
    Some(Place { list, parts }.text())
}

/// The checks of a relay as a chart.
pub(crate) async fn series(
    records: &Database,
    relay: RelayId,
    (range, hours): &(Range, Option<u64>),
    now_ms: u64,
) -> Result<SeriesAnswer, AskError> {
    let (from_ms, to_ms) = range.times(*hours, now_ms)?;
    let points = history::series(records, relay, from_ms, to_ms, range.points).await?;
    Ok(SeriesAnswer {
        from_ms,
        to_ms,
        points,
    })
}

/// The days of a relay.
pub(crate) async fn days(
    records: &Database,
    relay: RelayId,
    days: u64,
    now_ms: u64,
) -> Result<DayPage, AskError> {
    let days = history::uptime_days(records, relay, days, now_ms).await?;
    Ok(DayPage { days })
}
