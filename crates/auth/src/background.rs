//! What an authenticator does by itself.

use std::time::Duration;

use stentor_event::Timestamp;
use tokio::time::{Interval, MissedTickBehavior};

use crate::{Authenticator, ManageError};

/// Between two readings of what has changed on other nodes.
const POLLED_EVERY: Duration = Duration::from_secs(2);
/// Between two rounds of what is to be done each second.
const SECOND: Duration = Duration::from_secs(1);
/// Between two rounds of what is to be done now and then.
const MINUTE: Duration = Duration::from_secs(60);

impl Authenticator {
    /// Reads what other nodes have changed: keys, tenants, revocations, newer connections of tickets. [`run`](Self::run) does it
    /// every two seconds.
    ///
    /// # Errors
    /// Those of the database. What is known stays so.
    pub async fn poll(&self, now: Timestamp) -> Result<(), ManageError> {
        self.registry.poll(now).await?;
        self.tickets.poll().await
    }

    /// Asks again about opaque tokens that streams live by. [`run`](Self::run) does it each second.
    pub async fn recheck(&self, now: Timestamp) {
        if let Some(introspection) = &self.introspection {
            introspection.recheck(now).await;
        }
    }

    /// What is to be done now and then: notes of keys' use, key sets of issuers, our own signing key, old tickets.
    /// [`run`](Self::run) does it each minute.
    pub async fn tidy(&self, now: Timestamp) {
        let told = |result: Result<(), ManageError>| {
            if let Err(error) = result {
                tracing::warn!(%error, "records of keys and tickets could not be tidied");
            }
        };
        told(self.registry.note_uses().await);
        told(self.tickets.tidy(now).await);
        if let Some(own) = &self.own
            && let Err(error) = own.rotate(now).await
        {
            tracing::error!(%error, "no new key to sign tokens with; the old one goes on");
        }
        for foreign in &self.foreign {
            foreign.refresh(now).await;
        }
    }

    /// Does all that has to be done in the background, until it is dropped. `clock` tells the time. Lines of the audit that are
    /// not written then are for [`Audit::flush`](crate::Audit::flush).
    pub async fn run(&self, clock: impl Fn() -> Timestamp + Send + Sync) {
        let polls = async {
            let mut ticks = every(POLLED_EVERY);
            loop {
                ticks.tick().await;
                if let Err(error) = self.poll(clock()).await {
                    tracing::warn!(%error, "news of keys and tenants could not be read");
                }
            }
        };
        let rechecks = async {
            let mut ticks = every(SECOND);
            loop {
                ticks.tick().await;
                self.recheck(clock()).await;
            }
        };
        let lines = async {
            let mut ticks = every(SECOND);
            loop {
                ticks.tick().await;
                if let Err(error) = self.audit.flush(clock()).await {
                    tracing::warn!(%error, "lines of the audit wait: they could not be written");
                }
            }
        };
        let tidying = async {
            let mut ticks = every(MINUTE);
            loop {
                ticks.tick().await;
                self.tidy(clock()).await;
            }
        };
        tokio::join!(polls, rechecks, lines, tidying);
    }
}

/// Ticks of this period; the first is at once. After a delay, none is made up for.
fn every(period: Duration) -> Interval {
    let mut ticks = tokio::time::interval(period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}
