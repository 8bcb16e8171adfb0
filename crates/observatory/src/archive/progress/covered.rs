//! How much of what is wanted is covered, summed over relays and filters.

use std::collections::BTreeMap;

use serde_json::json;
use stentor_peer::Window;
use stentor_sql::{FromRow, Row, Sql};

use super::super::plan::range;
use crate::clock::{read, stored};
use crate::error::Error;
use crate::ground::Ground;
use crate::table::{for_rows, rows};

/// Seconds of relays and filters. What no filter of the configuration asks for any more is in none of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Covered {
    /// Wanted of the relays that were asked.
    pub wanted: u64,
    /// Of these, proven complete.
    pub complete: u64,
    /// Of these, given in part.
    pub capped: u64,
    /// Of these, not given.
    pub refused: u64,
    /// Of these, tried in vain.
    pub failed: u64,
    /// Complete or given in part, also where it is wanted no more because it is too old.
    pub had: u64,
}

impl FromRow for Covered {
    fn from_row(row: Row) -> Result<Self, stentor_sql::Error> {
        let whole = |column| row.get::<i64>(column).map(read);
        Ok(Self {
            wanted: 0,
            complete: whole("complete")?,
            capped: whole("capped")?,
            refused: whole("refused")?,
            failed: whole("failed")?,
            had: whole("had")?,
        })
    }
}

/// The filters of the configuration that were asked by.
const FILTERS: Sql = for_rows!(
    "SELECT id, filter FROM observatory_filters WHERE filter IN (SELECT CAST(value ->> 0 AS TEXT)",
    ")"
);

/// How many relays were asked by each filter.
const ASKED: &str =
    "SELECT filter, COUNT(DISTINCT relay) FROM observatory_coverage GROUP BY filter";

/// Sums over intervals, of each the part that lies in the range of its filter. The ranges are a table of their own, read once.
const SUMS: Sql = for_rows!(
    "WITH wanted AS MATERIALIZED (SELECT CAST(value ->> 0 AS BIGINT) AS filter, CAST(value ->> 1 AS BIGINT) AS since,
     CAST(value ->> 2 AS BIGINT) AS until",
    "), known AS (
        SELECT c.state, c.until - c.since + 1 AS whole, CASE WHEN c.until < w.since OR c.since > w.until THEN 0 ELSE
            CASE WHEN c.until < w.until THEN c.until ELSE w.until END - CASE WHEN c.since > w.since THEN c.since ELSE w.since END + 1
            END AS inside
        FROM observatory_coverage c JOIN wanted w ON w.filter = c.filter
    ) SELECT
        CAST(COALESCE(SUM(CASE WHEN state = 'complete' THEN inside END), 0) AS BIGINT) AS complete,
        CAST(COALESCE(SUM(CASE WHEN state = 'capped' THEN inside END), 0) AS BIGINT) AS capped,
        CAST(COALESCE(SUM(CASE WHEN state = 'refused' THEN inside END), 0) AS BIGINT) AS refused,
        CAST(COALESCE(SUM(CASE WHEN state = 'failed' THEN inside END), 0) AS BIGINT) AS failed,
        CAST(COALESCE(SUM(CASE WHEN state IN ('complete', 'capped') THEN whole END), 0) AS BIGINT) AS had
     FROM known"
);

/// How much of what is wanted at this time is covered.
///
/// # Errors
/// Those of the records.
pub(super) async fn covered(ground: &Ground) -> Result<Covered, Error> {
    let ranges = ranges(ground).await?;
    let asked: Vec<(i64, i64)> = ground.records.fetch_all(ASKED, ()).await?;
    let asked: BTreeMap<i64, i64> = asked.into_iter().collect();
    let seconds = |(id, range): (&i64, &Window)| {
        let relays = asked.get(id).copied().map_or(0, read);
        (range.until - range.since)
            .saturating_add(1)
            .saturating_mul(relays)
    };
    let wanted = ranges.iter().map(seconds).fold(0, u64::saturating_add);
    let windows = ranges.iter().map(|(id, range)| {
        let Window { since, until } = *range;
        [*id, stored(since), stored(until)]
    });
    let sums: Covered = ground.records.fetch_one(SUMS, (rows(windows),)).await?;
    Ok(Covered { wanted, ..sums })
}

/// What is to be covered by each filter at this time, as turns have it.
async fn ranges(ground: &Ground) -> Result<BTreeMap<i64, Window>, Error> {
    let config = &ground.config.archive;
    let now = ground.clock.now().0;
    let oldest = config.oldest(now);
    let filters = config.filters().into_iter();
    let by_text: BTreeMap<String, Window> = filters
        .filter_map(|filter| {
            let window = range(oldest, Window::of(&filter), now)?;
            Some((filter.to_json(), window))
        })
        .collect();
    let texts: Vec<[&String; 1]> = by_text.keys().map(|text| [text]).collect();
    let texts = json!(texts).to_string();
    let ids: Vec<(i64, String)> = ground.records.fetch_all(FILTERS, (texts,)).await?;
    let ids = ids.into_iter();
    Ok(ids
        .filter_map(|(id, text)| Some((id, *by_text.get(&text)?)))
        .collect())
}
