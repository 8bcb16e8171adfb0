//! One REQ to its EOSE, with its events taken in as they come.

use std::time::Duration;

use stentor_event::{EoseHint, Event, Filter};
use stentor_net::retry::Backoff;
use stentor_peer::{Incoming, Over, Peer};

use super::error::SyncError;
use super::home::{Arrival, Home};
use super::judge;
use super::origins::Origins;
use super::tally::Tally;

/// Events handed to the store at once, by number and by bytes.
const BATCH: usize = 256;
const BATCH_BYTES: usize = 1 << 20;
/// Times that a REQ is sent again which is refused for now.
const TRIES: u32 = 8;

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
}

impl Intake<'_> {
    /// Asks, and takes in what `wanted` picks; the hint of the EOSE.
    ///
    /// # Errors
    /// When the subscription ends before its EOSE; those of our store.
    pub async fn query(
        &self,
        filter: &Filter,
        mut wanted: impl FnMut(&Event) -> bool,
    ) -> Result<Option<EoseHint>, SyncError> {
        let mut backoff = patience();
        loop {
            match self.ask(filter, &mut wanted).await {
                Err(SyncError::Refused(reason))
                    if judge::refused(&reason) == judge::Refused::Later
                        && backoff.failures() < TRIES =>
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
        let (mut batch, mut bytes) = (Vec::new(), 0);
        loop {
            match subscription.next().await {
                Some(Incoming::Event(event)) => {
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
        taken.await
    }
}
