//! The loop that accepts connections.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use metrics::counter;
use tokio::net::{TcpListener, UnixListener};
use tokio::time::sleep;

use super::{Listener, ListeningSocket, SocketFile};
use crate::drain::Stage;
use crate::http::Server;
use crate::session::SessionFactory;
use crate::stream::Socket;

/// First and longest wait after an accept failed for want of resources.
const BACK_OFF: (Duration, Duration) = (Duration::from_millis(10), Duration::from_secs(1));

/// Accepts connections for `server` until its drain starts. Spawn it, once for each socket; sockets come from [`super::bind()`],
/// from [`super::bind_unix()`], from [`super::inherited()`], or from a predecessor.
///
/// # Errors
/// When the socket cannot be used at all; failures of single accepts are counted and survived.
pub async fn listen<F: SessionFactory>(
    server: Server<F>,
    socket: ListeningSocket,
    listener: Arc<Listener>,
) -> io::Result<()> {
    let socket = Acceptor::new(socket)?;
    let drain = server.drain().clone();
    let _tracked = drain.track();
    let mut wait = BACK_OFF.0;
    loop {
        let accepted = tokio::select! {
            biased;
            () = drain.reached(Stage::Draining) => return Ok(()),
            accepted = socket.accept() => accepted,
        };
        match accepted {
            Ok(socket) => {
                wait = BACK_OFF.0;
                server.accepted(socket, &listener);
            }
            Err(error) if is_of_one_connection(&error) => {
                counter!("stentor_accept_errors_total", "kind" => "connection").increment(1);
            }
            Err(error) => {
                counter!("stentor_accept_errors_total", "kind" => "resources").increment(1);
                tracing::warn!(listener = &**listener.name(), %error, "cannot accept connections, waiting {} ms", wait.as_millis());
                sleep(wait).await;
                wait = (wait * 2).min(BACK_OFF.1);
            }
        }
    }
}

/// A listening socket in the runtime.
enum Acceptor {
    Tcp(TcpListener),
    Unix {
        listener: UnixListener,
        /// Removed when nobody accepts any more.
        _file: Option<Arc<SocketFile>>,
    },
}

impl Acceptor {
    fn new(socket: ListeningSocket) -> io::Result<Self> {
        Ok(match socket {
            ListeningSocket::Tcp(tcp) => {
                tcp.set_nonblocking(true)?;
                Self::Tcp(TcpListener::from_std(tcp)?)
            }
            ListeningSocket::Unix(unix) => {
                unix.listener.set_nonblocking(true)?;
                Self::Unix {
                    listener: UnixListener::from_std(unix.listener)?,
                    _file: unix.file,
                }
            }
        })
    }

    async fn accept(&self) -> io::Result<Socket> {
        match self {
            Self::Tcp(tcp) => Ok(Socket::Tcp(tcp.accept().await?.0)),
            Self::Unix { listener, .. } => Ok(Socket::Unix(listener.accept().await?.0)),
        }
    }
}

/// Whether the next accept may well succeed: only this connection was lost.
fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(
        error.kind(),
        ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted
    )
}
