//! What a relay has and a set of ours has not, and the other way round, by reconciliation (NIP-77).

use std::sync::Arc;

use stentor_event::Filter;
use stentor_net::retry::Backoff;
use stentor_store::reconcile::{Differences, Initiator, ReconcileError, Snapshot};
use tokio::sync::broadcast;
use tokio::time::sleep;

use crate::error::PeerError;
use crate::judge::{Refused, does_not_know, refused};
use crate::negentropy::Reconciliation;
use crate::peer::Peer;

/// Messages of one session: a relay that never comes to an end is left.
const ROUNDS: usize = 10_000;

/// The limits of a comparison.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Compare {
    /// Bytes of one of our messages, before they are written as text, which doubles them. At least 4,096; 0: no limit.
    pub frame_bytes: usize,
    /// Differences after which it is ended, as they are kept in memory.
    pub differences: usize,
    /// The waits before a session is asked for again that was refused for now.
    pub patience: Backoff,
    /// Times that this is done.
    pub tries: u32,
}

/// What came of a comparison.
#[derive(Debug)]
pub enum Compared {
    /// All differences. An event can be named twice.
    All(Differences),
    /// Some of them: as many as are wanted at once, or the relay has ended the session. Compare anew when they are settled.
    Some(Differences),
    /// The set is too large for the relay: a smaller one may be had.
    TooLarge,
    /// The relay does not reconcile, or not in this version of the protocol.
    Unsupported,
    /// The relay does not let us, in its own words; nor did it after authentication, or after it was asked again a few times.
    Refused(String),
}

/// What came of the opening message.
enum Opened {
    Answered(Reconciliation, Vec<u8>),
    Not(Compared),
}

/// Compares `set`, which is what is here of `filter`, with what the relay has of it. If the relay wants to know who we are, that is
/// done. `proven`: it has worked with this relay before, so neither silence nor a notice means that it does not reconcile. `sent` is
/// called for each message of ours.
///
/// # Errors
/// [`PeerError::Timeout`] when the relay falls silent, [`PeerError::Protocol`] for what is no answer (and for limits that
/// the protocol cannot work with), and those of [`Peer::neg_open`] and [`Peer::authenticate`].
pub async fn compare(
    peer: &Peer,
    filter: &Filter,
    set: Snapshot,
    limits: &Compare,
    proven: bool,
    sent: impl FnMut(),
) -> Result<Compared, PeerError> {
    let frame = limits.frame_bytes;
    let (side, first) = blocking(move || {
        let mut side = Initiator::new(set, frame)?;
        let first = side.first()?;
        Ok((side, first))
    })
    .await?;
    let mut comparison = Comparison {
        peer,
        limits,
        proven,
        sent,
    };
    match comparison.open(filter, &first).await? {
        Opened::Answered(session, answer) => comparison.rounds(side, session, answer).await,
        Opened::Not(why) => Ok(why),
    }
}

/// A comparison under way.
struct Comparison<'a, F> {
    peer: &'a Peer,
    limits: &'a Compare,
    proven: bool,
    sent: F,
}

impl<F: FnMut()> Comparison<'_, F> {
    /// Opens a session and waits for the first answer.
    async fn open(&mut self, filter: &Filter, message: &[u8]) -> Result<Opened, PeerError> {
        let (mut patience, mut authenticated) = (self.limits.patience.clone(), false);
        loop {
            let notices = self.peer.notices();
            let mut session = self.peer.neg_open(filter, message).await?;
            (self.sent)();
            let reason = match first_answer(&mut session, notices, self.proven).await {
                Ok(answer) => return Ok(Opened::Answered(session, answer)),
                Err(PeerError::Refused(reason)) => reason,
                Err(PeerError::Timeout) if !self.proven => {
                    return Ok(Opened::Not(Compared::Unsupported));
                }
                Err(error) => return Err(error),
            };
            match refused(&reason) {
                Refused::TooLarge => return Ok(Opened::Not(Compared::TooLarge)),
                Refused::Auth if !authenticated => {
                    self.peer.authenticate().await?;
                    authenticated = true;
                }
                Refused::Later if patience.failures() < self.limits.tries => {
                    // Without random numbers the wait is the longest that it can be.
                    let random = getrandom::u64().unwrap_or(u64::MAX);
                    sleep(patience.next(random)).await;
                }
                Refused::Auth | Refused::Later | Refused::Forbidden => {
                    return Ok(Opened::Not(Compared::Refused(reason)));
                }
                Refused::Unsupported => {
                    tracing::debug!(reason, "the relay does not reconcile");
                    return Ok(Opened::Not(Compared::Unsupported));
                }
            }
        }
    }

    /// Goes on from the first answer until all is known, or as much as may be kept in memory.
    async fn rounds(
        &mut self,
        mut side: Initiator,
        mut session: Reconciliation,
        mut answer: Vec<u8>,
    ) -> Result<Compared, PeerError> {
        let mut found = Differences::default();
        for round in 0..ROUNDS {
            let taken = blocking(move || {
                let next = side.answer(&answer, &mut found)?;
                Ok((side, found, next))
            });
            let next;
            (side, found, next) = match taken.await {
                // Another version of the protocol is none, as far as we are concerned.
                Err(PeerError::Protocol(_)) if round == 0 && !self.proven => {
                    return Ok(Compared::Unsupported);
                }
                other => other?,
            };
            let Some(message) = next else {
                return Ok(Compared::All(found));
            };
            if found.len() >= self.limits.differences {
                return Ok(Compared::Some(found));
            }
            session.send(&message).await?;
            (self.sent)();
            answer = match session.answer().await {
                Ok(answer) => answer,
                Err(PeerError::Refused(_)) if !found.is_empty() => {
                    return Ok(Compared::Some(found));
                }
                Err(PeerError::Refused(reason)) => return Ok(ended(reason)),
                Err(error) => return Err(error),
            };
        }
        Err(PeerError::Protocol(
            "the reconciliation does not come to an end".to_owned(),
        ))
    }
}

/// What it means that the relay ends a session in the middle.
fn ended(reason: String) -> Compared {
    match refused(&reason) {
        // A smaller set takes less of whatever it wants to spare.
        Refused::TooLarge | Refused::Later => Compared::TooLarge,
        Refused::Unsupported => Compared::Unsupported,
        Refused::Auth | Refused::Forbidden => Compared::Refused(reason),
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
                Ok(notice) if does_not_know(&notice) => return notice,
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
) -> Result<T, PeerError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done.map_err(|error| PeerError::Protocol(error.to_string())),
        // Nothing but what the relay has sent can have brought it down.
        Err(error) => Err(PeerError::Protocol(error.to_string())),
    }
}
