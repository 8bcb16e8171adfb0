//! The queue of events that somebody should look at.

use std::sync::Arc;

use metrics::counter;
use stentor_bus::append;
use stentor_event::EventId;
use stentor_sql::{Database, Error, Transaction};
use tokio::sync::mpsc;

use crate::access::told::queued;
use crate::access::{Access, AccessError};
use crate::state::{State, now};

/// Characters of a reason that are kept.
const REASON_CHARS: usize = 500;
/// One in so many leaves a queue that has become too long, beside what is too much: to choose them costs a look at all.
const LEAVES: i64 = 100;
/// Hits of rules that wait to be written.
const HITS: usize = 4_096;

/// An event in the queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Waiting {
    pub(crate) id: EventId,
    /// When it came into the queue, in Unix seconds.
    pub(crate) first_at: i64,
    /// How many different keys have reported it, of those whose reports count.
    pub(crate) reporters: i64,
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
        if let Err(error) = add(&state.access, id, &reason, true, most).await {
            tracing::warn!(%error, "a hit of a rule could not be put into the moderation queue");
        }
    }
}

/// Puts an event into the queue, or gives another reason for one that is there. Once it is `suspect`, search takes it for
/// spam as long as it is there. One that an admin has judged stays out.
pub(crate) async fn add(
    access: &Access,
    id: EventId,
    reason: &str,
    suspect: bool,
    most: usize,
) -> Result<(), AccessError> {
    let reason: String = reason.chars().take(REASON_CHARS).collect();
    let at = now().0 as i64;
    // An admin who judges the event meanwhile has the last word, in memory as in the records.
    let _turn = access.hold().await;
    let left = access
        .records()
        .write(move |tx| {
            let is_new = !waits(tx, &id)?;
            let left = insert(tx, &id, &reason, suspect, at, most as i64)?;
            if is_new && left.is_some() {
                append(tx, &[queued(&id, &reason)], at.unsigned_abs() * 1_000)?;
            }
            Ok::<_, AccessError>(left)
        })
        .await?;
    let Some(left) = left else { return Ok(()) };
    if suspect {
        access.suspects().insert(id);
    }
    for gone in &left {
        access.suspects().remove(gone);
    }
    Ok(())
}

/// Writes an event into the queue; tells which had to leave it: those that nobody trusted has found fault with, then the
/// oldest. `None`: an admin has judged it, and it stays out.
fn insert(
    tx: &mut Transaction<'_>,
    id: &EventId,
    reason: &str,
    suspect: bool,
    at: i64,
    most: i64,
) -> Result<Option<Vec<EventId>>, Error> {
    if is_judged(tx, id)? {
        return Ok(None);
    }
    tx.execute(
        "INSERT INTO relay_moderation (id, first_at, suspect, reason) VALUES (?, ?, ?, ?)
         ON CONFLICT (id) DO UPDATE SET reason = excluded.reason,
         suspect = relay_moderation.suspect OR excluded.suspect",
        (id.0, at, suspect, reason),
    )?;
    let (waiting,): (i64,) = tx.fetch_one("SELECT COUNT(*) FROM relay_moderation", ())?;
    if waiting <= most {
        return Ok(Some(Vec::new()));
    }
    let leave_first: Vec<([u8; 32],)> = tx.fetch_all(
        "SELECT id FROM relay_moderation ORDER BY suspect, first_at, id DESC LIMIT ?",
        (waiting - most + most / LEAVES,),
    )?;
    let gone: Vec<EventId> = leave_first.into_iter().map(|(id,)| EventId(id)).collect();
    for id in &gone {
        leave(tx, id)?;
    }
    Ok(Some(gone))
}

/// Whether the event is in the queue.
fn waits(tx: &mut Transaction<'_>, id: &EventId) -> Result<bool, Error> {
    let waiting: Option<(i64,)> = tx.fetch_optional(
        "SELECT first_at FROM relay_moderation WHERE id = ?",
        (id.0,),
    )?;
    Ok(waiting.is_some())
}

/// Whether an admin has banned or allowed the event.
pub(super) fn is_judged(tx: &mut Transaction<'_>, id: &EventId) -> Result<bool, Error> {
    let judged: Option<(bool,)> =
        tx.fetch_optional("SELECT banned FROM relay_events WHERE id = ?", (id.0,))?;
    Ok(judged.is_some())
}

/// Takes an event out of the queue, with the reports of it.
pub(crate) fn leave(tx: &mut Transaction<'_>, id: &EventId) -> Result<(), Error> {
    tx.execute("DELETE FROM relay_reports WHERE target = ?", (id.0,))?;
    tx.execute("DELETE FROM relay_moderation WHERE id = ?", (id.0,))?;
    Ok(())
}

/// The queue, oldest first, from behind this one on.
pub(crate) async fn list(
    records: &Database,
    after: Option<&Waiting>,
    most: usize,
) -> Result<Vec<Waiting>, Error> {
    let (at, id) = after.map_or((i64::MIN, Vec::new()), |after| {
        (after.first_at, after.id.0.to_vec())
    });
    let rows: Vec<([u8; 32], i64, i64, String)> = records
        .fetch_all(
            "SELECT id, first_at, (SELECT COUNT(*) FROM relay_reports WHERE target = id), reason
             FROM relay_moderation WHERE first_at > ? OR (first_at = ? AND id > ?)
             ORDER BY first_at, id LIMIT ?",
            (at, at, id, most as i64),
        )
        .await?;
    let waiting = |(id, first_at, reporters, reason)| Waiting {
        id: EventId(id),
        first_at,
        reporters,
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
        .write(move |tx| ids.iter().try_for_each(|id| leave(tx, id)))
        .await
}

#[cfg(test)]
mod tests {
    use super::super::testing::opened;
    use super::*;
    use crate::access::{Actor, Change};

    const fn id(number: u8) -> EventId {
        EventId([number; 32])
    }

    async fn waiting(access: &Access) -> Vec<u8> {
        let mut waiting = list(access.records(), None, 100).await.unwrap();
        waiting.sort_unstable_by_key(|waiting| waiting.id);
        waiting.iter().map(|waiting| waiting.id.0[0]).collect()
    }

    #[tokio::test]
    async fn r4_4_what_strangers_report_pushes_nothing_else_out() {
        let (access, _folder) = opened().await;
        for number in [1, 2] {
            add(&access, id(number), "rule", true, 4).await.unwrap();
        }
        for number in 10..20 {
            add(&access, id(number), "stranger", false, 4)
                .await
                .unwrap();
        }
        let left = waiting(&access).await;
        assert_eq!((left.len(), &left[..2]), (4, &[1, 2][..]), "{left:?}");
        assert!(access.suspects().contains(&id(1)));
        assert!(!access.suspects().contains(&id(19)));
        for number in 3..=5 {
            add(&access, id(number), "rule", true, 4).await.unwrap();
        }
        let left = waiting(&access).await;
        assert!(
            left.len() == 4 && left.iter().all(|number| *number < 10),
            "{left:?}"
        );
        let suspect = |number: &u8| access.suspects().contains(&id(*number));
        assert!(left.iter().all(suspect));
        assert_eq!((1..=5).filter(suspect).count(), 4, "what has left is none");
    }

    #[tokio::test]
    async fn r4_4_what_is_suspect_once_stays_so_until_it_is_judged() {
        let (access, _folder) = opened().await;
        add(&access, id(1), "stranger", false, 4).await.unwrap();
        assert!(!access.suspects().contains(&id(1)));
        add(&access, id(1), "rule", true, 4).await.unwrap();
        add(&access, id(1), "stranger", false, 4).await.unwrap();
        assert!(access.suspects().contains(&id(1)));
        let again = Access::open(access.records().clone()).await.unwrap();
        assert!(again.suspects().contains(&id(1)), "after a restart");
        let judged = Change::AllowEvent(id(1), None);
        access.apply(judged, &Actor::shell(), 1).await.unwrap();
        assert!(!access.suspects().contains(&id(1)));
        add(&access, id(1), "rule", true, 4).await.unwrap();
        assert!(!access.suspects().contains(&id(1)));
        assert!(waiting(&access).await.is_empty());
    }

    #[tokio::test]
    async fn r4_4_the_queue_is_listed_page_by_page() {
        let (access, _folder) = opened().await;
        for number in 0..7 {
            add(&access, id(number), "rule", true, 10).await.unwrap();
        }
        let (mut seen, mut after) = (Vec::new(), None);
        loop {
            let page = list(access.records(), after.as_ref(), 3).await.unwrap();
            seen.extend(page.iter().map(|waiting| waiting.id.0[0]));
            if page.len() < 3 {
                break;
            }
            after = page.last().cloned();
        }
        seen.sort_unstable();
        assert_eq!(seen, [0, 1, 2, 3, 4, 5, 6]);
    }
}
