//! The listening sockets: passed by the service manager, or made here.

use std::net::{SocketAddr, TcpListener};

use anyhow::Context;
use stentor_serve::{bind, inherited};

use crate::config::ServerConfig;

/// The sockets that the node listens on.
pub struct Sockets {
    /// For everybody.
    pub public: Vec<TcpListener>,
    /// For the operator.
    pub operations: Vec<TcpListener>,
}

impl Sockets {
    /// Takes what the service manager passed (a name that begins with `ops` is for the operator), and binds what it did
    /// not pass.
    ///
    /// # Errors
    /// The address that cannot be had.
    pub fn open(config: &ServerConfig) -> anyhow::Result<Self> {
        let (operations, public): (Vec<_>, Vec<_>) = inherited()
            .into_iter()
            .partition(|socket| socket.name.starts_with("ops"));
        let mut public: Vec<TcpListener> = public.into_iter().map(|passed| passed.socket).collect();
        let mut operations: Vec<TcpListener> =
            operations.into_iter().map(|passed| passed.socket).collect();
        if public.is_empty() {
            public = listen(&config.listen)?;
        }
        if operations.is_empty() && !config.ops_listen.is_empty() {
            operations = listen(&config.ops_listen)?;
        }
        Ok(Self { public, operations })
    }

    /// The addresses for everybody, as they are.
    pub fn places(&self) -> Vec<crate::access::Place> {
        let sockets = self.public.iter();
        sockets
            .filter_map(|socket| socket.local_addr().ok())
            .map(|address| crate::access::Place {
                local: Some(address),
                secure: false,
            })
            .collect()
    }

    /// One line with the addresses as they are, for people and for scripts.
    pub fn ready_line(&self) -> String {
        let list = |sockets: &[TcpListener], scheme: &str| -> String {
            let addresses = sockets.iter().filter_map(|socket| socket.local_addr().ok());
            addresses
                .map(|address| format!(" {scheme}://{address}"))
                .collect()
        };
        let mut line = format!("ready: relay{}", list(&self.public, "ws"));
        if !self.operations.is_empty() {
            line.push_str(&format!(" operations{}", list(&self.operations, "http")));
        }
        line
    }
}

fn listen(address: &str) -> anyhow::Result<Vec<TcpListener>> {
    let address: SocketAddr = address
        .parse()
        .with_context(|| format!("{address} is no address and port"))?;
    bind(&[address]).map_err(|(address, error)| {
        anyhow::Error::from(error).context(format!("cannot listen on {address}"))
    })
}
