//! Which relays are due, from the records.

use std::collections::{BTreeSet, HashSet};

use stentor_sql::{Error, Sql};

use super::agenda::Candidate;
use super::leaving::leaving;
use super::turn::Due;
use crate::budget::Class;
use crate::clock::{read, stored};
use crate::ground::Ground;
use crate::relay_url::RelayUrl;
use crate::table::{RelayId, for_rows};

/// New relays taken up at once.
const NEW: i64 = 200;
/// Due relays that are looked at: the longest waiting ones, and as many again that shut down. Those that the operator put first always
/// are.
const LOOKED_AT: i64 = 1_024;
/// How long a relay that is never asked is left alone.
const NEVER_MS: u64 = 86_400_000;

/// Takes up relays that are new, as due; whether there may be more of them.
///
/// # Errors
/// Those of the records.
pub(super) async fn enlist(ground: &Ground) -> Result<bool, Error> {
    let new: Vec<(i64, Option<Vec<u8>>)> = ground
        .records
        .fetch_all(
            "SELECT r.id, r.document FROM observatory_relays r WHERE r.state = 'relay'
             AND NOT EXISTS (SELECT 1 FROM observatory_archiving a WHERE a.relay = r.id) ORDER BY r.id LIMIT ?",
            (NEW,),
        )
        .await?;
    let is_full = i64::try_from(new.len()).is_ok_and(|new| new >= NEW);
    let mut rows = Vec::new();
    for (relay, document) in new {
        rows.push((relay, says_goodbye(ground, document).await?));
    }
    if rows.is_empty() {
        return Ok(false);
    }
    let now = ground.clock.now();
    let behind = now.0.saturating_sub(ground.config.archive.oldest(now.0));
    let now_ms = ground.clock.now_ms();
    ground
        .records
        .write(move |tx| {
            for (relay, leaving) in &rows {
                tx.execute(
                    "INSERT INTO observatory_archiving
                         (relay, leaving, next_ms, failures, behind, events, duplicates, rejected, bytes)
                     VALUES (?, ?, ?, 0, ?, 0, 0, 0, 0) ON CONFLICT (relay) DO NOTHING",
                    (*relay, *leaving, stored(now_ms), stored(behind)),
                )?;
            }
            Ok::<_, Error>(())
        })
        .await?;
    Ok(is_full)
}

/// Whether the document of this hash says that its relay shuts down.
async fn says_goodbye(ground: &Ground, document: Option<Vec<u8>>) -> Result<bool, Error> {
    let Some(hash) = document else {
        return Ok(false);
    };
    let sql = "SELECT body FROM observatory_documents WHERE hash = ?";
    let body: Option<(String,)> = ground.records.fetch_optional(sql, (hash,)).await?;
    Ok(body.is_some_and(|(body,)| leaving(&body)))
}

type Row = (i64, String, i64, i64, bool, i64);

/// Relays that are due, with one more condition. Written as a cross join, SQLite begins with those that are due, not with all relays.
macro_rules! due_where {
    ($condition:literal) => {
        concat!(
            "SELECT a.relay, r.url, a.behind, a.next_ms, a.leaving, COALESCE(c.exclusive, 0)
             FROM observatory_archiving a CROSS JOIN observatory_relays r
             LEFT JOIN observatory_relay_counts c ON c.relay = a.relay
             WHERE r.id = a.relay AND a.next_ms <= ? AND r.state = 'relay' AND r.status <> 'offline'",
            $condition
        )
    };
}
const LONGEST: &str = due_where!(" ORDER BY a.next_ms LIMIT ?");
const LEAVING: &str = due_where!(" AND a.leaving ORDER BY a.next_ms LIMIT ?");
const NAMED: Sql = for_rows!(
    due_where!(
        " AND a.relay IN (SELECT id FROM observatory_relays WHERE url IN (SELECT CAST(value ->> 0 AS TEXT)"
    ),
    "))"
);

/// Those that wait the longest, and whoever comes first and waits behind them.
async fn rows(ground: &Ground, first: &BTreeSet<RelayUrl>, most: i64) -> Result<Vec<Row>, Error> {
    let (records, now_ms) = (&ground.records, stored(ground.clock.now_ms()));
    let mut rows: Vec<Row> = records.fetch_all(LONGEST, (now_ms, most)).await?;
    let is_cut = i64::try_from(rows.len()).is_ok_and(|rows| rows >= most);
    if !is_cut {
        return Ok(rows);
    }
    let leaving = records.fetch_all(LEAVING, (now_ms, most)).await?;
    rows.extend::<Vec<Row>>(leaving);
    if !first.is_empty() {
        let named = records.fetch_all(NAMED, (now_ms, json(first))).await?;
        rows.extend::<Vec<Row>>(named);
    }
    let mut seen = HashSet::new();
    rows.retain(|row| seen.insert(row.0));
    Ok(rows)
}

/// The URLs of a list in the configuration, as the records spell them.
pub(super) fn urls(list: &[String]) -> BTreeSet<RelayUrl> {
    let urls = list.iter().filter_map(|url| RelayUrl::parse(url).ok());
    urls.collect()
}

/// URLs as rows of a statement.
pub(super) fn json(urls: &BTreeSet<RelayUrl>) -> String {
    let rows: Vec<[&str; 1]> = urls.iter().map(|url| [url.as_str()]).collect();
    serde_json::json!(rows).to_string()
}

/// Relays that are due and whose turn is not under way, with what makes them important.
///
/// # Errors
/// Those of the records.
pub(super) async fn due(
    ground: &Ground,
    running: &HashSet<RelayId>,
) -> Result<Vec<(Candidate, RelayUrl)>, Error> {
    let now_ms = ground.clock.now_ms();
    let config = &ground.config.archive;
    let (first, excluded) = (urls(&config.first), urls(&config.never));
    let most = LOOKED_AT.saturating_add(i64::try_from(running.len()).unwrap_or(0));
    let (mut found, mut never) = (Vec::new(), Vec::new());
    for (relay, url, behind, next_ms, leaving, exclusive) in rows(ground, &first, most).await? {
        let relay = RelayId(relay);
        let url = RelayUrl::parse(&url).ok();
        let Some(url) = url.filter(|url| !excluded.contains(url)) else {
            never.push(relay);
            continue;
        };
        if !running.contains(&relay) {
            let candidate = Candidate {
                relay,
                behind: read(behind),
                waited_ms: now_ms.saturating_sub(read(next_ms)),
                first: first.contains(&url),
                leaving,
                exclusive: exclusive > 0,
            };
            found.push((candidate, url));
        }
    }
    put_off(ground, never, now_ms.saturating_add(NEVER_MS)).await?;
    Ok(found)
}

/// Relays that are never asked are not to stand in the way of others.
async fn put_off(ground: &Ground, relays: Vec<RelayId>, until_ms: u64) -> Result<(), Error> {
    if relays.is_empty() {
        return Ok(());
    }
    ground
        .records
        .write(move |tx| {
            for relay in &relays {
                tx.execute(
                    "UPDATE observatory_archiving SET next_ms = ? WHERE relay = ?",
                    (stored(until_ms), relay.0),
                )?;
            }
            Ok::<_, Error>(())
        })
        .await
}

/// What a turn has to know of a relay beyond that it is due.
///
/// # Errors
/// Those of the records.
pub(super) async fn details(
    ground: &Ground,
    candidate: &Candidate,
    url: RelayUrl,
) -> Result<Due, Error> {
    let row: Option<(Option<bool>, Option<Vec<u8>>)> = ground
        .records
        .fetch_optional(
            "SELECT negentropy, document FROM observatory_relays WHERE id = ?",
            (candidate.relay.0,),
        )
        .await?;
    let (negentropy, document) = row.unwrap_or_default();
    Ok(Due {
        relay: candidate.relay,
        url,
        class: if candidate.first {
            Class::First
        } else {
            Class::Common
        },
        leaving: says_goodbye(ground, document).await?,
        negentropy,
    })
}

#[cfg(test)]
mod tests;
