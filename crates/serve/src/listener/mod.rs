//! Listeners: what each is told, their sockets, and the loop that accepts from these.

mod accept;
mod bind;
mod inherited;
mod socket;
mod unix;

use std::sync::Arc;

use arc_swap::ArcSwap;
use stentor_net::client::TrustedProxies;

pub use accept::listen;
pub use bind::bind;
pub use inherited::{Inherited, inherited};
pub use socket::ListeningSocket;
pub use unix::{SocketFile, UnixSocket, bind_unix};

use crate::limits::{ConnectionCaps, ConnectionLimits};
use crate::tls::Tls;

/// What a listener is told. A change concerns connections accepted after it.
#[derive(Clone)]
pub struct ListenerSettings {
    /// Whose word about client addresses is taken.
    pub proxies: TrustedProxies,
    /// Whether connections begin with a PROXY protocol header. Then only [`ListenerSettings::proxies`] are let in.
    pub proxy_protocol: bool,
    /// TLS, if it is spoken here.
    pub tls: Option<Arc<Tls>>,
    /// Caps on its own connections, within those of the server. A connection that was accepted while there were none is not
    /// counted later.
    pub caps: ConnectionCaps,
}

impl Default for ListenerSettings {
    fn default() -> Self {
        Self {
            proxies: TrustedProxies::default(),
            proxy_protocol: false,
            tls: None,
            caps: ConnectionCaps::NONE,
        }
    }
}

/// A listener: one or more sockets under one name.
pub struct Listener {
    name: Arc<str>,
    settings: ArcSwap<ListenerSettings>,
    limits: Arc<ConnectionLimits>,
}

impl Listener {
    /// A listener of this name. Make it after the metrics recorder is installed.
    #[must_use]
    pub fn new(name: &str, settings: ListenerSettings) -> Arc<Self> {
        Arc::new(Self {
            name: Arc::from(name),
            limits: ConnectionLimits::of_listener(settings.caps, name),
            settings: ArcSwap::from_pointee(settings),
        })
    }

    /// The configured name.
    #[must_use]
    pub const fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// What it is told.
    #[must_use]
    pub fn settings(&self) -> Arc<ListenerSettings> {
        self.settings.load_full()
    }

    /// Tells it something else.
    pub fn set(&self, settings: ListenerSettings) {
        self.limits.set(settings.caps);
        self.settings.store(Arc::new(settings));
    }

    /// The counter of its own connections.
    pub(crate) const fn limits(&self) -> &Arc<ConnectionLimits> {
        &self.limits
    }
}
