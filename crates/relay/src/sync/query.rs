//! One REQ to its EOSE, with its events taken in as they come.

use std::time::Duration;

use stentor_event::{EoseHint, Event, Filter};
use stentor_net::retry::Backoff;
use stentor_peer::{Dropped, Incoming, Over, Peer, Refused, refused};
use tokio::time::timeout;

use super::error::SyncError;
use super::home::{Arrival, Home};
use super::origins::Origins;
use super::tally::Tally;

/// Events handed to the store at once, by number and by bytes.
const BATCH: usize = 256;
const BATCH_BYTES: usize = 1 << 20;
/// Times that a REQ is sent again, or a reconciliation opened, which is refused for now.
pub(super) const TRIES: u32 = 8;
/// Events that may come beyond what a REQ asks for: those of the last second, and new ones while the stored ones are being sent.
const MARGIN: u64 = 1_000;

/// Waits for a while that grows with each failure.
pub(super) async fn pause(backoff: &mut Backoff) {
    let random = getrandom::u64().unwrap_or(u64::MAX);
    tokio::time::sleep(backoff.next(random)).await;
}

/// The waits for a relay that has us wait.
pub(super) const fn patience() -> Backoff {
    Backoff::new(Duration::from_secs(2), Duration::from_secs(60))
}

/// Takes in what a relay sends.
#[derive(Clone, Copy)]
pub(super) struct Intake<'a> {
    pub peer: &'a Peer,
    pub home: &'a Home,
    pub tally: &'a Tally,
    pub origins: Option<&'a Origins>,
    /// How long one REQ may take.
    pub patience: Duration,
}

/// Events that a REQ with this filter may bring: more are not an answer to it.
fn most(filter: &Filter) -> u64 {
    let ids = filter.ids.as_ref().map(|ids| ids.len() as u64);
    let asked = filter.limit.or(ids);
    asked.map_or(u64::MAX, |asked| asked.saturating_add(MARGIN))
}

impl Intake<'_> {
    /// Asks, and takes in what `wanted` picks; the hint of the EOSE.
    ///
    /// # Errors
    /// When the subscription ends before its EOSE, or brings far more than was asked for, or does not end in time; those of our
    /// store.
    pub async fn query(
        &self,
        filter: &Filter,
        mut wanted: impl FnMut(&Event) -> bool,
    ) -> Result<Option<EoseHint>, SyncError> {
        let mut backoff = patience();
        loop {
            let asked = timeout(self.patience, self.ask(filter, &mut wanted)).await;
            match asked.unwrap_or(Err(SyncError::Endless(self.patience.as_secs()))) {
                Err(SyncError::Refused(reason))
                    if refused(&reason) == Refused::Later && backoff.failures() < TRIES =>
                {
                    tracing::debug!(reason, "the relay has us wait");
                    pause(&mut backoff).await;
                }
                other => return other,
            }
        }
    }

    async fn ask(
        &self,
        filter: &Filter,
        wanted: &mut impl FnMut(&Event) -> bool,
    ) -> Result<Option<EoseHint>, SyncError> {
        let mut subscription = self.peer.req(vec![filter.clone()]).await?;
        let (mut batch, mut bytes, mut left) = (Vec::new(), 0, most(filter));
        loop {
            match subscription.next().await {
                Some(Incoming::Event(_)) if left == 0 => {
                    self.take(batch).await?;
                    return Err(Over::TooMany.into());
                }
                Some(Incoming::Event(event)) => {
                    left -= 1;
                    if wanted(&event) {
                        bytes += event.json().len();
                        batch.push(event);
                    }
                    if batch.len() >= BATCH || bytes >= BATCH_BYTES {
                        bytes = 0;
                        self.take(std::mem::take(&mut batch)).await?;
                    }
                }
                Some(Incoming::Eose(hint)) => {
                    drop(subscription);
                    self.take(batch).await?;
                    return Ok(hint);
                }
                Some(Incoming::Over(over)) => {
                    // What came is not thrown away.
                    self.take(batch).await?;
                    return Err(over.into());
                }
                None => return Err(Over::Silent.into()),
            }
        }
    }

    async fn take(&self, events: Vec<Event>) -> Result<(), SyncError> {
        let taken = self
            .home
            .take(events, Arrival::Stored, self.tally, self.origins);
        report(self.peer, taken.await?);
        Ok(())
    }
}

/// Holds it against a relay that so many of its events were forged: sooner or later it is left.
pub(crate) fn report(peer: &Peer, forged: u64) {
    (0..forged).for_each(|_| peer.report(Dropped::Signature));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r5_2_an_answer_is_no_longer_than_what_was_asked_for_allows() {
        let filter = |json: &str| Filter::parse(json.as_bytes()).unwrap();
        let id = "ab".repeat(32);
        assert_eq!(most(&filter(r#"{"limit":500}"#)), 1_500);
        assert_eq!(most(&filter(&format!(r#"{{"ids":["{id}"]}}"#))), 1_001);
        assert_eq!(most(&Filter::default()), u64::MAX);
    }
}
