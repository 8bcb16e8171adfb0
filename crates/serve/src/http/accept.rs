//! From an accepted socket to HTTP: caps, the PROXY protocol, TLS.

use std::io;
use std::sync::Arc;

use http::StatusCode;
use metrics::counter;
use parking_lot::Mutex;
use stentor_net::client::IpScope;
use stentor_trace::InConnection;
use tokio::time::{Instant, timeout_at};
use tracing::debug;

use super::handshakes::Place;
use super::refuse::refuse;
use super::request::Ends;
use super::serve::serve;
use super::server::{HttpConnection, Server, Shared, next_id};
use crate::drain::{Stage, Tracked};
use crate::limits::{CapError, Places};
use crate::listener::{Listener, ListenerSettings};
use crate::problem::Refusal;
use crate::proxy_protocol;
use crate::session::SessionFactory;
use crate::stream::{Socket, Stream};
use crate::tls::{HANDSHAKE, Tls};

/// A connection on its way to HTTP.
struct Entering {
    id: u64,
    socket: Socket,
    ends: Ends,
    places: Places,
    settings: Arc<ListenerSettings>,
}

/// Why a connection did not get to HTTP.
enum Turned {
    /// It is closed; the metric's label for why.
    Away(&'static str),
    /// It is told.
    Back(Socket, Refusal, &'static str),
}

impl<F: SessionFactory> Server<F> {
    /// Takes an accepted socket over, in a task of its own.
    pub fn accepted(&self, socket: Socket, listener: &Arc<Listener>) {
        let settings = listener.settings();
        let Some(ends) = Ends::of(&socket, listener.name(), &settings) else {
            return;
        };
        if let Socket::Tcp(tcp) = &socket {
            // Answers are small and complete: there is nothing to wait for before sending them.
            let _ = tcp.set_nodelay(true);
        }
        if settings.proxy_protocol && !ends.trusted {
            debug!(peer = %ends.peer, listener = &**listener.name(), "no trusted proxy");
            count_turned(listener.name(), "untrusted");
            return;
        }
        match self.enter(listener, &ends) {
            Ok(places) => {
                let entering = Entering {
                    id: next_id(),
                    socket,
                    ends,
                    places,
                    settings,
                };
                self.start(entering);
            }
            // Without a handshake there is no way to tell it.
            Err(_) if settings.tls.is_some() => {}
            Err(error) => self.refuse(socket, error.into()),
        }
    }

    fn enter(&self, listener: &Listener, ends: &Ends) -> Result<Places, CapError> {
        let mut places = Places::enter(&self.shared.limits, listener.limits())?;
        if !ends.trusted {
            places.enter_scope(IpScope::from(ends.peer.ip()))?;
        }
        Ok(places)
    }

    fn start(&self, entering: Entering) {
        let shared = Arc::clone(&self.shared);
        let id = entering.id;
        if !entering.settings.proxy_protocol && entering.settings.tls.is_none() {
            let stream = Stream::from(entering.socket);
            let http = connection(id, entering.ends, entering.places, entering.settings);
            tokio::spawn(InConnection::new(id, serve(shared, http, stream)));
            return;
        }
        let tracked = self.shared.drain.track();
        tokio::spawn(InConnection::new(id, prepare(shared, entering, tracked)));
    }

    /// Tells it without a task for each of very many.
    fn refuse(&self, socket: Socket, refusal: Refusal) {
        let refusing = Arc::clone(&self.shared.refusing);
        if refusing.available_permits() > 0 {
            tokio::spawn(async move { refuse(socket, refusal, &refusing).await });
        }
    }
}

fn connection(
    id: u64,
    ends: Ends,
    places: Places,
    settings: Arc<ListenerSettings>,
) -> Arc<HttpConnection> {
    Arc::new(HttpConnection {
        id,
        ends,
        settings,
        places: Mutex::new(Some(places)),
        handover: Arc::default(),
    })
}

/// Gets a connection through the PROXY protocol and TLS, within the time for that, and serves it.
async fn prepare<F: SessionFactory>(shared: Arc<Shared<F>>, entering: Entering, tracked: Tracked) {
    let name = Arc::clone(&entering.ends.listener);
    let config = shared.config.load().http;
    let deadline = Instant::now() + config.handshake_timeout;
    let begin = || shared.handshakes.enter(config.handshakes);
    let prepared = tokio::select! {
        prepared = timeout_at(deadline, through(entering, begin)) => prepared,
        // As with plain connections that have not asked for anything yet.
        () = shared.drain.reached(Stage::Draining) => return,
    };
    match prepared {
        Ok(Ok((stream, http))) => serve(shared, http, stream).await,
        Ok(Err(Turned::Away(why))) => count_turned(&name, why),
        Ok(Err(Turned::Back(socket, refusal, why))) => {
            count_turned(&name, why);
            refuse(socket, refusal, &shared.refusing).await;
        }
        Err(_) => count_turned(&name, "timeout"),
    }
    drop(tracked);
}

async fn through<'a>(
    entering: Entering,
    begin: impl FnOnce() -> Place<'a>,
) -> Result<(Stream, Arc<HttpConnection>), Turned> {
    let Entering {
        id,
        mut socket,
        mut ends,
        mut places,
        settings,
    } = entering;
    if settings.proxy_protocol {
        let named = proxy_protocol::read(&mut socket).await.map_err(|error| {
            debug!(peer = %ends.peer, %error, "PROXY protocol");
            Turned::Away(why_no_header(&error))
        })?;
        ends.name(named, &settings.proxies);
        if !ends.trusted
            && let Err(error) = places.enter_scope(IpScope::from(ends.peer.ip()))
        {
            return Err(match &settings.tls {
                Some(_) => Turned::Away("cap"),
                None => Turned::Back(socket, error.into(), "cap"),
            });
        }
    }
    let stream = match &settings.tls {
        Some(tls) => encrypted(socket, tls, begin).await?,
        None => Stream::from(socket),
    };
    Ok((stream, connection(id, ends, places, settings)))
}

async fn encrypted<'a>(
    socket: Socket,
    tls: &Tls,
    begin: impl FnOnce() -> Place<'a>,
) -> Result<Stream, Turned> {
    // Who has sent nothing yet takes nobody's place.
    match socket.peek().await {
        Ok(Some(HANDSHAKE)) => {}
        Ok(Some(_)) => {
            let detail = "this port speaks TLS: use https:// or wss://";
            let refusal = Refusal::new(StatusCode::BAD_REQUEST, detail);
            return Err(Turned::Back(socket, refusal, "not_tls"));
        }
        Ok(None) | Err(_) => return Err(Turned::Away("closed")),
    }
    let place = begin();
    let accepted = tokio::select! {
        accepted = tls.accept(socket) => accepted,
        () = place.taken() => return Err(Turned::Away("crowded")),
    };
    match accepted {
        Ok(stream) => {
            counter!("stentor_tls_handshakes_total").increment(1);
            Ok(Stream::Tls(Box::new(stream)))
        }
        Err(error) => {
            debug!(%error, "TLS handshake");
            Err(Turned::Away("handshake"))
        }
    }
}

fn why_no_header(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::InvalidData => "proxy_header",
        _ => "closed",
    }
}

fn count_turned(listener: &Arc<str>, why: &'static str) {
    counter!("stentor_connections_turned_away_total", "listener" => listener.to_string(), "reason" => why)
        .increment(1);
}
