//! The handle of a connection.

use std::net::SocketAddr;
use std::sync::Arc;

use stentor_event::{Filter, SubscriptionId};
use stentor_net::dial::{Dialer, Stream, Target, Trust};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, broadcast, mpsc};
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};

use crate::auth::Authentication;
use crate::check::{Dropped, Drops};
use crate::config::Config;
use crate::connect::{Socket, connect, shake_hands};
use crate::driver;
use crate::error::{Ended, PeerError};
use crate::routes::Routes;
use crate::signer::Signer;

/// Messages that wait to be written, beside those for which a place is kept.
const OUTGOING: usize = 64;

/// A connection to a relay. Cheap to clone; the connection is closed when the last clone and everything opened with it is dropped.
#[derive(Clone)]
pub struct Peer(pub(crate) Arc<Inner>);

/// What all handles of a connection share.
pub(crate) struct Inner {
    pub url: String,
    pub remote: Option<SocketAddr>,
    pub config: Config,
    pub routes: Arc<Routes>,
    pub outgoing: mpsc::Sender<Message>,
    pub slots: Arc<Semaphore>,
    pub window: Arc<Semaphore>,
    pub auth: Authentication,
}

impl Peer {
    /// Connects to a relay. `signer` answers NIP-42's question who we are, when `config.auth` lets it.
    ///
    /// # Errors
    /// [`PeerError::Config`], [`PeerError::Dial`], [`PeerError::Handshake`], [`PeerError::Status`] or [`PeerError::Timeout`].
    pub async fn connect(
        dialer: &Dialer,
        url: &str,
        trust: Trust,
        config: Config,
        signer: Option<Arc<dyn Signer>>,
    ) -> Result<Self, PeerError> {
        config.check()?;
        let (socket, target) = connect(dialer, url, trust, &config).await?;
        // The relay compares our AUTH event with the URL as we wrote it.
        Ok(Self::on(socket, target.url(), url.trim(), config, signer))
    }

    /// Makes a connection of one that was dialed to this target: for whoever wants to know how it came about, too.
    ///
    /// # Errors
    /// As [`connect`](Self::connect), without those of dialing.
    pub async fn over_stream(
        stream: Stream,
        target: &Target,
        config: Config,
        signer: Option<Arc<dyn Signer>>,
    ) -> Result<Self, PeerError> {
        config.check()?;
        let socket = shake_hands(stream, target, &config).await?;
        Ok(Self::on(socket, target.url(), target.url(), config, signer))
    }

    fn on(
        socket: Socket,
        url: &str,
        written: &str,
        config: Config,
        signer: Option<Arc<dyn Signer>>,
    ) -> Self {
        // One place is kept for each subscription's CLOSE.
        let (outgoing, queue) = mpsc::channel(OUTGOING + config.subscriptions);
        let routes = Arc::new(Routes::new());
        let pings = outgoing.downgrade();
        let inner = Arc::new(Inner {
            url: url.to_owned(),
            remote: socket.get_ref().remote(),
            slots: Arc::new(Semaphore::new(config.subscriptions)),
            window: Arc::new(Semaphore::new(config.window)),
            auth: Authentication::new(signer, written),
            config: config.clone(),
            routes: routes.clone(),
            outgoing,
        });
        let handles = Arc::downgrade(&inner);
        tokio::spawn(driver::run(socket, queue, pings, routes, handles, config));
        Self(inner)
    }

    /// The canonical URL of the relay.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.0.url
    }

    /// The relay's address; `None` behind a proxy.
    #[must_use]
    pub fn remote(&self) -> Option<SocketAddr> {
        self.0.remote
    }

    /// Why the connection has ended, if it has.
    #[must_use]
    pub fn ended(&self) -> Option<Ended> {
        self.0.routes.ended()
    }

    /// Waits until the connection has ended, and tells why. This handle keeps the connection open meanwhile; the future can be
    /// dropped.
    pub async fn over(&self) -> Ended {
        let mut signs = self.0.routes.challenge.subscribe();
        // An error would say that nobody can tell any more.
        let _ = signs.wait_for(|_| self.ended().is_some()).await;
        self.ended().unwrap_or(Ended::Local)
    }

    /// Whether the relay has asked who we are (NIP-42) on this connection, answered or not.
    #[must_use]
    pub fn challenged(&self) -> bool {
        self.0.routes.challenge.borrow().is_some()
    }

    /// How much of what the relay sent was dropped.
    #[must_use]
    pub fn drops(&self) -> &Drops {
        &self.0.routes.drops
    }

    /// Counts an event that was found to be bad after it was handed over: its signature, where [`Config::verify`] leaves that to
    /// who stores it. A relay that sends too many is left, as for what is found here.
    pub fn report(&self, reason: Dropped) {
        self.0.routes.drops.add(reason);
        if !self.0.routes.drops.are_too_many(self.0.config.faults) {
            return;
        }
        self.0.routes.end(&Ended::Misbehaved);
        // When there is no room, the writer has enough to do to find out that nobody reads.
        let _ = self.0.outgoing.try_send(Message::Close(None));
    }

    /// The relay's NOTICEs from now on, each of at most 1,000 characters. Whoever takes more than 64 too late misses the oldest.
    #[must_use]
    pub fn notices(&self) -> broadcast::Receiver<Arc<str>> {
        self.0.routes.notices.subscribe()
    }

    /// Closes the connection for all handles, after what was sent before.
    pub async fn close(&self) {
        // An error says that it is closed.
        let _ = self.0.outgoing.send(Message::Close(None)).await;
    }

    /// Sends one message; waits while too many are on their way.
    pub(crate) async fn send_text(&self, message: Vec<u8>) -> Result<(), PeerError> {
        let sent = self.0.outgoing.send(text(message)).await;
        sent.map_err(|_| self.gone())
    }

    /// The error for a connection that is no more.
    pub(crate) fn gone(&self) -> PeerError {
        self.ended().unwrap_or(Ended::Local).into()
    }

    /// A place among the subscriptions.
    pub(crate) fn slot(&self) -> Result<OwnedSemaphorePermit, PeerError> {
        let slots = self.0.slots.clone();
        slots
            .try_acquire_owned()
            .map_err(|_| PeerError::TooManySubscriptions)
    }

    /// A message with the name of a subscription in it.
    pub(crate) fn message(id: u64, write: impl FnOnce(&mut Vec<u8>, &SubscriptionId)) -> Vec<u8> {
        let mut message = Vec::new();
        write(&mut message, &SubscriptionId::from(id));
        message
    }
}

/// Refuses a query without filters.
pub(crate) fn some(filters: &[Filter]) -> Result<(), PeerError> {
    if filters.is_empty() {
        return Err(PeerError::NoFilters);
    }
    Ok(())
}

/// A text message. What we write is UTF-8.
pub(crate) fn text(message: Vec<u8>) -> Message {
    Message::Text(Utf8Bytes::try_from(message).unwrap_or_default())
}
