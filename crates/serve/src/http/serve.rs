//! HTTP/1.1 on a connection.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, Method, Request, StatusCode, header};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use stentor_trace::Trace;
use tokio::time::timeout;
use tower::ServiceExt;

use super::ServerConfig;
use super::patience::Patient;
use super::request::RequestInfo;
use super::server::{HttpConnection, Shared};
use crate::drain::Stage;
use crate::headers::add_security_headers;
use crate::problem::Problem;
use crate::session::SessionFactory;
use crate::stream::Stream;
use crate::websocket::handshake::is_upgrade;

/// Serves HTTP on a connection until it ends or becomes a WebSocket.
pub(super) async fn serve<F: SessionFactory>(
    shared: Arc<Shared<F>>,
    http: Arc<HttpConnection>,
    stream: Stream,
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
    let stream = Patient::new(stream, config.websocket.write_timeout);
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
    let info = RequestInfo::new(&http.ends, request.headers(), &http.settings.proxies);
    let secure = info.secure;
    let upgrade = is_upgrade(request.headers());
    let mut trace = begin_trace(shared.factory.is_some(), request.method());
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
    let status = response.status();
    trace.set("http.response.status_code", status.as_u16());
    if status.is_server_error() {
        trace.fail();
    }
    response
}

/// The trace of a request, by the conventions of OpenTelemetry. It begins here: whose trace it is part of, and whether that is
/// recorded, is not for clients to say, and most proxies pass on a client's `traceparent` as it is. Those who look at health and
/// metrics all the time are no clients.
fn begin_trace(of_clients: bool, method: &Method) -> Trace {
    if !of_clients {
        return Trace::default();
    }
    let mut trace = Trace::begin("HTTP");
    if trace.is_on() {
        let known = ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"];
        let known = known.into_iter().find(|name| *name == method.as_str());
        trace.rename(known.unwrap_or("HTTP"));
        trace.set("http.request.method", known.unwrap_or("_OTHER"));
    }
    trace
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
