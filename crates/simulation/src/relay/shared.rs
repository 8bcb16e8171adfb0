//! What the connections of a relay and its handle share.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::RwLock;
use stentor_event::Event;
use tokio::sync::{broadcast, watch};
use tokio_rustls::TlsAcceptor;

use super::holdings::{Holdings, Kept};
use super::log::Log;
use crate::character::Character;
use crate::manners::Manners;
use crate::truth::Truth;

/// Events that a connection may lag behind what is published; it is closed when it lags more.
const LIVE: usize = 64;

/// What a relay is made of.
pub(crate) struct Birth {
    pub(crate) number: usize,
    pub(crate) character: Character,
    pub(crate) manners: Manners,
    pub(crate) address: SocketAddr,
    pub(crate) holdings: Holdings,
    pub(crate) truth: Truth,
    pub(crate) acceptor: Option<TlsAcceptor>,
    pub(crate) pause: Duration,
    pub(crate) seed: u64,
    /// Where a document is redirected to.
    pub(crate) elsewhere: Arc<str>,
    /// URLs that its document names.
    pub(crate) mentions: Arc<[String]>,
}

pub(super) struct Shared {
    pub(super) url: String,
    pub(super) birth: Birth,
    pub(super) holdings: RwLock<Holdings>,
    pub(super) log: Log,
    /// Whether the relay shall be offline.
    pub(super) offline: watch::Sender<bool>,
    /// Whether it is listening.
    pub(super) listening: AtomicBool,
    pub(super) live: broadcast::Sender<Arc<Event>>,
    /// REQs that were answered or refused.
    pub(super) served: AtomicU64,
}

impl Shared {
    pub(super) fn new(mut birth: Birth) -> Self {
        let holdings = std::mem::take(&mut birth.holdings);
        Self {
            url: url(&birth.manners, birth.address),
            birth,
            holdings: RwLock::new(holdings),
            log: Log::default(),
            offline: watch::Sender::new(false),
            listening: AtomicBool::new(false),
            live: broadcast::Sender::new(LIVE),
            served: AtomicU64::new(0),
        }
    }

    pub(super) fn manners(&self) -> &Manners {
        &self.birth.manners
    }

    /// Keeps an event, where its kind is kept, and passes it on to subscribers if it is new.
    pub(super) fn take(&self, event: &Event) -> Kept {
        let kept = if event.kind().is_ephemeral() {
            Kept::New
        } else {
            self.holdings.write().insert(event.clone())
        };
        if kept == Kept::New {
            // Nobody listening is no fault.
            let _ = self.live.send(Arc::new(event.clone()));
        }
        kept
    }

    pub(super) fn set_listening(&self, listening: bool) {
        self.listening.store(listening, Ordering::SeqCst);
        self.log.touch();
    }

    /// Resolves when the relay is to be offline.
    pub(super) async fn cut(&self) -> io::Error {
        let mut offline = self.offline.subscribe();
        // The sender lives as long as this does.
        let _ = offline.wait_for(|offline| *offline).await;
        io::ErrorKind::ConnectionAborted.into()
    }
}

/// The canonical URL of a relay.
pub(crate) fn url(manners: &Manners, address: SocketAddr) -> String {
    let scheme = if manners.is_tls() { "wss" } else { "ws" };
    format!("{scheme}://{address}/")
}
