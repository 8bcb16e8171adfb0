//! What follows from the configuration for the parts of the node, at the start and at a reload.

use std::sync::Arc;
use std::time::Duration;

use stentor_serve::{ConnectionCaps, HttpConfig, ServerConfig, WebSocketConfig};
use tracing::{error, info, warn};

use super::node::Node;
use crate::config::{Config, Sources, load};

/// The settings of the public listener.
///
/// # Errors
/// When an entry of the trusted proxies is none; a checked configuration has only good ones.
pub fn server(config: &Config) -> anyhow::Result<ServerConfig> {
    let (server, limits) = (&config.server, &config.relay.limits);
    let websocket = WebSocketConfig {
        max_message: limits.message_bytes,
        outbox: limits.outbox(),
        ping_interval: Duration::from_secs(server.ping_seconds),
        pong_timeout: Duration::from_secs(server.pong_timeout_seconds),
        write_timeout: Duration::from_secs(server.write_timeout_seconds),
        deflate: server.compression,
        deflate_level: server.compression_level,
        ..WebSocketConfig::default()
    };
    let public = server.listeners().into_iter().next().unwrap_or_default();
    let proxies = public
        .proxies()
        .map_err(|(_, error)| anyhow::Error::msg(error))?;
    Ok(ServerConfig {
        http: HttpConfig::default(),
        websocket: Arc::new(websocket),
        proxies,
    })
}

/// The caps on connections.
pub fn caps(config: &Config) -> ConnectionCaps {
    let limits = &config.relay.limits;
    ConnectionCaps {
        total: limits.connections,
        per_address: limits.connections_per_ip,
    }
}

/// Reads the configuration again and puts it into force. When it has faults, all of the old one stays in force.
pub fn reload(node: &Node, sources: &Sources) {
    let loaded = match load(sources) {
        Ok(loaded) => loaded,
        Err(faults) => {
            for fault in &faults.0 {
                error!(%fault, "configuration not reloaded");
            }
            return;
        }
    };
    let applied =
        server(&loaded.config).and_then(|server| node.apply(loaded.config.clone(), server));
    match applied {
        Ok(before) => {
            for section in needs_restart(&before, &loaded.config) {
                warn!(section, "changes here take effect with a restart");
            }
            info!("configuration reloaded");
        }
        Err(error) => error!(%error, "configuration not reloaded"),
    }
}

fn needs_restart(before: &Config, now: &Config) -> Vec<&'static str> {
    let addresses = |config: &Config| {
        let server = &config.server;
        (
            server.listen.clone(),
            server.ops_listen.clone(),
            server.threads,
        )
    };
    let changed = [
        ("server", addresses(before) != addresses(now)),
        ("store", before.store != now.store),
        ("log", before.log != now.log),
    ];
    changed
        .into_iter()
        .filter(|(_, changed)| *changed)
        .map(|(section, _)| section)
        .collect()
}
