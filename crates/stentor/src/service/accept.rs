//! Connections from the listening sockets to the servers.

use std::sync::Arc;

use metrics_exporter_prometheus::PrometheusHandle;
use stentor_serve::ops::{self, Readiness};
use stentor_serve::{
    ConnectionCaps, ConnectionLimits, Drain, Listener, ListenerSettings, ListeningSocket, Server,
    ServerConfig, SessionFactory, listen,
};
use tracing::error;

use super::listeners::Listeners;
use super::sockets::Sockets;
use crate::control::Named;

/// Connections to the operations listener at once.
const OPS_CONNECTIONS: ConnectionCaps = ConnectionCaps {
    total: 256,
    per_address: 0,
};

/// Accepts connections until the server's drain starts. Spawn it.
async fn accept<F: SessionFactory>(
    server: Server<F>,
    socket: ListeningSocket,
    listener: Arc<Listener>,
) {
    let name = Arc::clone(listener.name());
    if let Err(error) = listen(server, socket, listener).await {
        error!(%error, listener = &*name, "cannot accept connections");
    }
}

/// Serves health and metrics from now on, until the drain that it gives.
///
/// # Errors
/// When there are no descriptors left.
pub fn operations(
    sockets: &Sockets,
    readiness: &Readiness,
    metrics: &PrometheusHandle,
) -> anyhow::Result<Drain> {
    let drain = Drain::new();
    let server = Server::http_only(
        ops::router(readiness.clone(), Some(metrics.clone())),
        ServerConfig::default(),
        ConnectionLimits::new(OPS_CONNECTIONS),
        drain.clone(),
    );
    let listener = Listener::new("operations", ListenerSettings::default());
    for socket in &sockets.operations {
        let socket = socket.try_clone()?;
        tokio::spawn(accept(server.clone(), socket, Arc::clone(&listener)));
    }
    Ok(drain)
}

/// Serves clients from now on, until the server's drain.
pub fn clients<F: SessionFactory>(server: &Server<F>, sockets: Vec<Named>, listeners: &Listeners) {
    for Named { name, socket } in sockets {
        if let Some(listener) = listeners.get(&name) {
            tokio::spawn(accept(server.clone(), socket, Arc::clone(listener)));
        }
    }
}
