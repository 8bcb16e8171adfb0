//! Asking whether anybody at all can be reached.

use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use stentor_net::dial::{DialError, Failure, Family, Trust};

use crate::budget::Class;
use crate::ground::Ground;
use crate::relay_url::Network;

/// How long a host has to take a connection.
const TIME: Duration = Duration::from_secs(5);

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
    // Waiting for one's turn is no sign of anything, so it is not within the time.
    let _permit = ground.budget.permit(host.network, Class::Common).await;
    let dialed = tokio::time::timeout(TIME, ground.dialer.dial(&target)).await;
    // Bad TLS came through a connection.
    matches!(dialed, Ok(Ok(_) | Err(DialError::Failed(Failure::Tls(_)))))
}
