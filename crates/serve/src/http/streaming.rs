//! From an answer to the stream of events that it promises.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::response::Response;
use http::{HeaderValue, header};
use stentor_net::client::IpScope;

use super::handover::{Elsewhere, Held, Point};
use super::server::{HttpConnection, Shared};
use crate::limits::Places;
use crate::sse::{Framing, Slot, Streaming, refused_for_now};

/// How long a stream stays away whose address has as many connections as it may.
const CROWDED: Duration = Duration::from_secs(60);

/// Has the stream of an answer, if it promises one, written by a task of its own once the head is out.
pub(super) fn hand_over<F>(
    shared: &Shared<F>,
    http: &HttpConnection,
    scope: IpScope,
    framing: Framing,
    response: &mut Response,
) {
    let Some(feed) = response
        .extensions_mut()
        .remove::<Slot>()
        .and_then(|slot| slot.take())
    else {
        return;
    };
    let Some(places) = places(http, scope) else {
        // The head stays as it is: layers have added to it what lets a browser read the answer.
        *response.body_mut() = refused_for_now(CROWDED).into_body();
        return;
    };
    let (id, drain, metrics) = (http.id, shared.drain.clone(), Arc::clone(&shared.metrics));
    let next = move |io, _leftover| {
        let streaming = Streaming::new(io, feed, framing, metrics);
        Held::start(id, streaming, drain.track_stream(), places);
    };
    http.handover.agree(Point::HeadSent, Box::new(next));
    *response.body_mut() = Body::new(Elsewhere {
        handover: Arc::clone(&http.handover),
    });
    let close = HeaderValue::from_static("close");
    response.headers_mut().append(header::CONNECTION, close);
}

/// The connection's places, counted for the client's address. Where that has as many as it may, they stay with HTTP.
fn places(http: &HttpConnection, scope: IpScope) -> Option<Places> {
    let mut here = http.places.lock();
    here.as_mut()?.enter_scope(scope).ok()?;
    here.take()
}
