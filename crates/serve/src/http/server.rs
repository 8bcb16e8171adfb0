//! The server: what listeners hand accepted sockets to.

use std::convert::Infallible;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use arc_swap::ArcSwap;
use axum::Router;
use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, Request, StatusCode, header};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use parking_lot::Mutex;
use stentor_net::client::IpScope;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tower::ServiceExt;

use super::ServerConfig;
use super::request::{Ends, RequestInfo};
use crate::drain::{Drain, Stage};
use crate::headers::add_security_headers;
use crate::info::ConnectionInfo;
use crate::limits::{CapError, ConnectionLimits, Permit};
use crate::metrics::ServeMetrics;
use crate::outbox::Outbox;
use crate::problem::{Problem, Refusal};
use crate::session::{Session, SessionFactory};
use crate::websocket::handshake::is_upgrade;

/// Refusals being told at once; further ones are cut off without a word.
const MAX_REFUSING: usize = 256;
/// How long a refused client may take to hear it.
const REFUSING: Duration = Duration::from_secs(2);

/// Serves HTTP and WebSocket on accepted sockets. Cloning shares it.
pub struct Server<F> {
    pub(super) shared: Arc<Shared<F>>,
}

impl<F> Clone for Server<F> {
    fn clone(&self) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
        }
    }
}

pub(super) struct Shared<F> {
    /// `None`: no WebSocket here.
    pub(super) factory: Option<F>,
    router: Router,
    pub(super) config: ArcSwap<ServerConfig>,
    limits: Arc<ConnectionLimits>,
    pub(super) drain: Drain,
    pub(super) metrics: Arc<ServeMetrics>,
    pub(super) next_id: AtomicU64,
    refusing: Arc<Semaphore>,
}

/// One accepted socket's HTTP side.
pub(super) struct HttpConnection {
    ends: Ends,
    /// Handed on to the WebSocket connection.
    pub(super) permit: Mutex<Option<Permit>>,
}

/// Stands for the sessions of a server without WebSocket.
#[derive(Debug, Clone, Copy)]
pub enum NoSessions {}

impl Session for NoSessions {
    fn on_text(&mut self, _: &str, _: &mut crate::SessionIo<'_>) -> crate::Flow {
        match *self {}
    }
}

impl SessionFactory for NoSessions {
    type Session = Self;

    fn open(&self, _: &Arc<ConnectionInfo>, _: &Outbox) -> Self {
        match *self {}
    }
}

impl Server<NoSessions> {
    /// A server of a router alone.
    #[must_use]
    pub fn http_only(
        router: Router,
        config: ServerConfig,
        limits: Arc<ConnectionLimits>,
        drain: Drain,
    ) -> Self {
        Self::make(None, router, config, limits, drain)
    }
}

impl<F: SessionFactory> Server<F> {
    /// A server of WebSocket sessions on `/` and of a router for the rest. Make it after the metrics recorder is installed.
    #[must_use]
    pub fn new(
        factory: F,
        router: Router,
        config: ServerConfig,
        limits: Arc<ConnectionLimits>,
        drain: Drain,
    ) -> Self {
        Self::make(Some(factory), router, config, limits, drain)
    }

    fn make(
        factory: Option<F>,
        router: Router,
        config: ServerConfig,
        limits: Arc<ConnectionLimits>,
        drain: Drain,
    ) -> Self {
        let shared = Shared {
            factory,
            router,
            config: ArcSwap::from_pointee(config),
            limits,
            drain,
            metrics: Arc::new(ServeMetrics::new()),
            next_id: AtomicU64::new(1),
            refusing: Arc::new(Semaphore::new(MAX_REFUSING)),
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// Takes new settings for the connections to come.
    pub fn reload(&self, config: ServerConfig) {
        self.shared.config.store(Arc::new(config));
    }

    /// The settings.
    #[must_use]
    pub fn config(&self) -> Arc<ServerConfig> {
        self.shared.config.load_full()
    }

    /// The connection caps, to be changed while running.
    #[must_use]
    pub fn limits(&self) -> &Arc<ConnectionLimits> {
        &self.shared.limits
    }

    /// The drain that ends it.
    #[must_use]
    pub fn drain(&self) -> &Drain {
        &self.shared.drain
    }

    /// Takes an accepted socket over, in a task of its own.
    pub fn accepted(&self, stream: TcpStream, listener: &Arc<str>) {
        let (Ok(peer), Ok(local)) = (stream.peer_addr(), stream.local_addr()) else {
            return;
        };
        // Answers are small and complete: there is nothing to wait for before sending them.
        let _ = stream.set_nodelay(true);
        let ends = Ends {
            peer,
            local,
            listener: Arc::clone(listener),
        };
        match self.enter(&ends) {
            Ok(permit) => {
                let http = Arc::new(HttpConnection {
                    ends,
                    permit: Mutex::new(Some(permit)),
                });
                tokio::spawn(serve(Arc::clone(&self.shared), http, stream));
            }
            Err(error) => self.refuse(stream, error.into()),
        }
    }

    fn enter(&self, ends: &Ends) -> Result<Permit, CapError> {
        let mut permit = self.shared.limits.enter()?;
        let peer = ends.peer.ip();
        if !self.shared.config.load().proxies.trusts(peer) {
            permit.enter_scope(IpScope::from(peer))?;
        }
        Ok(permit)
    }

    /// Answers without looking at the request, and without a task for each of very many.
    fn refuse(&self, stream: TcpStream, refusal: Refusal) {
        if let Ok(place) = Arc::clone(&self.shared.refusing).try_acquire_owned() {
            tokio::spawn(async move {
                let _ = timeout(REFUSING, tell(stream, refusal)).await;
                drop(place);
            });
        }
    }
}

/// Writes the refusal and reads until the client's end, as a socket closed with unread input is reset and the answer lost.
async fn tell(mut stream: TcpStream, refusal: Refusal) -> io::Result<()> {
    let text = format!(
        "HTTP/1.1 {} {}\r\nretry-after: {}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
        refusal.status.as_u16(),
        refusal.status.canonical_reason().unwrap_or(""),
        refusal.retry_after.unwrap_or(60),
    );
    stream.write_all(text.as_bytes()).await?;
    stream.shutdown().await?;
    let mut sink = [0; 1024];
    for _ in 0..64 {
        if stream.read(&mut sink).await? == 0 {
            break;
        }
    }
    Ok(())
}

async fn serve<F: SessionFactory>(
    shared: Arc<Shared<F>>,
    http: Arc<HttpConnection>,
    stream: TcpStream,
) {
    let tracked = shared.drain.track();
    let config = shared.config.load_full();
    let service = {
        let (shared, http, config) = (Arc::clone(&shared), Arc::clone(&http), Arc::clone(&config));
        service_fn(move |request| {
            let (shared, http, config) =
                (Arc::clone(&shared), Arc::clone(&http), Arc::clone(&config));
            async move { Ok::<_, Infallible>(answer(shared, http, config, request).await) }
        })
    };
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(config.http.header_timeout)
        .max_buf_size(config.http.max_header_bytes.max(8 << 10))
        .max_headers(config.http.max_headers);
    let mut connection = pin!(
        builder
            .serve_connection(TokioIo::new(stream), service)
            .with_upgrades()
    );
    tokio::select! {
        _ = connection.as_mut() => return drop(tracked),
        () = shared.drain.reached(Stage::Draining) => connection.as_mut().graceful_shutdown(),
    }
    tokio::select! {
        _ = connection => {}
        () = shared.drain.reached(Stage::Aborting) => {}
    }
    drop(tracked);
}

async fn answer<F: SessionFactory>(
    shared: Arc<Shared<F>>,
    http: Arc<HttpConnection>,
    config: Arc<ServerConfig>,
    request: Request<Incoming>,
) -> Response {
    let info = RequestInfo::new(&http.ends, request.headers(), &config.proxies);
    let secure = info.secure;
    let upgrade = is_upgrade(request.headers());
    let mut response = if upgrade {
        super::upgrade::upgrade(&shared, &http, &config, info, request).unwrap_or_else(
            |mut refused| {
                // A refused upgrade has no use for the connection.
                refused
                    .headers_mut()
                    .append(header::CONNECTION, HeaderValue::from_static("close"));
                *refused
            },
        )
    } else {
        route(&shared.router, config.http.request_timeout, info, request).await
    };
    if response.status() != StatusCode::SWITCHING_PROTOCOLS {
        add_security_headers(response.headers_mut(), secure);
    }
    response
}

async fn route(
    router: &Router,
    limit: Duration,
    info: RequestInfo,
    request: Request<Incoming>,
) -> Response {
    let mut request = request.map(Body::new);
    request.extensions_mut().insert(info);
    let routed = router.clone().oneshot(request);
    let routed = async { routed.await.unwrap_or_else(|never| match never {}) };
    if limit.is_zero() {
        return routed.await;
    }
    match timeout(limit, routed).await {
        Ok(response) => response,
        Err(_) => Problem::new(StatusCode::REQUEST_TIMEOUT).into_response(),
    }
}
