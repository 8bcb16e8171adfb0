//! The `[server]` section.

use std::net::SocketAddr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use stentor_net::client::{ForwardHeader, TrustedProxies};

/// Where the program listens, and how it treats connections. A reload (SIGHUP) concerns connections opened after it;
/// addresses and threads change with a restart only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ServerConfig {
    /// Address and port for everybody: the relay on `/`. Port 0 lets the system choose. A socket passed by the service
    /// manager (systemd's socket activation) is used in its place.
    pub listen: String,
    /// Address and port for the operator: `/health/live`, `/health/ready`, `/metrics`. An empty text switches it off.
    pub ops_listen: String,
    /// Addresses and networks (CIDR) of the reverse proxies whose word on the client's address is believed.
    pub trusted_proxies: Vec<String>,
    /// The header in which these name the client. Only this one is read.
    pub forward_header: ForwardHeader,
    /// Whether messages are compressed for clients that ask for it (permessage-deflate).
    pub compression: bool,
    /// From 1, the fastest, to 9, the smallest.
    #[schemars(range(min = 1, max = 9))]
    pub compression_level: u32,
    /// Silence of a client after which it is pinged. 0: never.
    #[schemars(range(max = 86400))]
    pub ping_seconds: u64,
    /// Further silence after which the connection is closed.
    #[schemars(range(min = 1, max = 86400))]
    pub pong_timeout_seconds: u64,
    /// How long a client may take nothing of what is sent to it before it is cut off. 0: for ever.
    #[schemars(range(max = 86400))]
    pub write_timeout_seconds: u64,
    /// How long a stopping node lets clients and accepted writes finish.
    #[schemars(range(min = 1, max = 3600))]
    pub drain_seconds: u64,
    /// Threads that serve connections; 0 means one for each core.
    #[schemars(range(max = 1024))]
    pub threads: usize,
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            listen: "127.0.0.1:7447".to_owned(),
            ops_listen: "127.0.0.1:7448".to_owned(),
            trusted_proxies: Vec::new(),
            forward_header: ForwardHeader::XForwardedFor,
            compression: true,
            compression_level: 1,
            ping_seconds: 45,
            pong_timeout_seconds: 30,
            write_timeout_seconds: 60,
            drain_seconds: 10,
            threads: 0,
        }
    }
}

impl ServerConfig {
    /// Faults that the types do not show.
    pub fn check(&self) -> Vec<(String, String)> {
        let mut faults = Vec::new();
        let addresses = [
            ("server.listen", &self.listen, true),
            ("server.ops_listen", &self.ops_listen, false),
        ];
        for (key, address, needed) in addresses {
            if (needed || !address.is_empty()) && address.parse::<SocketAddr>().is_err() {
                let message = "must be an address and a port, such as 127.0.0.1:7447 or [::1]:7447";
                faults.push((key.to_owned(), message.to_owned()));
            }
        }
        if let Err(error) = self.proxies() {
            faults.push(("server.trusted_proxies".to_owned(), error));
        }
        faults
    }
}

impl ServerConfig {
    /// The proxies that are believed.
    ///
    /// # Errors
    /// What is wrong with the first entry that is no address or network.
    pub fn proxies(&self) -> Result<TrustedProxies, String> {
        let one = |(index, text): (usize, &String)| {
            text.parse()
                .map_err(|error| format!("entry {}: {error}", index + 1))
        };
        let networks = self
            .trusted_proxies
            .iter()
            .enumerate()
            .map(one)
            .collect::<Result<_, String>>()?;
        Ok(TrustedProxies {
            networks,
            header: self.forward_header,
        })
    }
}
