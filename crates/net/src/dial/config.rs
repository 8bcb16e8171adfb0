//! The `[outbound]` section of the configuration.

use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::name::Network;
use super::rules::Rules;
use super::tls::Tls;
use crate::client::Cidr;

/// How the program connects to others: relays, webhooks, documents. Proxy variables of the environment are not looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Networks (CIDR) that are dialed for strangers although they are not public. For development and tests: whoever can
    /// publish an event or register a webhook can make this program connect to every address named here. Names such as
    /// `localhost` stay refused.
    pub allow: Vec<String>,
    /// Name servers, as `address` or `address:port`. None: those of the system (`/etc/resolv.conf`).
    pub name_servers: Vec<String>,
    /// SOCKS5 proxies by network.
    pub socks: Socks,
    /// Seconds that a connection may take from its turn on (`dials`): look-up, all attempts, TLS.
    #[schemars(range(min = 1, max = 300))]
    pub connect_seconds: u64,
    /// Seconds of these that the look-up of a name may take.
    #[schemars(range(min = 1, max = 300))]
    pub lookup_seconds: u64,
    /// Connections that are being made at once; further ones wait for their turn, which is not within their time.
    #[schemars(range(min = 1, max = 65536))]
    pub dials: usize,
    /// Seconds that a whole HTTP exchange may take, the connection included, unless the use has a limit of its own.
    #[schemars(range(min = 1, max = 3600))]
    pub request_seconds: u64,
    /// Bytes of an HTTP answer's body, unless the use has a limit of its own.
    #[schemars(range(min = 1024, max = 1_073_741_824))]
    pub response_bytes: usize,
    /// Files (PEM) with certificates of further authorities that are trusted beside those of the web.
    pub extra_roots: Vec<String>,
}

/// SOCKS5 proxies, as `host:port`; names go to the proxy as they are and are never looked up here.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Socks {
    /// For `.onion` names (Tor, usually `127.0.0.1:9050`). Without it they are refused.
    pub onion: Option<String>,
    /// For `.i2p` names (usually `127.0.0.1:4447`). Without it they are refused.
    pub i2p: Option<String>,
    /// For `.loki` names. Without it they are refused.
    pub loki: Option<String>,
    /// For everything else. Where the names of strangers lead is then the proxy's to judge, as nothing is looked up here.
    pub all: Option<String>,
}

/// A value that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("outbound.{key}: {problem}")]
pub struct ConfigError {
    /// The key, dotted, below `outbound`.
    pub key: String,
    /// What is wrong with its value.
    pub problem: String,
}

impl ConfigError {
    /// An error about this key.
    pub(crate) fn new(key: impl Into<String>, problem: impl Into<String>) -> Self {
        Self {
            key: key.into(),
            problem: problem.into(),
        }
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            allow: Vec::new(),
            name_servers: Vec::new(),
            socks: Socks::default(),
            connect_seconds: 10,
            lookup_seconds: 5,
            dials: 256,
            request_seconds: 15,
            response_bytes: 1 << 20,
            extra_roots: Vec::new(),
        }
    }
}

impl Config {
    /// Checks every value that its type alone does not. The files of `extra_roots` are read when a dialer is made.
    ///
    /// # Errors
    /// The first value that cannot be used.
    pub fn check(&self) -> Result<(), ConfigError> {
        self.rules()?;
        self.servers()?;
        self.socks.proxies()?;
        let ranges: [(&str, u64, RangeInclusive<u64>); 5] = [
            ("connect_seconds", self.connect_seconds, 1..=300),
            ("lookup_seconds", self.lookup_seconds, 1..=300),
            ("dials", self.dials as u64, 1..=65_536),
            ("request_seconds", self.request_seconds, 1..=3_600),
            (
                "response_bytes",
                self.response_bytes as u64,
                1_024..=1 << 30,
            ),
        ];
        for (key, value, range) in ranges {
            if !range.contains(&value) {
                let (from, to) = range.into_inner();
                return Err(ConfigError::new(
                    key,
                    format!("{value} is not between {from} and {to}"),
                ));
            }
        }
        Ok(())
    }

    /// Checks the files of `extra_roots`.
    ///
    /// # Errors
    /// The first that cannot be read or has no certificate.
    pub fn check_files(&self) -> Result<(), ConfigError> {
        Tls::new(&self.extra_roots).map(drop)
    }

    /// What may be dialed.
    ///
    /// # Errors
    /// A network or a proxy that cannot be read.
    pub fn rules(&self) -> Result<Rules, ConfigError> {
        let networks = self.allow.iter().enumerate().map(|(index, text)| {
            text.parse::<Cidr>()
                .map_err(|error| ConfigError::new(format!("allow[{index}]"), error.to_string()))
        });
        let proxies = self.socks.proxies()?;
        let proxied = proxies.into_iter().filter_map(|(network, _)| network);
        Ok(Rules::new(networks.collect::<Result<_, _>>()?, proxied))
    }

    /// The name servers, with port 53 where none is given.
    pub(super) fn servers(&self) -> Result<Vec<SocketAddr>, ConfigError> {
        let read = |(index, text): (usize, &String)| {
            let address = text.trim();
            address
                .parse::<SocketAddr>()
                .or_else(|_| address.parse::<IpAddr>().map(|ip| SocketAddr::new(ip, 53)))
                .map_err(|_| {
                    ConfigError::new(
                        format!("name_servers[{index}]"),
                        "is no IP address, with or without a port",
                    )
                })
        };
        self.name_servers.iter().enumerate().map(read).collect()
    }

    /// How long a connection may take.
    pub(super) const fn connect_time(&self) -> Duration {
        Duration::from_secs(self.connect_seconds)
    }
}

/// Host and port of a proxy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Proxy {
    /// A name or an address without brackets.
    pub host: String,
    /// Its port.
    pub port: u16,
}

impl Socks {
    /// The proxies by network; `None` is the one for everything else.
    pub(super) fn proxies(&self) -> Result<Vec<(Option<Network>, Proxy)>, ConfigError> {
        let keys = [
            ("onion", Some(Network::Tor), &self.onion),
            ("i2p", Some(Network::I2p), &self.i2p),
            ("loki", Some(Network::Lokinet), &self.loki),
            ("all", None, &self.all),
        ];
        let set = keys
            .into_iter()
            .filter_map(|(key, network, text)| Some((key, network, text.as_deref()?)));
        set.map(|(key, network, text)| {
            let proxy = proxy(text).ok_or_else(|| {
                ConfigError::new(format!("socks.{key}"), "is not of the form host:port")
            })?;
            Ok((network, proxy))
        })
        .collect()
    }
}

fn proxy(text: &str) -> Option<Proxy> {
    let text = text.trim();
    if let Ok(address) = text.parse::<SocketAddr>() {
        return Some(Proxy {
            host: address.ip().to_string(),
            port: address.port(),
        });
    }
    let (host, port) = text.rsplit_once(':')?;
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    let host = Some(host).filter(|host| !host.is_empty() && host.bytes().all(fits))?;
    let port = port.parse().ok().filter(|port| *port != 0)?;
    Some(Proxy {
        host: host.to_owned(),
        port,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_can_be_used() {
        Config::default().check().unwrap();
    }

    #[test]
    fn what_cannot_be_used_is_named() {
        let key = |json: &str| {
            let config: Config = serde_json::from_str(json).unwrap();
            config.check().unwrap_err().key
        };
        assert_eq!(key(r#"{"allow":["10.0.0.0/8","x"]}"#), "allow[1]");
        assert_eq!(
            key(r#"{"name_servers":["dns.example"]}"#),
            "name_servers[0]"
        );
        assert_eq!(key(r#"{"socks":{"onion":"127.0.0.1"}}"#), "socks.onion");
        assert_eq!(key(r#"{"socks":{"all":"socks5://a:1"}}"#), "socks.all");
        assert_eq!(key(r#"{"connect_seconds":0}"#), "connect_seconds");
        assert_eq!(key(r#"{"response_bytes":5}"#), "response_bytes");
        assert!(serde_json::from_str::<Config>(r#"{"proxy":"x"}"#).is_err());
    }

    #[test]
    fn name_servers_and_proxies_are_read() {
        let config: Config = serde_json::from_str(
            r#"{"name_servers":["9.9.9.9","[2620:fe::fe]:5353","::1"],"socks":{"onion":"tor:9050","all":"[::1]:1080"}}"#,
        )
        .unwrap();
        let servers: Vec<String> = config
            .servers()
            .unwrap()
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(servers, ["9.9.9.9:53", "[2620:fe::fe]:5353", "[::1]:53"]);
        let proxies = config.socks.proxies().unwrap();
        let read: Vec<_> = proxies
            .iter()
            .map(|(network, proxy)| (*network, proxy.host.as_str(), proxy.port))
            .collect();
        assert_eq!(
            read,
            [(Some(Network::Tor), "tor", 9050), (None, "::1", 1080)]
        );
        let rules = config.rules().unwrap();
        assert!(rules.has_proxy_of(Network::Tor) && !rules.has_proxy_of(Network::I2p));
    }
}
