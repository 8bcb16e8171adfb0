//! The queue of events that somebody should look at.

use std::sync::Arc;

use metrics::counter;
use stentor_event::EventId;
use stentor_sql::{Database, Error, Transaction};
use tokio::sync::mpsc;

use crate::access::Access;
use crate::state::{State, now};

/// Characters of a reason that are kept.
const REASON_CHARS: usize = 500;
/// Events that leave a queue which has become too long, with one that comes.
const LEAVE_AT_ONCE: i64 = 100;
/// Hits of rules that wait to be written.
const HITS: usize = 4_096;

/// An event in the queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Waiting {
    pub(crate) id: EventId,
    /// When it came into the queue, in Unix seconds.
    pub(crate) first_at: i64,
    /// Reports and hits of rules.
    pub(crate) hits: i64,
    /// The latest reason.
    pub(crate) reason: String,
}

/// Where hits of rules are put.
pub(crate) type Hits = mpsc::Sender<(EventId, String)>;

/// A channel for hits of rules.
pub(crate) fn channel() -> (Hits, mpsc::Receiver<(EventId, String)>) {
    mpsc::channel(HITS)
}

/// Puts a hit of a rule into the queue. When too many wait already it is only counted: events must not wait for this.
pub(crate) fn hit(hits: &Hits, id: EventId, reason: String) {
    if hits.try_send((id, reason)).is_err() {
        counter!("stentor_relay_moderation_hits_lost_total").increment(1);
    }
}

/// Writes hits of rules, until it is dropped.
pub(crate) async fn write_hits(
    state: Arc<State>,
    hits: Arc<tokio::sync::Mutex<mpsc::Receiver<(EventId, String)>>>,
) {
    let mut hits = hits.lock().await;
    while let Some((id, reason)) = hits.recv().await {
        let most = state.settings().config.moderation.queue;
        if let Err(error) = add(&state.access, id, &reason, 1, most).await {
            tracing::warn!(%error, "a hit of a rule could not be put into the moderation queue");
        }
    }
}

/// Puts an event into the queue, or counts another hit of one that is there. One that an admin has judged stays out.
pub(crate) async fn add(
    access: &Access,
    id: EventId,
    reason: &str,
    hits: i64,
    most: usize,
) -> Result<(), Error> {
    let reason: String = reason.chars().take(REASON_CHARS).collect();
    let at = now().0 as i64;
    let left = access
        .records()
        .write(move |tx| insert(tx, &id, &reason, hits, at, most as i64))
        .await?;
    let Some(left) = left else { return Ok(()) };
    access.suspects().insert(id);
    for gone in &left {
        access.suspects().remove(gone);
    }
    Ok(())
}

/// Writes an event into the queue; tells which had to leave it. `None`: an admin has judged it, and it stays out.
fn insert(
    tx: &mut Transaction<'_>,
    id: &EventId,
    reason: &str,
    hits: i64,
    at: i64,
    most: i64,
) -> Result<Option<Vec<EventId>>, Error> {
    let judged: Option<(bool,)> =
        tx.fetch_optional("SELECT banned FROM relay_events WHERE id = ?", (id.0,))?;
    if judged.is_some() {
        return Ok(None);
    }
    tx.execute(
        "INSERT INTO relay_moderation (id, first_at, hits, reason) VALUES (?, ?, ?, ?)
         ON CONFLICT (id) DO UPDATE SET hits = relay_moderation.hits + excluded.hits,
         reason = excluded.reason",
        (id.0, at, hits, reason),
    )?;
    let oldest: Vec<([u8; 32],)> = tx.fetch_all(
        "SELECT id FROM relay_moderation ORDER BY first_at DESC, id LIMIT ? OFFSET ?",
        (LEAVE_AT_ONCE, most),
    )?;
    for (id,) in &oldest {
        tx.execute("DELETE FROM relay_moderation WHERE id = ?", (*id,))?;
    }
    Ok(Some(oldest.into_iter().map(|(id,)| EventId(id)).collect()))
}

/// The queue, oldest first.
pub(crate) async fn list(records: &Database, most: usize) -> Result<Vec<Waiting>, Error> {
    let rows: Vec<([u8; 32], i64, i64, String)> = records
        .fetch_all(
            "SELECT id, first_at, hits, reason FROM relay_moderation ORDER BY first_at, id LIMIT ?",
            (most as i64,),
        )
        .await?;
    let waiting = |(id, first_at, hits, reason)| Waiting {
        id: EventId(id),
        first_at,
        hits,
        reason,
    };
    Ok(rows.into_iter().map(waiting).collect())
}

/// Takes events out of the queue that are no more.
pub(crate) async fn forget(access: &Access, ids: Vec<EventId>) -> Result<(), Error> {
    for id in &ids {
        access.suspects().remove(id);
    }
    access
        .records()
        .write(move |tx| {
            for id in &ids {
                tx.execute("DELETE FROM relay_moderation WHERE id = ?", (id.0,))?;
            }
            Ok(())
        })
        .await
}
