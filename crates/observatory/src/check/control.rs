//! Asking whether anybody at all can be reached: hosts that the operator has named, and relays that were online of late.

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use stentor_net::dial::{DialError, Failure, Family, Trust};

use crate::budget::Class;
use crate::error::Error;
use crate::ground::Ground;
use crate::relay_url::Network;

/// Whom to ask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Host {
    url: String,
    trust: Trust,
    network: Network,
}

impl Host {
    /// A host that the operator has named, as `host:port`.
    pub fn of_operator(host: &str) -> Self {
        Self {
            url: format!("ws://{host}/"),
            trust: Trust::Operator,
            network: Network::Clearnet,
        }
    }

    /// A relay.
    pub fn of_relay(url: &str, network: Network) -> Self {
        Self {
            url: url.to_owned(),
            trust: Trust::Stranger,
            network,
        }
    }
}

/// Relays that were online of late, some at a time, others each time.
#[derive(Debug, Default)]
pub(super) struct Sample {
    turn: usize,
}

/// Of how many relays a sample is taken, and how many are in it.
const LATEST: u32 = 60;
const SAMPLE: usize = 5;

impl Sample {
    /// The next ones of a network.
    ///
    /// # Errors
    /// Those of the records.
    pub async fn next(&mut self, ground: &Ground, network: Network) -> Result<Vec<Host>, Error> {
        let rows: Vec<(String,)> = ground
            .records
            .fetch_all(
                "SELECT url FROM observatory_relays
                 WHERE network = ? AND state = 'relay' AND status = 'online' AND seen_ms IS NOT NULL
                 ORDER BY seen_ms DESC, id DESC LIMIT ?",
                (network.as_str(), LATEST),
            )
            .await?;
        let first = self.turn.checked_rem(rows.len()).unwrap_or(0);
        self.turn = self.turn.wrapping_add(SAMPLE);
        let (before, after) = rows.split_at(first);
        let sample = after.iter().chain(before).take(SAMPLE);
        Ok(sample.map(|(url,)| Host::of_relay(url, network)).collect())
    }
}

/// Whether any of these takes a connection; they are asked at the same time, and nothing is said to them.
pub(super) async fn anybody(ground: &Ground, hosts: &[Host]) -> bool {
    let mut asked: FuturesUnordered<_> = hosts.iter().map(|host| takes(ground, host)).collect();
    while let Some(taken) = asked.next().await {
        if taken {
            return true;
        }
    }
    false
}

async fn takes(ground: &Ground, host: &Host) -> bool {
    let Ok(target) = ground.dialer.admit(&host.url, Family::Relay, host.trust) else {
        return false;
    };
    let _permit = ground.budget.permit(host.network, Class::Common).await;
    // Waiting for one's turn is no sign of anything; the dialer's own time begins after it.
    let dialed = ground.dialer.dial(&target).await;
    // Bad TLS came through a connection.
    matches!(dialed, Ok(_) | Err(DialError::Failed(Failure::Tls(_))))
}
