//! From an HTTP request to a WebSocket connection.

use std::sync::Arc;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::{Request, StatusCode};
use hyper::body::Incoming;
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use stentor_trace::InConnection;

use super::ServerConfig;
use super::patience::Patient;
use super::request::RequestInfo;
use super::server::{HttpConnection, Shared};
use crate::connection::{Connection, Parts};
use crate::drain::Tracked;
use crate::info::ConnectionInfo;
use crate::limits::Places;
use crate::outbox::Outbox;
use crate::problem::{Problem, Refusal};
use crate::session::SessionFactory;
use crate::stream::Stream;
use crate::websocket::deflate::Agreement;
use crate::websocket::handshake::Handshake;

/// What is decided before the answer is sent.
struct Accepted {
    info: Arc<ConnectionInfo>,
    config: Arc<ServerConfig>,
    deflate: Option<Agreement>,
    places: Places,
    tracked: Tracked,
}

/// Answers a request for an upgrade. The connection starts when the answer is written.
pub(super) fn upgrade<F: SessionFactory>(
    shared: &Arc<Shared<F>>,
    http: &HttpConnection,
    config: &Arc<ServerConfig>,
    info: RequestInfo,
    mut request: Request<Incoming>,
) -> Result<Response, Box<Response>> {
    let Some(factory) = shared
        .factory
        .as_ref()
        .filter(|_| request.uri().path() == "/")
    else {
        let problem = Problem::new(StatusCode::NOT_FOUND)
            .with_detail("WebSocket connections are served on /");
        return Err(refused(problem));
    };
    if shared.drain.is_draining() {
        let refusal =
            Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "the relay restarts").retry_after(5);
        return Err(refused(refusal));
    }
    let offered = config.websocket.deflate;
    let handshake = Handshake::check(
        request.method(),
        request.version(),
        request.headers(),
        offered,
    )
    .map_err(refused)?;
    let mut places = http.places.lock().take();
    let entered = places.as_mut().map(|places| places.enter_scope(info.scope));
    let (Some(places), Some(Ok(()))) = (places, &entered) else {
        let refusal = entered.and_then(Result::err).map(Refusal::from);
        return Err(refused(refusal.unwrap_or_else(|| {
            Refusal::new(StatusCode::BAD_REQUEST, "upgraded twice")
        })));
    };
    let info = connection_info(http.id, info, handshake.deflate.is_some());
    factory.admit(&info).map_err(refused)?;
    let tracked = shared.drain.track();
    let accepted = Accepted {
        info,
        config: Arc::clone(config),
        deflate: handshake.deflate,
        places,
        tracked,
    };
    tokio::spawn(start(
        Arc::clone(shared),
        accepted,
        hyper::upgrade::on(&mut request),
    ));
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    handshake.write_headers(response.headers_mut());
    Ok(response)
}

/// Boxed, as answers are large and refusals rare.
fn refused(reason: impl IntoResponse) -> Box<Response> {
    Box::new(reason.into_response())
}

fn connection_info(id: u64, info: RequestInfo, deflate: bool) -> Arc<ConnectionInfo> {
    Arc::new(ConnectionInfo {
        id,
        peer: info.peer,
        local: info.local,
        client: info.client,
        scope: info.scope,
        secure: info.secure,
        listener: info.listener,
        deflate,
    })
}

/// Waits until the answer is written, then starts the connection in a task that holds nothing of HTTP any more.
async fn start<F: SessionFactory>(
    shared: Arc<Shared<F>>,
    accepted: Accepted,
    on_upgrade: OnUpgrade,
) {
    let Ok(upgraded) = on_upgrade.await else {
        return;
    };
    let Some((io, leftover)) = unwrap(upgraded) else {
        return;
    };
    let Some(factory) = &shared.factory else {
        return;
    };
    let Accepted {
        info,
        config,
        deflate,
        places,
        tracked,
    } = accepted;
    let websocket = &config.websocket;
    let outbox = Outbox::new(websocket.outbox);
    let registered = shared.drain.track_connection(info.id, &outbox);
    drop(tracked);
    let session = factory.open(&info, &outbox);
    let (config, metrics) = (Arc::clone(websocket), Arc::clone(&shared.metrics));
    let id = info.id;
    let connection = Connection::new(Parts {
        io,
        leftover,
        session,
        outbox,
        info,
        config,
        deflate,
        metrics,
    });
    let held = Held {
        connection,
        _registered: registered,
        _places: places,
    };
    tokio::spawn(InConnection::new(id, held));
}

/// The socket itself, and what was read past the request.
fn unwrap(upgraded: Upgraded) -> Option<(Stream, Vec<u8>)> {
    let parts = upgraded.downcast::<TokioIo<Patient<Stream>>>().ok()?;
    Some((parts.io.into_inner().into_inner(), parts.read_buf.to_vec()))
}

/// A connection with its place under the caps and in the drain. Dropped in this order.
struct Held<C> {
    connection: C,
    _registered: Tracked,
    _places: Places,
}

impl<C: Future<Output = ()> + Unpin> Future for Held<C> {
    type Output = ();

    fn poll(
        mut self: std::pin::Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<()> {
        std::pin::Pin::new(&mut self.connection).poll(cx)
    }
}
