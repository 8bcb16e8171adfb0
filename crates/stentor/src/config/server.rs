//! The `[server]` section.

use std::collections::HashSet;
use std::net::SocketAddr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use stentor_net::client::ForwardHeader;

use super::listener::{ListenerConfig, ProxyProtocol};

/// Most further listeners; their sockets are to fit into one message to a successor.
const MAX_LISTENERS: usize = 64;
/// The name of the first listener.
pub const PUBLIC: &str = "public";

/// Where the program listens, and how it treats connections. A reload (SIGHUP) concerns connections opened after it;
/// addresses and threads change with a restart only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ServerConfig {
    /// Where the first listener, `public`, listens: `ADDRESS:PORT`, `[ADDRESS]:PORT` for IPv6 (`[::]` takes IPv4 too), or
    /// `unix:/PATH`. The relay is on `/`. Port 0 lets the system choose. A socket passed by the service manager (systemd's
    /// socket activation) is used in its place. An empty text switches it off, for when `[[server.listeners]]` has others.
    pub listen: String,
    /// Permissions of the first listener's Unix socket, in octal; nothing to do with other sockets. Changes with a restart.
    pub unix_mode: String,
    /// File with the first listener's certificate and those that vouch for it (PEM). With `tls_key`, it speaks TLS. Both
    /// files are read again on a reload and when they change; a pair that is not good leaves the one before in force.
    pub tls_certificate: String,
    /// File with the certificate's private key (PEM).
    pub tls_key: String,
    /// Whether connections to the first listener begin with a PROXY protocol header, which names the client.
    pub proxy_protocol: ProxyProtocol,
    /// Address and port for the operator: `/health/live`, `/health/ready`, `/metrics`. An empty text switches it off.
    pub ops_listen: String,
    /// Addresses and networks (CIDR) of the reverse proxies whose word on the client's address the first listener believes;
    /// `unix` stands for whoever connects to a Unix socket.
    pub trusted_proxies: Vec<String>,
    /// The header in which these name the client. Only this one is read.
    pub forward_header: ForwardHeader,
    /// How long a new connection may take for its PROXY protocol header and for its TLS handshake.
    #[schemars(range(min = 1, max = 300))]
    pub handshake_seconds: u64,
    /// How often the files of certificates and keys are looked at for changes. 0: on a reload only.
    #[schemars(range(max = 86400))]
    pub certificate_poll_seconds: u64,
    /// TLS handshakes at once, on all listeners; beyond, the one that has taken longest is cut.
    #[schemars(range(min = 1, max = 65536))]
    pub handshakes: usize,
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
    /// Further listeners, each with its own address, TLS, proxies and limits.
    pub listeners: Vec<ListenerConfig>,
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            listen: "127.0.0.1:7447".to_owned(),
            unix_mode: "0660".to_owned(),
            tls_certificate: String::new(),
            tls_key: String::new(),
            proxy_protocol: ProxyProtocol::Off,
            ops_listen: "127.0.0.1:7448".to_owned(),
            trusted_proxies: Vec::new(),
            forward_header: ForwardHeader::XForwardedFor,
            handshake_seconds: 10,
            certificate_poll_seconds: 60,
            handshakes: 1024,
            compression: true,
            compression_level: 1,
            ping_seconds: 45,
            pong_timeout_seconds: 30,
            write_timeout_seconds: 60,
            drain_seconds: 30,
            threads: 0,
            listeners: Vec::new(),
        }
    }
}

impl ServerConfig {
    /// All listeners for clients, the first one first.
    pub fn listeners(&self) -> Vec<ListenerConfig> {
        let public = (!self.listen.is_empty()).then(|| self.public());
        public
            .into_iter()
            .chain(self.listeners.iter().cloned())
            .collect()
    }

    /// The first listener.
    fn public(&self) -> ListenerConfig {
        ListenerConfig {
            name: PUBLIC.to_owned(),
            bind: self.listen.clone(),
            unix_mode: self.unix_mode.clone(),
            tls_certificate: self.tls_certificate.clone(),
            tls_key: self.tls_key.clone(),
            proxy_protocol: self.proxy_protocol,
            trusted_proxies: self.trusted_proxies.clone(),
            forward_header: self.forward_header,
            ..ListenerConfig::default()
        }
    }

    /// The key of a listener's own key `name`, for telling what is wrong with it.
    pub fn key_of(&self, listener: &str, name: &str) -> String {
        let entry = self
            .listeners
            .iter()
            .position(|entry| entry.name == listener);
        match (entry, name) {
            (Some(index), _) => format!("server.listeners[{index}].{name}"),
            (None, "bind") => "server.listen".to_owned(),
            (None, _) => format!("server.{name}"),
        }
    }

    /// Faults that the types do not show.
    pub fn check(&self) -> Vec<(String, String)> {
        let mut faults = Vec::new();
        if !self.ops_listen.is_empty() && self.ops_listen.parse::<SocketAddr>().is_err() {
            let message = "must be an address and a port, such as 127.0.0.1:7448 or [::1]:7448";
            faults.push(("server.ops_listen".to_owned(), message.to_owned()));
        }
        if !self.listen.is_empty() {
            let own = self.public().check().into_iter();
            faults.extend(own.map(|(key, message)| (self.key_of(PUBLIC, &key), message)));
        } else if self.listeners.is_empty() {
            let message = "is empty, and there are no other listeners";
            faults.push(("server.listen".to_owned(), message.to_owned()));
        }
        if self.listeners.len() > MAX_LISTENERS {
            let message = format!("has more than {MAX_LISTENERS} entries");
            faults.push(("server.listeners".to_owned(), message));
        }
        self.check_entries(&mut faults);
        faults
    }

    fn check_entries(&self, faults: &mut Vec<(String, String)>) {
        let mut names = HashSet::from([PUBLIC]);
        let mut places = HashSet::from([self.listen.as_str()]);
        for (index, entry) in self.listeners.iter().enumerate() {
            let mut fault = |key: &str, message: String| {
                faults.push((format!("server.listeners[{index}].{key}"), message));
            };
            if let Some(message) = entry.check_name() {
                fault("name", message.to_owned());
            } else if !names.insert(&entry.name) {
                fault("name", "is taken by another listener".to_owned());
            }
            for (key, message) in entry.check() {
                fault(&key, message);
            }
            // Port 0 is another one each time.
            if !places.insert(&entry.bind) && !entry.bind.ends_with(":0") {
                fault("bind", "another listener listens there".to_owned());
            }
        }
    }
}
