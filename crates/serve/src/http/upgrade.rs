//! From an HTTP request to a WebSocket connection: on `/` by the server's factory, elsewhere by a route's handler.

use std::sync::Arc;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::{Request, StatusCode};

use super::handover::{Held, Point};
use super::patience::Patient;
use super::request::RequestInfo;
use super::server::{HttpConnection, Shared};
use crate::config::WebSocketConfig;
use crate::connection::{Connection, Parts};
use crate::drain::Drain;
use crate::info::ConnectionInfo;
use crate::limits::Places;
use crate::metrics::ServeMetrics;
use crate::outbox::Outbox;
use crate::problem::{Problem, Refusal};
use crate::session::Session;
use crate::websocket::handshake::{Handshake, HandshakeError, is_upgrade};

/// A request's way to become a WebSocket connection; an extension of every request that reaches the router.
///
/// A handler takes it as `Extension<Upgrade>`, does what it has to, such as authenticating, and answers with [`Upgrade::accept`], or
/// with anything else, which refuses. An upgraded connection counts under the same caps and metrics and ends in the same drain as
/// those on `/`; neither the request's timeout nor anything else of HTTP reaches it.
#[derive(Clone)]
pub struct Upgrade {
    /// `None`: not asked for.
    asked: Option<Arc<Asked>>,
}

/// What a request for an upgrade comes with.
struct Asked {
    http: Arc<HttpConnection>,
    info: RequestInfo,
    handshake: Result<Handshake, HandshakeError>,
    drain: Drain,
    metrics: Arc<ServeMetrics>,
}

impl Upgrade {
    /// That of a request.
    pub(super) fn of<F, B>(
        shared: &Shared<F>,
        http: &Arc<HttpConnection>,
        info: &RequestInfo,
        request: &Request<B>,
    ) -> Self {
        if !is_upgrade(request.headers()) {
            return Self { asked: None };
        }
        let (method, version) = (request.method(), request.version());
        let asked = Asked {
            http: Arc::clone(http),
            info: info.clone(),
            handshake: Handshake::check(method, version, request.headers(), true),
            drain: shared.drain.clone(),
            metrics: Arc::clone(&shared.metrics),
        };
        Self {
            asked: Some(Arc::new(asked)),
        }
    }

    /// Whether the client asks for a WebSocket at all.
    #[must_use]
    pub fn is_asked_for(&self) -> bool {
        self.asked.is_some()
    }

    /// Upgrades: the answer to return, which must reach the client as it is. `open` makes the session once it is sent.
    ///
    /// The answer is a refusal instead when the request asks for no WebSocket (426), when its handshake is wrong (400, 426), while the
    /// server drains (503), and when the client's address has as many connections as it may (429); then `open` is never called.
    pub fn accept<S: Session>(
        self,
        config: Arc<WebSocketConfig>,
        open: impl FnOnce(&Arc<ConnectionInfo>, &Outbox) -> S + Send + 'static,
    ) -> Response {
        self.accept_if(config, |_| Ok(()), open)
    }

    /// The same, where `admit` may refuse when everything else is in order.
    pub(super) fn accept_if<S: Session>(
        self,
        config: Arc<WebSocketConfig>,
        admit: impl FnOnce(&ConnectionInfo) -> Result<(), Refusal>,
        open: impl FnOnce(&Arc<ConnectionInfo>, &Outbox) -> S + Send + 'static,
    ) -> Response {
        let Some(asked) = self.asked else {
            return HandshakeError::Upgrade.into_response();
        };
        asked
            .accept(config, admit, open)
            .unwrap_or_else(|refused| *refused)
    }
}

impl Asked {
    fn accept<S: Session>(
        &self,
        config: Arc<WebSocketConfig>,
        admit: impl FnOnce(&ConnectionInfo) -> Result<(), Refusal>,
        open: impl FnOnce(&Arc<ConnectionInfo>, &Outbox) -> S + Send + 'static,
    ) -> Result<Response, Box<Response>> {
        if self.drain.is_draining() {
            let refusal =
                Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "the server restarts").retry_after(5);
            return Err(refused(refusal));
        }
        let mut handshake = self.handshake.clone().map_err(refused)?;
        if !config.deflate {
            handshake.deflate = None;
        }
        let places = self.places()?;
        let info = self.connection_info(handshake.deflate.is_some());
        admit(&info).map_err(refused)?;
        let (drain, metrics) = (self.drain.clone(), Arc::clone(&self.metrics));
        let deflate = handshake.deflate;
        let next = move |io: Patient<_>, leftover| {
            let outbox = Outbox::new(config.outbox);
            let registered = drain.track_connection(info.id, &outbox);
            let (id, session) = (info.id, open(&info, &outbox));
            let parts = Parts {
                io: io.into_inner(),
                leftover,
                session,
                outbox,
                info,
                config,
                deflate,
                metrics,
            };
            Held::start(id, Connection::new(parts), registered, places);
        };
        self.http.handover.agree(Point::Switched, Box::new(next));
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        handshake.write_headers(response.headers_mut());
        Ok(response)
    }

    /// The connection's places under the caps, counted for the client's address.
    fn places(&self) -> Result<Places, Box<Response>> {
        let Some(mut places) = self.http.places.lock().take() else {
            let problem = Problem::new(StatusCode::BAD_REQUEST).with_detail("upgraded twice");
            return Err(refused(problem));
        };
        let entered = places.enter_scope(self.info.scope);
        entered.map_err(|error| refused(Refusal::from(error)))?;
        Ok(places)
    }

    fn connection_info(&self, deflate: bool) -> Arc<ConnectionInfo> {
        let info = self.info.clone();
        Arc::new(ConnectionInfo {
            id: self.http.id,
            peer: info.peer,
            local: info.local,
            client: info.client,
            scope: info.scope,
            secure: info.secure,
            listener: info.listener,
            deflate,
        })
    }
}

/// Boxed, as answers are large and refusals rare.
fn refused(reason: impl IntoResponse) -> Box<Response> {
    Box::new(reason.into_response())
}
