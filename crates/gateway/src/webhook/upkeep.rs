//! What is done for webhooks now and then: forgetting old attempts, and counting for the metrics.

use std::time::Duration;

use stentor_sql::{Error, Transaction};
use tokio::time::{MissedTickBehavior, interval};

use super::Webhooks;
use super::endpoint::Disabled;
use super::table::{attempts, unsigned};

/// How often it is counted.
const COUNT_EVERY: Duration = Duration::from_secs(15);
/// Counts between two times of forgetting.
const COUNTS: u32 = 4;

impl Webhooks {
    /// Forgets and counts, until the future is dropped.
    pub async fn keep_up(&self) {
        let mut ticks = interval(COUNT_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        for round in (0..COUNTS).cycle() {
            ticks.tick().await;
            let forgotten = match round {
                0 => self.forget().await.map(drop),
                _ => Ok(()),
            };
            if let Err(error) = forgotten.and(self.count().await) {
                tracing::debug!(%error, "webhooks cannot be counted");
            }
            self.ground
                .tests
                .sweep(Duration::from_millis(self.ground.clock.now_ms()));
        }
    }

    /// Forgets attempts that are older or more than are kept. Returns how many.
    ///
    /// # Errors
    /// What the records have against it.
    pub async fn forget(&self) -> Result<u64, Error> {
        let config = &self.ground.config;
        let kept = config.attempts_days.saturating_mul(86_400_000);
        let before = self.ground.clock.now_ms().saturating_sub(kept);
        let most = config.attempts;
        let trimmed = self
            .ground
            .records
            .write(move |tx: &mut Transaction<'_>| attempts::trim(tx, before, most));
        trimmed.await
    }

    /// Sets the gauges. They are of the whole database, not of this node.
    ///
    /// # Errors
    /// What the records have against it.
    pub async fn count(&self) -> Result<(), Error> {
        let records = &self.ground.records;
        let endpoints: Vec<(String, i64)> = records
            .fetch_all(
                "SELECT COALESCE(disabled, 'enabled'), COUNT(*) FROM webhook_endpoints GROUP BY COALESCE(disabled, 'enabled')",
                (),
            )
            .await?;
        let states = std::iter::once("enabled").chain(Disabled::ALL.map(Disabled::as_str));
        for state in states {
            let counted = endpoints.iter().find(|(name, _)| name == state);
            let count = counted.map_or(0, |(_, count)| unsigned(*count));
            metrics::gauge!("stentor_gateway_webhook_endpoints", "state" => state)
                .set(count as f64);
        }
        let deliveries: Vec<(String, i64)> = records
            .fetch_all(
                "SELECT state, COUNT(*) FROM webhook_deliveries GROUP BY state",
                (),
            )
            .await?;
        for (state, name) in [
            ("waiting", "stentor_gateway_webhook_outstanding"),
            ("dead", "stentor_gateway_webhook_dead_letters"),
        ] {
            let counted = deliveries.iter().find(|(of, _)| of == state);
            let count = counted.map_or(0, |(_, count)| unsigned(*count));
            metrics::gauge!(name).set(count as f64);
        }
        Ok(())
    }
}
