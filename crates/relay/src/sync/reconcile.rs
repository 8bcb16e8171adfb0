//! One window by reconciliation (NIP-77): both sets are compared, and only the differences travel.

use stentor_event::{Event, EventId};
use stentor_peer::{Compare, Compared, Window, compare};
use stentor_store::reconcile::Differences;

use super::error::SyncError;
use super::fetch::fetch;
use super::query::{TRIES, patience};
use super::run::Run;
use super::send::send;

/// Events read from our store and published at once.
const BATCH: usize = 256;

/// What came of a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reconciled {
    /// It is done.
    All,
    /// A smaller window may be had.
    TooLarge,
    /// The other side does not reconcile.
    Unsupported,
}

impl Run<'_> {
    /// Reconciles a window and transfers the differences. `proven`: it has worked before.
    pub(super) async fn reconcile(
        &self,
        window: Window,
        proven: bool,
    ) -> Result<Reconciled, SyncError> {
        loop {
            let before = self.gained();
            let (found, all) = match self.differences(window, proven).await? {
                Compared::All(found) => (found, true),
                Compared::Some(found) => (found, false),
                Compared::TooLarge => return Ok(Reconciled::TooLarge),
                Compared::Unsupported => return Ok(Reconciled::Unsupported),
                Compared::Refused(reason) => return Err(SyncError::Refused(reason)),
            };
            self.transfer(found).await?;
            if all {
                return Ok(Reconciled::All);
            }
            if self.gained() == before {
                return Ok(Reconciled::TooLarge);
            }
        }
    }

    /// What makes the next comparison smaller.
    fn gained(&self) -> u64 {
        let summary = self.tally.summary();
        summary.stored + summary.sent
    }

    async fn transfer(&self, mut found: Differences) -> Result<(), SyncError> {
        if self.order.direction.is_up() {
            found.ours.sort_unstable();
            found.ours.dedup();
            self.send_ids(&found.ours).await?;
        }
        if self.order.direction.is_down() {
            found.theirs.sort_unstable();
            found.theirs.dedup();
            fetch(self.intake(), &found.theirs).await?;
        }
        Ok(())
    }

    /// Publishes those of these events that may leave.
    pub(super) async fn send_ids(&self, ids: &[EventId]) -> Result<(), SyncError> {
        for chunk in ids.chunks(BATCH) {
            let order = self.order;
            let may = |event: &Event| {
                self.home
                    .may_leave(event, &order.filter, order.include_private)
            };
            let mut events = self.home.events(chunk).await?;
            events.retain(|event| {
                let may = may(event);
                if !may {
                    self.tally.withheld();
                }
                may
            });
            let events = self.home.permitted(events, self.tally).await;
            send(self.peer, events, self.tally, may).await?;
        }
        Ok(())
    }

    async fn differences(&self, window: Window, proven: bool) -> Result<Compared, SyncError> {
        let filter = &self.order.filter;
        let Some(set) = self
            .home
            .snapshot(filter, window, self.config.records)
            .await?
        else {
            return Ok(Compared::TooLarge);
        };
        let limits = Compare {
            frame_bytes: self.config.frame_bytes,
            differences: self.config.differences,
            patience: patience(),
            tries: TRIES,
        };
        let filter = window.narrow(filter);
        let sent = || self.tally.edit().rounds += 1;
        Ok(compare(self.peer, &filter, set, &limits, proven, sent).await?)
    }
}
