//! What follows from the configuration for the parts of the node, at the start and at a reload.

use std::sync::Arc;
use std::time::Duration;

use stentor_serve::{ConnectionCaps, HttpConfig, ServerConfig, WebSocketConfig};
use tracing::{error, info, warn};

use super::node::Node;
use crate::config::{Config, Sources, load};

/// How connections are served, on whichever listener.
pub fn server(config: &Config) -> ServerConfig {
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
    let http = HttpConfig {
        handshake_timeout: Duration::from_secs(server.handshake_seconds),
        handshakes: server.handshakes,
        ..HttpConfig::default()
    };
    ServerConfig {
        http,
        websocket: Arc::new(websocket),
    }
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
    match node.apply(loaded.config.clone()) {
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
        let places = server.listeners().into_iter();
        let places: Vec<_> = places
            .map(|listener| (listener.name, listener.bind, listener.unix_mode))
            .collect();
        (places, server.ops_listen.clone(), server.threads)
    };
    // What of it takes effect at once makes no difference here.
    let search = |config: &Config| stentor_relay::config::Search {
        words: 0,
        enabled: config.relay.search.enabled && before.relay.search.enabled,
        ..config.relay.search.clone()
    };
    let changed = [
        ("server", addresses(before) != addresses(now)),
        ("relay.search", search(before) != search(now)),
        ("store", before.store != now.store),
        ("records", before.records != now.records),
        ("outbound", before.outbound != now.outbound),
        ("peer", before.peer != now.peer),
        ("log", before.log != now.log),
        ("trace", before.trace != now.trace),
    ];
    changed
        .into_iter()
        .filter(|(_, changed)| *changed)
        .map(|(section, _)| section)
        .collect()
}
