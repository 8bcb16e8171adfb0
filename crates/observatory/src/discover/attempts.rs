//! Trying candidates: those that are due, so many at once, and writing down what came of it (O1.3).

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;

use super::intake::Intake;
use super::probe::{Evidence, Failure, judge, probe};
use super::turns::Turns;
use super::{backoff, candidates, metrics};
use crate::budget::Class;
use crate::error::Error;
use crate::ground::Ground;
use crate::relay_url::Network;
use crate::signals::Topic;
use crate::table::Relay;

/// Tries candidates whenever they are due, for ever.
///
/// # Errors
/// Those of the records.
pub(super) async fn follow(ground: &Arc<Ground>, intake: &Arc<Intake>) -> Result<(), Error> {
    let config = &ground.config;
    candidates::judge_anew(&ground.records, ground.clock.now_ms()).await?;
    let mut turns = Turns::new(config.discover.parallel, |network| most(ground, network));
    let mut attempts = JoinSet::new();
    let interval_ms = config.discover.interval_seconds.saturating_mul(1_000);
    let mut look_ms = ground.clock.now_ms().saturating_add(interval_ms);
    let mut own_network = ground.signals.own_network();
    loop {
        // The sender is in the ground.
        let _ = own_network.wait_for(|up| *up != Some(false)).await;
        fill(ground, &mut turns).await?;
        while let Some(relay) = turns.next() {
            attempts.spawn(attempt(ground.clone(), intake.clone(), relay));
        }
        tokio::select! {
            Some(ended) = attempts.join_next() => {
                let relay = ended.map_err(|error| Error::Invalid(error.to_string()))??;
                turns.done(&relay);
            }
            () = ground.signals.candidates.notified() => turns.look_again(),
            () = ground.clock.sleep_until(look_ms) => {
                turns.look_again();
                look_ms = ground.clock.now_ms().saturating_add(interval_ms);
            }
        }
    }
}

/// Reads candidates that are due, until there is somebody to try in each network, or nobody more.
async fn fill(ground: &Ground, turns: &mut Turns) -> Result<(), Error> {
    loop {
        let wanted = turns.wanted();
        if wanted.is_empty() {
            return Ok(());
        }
        for (network, most) in wanted {
            let now_ms = ground.clock.now_ms();
            let due = candidates::due(&ground.records, network, now_ms, most).await?;
            turns.fill(network, most, due);
        }
    }
}

/// How many candidates of a network may be tried at once: more would only wait for connections.
fn most(ground: &Ground, network: Network) -> usize {
    let connections = &ground.config.connections;
    match network {
        Network::Clearnet => connections.total,
        Network::Tor => connections.tor,
        Network::I2p => connections.i2p,
        Network::Loki => connections.loki,
    }
}

/// Tries one candidate and writes down what came of it.
async fn attempt(ground: Arc<Ground>, intake: Arc<Intake>, relay: Relay) -> Result<Relay, Error> {
    let outcome = match intake.place(&relay).await? {
        Ok(()) => outcome(&ground, &relay).await,
        Err(full) => Err(full),
    };
    let promoted = match outcome {
        Ok(evidence) => {
            let promoted = intake.promote(&relay, evidence).await?;
            promoted.map(|promoted| (evidence, promoted))
        }
        Err(failure) => Err(failure),
    };
    match promoted {
        Ok((evidence, promoted)) => {
            metrics::probed(evidence.as_str());
            if promoted {
                tell(&ground, &relay, evidence);
            }
        }
        // It says nothing of the candidate, which stays due.
        Err(_) if *ground.signals.own_network().borrow() == Some(false) => {}
        Err(failure) => {
            metrics::probed(failure.label());
            let next_ms = next(&ground, &relay);
            candidates::fail(&ground.records, relay.id, failure, next_ms).await?;
        }
    }
    Ok(relay)
}

/// Tells everybody that there is a relay more.
fn tell(ground: &Ground, relay: &Relay, evidence: Evidence) {
    // Whoever waits now, and whoever looks next.
    ground.signals.relays.notify_waiters();
    ground.signals.relays.notify_one();
    ground.signals.changed(Topic::Relays);
    tracing::debug!(url = %relay.url, by = evidence.as_str(), "a relay was found");
}

/// Asks a candidate, unless its URL alone says that it must not be.
async fn outcome(ground: &Ground, relay: &Relay) -> Result<Evidence, Failure> {
    judge(&ground.dialer, &relay.url)?;
    let network = relay.url.network();
    let _permit = ground.budget.permit(network, Class::Common).await;
    let answer_time = Duration::from_secs(ground.config.discover.answer_seconds);
    probe(&ground.dialer, &relay.url, &ground.peer, answer_time).await
}

/// When a candidate that did not answer is tried again, in Unix milliseconds.
fn next(ground: &Ground, relay: &Relay) -> u64 {
    let first = Duration::from_secs(ground.config.discover.retry_seconds);
    let failures = relay.failures.saturating_add(1);
    let wait = backoff::wait(first, failures, backoff::random());
    let wait = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
    ground.clock.now_ms().saturating_add(wait)
}
