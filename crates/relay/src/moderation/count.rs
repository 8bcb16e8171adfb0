//! Who has reported what, in the records: each key counts once for each event, however often it is read that it has
//! reported it, and only so many events can wait because of one key.

use stentor_event::{EventId, PublicKey};
use stentor_sql::{Database, Error, Transaction};

use super::queue::is_judged;

/// Reporters of one event that are looked at; no more than that can be asked for in the configuration.
const LOOKED_AT: i64 = 1_000;
/// Reports that are remembered, for each event that the queue may hold.
const REMEMBERED: usize = 16;
/// Most reports that are remembered.
const MOST_REMEMBERED: usize = 200_000;
/// One report in so many is followed by a look at whether too many are remembered.
const LOOKED_FOR_EVERY: u8 = 64;

/// How much is remembered.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    /// Events that may wait, or be about to, because of one key.
    pub(super) per_key: usize,
    /// Events in the queue.
    pub(super) queue: usize,
}

/// Notes that a key has reported an event; tells who has by now, the earliest first. Nobody, when the report does not count:
/// an admin has judged the event, or too much waits because of this key already.
pub(super) async fn note(
    records: &Database,
    target: EventId,
    reporter: PublicKey,
    bounds: Bounds,
    at: i64,
) -> Result<Vec<PublicKey>, Error> {
    let remembered = bounds
        .queue
        .saturating_mul(REMEMBERED)
        .min(MOST_REMEMBERED)
        .max(bounds.per_key);
    // Ids are as good as random.
    let looks = target.0.first().zip(reporter.0.first());
    let looks = looks.is_some_and(|(one, other)| (one ^ other) % LOOKED_FOR_EVERY == 0);
    records
        .write(move |tx| {
            if is_judged(tx, &target)? || !insert(tx, &target, &reporter, bounds.per_key, at)? {
                return Ok(Vec::new());
            }
            if looks {
                forget_oldest(tx, remembered)?;
            }
            let rows: Vec<([u8; 32],)> = tx.fetch_all(
                "SELECT reporter FROM relay_reports WHERE target = ? ORDER BY at, reporter LIMIT ?",
                (target.0, LOOKED_AT),
            )?;
            Ok(rows.into_iter().map(|(key,)| PublicKey(key)).collect())
        })
        .await
}

/// Writes a report down, unless too much waits in the queue because of its author. `false` then.
fn insert(
    tx: &mut Transaction<'_>,
    target: &EventId,
    reporter: &PublicKey,
    most: usize,
    at: i64,
) -> Result<bool, Error> {
    let known: Option<(i64,)> = tx.fetch_optional(
        "SELECT at FROM relay_reports WHERE target = ? AND reporter = ?",
        (target.0, reporter.0),
    )?;
    if known.is_some() {
        return Ok(true);
    }
    let (own,): (i64,) = tx.fetch_one(
        "SELECT COUNT(*) FROM relay_reports WHERE reporter = ?",
        (reporter.0,),
    )?;
    if own >= most as i64 && !make_room(tx, reporter)? {
        return Ok(false);
    }
    tx.execute(
        "INSERT INTO relay_reports (target, reporter, at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
        (target.0, reporter.0, at),
    )?;
    Ok(true)
}

/// Forgets the oldest report of a key of an event that has not come into the queue: nobody will judge that, and a key must
/// not lose its say by it. `false`: there is none.
fn make_room(tx: &mut Transaction<'_>, reporter: &PublicKey) -> Result<bool, Error> {
    let forgotten = tx.execute(
        "DELETE FROM relay_reports WHERE reporter = ? AND target = (
            SELECT target FROM relay_reports
            WHERE reporter = ? AND target NOT IN (SELECT id FROM relay_moderation)
            ORDER BY at, target LIMIT 1)",
        (reporter.0, reporter.0),
    )?;
    Ok(forgotten > 0)
}

/// Forgets the oldest reports when there are too many.
fn forget_oldest(tx: &mut Transaction<'_>, most: usize) -> Result<(), Error> {
    tx.execute(
        "DELETE FROM relay_reports WHERE at < (
            SELECT at FROM relay_reports ORDER BY at DESC LIMIT 1 OFFSET ?)",
        (most as i64,),
    )?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::testing::opened;
    use super::*;
    use crate::access::{Access, Actor, Change};
    use crate::moderation::queue;

    const BOUNDS: Bounds = Bounds {
        per_key: 2,
        queue: 10,
    };

    /// How many have reported the event when this key has, too.
    async fn noted(access: &Access, target: u8, reporter: u8, at: i64) -> usize {
        let (target, reporter) = (EventId([target; 32]), PublicKey([reporter; 32]));
        let reporters = note(access.records(), target, reporter, BOUNDS, at).await;
        reporters.unwrap().len()
    }

    #[tokio::test]
    async fn r4_4_who_reports_twice_counts_once() {
        let (access, _folder) = opened().await;
        assert_eq!(noted(&access, 1, 1, 1).await, 1);
        assert_eq!(noted(&access, 1, 1, 2).await, 1);
        assert_eq!(noted(&access, 1, 2, 3).await, 2);
    }

    #[tokio::test]
    async fn r4_4_one_key_makes_only_so_many_events_wait() {
        let (access, _folder) = opened().await;
        for target in [1, 2] {
            assert_eq!(noted(&access, target, 1, 1).await, 1);
            let id = EventId([target; 32]);
            queue::add(&access, id, "", false, 10).await.unwrap();
        }
        assert_eq!(noted(&access, 3, 1, 2).await, 0, "too many of one key");
        assert_eq!(noted(&access, 3, 2, 2).await, 1, "but not of another");
        let judged = Change::AllowEvent(EventId([1; 32]), None);
        access.apply(judged, &Actor::shell(), 3).await.unwrap();
        assert_eq!(noted(&access, 3, 1, 4).await, 2, "one has been judged");
        assert_eq!(noted(&access, 1, 2, 4).await, 0, "and stays out");
    }

    #[tokio::test]
    async fn r4_4_what_nobody_else_reports_takes_no_say_from_a_key() {
        let (access, _folder) = opened().await;
        for target in 1..=3 {
            assert_eq!(noted(&access, target, 1, i64::from(target)).await, 1);
        }
        assert_eq!(noted(&access, 1, 2, 4).await, 1, "the oldest is forgotten");
        assert_eq!(noted(&access, 3, 2, 4).await, 2);
    }

    #[tokio::test]
    async fn r4_4_reports_that_are_remembered_are_bounded() {
        let (access, _folder) = opened().await;
        for number in 0..200 {
            noted(&access, number, number.wrapping_mul(7), i64::from(number)).await;
        }
        let kept: (i64,) = access
            .records()
            .fetch_one("SELECT COUNT(*) FROM relay_reports", ())
            .await
            .unwrap();
        let most = (BOUNDS.queue * REMEMBERED) as i64;
        assert!((most / 2..200).contains(&kept.0), "{kept:?}");
    }
}
