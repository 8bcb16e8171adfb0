//! Which relays are due, from the records.

use std::collections::HashSet;

use stentor_sql::Error;

use super::agenda::Candidate;
use super::leaving::leaving;
use super::turn::Due;
use super::visit::is_named;
use crate::budget::Class;
use crate::clock::{read, stored};
use crate::ground::Ground;
use crate::relay_url::RelayUrl;
use crate::table::RelayId;

/// New relays taken up at once.
const NEW: i64 = 200;
/// Due relays that are looked at, the longest waiting ones.
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

/// Relays that are due and whose turn is not under way, with what makes them important.
///
/// # Errors
/// Those of the records.
pub(super) async fn due(
    ground: &Ground,
    running: &HashSet<RelayId>,
) -> Result<Vec<(Candidate, RelayUrl)>, Error> {
    let now_ms = ground.clock.now_ms();
    let rows: Vec<Row> = ground
        .records
        .fetch_all(
            "SELECT a.relay, r.url, a.behind, a.next_ms, a.leaving, COALESCE(c.exclusive, 0)
             FROM observatory_archiving a JOIN observatory_relays r ON r.id = a.relay
             LEFT JOIN observatory_relay_counts c ON c.relay = a.relay
             WHERE a.next_ms <= ? AND r.state = 'relay' AND r.status <> 'offline' ORDER BY a.next_ms LIMIT ?",
            (stored(now_ms), LOOKED_AT + i64::try_from(running.len()).unwrap_or(0)),
        )
        .await?;
    let config = &ground.config.archive;
    let (mut found, mut never) = (Vec::new(), Vec::new());
    for (relay, url, behind, next_ms, leaving, exclusive) in rows {
        let relay = RelayId(relay);
        let Ok(url) = RelayUrl::parse(&url) else {
            never.push(relay);
            continue;
        };
        if is_named(&config.never, &url) {
            never.push(relay);
        } else if !running.contains(&relay) {
            let candidate = Candidate {
                relay,
                behind: read(behind),
                waited_ms: now_ms.saturating_sub(read(next_ms)),
                first: is_named(&config.first, &url),
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
