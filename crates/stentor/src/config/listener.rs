//! What a listener is told: the entries of `[[server.listeners]]`, and the keys of `[server]` for the first.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use stentor_net::client::{ForwardHeader, TrustedProxies};

/// Longest path of a Unix socket that the system can bind, in bytes.
const MAX_PATH: usize = 107;
/// Longest name of a listener.
const MAX_NAME: usize = 64;
/// What an entry of the trusted proxies says when it means Unix sockets.
const UNIX: &str = "unix";

/// Whether connections begin with a PROXY protocol header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ProxyProtocol {
    /// No.
    #[default]
    Off,
    /// Each does, version 1 or 2, and comes from a trusted proxy; others are closed.
    Required,
}

/// A further listener for clients.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ListenerConfig {
    /// What it is called in logs, metrics and rules, and by the service manager that passes its socket
    /// (`FileDescriptorName=`): lower-case letters, digits, `-` and `_`. Must be given; `public` is the name of the first
    /// listener, and names that begin with `ops` belong to the operations listener.
    pub name: String,
    /// Where it listens: `ADDRESS:PORT`, `[ADDRESS]:PORT` for IPv6 (`[::]` takes IPv4 too), or `unix:/PATH`. Must be given;
    /// changes with a restart.
    pub bind: String,
    /// Permissions of the Unix socket's file, in octal; nothing to do with other sockets. Changes with a restart.
    pub unix_mode: String,
    /// File with the certificate and those that vouch for it (PEM). With `tls_key`, this listener speaks TLS. Both files are
    /// read again on a reload and when they change; a pair that is not good leaves the one before in force.
    pub tls_certificate: String,
    /// File with the certificate's private key (PEM).
    pub tls_key: String,
    /// Whether connections begin with a PROXY protocol header, which names the client.
    pub proxy_protocol: ProxyProtocol,
    /// Addresses and networks (CIDR) of the reverse proxies whose word on the client's address is believed; `unix` stands for
    /// whoever connects to a Unix socket.
    pub trusted_proxies: Vec<String>,
    /// The header in which these name the client. Only this one is read.
    pub forward_header: ForwardHeader,
    /// Connections to this listener at once, within `relay.limits.connections`. 0: no limit of its own.
    #[schemars(range(max = 10_000_000))]
    pub connections: usize,
    /// Connections to this listener from one address (IPv6: one /64) at once, within `relay.limits.connections_per_ip`. 0: no
    /// limit of its own.
    #[schemars(range(max = 1_000_000))]
    pub connections_per_ip: usize,
}

impl Default for ListenerConfig {
    fn default() -> Self {
        Self {
            name: String::new(),
            bind: String::new(),
            unix_mode: "0660".to_owned(),
            tls_certificate: String::new(),
            tls_key: String::new(),
            proxy_protocol: ProxyProtocol::Off,
            trusted_proxies: Vec::new(),
            forward_header: ForwardHeader::XForwardedFor,
            connections: 0,
            connections_per_ip: 0,
        }
    }
}

/// Where a listener listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Bind {
    /// At an address and a port.
    Tcp(SocketAddr),
    /// At a path.
    Unix(PathBuf),
}

impl FromStr for Bind {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let Some(path) = text.strip_prefix("unix:") else {
            return text.parse().map(Self::Tcp).map_err(|_| {
                "must be an address and a port, such as 127.0.0.1:7447 or [::1]:7447, or unix:/PATH"
            });
        };
        let path = Path::new(path);
        if !path.is_absolute() {
            return Err("the path of a Unix socket must begin with /");
        }
        if path.as_os_str().len() > MAX_PATH {
            return Err("the path of a Unix socket has at most 107 bytes");
        }
        Ok(Self::Unix(path.to_owned()))
    }
}

impl ListenerConfig {
    /// Where it listens.
    ///
    /// # Errors
    /// What is wrong with the text.
    pub fn bind(&self) -> Result<Bind, &'static str> {
        self.bind.parse()
    }

    /// The permissions of a Unix socket's file.
    ///
    /// # Errors
    /// When they are none.
    pub fn mode(&self) -> Result<u32, &'static str> {
        u32::from_str_radix(&self.unix_mode, 8)
            .ok()
            .filter(|mode| *mode <= 0o777)
            .ok_or("must be permissions in octal, such as 0660")
    }

    /// Certificate and key, if it speaks TLS.
    pub fn tls(&self) -> Option<(&Path, &Path)> {
        let named = !self.tls_certificate.is_empty() && !self.tls_key.is_empty();
        named.then(|| (Path::new(&self.tls_certificate), Path::new(&self.tls_key)))
    }

    /// The proxies that are believed.
    ///
    /// # Errors
    /// The number of the first entry that is none, from 0, and what is wrong with it.
    pub fn proxies(&self) -> Result<TrustedProxies, (usize, String)> {
        let networks = self
            .trusted_proxies
            .iter()
            .enumerate()
            .filter(|(_, text)| *text != UNIX)
            .map(|(index, text)| text.parse().map_err(|error| (index, format!("{error}"))))
            .collect::<Result<_, _>>()?;
        Ok(TrustedProxies {
            networks,
            unix: self.trusted_proxies.iter().any(|text| text == UNIX),
            header: self.forward_header,
        })
    }

    /// Faults that the types do not show: the name of the key and what is wrong with it.
    pub(super) fn check(&self) -> Vec<(String, String)> {
        let mut faults = Vec::new();
        let mut fault =
            |key: &str, message: &str| faults.push((key.to_owned(), message.to_owned()));
        if let Err(message) = self.bind() {
            fault("bind", message);
        }
        if let Err(message) = self.mode() {
            fault("unix_mode", message);
        }
        match (self.tls_certificate.is_empty(), self.tls_key.is_empty()) {
            (false, true) => fault("tls_key", "is missing: TLS takes a certificate and its key"),
            (true, false) => fault(
                "tls_certificate",
                "is missing: TLS takes a certificate and its key",
            ),
            _ => {}
        }
        match self.proxies() {
            Err((index, message)) => fault(&format!("trusted_proxies[{index}]"), &message),
            Ok(proxies) if self.proxy_protocol == ProxyProtocol::Required && proxies.is_empty() => {
                fault(
                    "proxy_protocol",
                    "needs trusted_proxies: nobody else's header is read",
                );
            }
            Ok(_) => {}
        }
        faults
    }

    /// What is wrong with its name, if anything.
    pub(super) fn check_name(&self) -> Option<&'static str> {
        let good = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_');
        if self.name.is_empty() {
            Some("must be given")
        } else if self.name.len() > MAX_NAME || !self.name.bytes().all(good) {
            Some("must be at most 64 lower-case letters, digits, - and _")
        } else if self.name.starts_with("ops") {
            Some("must not begin with ops, as the operations listener's do")
        } else {
            None
        }
    }
}
