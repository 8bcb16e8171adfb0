//! One window by reconciliation (NIP-77): both sets are compared, and only the differences travel.

use std::sync::Arc;

use stentor_event::{Event, EventId};
use stentor_peer::{PeerError, Reconciliation};
use stentor_store::reconcile::{Differences, Initiator, ReconcileError};
use tokio::sync::broadcast;

use super::error::SyncError;
use super::fetch::fetch;
use super::judge::{self, Refused};
use super::query::{patience, pause};
use super::run::Run;
use super::send::send;
use super::window::Window;

/// Messages of one session: a side that never comes to an end is left.
const ROUNDS: usize = 10_000;
/// Times that a session is asked for again which is refused for now.
const TRIES: u32 = 8;
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

/// What is known of the differences.
enum Found {
    /// All of them.
    All(Differences),
    /// Some of them.
    Some(Differences),
    /// None, for this reason.
    Not(Reconciled),
}

/// What came of the opening message.
enum Opened {
    Answered(Reconciliation, Vec<u8>),
    Not(Reconciled),
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
                Found::All(found) => (found, true),
                Found::Some(found) => (found, false),
                Found::Not(why) => return Ok(why),
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

    async fn differences(&self, window: Window, proven: bool) -> Result<Found, SyncError> {
        let filter = &self.order.filter;
        let Some(set) = self
            .home
            .snapshot(filter, window, self.config.records)
            .await?
        else {
            return Ok(Found::Not(Reconciled::TooLarge));
        };
        let frame = self.config.frame_bytes;
        let (side, first) = blocking(move || {
            let mut side = Initiator::new(set, frame)?;
            let first = side.first()?;
            Ok((side, first))
        })
        .await?;
        match self.open(window, &first, proven).await? {
            Opened::Answered(session, answer) => self.rounds(side, session, answer, proven).await,
            Opened::Not(why) => Ok(Found::Not(why)),
        }
    }

    /// Opens a session and waits for the first answer.
    async fn open(
        &self,
        window: Window,
        message: &[u8],
        proven: bool,
    ) -> Result<Opened, SyncError> {
        let filter = window.narrow(&self.order.filter);
        let (mut backoff, mut authenticated) = (patience(), false);
        loop {
            let notices = self.peer.notices();
            let mut session = self.peer.neg_open(&filter, message).await?;
            self.tally.edit().rounds += 1;
            let reason = match first_answer(&mut session, notices, proven).await {
                Ok(answer) => return Ok(Opened::Answered(session, answer)),
                Err(PeerError::Refused(reason)) => reason,
                Err(PeerError::Timeout) if !proven => {
                    return Ok(Opened::Not(Reconciled::Unsupported));
                }
                Err(error) => return Err(error.into()),
            };
            match judge::refused(&reason) {
                Refused::TooLarge => return Ok(Opened::Not(Reconciled::TooLarge)),
                Refused::Auth if !authenticated => {
                    self.peer.authenticate().await?;
                    authenticated = true;
                }
                Refused::Later if backoff.failures() < TRIES => pause(&mut backoff).await,
                Refused::Auth | Refused::Later | Refused::Forbidden => {
                    return Err(SyncError::Refused(reason));
                }
                Refused::Unsupported => {
                    tracing::debug!(reason, "the relay does not reconcile");
                    return Ok(Opened::Not(Reconciled::Unsupported));
                }
            }
        }
    }

    /// Goes on from the first answer until all is known, or as much as may be kept in memory.
    async fn rounds(
        &self,
        mut side: Initiator,
        mut session: Reconciliation,
        mut answer: Vec<u8>,
        proven: bool,
    ) -> Result<Found, SyncError> {
        let mut found = Differences::default();
        for round in 0..ROUNDS {
            let taken = blocking(move || {
                let next = side.answer(&answer, &mut found)?;
                Ok((side, found, next))
            });
            let next;
            (side, found, next) = match taken.await {
                // Another version of the protocol is none, as far as we are concerned.
                Err(SyncError::Protocol(_)) if round == 0 && !proven => {
                    return Ok(Found::Not(Reconciled::Unsupported));
                }
                other => other?,
            };
            let Some(message) = next else {
                return Ok(Found::All(found));
            };
            if found.len() >= self.config.differences {
                return Ok(Found::Some(found));
            }
            session.send(&message).await?;
            self.tally.edit().rounds += 1;
            answer = match session.answer().await {
                Ok(answer) => answer,
                Err(PeerError::Refused(_)) if !found.is_empty() => return Ok(Found::Some(found)),
                Err(PeerError::Refused(reason)) => {
                    return match judge::refused(&reason) {
                        Refused::TooLarge | Refused::Later => Ok(Found::Not(Reconciled::TooLarge)),
                        Refused::Unsupported => Ok(Found::Not(Reconciled::Unsupported)),
                        Refused::Auth | Refused::Forbidden => Err(SyncError::Refused(reason)),
                    };
                }
                Err(error) => return Err(error.into()),
            };
        }
        Err(SyncError::Protocol(
            "the reconciliation does not come to an end".to_owned(),
        ))
    }
}

/// The first answer. Unless reconciliation has worked before, a NOTICE that sounds like it is the answer of a relay that does not
/// know the message.
async fn first_answer(
    session: &mut Reconciliation,
    mut notices: broadcast::Receiver<Arc<str>>,
    proven: bool,
) -> Result<Vec<u8>, PeerError> {
    let complaint = async {
        loop {
            match notices.recv().await {
                Ok(notice) if judge::does_not_know(&notice) => return notice,
                Ok(_) | Err(broadcast::error::RecvError::Lagged(_)) => {}
                Err(broadcast::error::RecvError::Closed) => std::future::pending().await,
            }
        }
    };
    tokio::select! {
        answer = session.answer() => answer,
        notice = complaint, if !proven => Err(PeerError::Refused(format!("unsupported: {notice}"))),
    }
}

/// Does what takes a while for a large set away from the threads that serve connections.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ReconcileError> + Send + 'static,
) -> Result<T, SyncError> {
    let done = tokio::task::spawn_blocking(work).await;
    let done = done.map_err(|error| SyncError::Unavailable(error.to_string()))?;
    Ok(done?)
}
