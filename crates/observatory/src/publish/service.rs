//! The service: one maker, and one reader for each target.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::try_join_all;
use tokio::sync::watch;

use super::maker::Maker;
use super::{monitor, own, table, target};
use crate::error::Error;
use crate::ground::Ground;

/// The longest time between two looks at the checks.
const INTERVAL: Duration = Duration::from_secs(60);
/// The shortest: checks are written often, and what they say may wait a little.
const PAUSE: Duration = Duration::from_secs(5);

type Part = Pin<Box<dyn Future<Output = Result<(), Error>> + Send>>;

/// Publishes what checks find, until it is dropped.
///
/// # Errors
/// [`Error::Records`] and [`Error::Store`].
pub(crate) async fn run(ground: Arc<Ground>) -> Result<(), Error> {
    let targets = monitor::targets(&ground.config.publish);
    let mut names: Vec<String> = targets.iter().map(ToString::to_string).collect();
    names.push(own::OWN.to_owned());
    let key = ground.monitor_key.public_key().to_string();
    table::begin(&ground.records, key, names, ground.clock.now_ms()).await?;
    let news = watch::Sender::new(0);
    let mut parts: Vec<Part> = Vec::new();
    for url in targets {
        let target = target::run(Arc::clone(&ground), url, news.subscribe());
        parts.push(Box::pin(target));
    }
    if ground.config.publish.own {
        parts.push(Box::pin(own::run(Arc::clone(&ground), news.subscribe())));
    }
    parts.push(Box::pin(make(ground, news)));
    try_join_all(parts).await?;
    Ok(())
}

/// Makes what is to be said as checks are written.
async fn make(ground: Arc<Ground>, news: watch::Sender<u64>) -> Result<(), Error> {
    let mut maker = Maker::default();
    loop {
        network(&ground).await;
        // Made before the look, so that what is written during it is not missed.
        let checks = ground.signals.checks.notified();
        if let Some(place) = maker.turn(&ground).await? {
            news.send_replace(place);
        }
        ground.clock.sleep(PAUSE).await;
        tokio::select! {
            () = checks => {}
            () = ground.clock.sleep(INTERVAL) => {}
        }
    }
}

/// Waits while our own network is down.
pub(super) async fn network(ground: &Ground) {
    let mut up = ground.signals.own_network();
    // The sender is as old as the ground.
    let _ = up.wait_for(|up| *up != Some(false)).await;
}

/// Whether our own network is up, as far as is known.
pub(super) fn is_network_up(ground: &Ground) -> bool {
    *ground.signals.own_network().borrow() != Some(false)
}

/// What was said of a relay before this time, in Unix milliseconds, is not told to those who come late: had the relay answered since, it
/// would have been said again.
pub(super) fn oldest_ms(ground: &Ground) -> u64 {
    let config = &ground.config;
    let interval = config.publish.interval_seconds + config.check.interval_seconds;
    let now_ms = ground.clock.now_ms();
    now_ms.saturating_sub(interval.saturating_mul(2_000))
}
