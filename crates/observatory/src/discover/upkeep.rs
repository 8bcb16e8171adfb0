//! Forgetting candidates that never answered (O1.3), and counting what there is (O5.3).

use std::time::Duration;

use super::intake::Intake;
use super::{candidates, metrics};
use crate::error::Error;
use crate::ground::Ground;

/// Time between two counts.
const COUNT: Duration = Duration::from_secs(60);
/// Counts between two times that candidates are forgotten: an hour.
const FORGET: u32 = 60;
const DAY_MS: u64 = 24 * 3_600 * 1_000;

/// Does both whenever it is time, for ever.
///
/// # Errors
/// Those of the records.
pub(super) async fn follow(ground: &Ground, intake: &Intake) -> Result<(), Error> {
    loop {
        forget(ground, intake).await?;
        for _ in 0..FORGET {
            metrics::relays(&candidates::census(&ground.records).await?);
            ground.clock.sleep(COUNT).await;
        }
    }
}

/// Forgets candidates that nobody has mentioned for `forget_days`.
///
/// # Errors
/// Those of the records.
pub(super) async fn forget(ground: &Ground, intake: &Intake) -> Result<(), Error> {
    let time_ms = ground.config.discover.forget_days * DAY_MS;
    let before_ms = ground.clock.now_ms().saturating_sub(time_ms);
    let forgotten = candidates::forget(&ground.records, before_ms).await?;
    if forgotten > 0 {
        tracing::info!(
            candidates = forgotten,
            "forgot candidates that never answered"
        );
    }
    intake.recount().await
}
