//! Entries of relay lists that lead nowhere.

use serde::Serialize;
use stentor_sql::{Database, Error};
use utoipa::ToSchema;

use super::limit;
use crate::clock::{read, stored};

/// How long a relay must be offline, or a URL named that was tried in vain, for entries with it to be dead.
const DEAD_MS: u64 = 7 * 86_400_000;

/// Entries of authors' newest relay lists (kinds 10002 and 10050) that lead nowhere: to a relay that has been offline for seven
/// days, or to what has been named for seven days, was tried and has not become a relay. What was never tried is counted apart.
#[derive(Debug, Clone, Default, PartialEq, Serialize, ToSchema)]
pub struct DeadEntries {
    /// Entries of all lists.
    pub entries: u64,
    /// Those that are dead.
    pub dead: u64,
    /// Those of which nothing is known, as what they name was never tried: no proxy leads to its network, its turn has not come, there
    /// was no room for it, or discovery is switched off. None of them is dead.
    pub untested: u64,
    /// The share of the dead among all, from 0 to 1.
    pub share: f64,
    /// By URL, those that most lists name first.
    pub urls: Vec<DeadEntry>,
}

/// A URL that leads nowhere.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct DeadEntry {
    /// The URL.
    pub url: String,
    /// Lists that name it.
    pub entries: u64,
    /// Whether it has been a relay once.
    pub was_relay: bool,
    /// Since when it has been offline, in Unix milliseconds, if it was a relay.
    pub offline_since_ms: Option<u64>,
}

/// What makes a URL dead: two parameters, both the latest time. Where no proxy leads, or ours did
/// not answer, and where there was no place for one more relay, nothing was dialled, whatever the failures.
macro_rules! dead {
    ($columns:literal, $rest:literal) => {
        concat!(
            "SELECT ",
            $columns,
            " FROM observatory_list_urls u JOIN observatory_relays r ON r.url = u.url
             WHERE ((r.state = 'relay' AND r.status = 'offline' AND r.status_since_ms < ?)
             OR (r.state <> 'relay' AND r.failures > 0 AND COALESCE(r.reason, '') NOT IN ('no_proxy', 'proxy', 'full') AND u.first_ms < ?))",
            $rest
        )
    };
}

/// Entries with what was never tried.
const UNTESTED: &str = "SELECT CAST(COALESCE(SUM(u.entries), 0) AS BIGINT)
    FROM observatory_list_urls u LEFT JOIN observatory_relays r ON r.url = u.url
    WHERE r.id IS NULL OR (r.state <> 'relay' AND (r.failures = 0 OR r.reason IN ('no_proxy', 'proxy', 'full')))";

/// Dead entries, with the URLs after `after` (how many lists name it, and the URL) in their order.
///
/// # Errors
/// Those of the records.
pub(crate) async fn dead_entries(
    records: &Database,
    now_ms: u64,
    after: Option<(u64, String)>,
    most: usize,
) -> Result<DeadEntries, Error> {
    let latest = stored(now_ms.saturating_sub(DEAD_MS));
    let (entries, url) = after.unwrap_or((u64::MAX, String::new()));
    let (count, most) = (stored(entries), limit(most));
    records
        .read(move |tx| {
            let (all,): (i64,) = tx.fetch_one(
                "SELECT CAST(COALESCE(SUM(entries), 0) AS BIGINT) FROM observatory_list_urls",
                (),
            )?;
            let (dead,): (i64,) = tx.fetch_one(
                dead!("CAST(COALESCE(SUM(u.entries), 0) AS BIGINT)", ""),
                (latest, latest),
            )?;
            let (untested,): (i64,) = tx.fetch_one(UNTESTED, ())?;
            let rows: Vec<(String, i64, String, Option<i64>)> = tx.fetch_all(
                dead!(
                    "u.url, u.entries, r.state, r.status_since_ms",
                    " AND (u.entries < ? OR (u.entries = ? AND u.url > ?)) ORDER BY u.entries DESC, u.url LIMIT ?"
                ),
                (latest, latest, count, count, url.as_str(), most),
            )?;
            let row = |(url, entries, state, since): (_, _, String, Option<i64>)| {
                let was_relay = state == "relay";
                DeadEntry {
                    url,
                    entries: read(entries),
                    was_relay,
                    offline_since_ms: since.filter(|_| was_relay).map(read),
                }
            };
            Ok(DeadEntries {
                entries: read(all),
                dead: read(dead),
                untested: read(untested),
                share: if all > 0 { dead as f64 / all as f64 } else { 0.0 },
                urls: rows.into_iter().map(row).collect(),
            })
        })
        .await
}
