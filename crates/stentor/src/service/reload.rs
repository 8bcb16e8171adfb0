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
    let now = loaded.config;
    match node.apply(now.clone()) {
        Ok(()) => {
            for section in needs_restart(node.started(), &now) {
                warn!(section, "changes here take effect with a restart");
            }
            info!("configuration reloaded");
        }
        Err(error) => error!(error = format!("{error:#}"), "configuration not reloaded"),
    }
}

/// The sections in which something has changed since the start that only a start puts into force.
fn needs_restart(started: &Config, now: &Config) -> Vec<&'static str> {
    let addresses = |config: &Config| {
        let server = &config.server;
        let places = server.listeners().into_iter();
        let places: Vec<_> = places
            .map(|listener| (listener.name, listener.bind, listener.unix_mode))
            .collect();
        (places, server.ops_listen.clone(), server.threads)
    };
    let indexed = started.relay.search.enabled;
    let search = indexed || now.relay.search.enabled;
    // The number of words is asked for at each search.
    let index = |config: &Config| stentor_relay::config::Search {
        words: 0,
        ..config.relay.search.clone()
    };
    // What the gateway's door shows follows at once.
    let alone = started.observatory.enabled && !started.gateway.enabled;
    let changed = [
        ("server", addresses(started) != addresses(now)),
        ("relay.search", search && index(started) != index(now)),
        // In force for reading events at once; what the index leaves out was settled when it was opened.
        (
            "relay.privacy",
            (indexed || alone) && started.relay.privacy != now.relay.privacy,
        ),
        ("store", started.store != now.store),
        ("records", started.records != now.records),
        ("outbound", started.outbound != now.outbound),
        ("peer", started.peer != now.peer),
        ("auth", started.auth != now.auth),
        ("bus", started.bus != now.bus),
        ("gateway", started.gateway != now.gateway),
        ("observatory", started.observatory != now.observatory),
        ("log", started.log != now.log),
        ("trace", started.trace != now.trace),
    ];
    changed
        .into_iter()
        .filter(|(_, changed)| *changed)
        .map(|(section, _)| section)
        .collect()
}

#[cfg(test)]
mod tests {
    use stentor_auth::Scope;

    use super::*;

    #[test]
    fn p2_what_takes_a_restart_is_named() {
        let started = Config::default();
        let changed = |change: fn(&mut Config)| {
            let mut now = started.clone();
            change(&mut now);
            needs_restart(&started, &now)
        };
        assert_eq!(changed(|_| {}), Vec::<&str>::new());
        assert_eq!(changed(|now| now.server.threads = 3), ["server"]);
        assert_eq!(
            changed(|now| now.relay.search.enabled = false),
            ["relay.search"]
        );
        assert_eq!(
            changed(|now| now.relay.search.words = 3),
            Vec::<&str>::new()
        );
        assert_eq!(
            changed(|now| now.relay.privacy.kinds.push(30_000)),
            ["relay.privacy"]
        );
        assert_eq!(changed(|now| now.records.connections = 3), ["records"]);
        assert_eq!(
            changed(|now| now.auth.public.push(Scope::NostrRead)),
            ["auth"]
        );
        assert_eq!(changed(|now| now.bus.poll_ms += 1), ["bus"]);
        assert_eq!(changed(|now| now.gateway.enabled = false), ["gateway"]);
        assert_eq!(
            changed(|now| now.observatory.enabled = true),
            ["observatory"]
        );
        let urls = |now: &mut Config| now.relay.urls = vec!["wss://a.example.com".into()];
        assert_eq!(changed(urls), Vec::<&str>::new());
    }

    #[test]
    fn p2_search_that_was_off_at_the_start_takes_a_restart() {
        let mut started = Config::default();
        started.relay.search.enabled = false;
        let mut now = started.clone();
        now.relay.search.time_ms += 1;
        now.relay.privacy.kinds.push(30_000);
        assert_eq!(needs_restart(&started, &now), Vec::<&str>::new());
        now.relay.search.enabled = true;
        assert_eq!(needs_restart(&started, &now), ["relay.search"]);
    }

    #[test]
    fn p2_an_observatory_without_a_gateway_learns_of_privacy_with_a_restart() {
        let mut started = Config::default();
        started.relay.search.enabled = false;
        started.observatory.enabled = true;
        started.gateway.enabled = false;
        let mut now = started.clone();
        now.relay.privacy.kinds.push(30_000);
        assert_eq!(needs_restart(&started, &now), ["relay.privacy"]);
    }
}
