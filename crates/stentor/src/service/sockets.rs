//! The listening sockets: from a predecessor, passed by the service manager, or made here.

use std::net::SocketAddr;

use anyhow::Context;
use stentor_serve::{ListeningSocket, bind, bind_unix, inherited};
use tracing::warn;

use crate::access::Place;
use crate::config::{Bind, ListenerConfig, ServerConfig};
use crate::control::Named;

/// The name of the operations listener, and what the names of sockets passed for it begin with.
pub const OPERATIONS: &str = "ops";

/// The sockets that the node listens on.
pub struct Sockets {
    /// For clients.
    pub public: Vec<Named>,
    /// For the operator.
    pub operations: Vec<ListeningSocket>,
    /// The listeners that speak TLS.
    secure: Vec<String>,
}

impl Sockets {
    /// Takes the sockets of a predecessor that are still asked for, then what the service manager passed, and binds the rest.
    ///
    /// A passed socket goes to the listener of its name (`FileDescriptorName=`): to the operator's if it begins with `ops`, to
    /// the first one if there is none of that name.
    ///
    /// # Errors
    /// The address that cannot be had.
    pub fn open(config: &ServerConfig, left: Vec<Named>) -> anyhow::Result<Self> {
        let listeners = config.listeners();
        let wanted = |named: &Named| match listeners.iter().find(|one| one.name == named.name) {
            Some(listener) => is_at(&named.socket, &listener.bind),
            None => named.name == OPERATIONS && is_at(&named.socket, &config.ops_listen),
        };
        let mut all: Vec<Named> = left.into_iter().filter(wanted).collect();
        let first = listeners.first().map_or("", |listener| &listener.name);
        all.extend(inherited().into_iter().map(|passed| {
            let known = listeners.iter().any(|one| one.name == passed.name);
            let name = match passed.name {
                name if name.starts_with(OPERATIONS) => OPERATIONS.to_owned(),
                name if known => name,
                _ => first.to_owned(),
            };
            let socket = passed.socket;
            Named { name, socket }
        }));
        let missing = |name: &str| !all.iter().any(|named| named.name == name);
        let absent = listeners.iter().filter(|listener| missing(&listener.name));
        let mut made = make(&absent.collect::<Vec<_>>())?;
        if !config.ops_listen.is_empty() && missing(OPERATIONS) {
            made.extend(make(&[&ListenerConfig {
                name: OPERATIONS.to_owned(),
                bind: config.ops_listen.clone(),
                ..ListenerConfig::default()
            }])?);
        }
        all.extend(made);
        let (operations, mut public): (Vec<_>, Vec<_>) =
            all.into_iter().partition(|named| named.name == OPERATIONS);
        let place = |named: &Named| listeners.iter().position(|one| one.name == named.name);
        public.sort_by_key(place);
        let secure = listeners
            .into_iter()
            .filter(|listener| listener.tls().is_some());
        Ok(Self {
            public,
            operations: operations.into_iter().map(|named| named.socket).collect(),
            secure: secure.map(|listener| listener.name).collect(),
        })
    }

    /// The names of the listeners that have sockets.
    pub fn names(&self) -> Vec<String> {
        self.public.iter().map(|named| named.name.clone()).collect()
    }

    /// Makes the files of these listeners' Unix sockets this node's: to remove at its end, with the permissions that its
    /// configuration gives them.
    pub fn adopt(&mut self, listeners: &[String], config: &ServerConfig) {
        let configured = config.listeners();
        let theirs = self.public.iter_mut();
        for named in theirs.filter(|named| listeners.contains(&named.name)) {
            named.socket.adopt();
            let listener = configured.iter().find(|one| one.name == named.name);
            let mode = listener.and_then(|listener| listener.mode().ok());
            let (Some(file), Some(mode)) = (named.socket.file(), mode) else {
                continue;
            };
            if let Err(error) = file.permit(mode) {
                warn!(%error, listener = named.name, "the permissions of the Unix socket stay as they are");
            }
        }
    }

    /// Where clients meet the node.
    pub fn places(&self) -> Vec<Place> {
        let place = |named: &Named| Place {
            listener: named.name.clone(),
            local: named.socket.local_addr(),
        };
        self.public.iter().map(place).collect()
    }

    /// Another handle on each, for a successor.
    ///
    /// # Errors
    /// When there are no descriptors left.
    pub fn duplicates(&self) -> anyhow::Result<Vec<Named>> {
        let public = self
            .public
            .iter()
            .map(|named| (&*named.name, &named.socket));
        let operations = self.operations.iter().map(|socket| (OPERATIONS, socket));
        let duplicate = |(name, socket): (&str, &ListeningSocket)| {
            let (name, socket) = (name.to_owned(), socket.try_clone()?);
            Ok(Named { name, socket })
        };
        public.chain(operations).map(duplicate).collect()
    }

    /// One line with the addresses as they are, for people and for scripts.
    pub fn ready_line(&self) -> String {
        let mut line = "ready: relay".to_owned();
        for named in &self.public {
            let scheme = match (&named.socket, self.secure.contains(&named.name)) {
                (ListeningSocket::Tcp(_), false) => "ws://",
                (ListeningSocket::Tcp(_), true) => "wss://",
                (ListeningSocket::Unix(_), _) => "",
            };
            line.push_str(&format!(" {scheme}{}", named.socket));
        }
        if !self.operations.is_empty() {
            line.push_str(" operations");
        }
        for socket in &self.operations {
            line.push_str(&format!(" http://{socket}"));
        }
        line
    }
}

/// Whether a socket is where the configuration says. Port 0 is any port.
fn is_at(socket: &ListeningSocket, place: &str) -> bool {
    match (socket.local_addr(), place.parse()) {
        (Some(address), Ok(Bind::Tcp(wanted))) => {
            address.ip() == wanted.ip() && (wanted.port() == 0 || address.port() == wanted.port())
        }
        (None, Ok(Bind::Unix(_))) => socket.to_string() == place,
        _ => false,
    }
}

/// Makes the sockets of these listeners.
fn make(listeners: &[&ListenerConfig]) -> anyhow::Result<Vec<Named>> {
    let mut made = Vec::new();
    let mut addresses: Vec<(String, SocketAddr)> = Vec::new();
    for listener in listeners {
        match listener.bind().map_err(anyhow::Error::msg)? {
            Bind::Tcp(address) => addresses.push((listener.name.clone(), address)),
            Bind::Unix(path) => {
                let mode = listener.mode().map_err(anyhow::Error::msg)?;
                let unix = bind_unix(&path, mode)
                    .with_context(|| format!("cannot listen on {}", path.display()))?;
                let (name, socket) = (listener.name.clone(), ListeningSocket::Unix(unix));
                made.push(Named { name, socket });
            }
        }
    }
    // Together, as an IPv6 socket for all addresses must know of an IPv4 one on the same port.
    let (names, addresses): (Vec<String>, Vec<SocketAddr>) = addresses.into_iter().unzip();
    let sockets = bind(&addresses).map_err(|(address, error)| {
        anyhow::Error::from(error).context(format!("cannot listen on {address}"))
    })?;
    let named = names.into_iter().zip(sockets);
    made.extend(named.map(|(name, tcp)| Named {
        name,
        socket: ListeningSocket::Tcp(tcp),
    }));
    Ok(made)
}
