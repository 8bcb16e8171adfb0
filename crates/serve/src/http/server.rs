//! The server: what listeners hand accepted sockets to.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arc_swap::ArcSwap;
use axum::Router;
use parking_lot::Mutex;
use tokio::sync::Semaphore;

use super::handover::Handover;
use super::handshakes::Handshakes;
use super::request::Ends;
use super::{ServerConfig, refuse};
use crate::drain::Drain;
use crate::info::ConnectionInfo;
use crate::limits::{ConnectionLimits, Places};
use crate::listener::ListenerSettings;
use crate::metrics::ServeMetrics;
use crate::outbox::Outbox;
use crate::session::{Session, SessionFactory};

/// The next connection's number. All servers of the process share it, as their log lines come together.
static NEXT_ID: AtomicU64 = AtomicU64::new(1);

/// A number for a connection.
pub(super) fn next_id() -> u64 {
    NEXT_ID.fetch_add(1, Ordering::Relaxed)
}

/// Serves HTTP and WebSocket on accepted sockets. Cloning shares it.
pub struct Server<F> {
    pub(super) shared: Arc<Shared<F>>,
}

impl<F> Clone for Server<F> {
    fn clone(&self) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
        }
    }
}

pub(super) struct Shared<F> {
    /// `None`: no WebSocket here.
    pub(super) factory: Option<Arc<F>>,
    pub(super) router: Router,
    pub(super) config: ArcSwap<ServerConfig>,
    pub(super) limits: Arc<ConnectionLimits>,
    pub(super) drain: Drain,
    pub(super) metrics: Arc<ServeMetrics>,
    /// Places for refusals being told.
    pub(super) refusing: Arc<Semaphore>,
    /// The TLS handshakes that run.
    pub(super) handshakes: Handshakes,
}

/// One accepted socket's HTTP side.
pub(super) struct HttpConnection {
    /// The number of the connection, which stays the same when it becomes a WebSocket.
    pub(super) id: u64,
    pub(super) ends: Ends,
    /// What its listener was told when it was accepted.
    pub(super) settings: Arc<ListenerSettings>,
    /// Handed on to what the connection becomes.
    pub(super) places: Mutex<Option<Places>>,
    /// What it becomes after HTTP.
    pub(super) handover: Arc<Handover>,
}

/// Stands for the sessions of a server without WebSocket.
#[derive(Debug, Clone, Copy)]
pub enum NoSessions {}

impl Session for NoSessions {
    fn on_text(&mut self, _: &str, _: &mut crate::SessionIo<'_>) -> crate::Flow {
        match *self {}
    }
}

impl SessionFactory for NoSessions {
    type Session = Self;

    fn open(&self, _: &Arc<ConnectionInfo>, _: &Outbox) -> Self {
        match *self {}
    }
}

impl Server<NoSessions> {
    /// A server of a router alone.
    #[must_use]
    pub fn http_only(
        router: Router,
        config: ServerConfig,
        limits: Arc<ConnectionLimits>,
        drain: Drain,
    ) -> Self {
        Self::make(None, router, config, limits, drain)
    }
}

impl<F: SessionFactory> Server<F> {
    /// A server of WebSocket sessions on `/` and of a router for the rest, whose routes can upgrade with [`crate::Upgrade`]. Make it after the metrics recorder is installed.
    #[must_use]
    pub fn new(
        factory: F,
        router: Router,
        config: ServerConfig,
        limits: Arc<ConnectionLimits>,
        drain: Drain,
    ) -> Self {
        Self::make(Some(factory), router, config, limits, drain)
    }

    fn make(
        factory: Option<F>,
        router: Router,
        config: ServerConfig,
        limits: Arc<ConnectionLimits>,
        drain: Drain,
    ) -> Self {
        let shared = Shared {
            factory: factory.map(Arc::new),
            router,
            config: ArcSwap::from_pointee(config),
            limits,
            drain,
            metrics: Arc::new(ServeMetrics::new()),
            refusing: Arc::new(Semaphore::new(refuse::MAX_REFUSING)),
            handshakes: Handshakes::new(),
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// Takes new settings for the connections to come.
    pub fn reload(&self, config: ServerConfig) {
        self.shared.config.store(Arc::new(config));
    }

    /// The settings.
    #[must_use]
    pub fn config(&self) -> Arc<ServerConfig> {
        self.shared.config.load_full()
    }

    /// The connection caps, to be changed while running.
    #[must_use]
    pub fn limits(&self) -> &Arc<ConnectionLimits> {
        &self.shared.limits
    }

    /// The drain that ends it.
    #[must_use]
    pub fn drain(&self) -> &Drain {
        &self.shared.drain
    }
}
