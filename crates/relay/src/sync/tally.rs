//! What has been done so far.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use metrics::counter;
use parking_lot::{Mutex, MutexGuard};
use serde::{Deserialize, Serialize};
use stentor_store::{Outcome, Refusal};

/// Reasons that are counted apart; those beyond are counted together.
const MAX_REASONS: usize = 50;
/// Seconds that are named of which not all could be fetched.
const MAX_SECONDS: usize = 20;

/// What a synchronisation or a mirror has done.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Summary {
    /// Events that came.
    pub received: u64,
    /// Of these, stored, durably.
    pub stored: u64,
    /// Already here.
    pub duplicate: u64,
    /// A newer version is here.
    pub superseded: u64,
    /// Deleted here at the author's or recipient's request (NIP-09).
    pub deleted: u64,
    /// The author has asked this relay to vanish (NIP-62).
    pub vanished: u64,
    /// Expired (NIP-40).
    pub expired: u64,
    /// Passed on and not stored, or not taken, by nature.
    pub ephemeral: u64,
    /// The operator has banned the author or the event.
    pub banned: u64,
    /// Not valid, by reason.
    pub invalid: BTreeMap<String, u64>,
    /// Announced by the other side and then not sent.
    pub missing: u64,
    /// Events that the other side has taken.
    pub sent: u64,
    /// Events that it had already.
    pub known: u64,
    /// Events that it did not take, by reason.
    pub refused: BTreeMap<String, u64>,
    /// Not sent, as they are private or protected (NIP-70).
    pub withheld: u64,
    /// Windows of time that are done.
    pub windows: u64,
    /// Windows of time that are known to be left.
    pub windows_left: u64,
    /// Messages of reconciliation (NIP-77) sent; 0 where pages were asked for.
    pub rounds: u64,
    /// Pages asked for.
    pub pages: u64,
    /// Seconds of which the other side has more events than it would send.
    pub lost_seconds: u64,
    /// The first of these, as Unix time.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub lost: Vec<u64>,
    /// Times that a broken connection was made again.
    pub reconnects: u64,
    /// Whether it goes on where another run was cut off.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub resumed: bool,
    /// Whether it was stopped before it was done.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub stopped: bool,
}

/// Counts, for several tasks at once; for a mirror, in its metrics too.
#[derive(Debug, Default)]
pub struct Tally {
    summary: Mutex<Summary>,
    /// Ranges of time that were settled.
    settled: AtomicU64,
    mirror: Option<String>,
}

impl Tally {
    /// Of a mirror of this name.
    pub(crate) fn of_mirror(name: &str) -> Self {
        Self {
            mirror: Some(name.to_owned()),
            ..Self::default()
        }
    }

    /// The counts of this moment.
    pub fn summary(&self) -> Summary {
        self.summary.lock().clone()
    }

    /// Something that only grows with progress: events that were stored here or there, and ranges of time that need not be
    /// looked at again. A connection that breaks after it has brought something is made again. That something was asked for,
    /// or has come that was of no use, is no progress.
    pub(super) fn progress(&self) -> u64 {
        let summary = self.summary.lock();
        summary.stored + summary.sent + self.settled.load(Ordering::Relaxed)
    }

    /// A range of time need not be looked at again.
    pub(super) fn settled(&self) {
        self.settled.fetch_add(1, Ordering::Relaxed);
    }

    /// The counts, to be changed.
    pub(super) fn edit(&self) -> MutexGuard<'_, Summary> {
        self.summary.lock()
    }

    /// Counts events that came and were judged before the store.
    pub(super) fn came(&self, outcome: &'static str, count: u64) {
        if count == 0 {
            return;
        }
        let mut summary = self.edit();
        summary.received += count;
        match outcome {
            "banned" => summary.banned += count,
            "ephemeral" => summary.ephemeral += count,
            other => add(&mut summary.invalid, other.to_owned(), count),
        }
        drop(summary);
        self.metric("in", outcome, count);
    }

    /// Counts what our store made of an event that came.
    ///
    /// # Errors
    /// The store's words when it cannot write.
    pub(super) fn judged(&self, outcome: Outcome) -> Result<(), String> {
        let mut summary = self.edit();
        let label = match outcome {
            Outcome::Stored(_) => bump(&mut summary.stored, "stored"),
            Outcome::Duplicate => bump(&mut summary.duplicate, "duplicate"),
            Outcome::Ephemeral => bump(&mut summary.ephemeral, "ephemeral"),
            Outcome::Refused(Refusal::Superseded) => bump(&mut summary.superseded, "superseded"),
            Outcome::Refused(Refusal::Deleted) => bump(&mut summary.deleted, "deleted"),
            Outcome::Refused(Refusal::Vanished) => bump(&mut summary.vanished, "vanished"),
            Outcome::Refused(Refusal::Expired) => bump(&mut summary.expired, "expired"),
            Outcome::Refused(Refusal::Banned) => bump(&mut summary.banned, "banned"),
            Outcome::Refused(Refusal::Unavailable(why)) => return Err(why),
            Outcome::Refused(reason) => {
                add(&mut summary.invalid, reason.to_string(), 1);
                "invalid"
            }
        };
        summary.received += 1;
        drop(summary);
        self.metric("in", label, 1);
        Ok(())
    }

    /// Counts an event that the other side has taken, or had.
    pub(super) fn sent(&self, known: bool) {
        let mut summary = self.edit();
        let label = if known {
            bump(&mut summary.known, "duplicate")
        } else {
            bump(&mut summary.sent, "sent")
        };
        drop(summary);
        self.metric("out", label, 1);
    }

    /// Counts an event that the other side did not take.
    pub(super) fn refused(&self, reason: String) {
        add(&mut self.edit().refused, reason, 1);
        self.metric("out", "refused", 1);
    }

    /// Counts an event that is not sent.
    pub(crate) fn withheld(&self) {
        self.edit().withheld += 1;
        self.metric("out", "withheld", 1);
    }

    /// Notes a second of which not all could be fetched.
    pub(super) fn lost(&self, second: u64) {
        let mut summary = self.edit();
        summary.lost_seconds += 1;
        if summary.lost.len() < MAX_SECONDS {
            summary.lost.push(second);
        }
    }

    fn metric(&self, direction: &'static str, outcome: &'static str, count: u64) {
        if let Some(mirror) = &self.mirror {
            counter!(
                "stentor_relay_mirror_events_total",
                "mirror" => mirror.clone(), "direction" => direction, "outcome" => outcome_label(outcome)
            )
            .increment(count);
        }
    }
}

/// The reasons of what is not valid are sentences; metrics have a word.
fn outcome_label(outcome: &'static str) -> &'static str {
    if outcome.contains(' ') {
        "invalid"
    } else {
        outcome
    }
}

fn bump(count: &mut u64, label: &'static str) -> &'static str {
    *count += 1;
    label
}

fn add(counts: &mut BTreeMap<String, u64>, reason: String, count: u64) {
    let known = counts.contains_key(&reason) || counts.len() < MAX_REASONS;
    let reason = if known {
        reason
    } else {
        "other reasons".to_owned()
    };
    *counts.entry(reason).or_default() += count;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r5_2_reasons_and_seconds_are_bounded() {
        let tally = Tally::default();
        for second in 0..200 {
            tally.refused(format!("reason {second}"));
            tally.lost(second);
        }
        let summary = tally.summary();
        assert_eq!(summary.refused.len(), MAX_REASONS + 1);
        assert_eq!(summary.refused.values().sum::<u64>(), 200);
        assert_eq!((summary.lost_seconds, summary.lost.len()), (200, 20));
    }

    #[test]
    fn r5_2_only_what_brings_the_sets_together_is_progress() {
        let tally = Tally::default();
        tally.edit().pages += 3;
        tally.edit().rounds += 3;
        tally.refused("no".to_owned());
        tally.sent(true);
        tally.judged(Outcome::Duplicate).unwrap();
        assert_eq!(tally.progress(), 0);
        tally.sent(false);
        tally.settled();
        assert_eq!(tally.progress(), 2);
    }

    #[test]
    fn r5_2_a_store_that_cannot_write_is_no_outcome() {
        let tally = Tally::default();
        let full = Outcome::Refused(Refusal::Unavailable("no space".to_owned()));
        assert_eq!(tally.judged(full).unwrap_err(), "no space");
        tally.judged(Outcome::Refused(Refusal::Deleted)).unwrap();
        tally.came("banned", 2);
        let summary = tally.summary();
        assert_eq!(
            (summary.received, summary.deleted, summary.banned),
            (3, 1, 2)
        );
    }
}
