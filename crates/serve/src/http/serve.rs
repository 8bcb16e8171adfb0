//! HTTP/1.1 on a connection.

use std::convert::Infallible;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, Method, Request, StatusCode, header};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use stentor_trace::{InTrace, Trace};
use tokio::time::timeout;
use tower::ServiceExt;

use super::ServerConfig;
use super::handover::{Handover, Point};
use super::patience::Patient;
use super::request::RequestInfo;
use super::server::{HttpConnection, Shared};
use super::streaming::hand_over;
use super::upgrade::Upgrade;
use crate::drain::Stage;
use crate::headers::add_security_headers;
use crate::problem::Problem;
use crate::session::SessionFactory;
use crate::sse::Framing;
use crate::stream::Stream;

/// HTTP on a connection.
type Http<S> = http1::Connection<TokioIo<Patient<Stream>>, S>;

/// Serves HTTP on a connection until it ends or becomes something else.
pub(super) async fn serve<F: SessionFactory>(
    shared: Arc<Shared<F>>,
    http: Arc<HttpConnection>,
    stream: Stream,
) {
    // Held until what the connection becomes is in the drain itself.
    let _tracked = shared.drain.track();
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
    let stream = Patient::new(stream, config.websocket.write_timeout).telling(&http.handover);
    let mut connection = builder.serve_connection(TokioIo::new(stream), service);
    let left = tokio::select! {
        left = until_left(&mut connection, &http.handover) => left,
        () = shared.drain.reached(Stage::Draining) => {
            Pin::new(&mut connection).graceful_shutdown();
            tokio::select! {
                left = until_left(&mut connection, &http.handover) => left,
                () = shared.drain.reached(Stage::Aborting) => None,
            }
        }
    };
    // What was agreed on at another point than this is not to be.
    let next = left.and_then(|point| http.handover.take(point));
    http.handover.cancel();
    if let Some(next) = next {
        let parts = connection.into_parts();
        next(parts.io.into_inner().silent(), parts.read_buf.to_vec());
    }
}

/// Waits until HTTP has ended on a connection or it is to be taken from it; `None`: it is broken.
async fn until_left<S>(connection: &mut Http<S>, handover: &Handover) -> Option<Point>
where
    S: Service<Request<Incoming>, Response = Response, Error = Infallible>,
{
    poll_fn(|cx| match Pin::new(&mut *connection).poll(cx) {
        Poll::Ready(ended) => Poll::Ready(ended.ok().map(|()| Point::Switched)),
        Poll::Pending if handover.is_due() => Poll::Ready(Some(Point::HeadSent)),
        Poll::Pending => Poll::Pending,
    })
    .await
}

async fn answer<F: SessionFactory>(
    shared: Arc<Shared<F>>,
    http: Arc<HttpConnection>,
    config: Arc<ServerConfig>,
    request: Request<Incoming>,
) -> Response {
    let info = RequestInfo::new(&http.ends, request.headers(), &http.settings.proxies);
    let (secure, scope) = (info.secure, info.scope);
    let upgrade = Upgrade::of(&shared, &http, &info, &request);
    let asked_to_upgrade = upgrade.is_asked_for();
    let mut trace = begin_trace(shared.factory.is_some(), request.method());
    let (method, version) = (request.method().clone(), request.version());
    let factory = shared
        .factory
        .as_ref()
        .filter(|_| asked_to_upgrade && request.uri().path() == "/");
    let mut response = if let Some(factory) = factory {
        let opening = Arc::clone(factory);
        upgrade.accept_if(
            Arc::clone(&config.websocket),
            |info| factory.admit(info),
            move |info, outbox| opening.open(info, outbox),
        )
    } else {
        let mut request = request.map(Body::new);
        let extensions = request.extensions_mut();
        extensions.insert(info);
        extensions.insert(upgrade);
        extensions.insert(shared.drain.signal());
        let routed = route(&shared.router, config.http.request_timeout, request);
        InTrace::new(trace.traceparent(), routed).await
    };
    if response.status() != StatusCode::SWITCHING_PROTOCOLS {
        // Whatever was agreed on, this is another answer.
        http.handover.cancel();
        if asked_to_upgrade {
            refuse_upgrade(&mut response);
        }
        if method != Method::HEAD {
            let framing = Framing::promised(version);
            hand_over(&shared, &http, scope, framing, &mut response);
        }
        add_security_headers(response.headers_mut(), secure);
    }
    let status = response.status();
    trace.set("http.response.status_code", status.as_u16());
    if status.is_server_error() {
        trace.fail();
    }
    response
}

/// Finishes an answer that refuses an upgrade.
fn refuse_upgrade(response: &mut Response) {
    let bare = !response.headers().contains_key(header::CONTENT_TYPE);
    if response.status() == StatusCode::NOT_FOUND && bare {
        let detail = "no WebSocket connections are served on this path";
        *response = Problem::new(StatusCode::NOT_FOUND)
            .with_detail(detail)
            .into_response();
    }
    // Who wanted to upgrade has no use for the connection otherwise.
    let close = HeaderValue::from_static("close");
    response.headers_mut().append(header::CONNECTION, close);
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

async fn route(router: &Router, limit: Duration, request: Request<Body>) -> Response {
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
