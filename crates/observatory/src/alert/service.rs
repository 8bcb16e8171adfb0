//! Sends the messages that wait.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use futures_util::{StreamExt, stream};
use stentor_event::{Event, PublicKey, Timestamp};
use stentor_net::dial::Trust;
use stentor_peer::{KeySigner, Peer, PeerError, Signer};

use super::message::wrap;
use super::table::{self, Message};
use super::{inbox, metrics};
use crate::budget::Class;
use crate::error::Error;
use crate::ground::Ground;
use crate::relay_url::RelayUrl;

/// The longest time between two looks.
const INTERVAL: Duration = Duration::from_secs(30);
/// Messages that are taken up at once.
const AT_ONCE: u32 = 64;
/// Recipients who are sent to at once.
const PARALLEL: usize = 8;
/// How long one relay has for all messages of one recipient, from the first look-up on.
const RELAY_TIME: Duration = Duration::from_secs(60);
/// After this a message is given up.
const GIVEN_UP_MS: u64 = 24 * 3_600_000;
/// First and longest wait between two attempts.
const RETRY_MS: (u64, u64) = (60_000, 3_600_000);

/// Sends messages, until it is dropped.
///
/// # Errors
/// [`Error::Records`] and [`Error::Store`].
pub(crate) async fn run(ground: Arc<Ground>) -> Result<(), Error> {
    loop {
        let more = turn(&ground).await?;
        let (waiting, next_ms) = table::waiting(&ground.records).await?;
        metrics::waiting(waiting);
        for (kind, told) in table::counted(&ground.records).await? {
            metrics::alerts(kind, told);
        }
        if more {
            continue;
        }
        let now_ms = ground.clock.now_ms();
        let wait = next_ms.map_or(INTERVAL, |next_ms| {
            Duration::from_millis(next_ms.saturating_sub(now_ms))
        });
        tokio::select! {
            () = ground.signals.alerts.notified() => {}
            // Not at once again, should a clock stand still.
            () = ground.clock.sleep(wait.clamp(Duration::from_millis(100), INTERVAL)) => {}
        }
    }
}

/// Sends what is due; `true` when there may be more.
pub(super) async fn turn(ground: &Ground) -> Result<bool, Error> {
    let now_ms = ground.clock.now_ms();
    let before_ms = now_ms.saturating_sub(GIVEN_UP_MS);
    let given_up = table::give_up(&ground.records, before_ms).await?;
    metrics::messages("given_up", given_up);
    if !ground.config.alert.messages {
        return Ok(false);
    }
    let due = table::due(&ground.records, now_ms, AT_ONCE).await?;
    let more = due.len() == AT_ONCE as usize;
    if due.is_empty() {
        return Ok(false);
    }
    let mut recipients: BTreeMap<PublicKey, Vec<Message>> = BTreeMap::new();
    for message in due {
        recipients
            .entry(message.recipient)
            .or_default()
            .push(message);
    }
    let sends: Vec<_> = recipients
        .into_iter()
        .map(|(to, messages)| send(ground, to, messages))
        .collect();
    let sends = stream::iter(sends).buffer_unordered(PARALLEL);
    let sent: Vec<Vec<Sent>> = sends.collect().await;
    settle(ground, sent.into_iter().flatten()).await?;
    Ok(more)
}

/// A message and whether a relay has taken it.
struct Sent {
    message: Message,
    delivered: bool,
}

/// Sends the messages of one recipient to all of his relays. One that any of them takes is delivered.
async fn send(ground: &Ground, recipient: PublicKey, messages: Vec<Message>) -> Vec<Sent> {
    let mut wraps = Vec::with_capacity(messages.len());
    for message in &messages {
        let written = Timestamp(message.made_ms / 1_000);
        match wrap(&ground.monitor_key, &recipient, &message.text, written).await {
            Ok(event) => wraps.push(Some(event)),
            Err(error) => {
                tracing::debug!(%error, "a message cannot be wrapped");
                wraps.push(None);
            }
        }
    }
    let relays = match inbox::relays(ground, recipient).await {
        Ok(relays) => relays,
        Err(error) => {
            tracing::warn!(%error, "looking for the relays of a recipient of messages");
            Vec::new()
        }
    };
    let taken = join_all(relays.iter().map(|relay| deliver(ground, relay, &wraps))).await;
    let delivered = |index: usize| taken.iter().any(|taken| taken.get(index) == Some(&true));
    let messages = messages.into_iter().enumerate();
    messages
        .map(|(index, message)| Sent {
            delivered: delivered(index),
            message,
        })
        .collect()
}

/// Sends wraps to one relay; for each, whether it took it, as far as it came in its time.
async fn deliver(ground: &Ground, relay: &RelayUrl, wraps: &[Option<Event>]) -> Vec<bool> {
    let mut taken = Vec::with_capacity(wraps.len());
    let all = async {
        let _permit = ground.budget.permit(relay.network(), Class::First).await;
        // To a relay that the recipient has named, we stay who nobody knows: it need not learn who writes to whom.
        let signer = inbox::is_ours(ground, relay)
            .then(|| Arc::new(KeySigner(ground.monitor_key.clone())) as Arc<dyn Signer>);
        let (config, trust) = (ground.peer.clone(), Trust::Stranger);
        let peer = Peer::connect(&ground.dialer, relay.as_str(), trust, config, signer).await?;
        for wrap in wraps {
            let accepted = match wrap {
                Some(event) => peer.publish(event).await?.accepted,
                None => false,
            };
            taken.push(accepted);
        }
        peer.close().await;
        Ok::<(), PeerError>(())
    };
    match tokio::time::timeout(RELAY_TIME, all).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::debug!(%error, "a relay takes no messages"),
        Err(_) => tracing::debug!("a relay takes no messages in time"),
    }
    taken
}

/// Writes down what became of messages.
async fn settle(ground: &Ground, sent: impl Iterator<Item = Sent>) -> Result<(), Error> {
    let now_ms = ground.clock.now_ms();
    let (mut delivered, mut again) = (Vec::new(), Vec::new());
    for Sent {
        message,
        delivered: done,
    } in sent
    {
        if done {
            delivered.push(message.id);
        } else {
            let wait_ms = wait_ms(message.attempts);
            again.push((message.id, message.attempts, now_ms.saturating_add(wait_ms)));
        }
    }
    metrics::messages("delivered", delivered.len() as u64);
    metrics::messages("failed", again.len() as u64);
    Ok(table::settle(&ground.records, delivered, again).await?)
}

/// Milliseconds until the next attempt, after so many before the one that has just failed.
fn wait_ms(attempts: u64) -> u64 {
    let (first, longest) = RETRY_MS;
    let doubled = u32::try_from(attempts)
        .ok()
        .and_then(|n| 1_u64.checked_shl(n));
    first
        .saturating_mul(doubled.unwrap_or(u64::MAX))
        .min(longest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn o4_5_waits_double_up_to_an_hour() {
        let waits: Vec<u64> = (0..8).map(|attempts| wait_ms(attempts) / 60_000).collect();
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 60, 60]);
        assert_eq!(wait_ms(u64::MAX), RETRY_MS.1);
        assert_eq!(wait_ms(63), RETRY_MS.1);
    }
}
