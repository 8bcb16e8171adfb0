//! Candidates in the records: which are due, and what becomes of them (O1.3).

use std::borrow::Cow;

use stentor_sql::{Database, Error, Sql, Transaction, Value, placeholders};

use super::probe::{Evidence, Failure};
use crate::clock::stored;
use crate::relay_url::Network;
use crate::table::{COLUMNS, Relay, RelayId, State};

/// When a candidate is due that is not tried by itself: what is refused whatever its server says, and what no proxy leads to. Only a
/// configuration can change that, and a configuration takes effect with a restart.
const NEVER_MS: i64 = i64::MAX;
/// Candidates that are changed or read at once.
const PAGE: i64 = 500;

/// How many there are.
///
/// # Errors
/// Those of the records.
pub(super) async fn count(records: &Database) -> Result<u64, Error> {
    let (count,): (u64,) = records
        .fetch_one(
            "SELECT COUNT(*) FROM observatory_relays WHERE state = 'candidate'",
            (),
        )
        .await?;
    Ok(count)
}

/// Those of a network that are due, the oldest first.
///
/// # Errors
/// Those of the records.
pub(super) async fn due(
    records: &Database,
    network: Network,
    now_ms: u64,
    most: usize,
) -> Result<Vec<Relay>, Error> {
    let sql = Cow::<'static, str>::from(format!(
        "SELECT {COLUMNS} FROM observatory_relays WHERE state = 'candidate' AND network = ? AND next_ms <= ?
         ORDER BY next_ms, id LIMIT ?"
    ));
    let most = i64::try_from(most).unwrap_or(i64::MAX);
    let params = (network.as_str(), stored(now_ms), most);
    records.fetch_all(sql, params).await
}

/// It spoke Nostr: it is a relay from now on, and due for its first check. Says whether it was a candidate still.
///
/// # Errors
/// Those of the records.
pub(super) async fn promote(
    records: &Database,
    id: RelayId,
    evidence: Evidence,
    now_ms: u64,
) -> Result<bool, Error> {
    let promoted = records.write(move |tx| {
        tx.execute(
            "UPDATE observatory_relays SET state = 'relay', proven_ms = ?1, proven_by = ?2, seen_ms = ?1, next_ms = ?1,
             failures = 0, reason = NULL, detail = NULL WHERE id = ?3 AND state = 'candidate'",
            (stored(now_ms), evidence.as_str(), id.0),
        )
    });
    Ok(promoted.await? > 0)
}

/// It did not: why, and when it is tried again, if ever.
///
/// # Errors
/// Those of the records.
pub(super) async fn fail(
    records: &Database,
    id: RelayId,
    failure: Failure,
    next_ms: u64,
) -> Result<(), Error> {
    let next_ms = match failure.lasting {
        true => NEVER_MS,
        false => stored(next_ms).min(NEVER_MS - 1),
    };
    let failed = records.write(move |tx| {
        tx.execute(
            "UPDATE observatory_relays SET failures = failures + 1, reason = ?, detail = ?, next_ms = ?
             WHERE id = ? AND state = 'candidate'",
            (failure.reason.to_string(), failure.detail.clone(), next_ms, id.0),
        )
    });
    failed.await?;
    Ok(())
}

/// Makes those due that are never tried by themselves: the configuration may be another now.
///
/// # Errors
/// Those of the records.
pub(super) async fn judge_anew(records: &Database, now_ms: u64) -> Result<(), Error> {
    loop {
        let made_due = records.write(move |tx| {
            tx.execute(
                "UPDATE observatory_relays SET next_ms = ?1 WHERE id IN (SELECT id FROM observatory_relays
                 WHERE state = 'candidate' AND next_ms = ?2 LIMIT ?3)",
                (stored(now_ms), NEVER_MS, PAGE),
            )
        });
        if made_due.await? == 0 {
            return Ok(());
        }
    }
}

/// A condition on a candidate of `observatory_relays AS r`: it never answered, nobody has mentioned it since the time that is the first
/// parameter, and nothing else is known of its number.
const FORGOTTEN: &str = "r.state = 'candidate' AND r.found_ms < ?1
     AND NOT EXISTS (SELECT 1 FROM observatory_mentions AS m WHERE m.relay = r.id AND m.last_ms >= ?1)
     AND NOT EXISTS (SELECT 1 FROM observatory_list_urls AS l WHERE l.url = r.url AND l.entries > 0)
     AND NOT EXISTS (SELECT 1 FROM observatory_watches AS w WHERE w.relay = r.id)";

/// Forgets candidates that nobody has mentioned since `before_ms`. Those in a relay list that holds are still mentioned by it, and
/// those that somebody watches are wanted. Returns how many.
///
/// # Errors
/// Those of the records.
pub(super) async fn forget(records: &Database, before_ms: u64) -> Result<u64, Error> {
    let (mut after, mut forgotten) = (0, 0);
    loop {
        let page = records.write(move |tx| forget_some(tx, before_ms, after));
        let (last, count) = page.await?;
        forgotten += count;
        match last {
            Some(last) => after = last,
            None => return Ok(forgotten),
        }
    }
}

/// Looks at one page of candidates behind this number; the last one, if there may be more, and how many were forgotten.
fn forget_some(
    tx: &mut Transaction<'_>,
    before_ms: u64,
    after: i64,
) -> Result<(Option<i64>, u64), Error> {
    let page: Vec<(i64,)> = tx.fetch_all(
        "SELECT id FROM observatory_relays WHERE id > ? AND state = 'candidate' ORDER BY id LIMIT ?",
        (after, PAGE),
    )?;
    let Some((last,)) = page.last().copied() else {
        return Ok((None, 0));
    };
    let old: Vec<(i64,)> = tx.fetch_all(
        Cow::from(format!(
            "SELECT r.id FROM observatory_relays AS r WHERE r.id > ?2 AND r.id <= ?3 AND {FORGOTTEN} ORDER BY r.id LIMIT ?4"
        )),
        (stored(before_ms), after, last, PAGE),
    )?;
    if !old.is_empty() {
        let places = placeholders(old.len());
        let ids: Vec<Value> = old.iter().map(|(id,)| Value::Integer(*id)).collect();
        for table in [
            "observatory_mentions WHERE relay",
            "observatory_relays WHERE id",
        ] {
            let sql = Sql::Built(format!("DELETE FROM {table} IN ({places})"));
            tx.execute(sql, ids.clone())?;
        }
    }
    Ok((Some(last), old.len() as u64))
}

/// How many relays and candidates each network has.
///
/// # Errors
/// Those of the records.
pub(super) async fn census(records: &Database) -> Result<Vec<(State, Network, u64)>, Error> {
    let rows: Vec<(String, String, u64)> = records
        .fetch_all(
            "SELECT state, network, COUNT(*) FROM observatory_relays GROUP BY state, network LIMIT 100",
            (),
        )
        .await?;
    let known = |(state, network, count): (String, String, u64)| {
        Some((State::parse(&state), Network::parse(&network)?, count))
    };
    Ok(rows.into_iter().filter_map(known).collect())
}
