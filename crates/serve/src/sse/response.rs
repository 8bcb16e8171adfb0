//! The answers: a stream of events, and "come back later".

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::response::{IntoResponse, Response};
use futures_util::Stream;
use http::{HeaderName, HeaderValue, header};
use hyper::body::Frame;
use parking_lot::Mutex;

use super::encode::Events;
use super::feed::Feed;
use crate::drain::DrainSignal;

/// Settings of one stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StreamConfig {
    /// Silence after which a comment is written, so that proxies and clients see that the stream lives; 0 = never.
    pub keep_alive: Duration,
    /// How long the client is told to wait when the server drains, in whole milliseconds. To be drawn anew for each stream, lest
    /// all come back at once.
    pub reconnect: Duration,
}

/// A stream of events as an answer: `text/event-stream`, never stored, never held back by nginx.
///
/// The source is asked for more when all before is with the kernel, so nothing waits but what it yielded last; it is dropped when
/// the client ends the connection, or only its half of it, without anything having to be written. A client that takes nothing for
/// [`crate::WebSocketConfig::write_timeout`] of the server is cut off. When the drain begins, the stream ends with a hint when to
/// come back. When the source ends, the stream does.
///
/// A [`crate::Server`] takes the connection over from HTTP, for the memory that takes; the client's connection ends with the stream. It
/// counts under the caps, also for the client's address behind a proxy; beyond that cap it is answered with [`refused_for_now`]. Other
/// servers get a body that does the same, with their own patience. Layers that change
/// bodies, such as compression, must leave it alone.
pub struct EventStream {
    feed: Feed,
}

impl EventStream {
    /// A stream of what `source` yields. Must be made in a runtime.
    #[must_use]
    pub fn new<S>(source: S, config: StreamConfig, drain: DrainSignal) -> Self
    where
        S: Stream<Item = Events> + Send + 'static,
    {
        Self {
            feed: Feed::new(Box::pin(source), config, drain),
        }
    }
}

/// Where the server finds the feed of an answer; an extension of it.
#[derive(Clone)]
pub(crate) struct Slot(Arc<Mutex<Option<Feed>>>);

impl Slot {
    /// Takes the feed away from the body.
    pub(crate) fn take(&self) -> Option<Feed> {
        self.0.lock().take()
    }
}

impl IntoResponse for EventStream {
    fn into_response(self) -> Response {
        let slot = Slot(Arc::new(Mutex::new(Some(self.feed))));
        let mut response = event_stream(Body::new(FeedBody { slot: slot.clone() }));
        response.extensions_mut().insert(slot);
        response
    }
}

/// The answer to who cannot be served now and may come back: an `EventSource` gives up for good on any status but 200.
pub fn refused_for_now(retry: Duration) -> Response {
    let mut hint = Events::new();
    hint.retry(retry);
    event_stream(Body::from(hint.into_bytes()))
}

fn event_stream(body: Body) -> Response {
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_TYPE, "text/event-stream"),
        (header::CACHE_CONTROL, "no-store"),
        (HeaderName::from_static("x-accel-buffering"), "no"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

/// The body where HTTP writes it.
struct FeedBody {
    slot: Slot,
}

impl hyper::body::Body for FeedBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let mut feed = self.slot.0.lock();
        let Some(feed) = &mut *feed else {
            return Poll::Ready(None);
        };
        let next = feed.poll_next(cx);
        next.map(|events| events.map(|events| Ok(Frame::data(events.into_bytes().into()))))
    }
}

#[cfg(test)]
mod tests {
    use futures_util::stream;
    use http::StatusCode;
    use http_body_util::BodyExt;

    use super::*;
    use crate::drain::Drain;

    #[tokio::test]
    async fn g6_1_a_refusal_that_may_be_retried_is_an_empty_stream() {
        let response = refused_for_now(Duration::from_secs(7));
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(
            response.headers()[header::CONTENT_TYPE],
            "text/event-stream"
        );
        let body = response.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(body, "retry: 7000\n\n");
    }

    #[tokio::test]
    async fn g3_1_a_stream_is_a_body_for_any_server() {
        let mut events = Events::new();
        events.retry(Duration::from_secs(1));
        let config = StreamConfig {
            keep_alive: Duration::ZERO,
            reconnect: Duration::ZERO,
        };
        let source = stream::iter([events.clone(), Events::new(), events]);
        let stream = EventStream::new(source, config, Drain::new().signal());
        let response = stream.into_response();
        assert_eq!(response.headers()[header::CACHE_CONTROL], "no-store");
        assert_eq!(response.headers()["x-accel-buffering"], "no");
        let body = response.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(body, "retry: 1000\n\nretry: 1000\n\n");
    }
}
