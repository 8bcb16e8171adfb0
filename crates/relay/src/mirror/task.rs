//! The task of one mirror: connects, has everything done that is to be done over a connection, and connects again.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use stentor_event::{Filter, SecretKey};
use stentor_net::dial::Trust;
use stentor_net::retry::Backoff;
use stentor_peer::{AuthWhen, Config as PeerConfig, KeySigner, Link, LinkTimes, Peer, Signer};
use tokio::sync::watch;

use super::place::{Place, Reached};
use super::set::Outbound;
use super::status::{MirrorState, Status};
use super::{contact, live, up};
use crate::config;
use crate::service::Relay;
use crate::state::now;
use crate::sync::{Home, Journal, Order, Origins, Remote, SyncError};

/// How often it is looked whether a connection has ended over which nothing is asked.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// How long a connection that we close may take to end.
const CLOSING: Duration = Duration::from_secs(5);

/// A mirror.
pub(super) struct Mirror {
    pub config: config::Mirror,
    pub filters: Vec<Filter>,
    pub outbound: Outbound,
    pub status: Arc<Status>,
    relay: Relay,
    origins: Option<Origins>,
}

impl Mirror {
    pub fn new(
        config: config::Mirror,
        filters: Vec<Filter>,
        outbound: Outbound,
        status: Arc<Status>,
        relay: Relay,
    ) -> Self {
        // Only what is sent as well can be sent back.
        let origins =
            (config.direction.is_up() && config.direction.is_down()).then(Origins::default);
        Self {
            config,
            filters,
            outbound,
            status,
            relay,
            origins,
        }
    }

    /// What has come from there a moment ago.
    pub fn origins(&self) -> Option<&Origins> {
        self.origins.as_ref()
    }

    /// Wakes up at every commit.
    pub fn commits(&self) -> watch::Receiver<()> {
        self.relay.state.commits.subscribe()
    }

    /// The other relay.
    pub fn remote(&self) -> Remote {
        Remote {
            dialer: self.outbound.dialer.clone(),
            url: self.config.url.clone(),
            trust: Trust::Operator,
            config: self.peer_config(),
            signer: self.signer(),
        }
    }

    fn peer_config(&self) -> PeerConfig {
        PeerConfig {
            // Our store verifies what it does not have yet.
            verify: false,
            auth: if self.config.auth {
                AuthWhen::Required
            } else {
                AuthWhen::Never
            },
            ..self.outbound.peer.clone()
        }
    }

    fn signer(&self) -> Option<Arc<dyn Signer>> {
        let key: SecretKey = SecretKey::clone(&self.relay.state.own_key);
        self.config
            .auth
            .then(|| Arc::new(KeySigner(key)) as Arc<dyn Signer>)
    }

    /// Where it is written down what is left of catching up.
    pub fn journal(&self, home: &Home, order: &Order) -> Journal {
        Journal::of_mirror(
            home.records().clone(),
            &self.config.name,
            self.config.url.trim(),
            order,
        )
    }

    fn link(&self) -> Link {
        let times = LinkTimes {
            longest: Duration::from_secs(120),
            ..LinkTimes::default()
        };
        let url = self.config.url.trim();
        let link = Link::new(
            self.outbound.dialer.clone(),
            url,
            Trust::Operator,
            self.peer_config(),
            &times,
        );
        match self.signer() {
            Some(signer) => link.signed_by(signer),
            None => link,
        }
    }
}

/// Runs until it is dropped, or its URL may not be dialed.
pub(super) async fn run(mirror: Arc<Mirror>) {
    let mut backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(60));
    loop {
        let Err(error) = keep_connected(&mirror).await;
        mirror.status.trouble(&error);
        if let SyncError::Peer(error) = &error
            && error.is_permanent()
        {
            mirror.status.set(MirrorState::Failed);
            return;
        }
        // The records, or something else of ours.
        let random = getrandom::u64().unwrap_or(u64::MAX);
        tokio::time::sleep(backoff.next(random)).await;
    }
}

async fn keep_connected(mirror: &Mirror) -> Result<Infallible, SyncError> {
    let store = &mirror.relay.state.store;
    let first = Reached {
        contact: now().0.saturating_sub(mirror.config.history_seconds),
        history: false,
        seq: store.last_seq().0,
    };
    let records = mirror.relay.access().records().clone();
    let (name, url) = (mirror.config.name.clone(), mirror.config.url.trim());
    let place = Place::open(records, name, url.to_owned(), first).await?;
    let (mut link, mut connections) = (mirror.link(), 0_u64);
    loop {
        mirror.status.set(MirrorState::Connecting);
        let peer = link.peer(|error, _| mirror.status.trouble(error)).await?;
        connections += 1;
        if connections > 1 {
            mirror.status.reconnected();
        }
        mirror.status.set(MirrorState::CatchingUp);
        let Err(error) = attend(mirror, &peer, &place).boxed().await;
        mirror.status.trouble(&error);
        close(&peer).await;
    }
}

/// Does everything that is to be done over a connection, until it ends.
async fn attend(mirror: &Mirror, peer: &Peer, place: &Place) -> Result<Infallible, SyncError> {
    let home = mirror.relay.home(&mirror.config.url);
    let down = async {
        if !mirror.config.direction.is_down() {
            return std::future::pending().await;
        }
        // Before the gap is made up for: what comes meanwhile comes by this way.
        let reached = place.reached().await;
        let since = |filter: &Filter| contact::since(reached, filter);
        let events = live::open(peer, &mirror.filters, since).await?;
        tokio::try_join!(
            live::follow(mirror, &home, peer, events).boxed(),
            contact::keep(mirror, &home, peer, place).boxed()
        )
        .map(|(never, _)| never)
    };
    let up = async {
        if !mirror.config.direction.is_up() {
            return std::future::pending().await;
        }
        up::publish(mirror, &home, peer, place).boxed().await
    };
    let history = async {
        if mirror.config.direction.is_down() {
            return std::future::pending().await;
        }
        contact::keep(mirror, &home, peer, place).boxed().await
    };
    tokio::try_join!(down, up, history, ended(peer)).map(|(never, ..)| never)
}

/// Waits until a connection has ended.
async fn ended(peer: &Peer) -> Result<Infallible, SyncError> {
    loop {
        if let Some(ended) = peer.ended() {
            return Err(stentor_peer::PeerError::from(ended).into());
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// Closes a connection, and waits until it has ended: the link gives the same one again as long as it lives.
async fn close(peer: &Peer) {
    let closing = async {
        peer.close().await;
        ended(peer).await
    };
    // When the time is up, the connection's own limits end it.
    let _ = tokio::time::timeout(CLOSING, closing).await;
}
