//! Listening sockets and the loop that accepts from them.

mod bind;
mod inherited;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use metrics::counter;
use tokio::net::TcpListener;
use tokio::time::sleep;

pub use bind::bind;
pub use inherited::{Inherited, inherited};

use crate::drain::Stage;
use crate::http::Server;
use crate::session::SessionFactory;

/// First and longest wait after an accept failed for want of resources.
const BACK_OFF: (Duration, Duration) = (Duration::from_millis(10), Duration::from_secs(1));

/// Accepts connections for `server` until its drain starts. Spawn it, once for each socket; sockets come from [`bind()`], from
/// [`inherited()`], or from a predecessor.
///
/// # Errors
/// When the socket cannot be used at all; failures of single accepts are counted and survived.
pub async fn listen<F: SessionFactory>(
    server: Server<F>,
    socket: std::net::TcpListener,
    name: Arc<str>,
) -> io::Result<()> {
    socket.set_nonblocking(true)?;
    let socket = TcpListener::from_std(socket)?;
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
            Ok((stream, _)) => {
                wait = BACK_OFF.0;
                server.accepted(stream, &name);
            }
            Err(error) if is_of_one_connection(&error) => {
                counter!("stentor_accept_errors_total", "kind" => "connection").increment(1);
            }
            Err(error) => {
                counter!("stentor_accept_errors_total", "kind" => "resources").increment(1);
                tracing::warn!(listener = &*name, %error, "cannot accept connections, waiting {} ms", wait.as_millis());
                sleep(wait).await;
                wait = (wait * 2).min(BACK_OFF.1);
            }
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
