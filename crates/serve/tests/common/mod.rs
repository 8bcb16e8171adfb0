//! A server of probing sessions, and a hand-written client that can misbehave.
#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

pub mod client;
pub mod events;
pub mod probe;

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use stentor_serve::{
    ConnectionCaps, ConnectionInfo, ConnectionLimits, Drain, EndReason, HttpConfig, Listener,
    ListenerSettings, ListeningSocket, Outbox, Server, ServerConfig, WebSocketConfig, bind,
    bind_unix, listen,
};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::timeout;

use probe::{Probe, Stats};

/// Far above anything that takes time here; reached only when something hangs.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Where servers listen unless told otherwise.
pub const LOCAL: &str = "127.0.0.1:0";

pub struct Running {
    pub address: SocketAddr,
    pub listener: Arc<Listener>,
    pub server: Server<Probe>,
    pub drain: Drain,
    pub stats: Arc<Stats>,
    opened: UnboundedReceiver<(Arc<ConnectionInfo>, Outbox)>,
    ended: UnboundedReceiver<EndReason>,
}

impl Running {
    pub async fn opened(&mut self) -> (Arc<ConnectionInfo>, Outbox) {
        timeout(PATIENCE, self.opened.recv())
            .await
            .expect("no connection opened")
            .unwrap()
    }

    pub async fn ended(&mut self) -> EndReason {
        timeout(PATIENCE, self.ended.recv())
            .await
            .expect("no connection ended")
            .unwrap()
    }

    /// Lets the session go on that was told to be busy.
    pub fn release(&self) {
        self.stats.release.lock().take().unwrap().send(()).unwrap();
    }
}

pub fn http(change: impl FnOnce(&mut HttpConfig)) -> ServerConfig {
    let mut config = ServerConfig::default();
    change(&mut config.http);
    config
}

pub fn websocket(change: impl FnOnce(&mut WebSocketConfig)) -> ServerConfig {
    let mut websocket = WebSocketConfig::default();
    change(&mut websocket);
    ServerConfig {
        websocket: Arc::new(websocket),
        ..ServerConfig::default()
    }
}

pub fn start() -> Running {
    start_with(ServerConfig::default(), ConnectionCaps::default())
}

pub fn start_with(config: ServerConfig, caps: ConnectionCaps) -> Running {
    start_at(LOCAL, ListenerSettings::default(), config, caps)
}

/// Listens at `address:port` or at `unix:/path`.
pub fn start_at(
    place: &str,
    settings: ListenerSettings,
    config: ServerConfig,
    caps: ConnectionCaps,
) -> Running {
    start_routes(place, settings, config, caps, Router::new())
}

/// The same with these routes beside those that every server of the tests has.
pub fn start_routes(
    place: &str,
    settings: ListenerSettings,
    config: ServerConfig,
    caps: ConnectionCaps,
    routes: Router,
) -> Running {
    let (probe, opened, ended) = Probe::new();
    let stats = Arc::clone(&probe.stats);
    let drain = Drain::new();
    let hello = || async { "hello" };
    let router = routes.route("/", get(hello)).route(
        "/never",
        get(|| async { std::future::pending::<()>().await }),
    );
    let server = Server::new(
        probe,
        router,
        config,
        ConnectionLimits::new(caps),
        drain.clone(),
    );
    let socket = match place.strip_prefix("unix:") {
        Some(path) => ListeningSocket::Unix(bind_unix(Path::new(path), 0o600).unwrap()),
        None => ListeningSocket::Tcp(bind(&[place.parse().unwrap()]).unwrap().remove(0)),
    };
    let address = socket.local_addr().unwrap_or(stentor_serve::UNIX_PEER);
    let listener = Listener::new("test", settings);
    tokio::spawn(listen(server.clone(), socket, Arc::clone(&listener)));
    Running {
        address,
        listener,
        server,
        drain,
        stats,
        opened,
        ended,
    }
}

/// A server with these routes and nothing else out of the ordinary.
pub fn start_with_routes(config: ServerConfig, routes: Router) -> Running {
    let (settings, caps) = (ListenerSettings::default(), ConnectionCaps::default());
    start_routes(LOCAL, settings, config, caps, routes)
}

/// Waits until the server has no connection any more.
pub async fn deserted(running: &Running) {
    let gone = async {
        while running.server.limits().open() > 0 {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, gone).await.expect("a connection is left");
}
