//! What strangers send, read without a connection: for fuzzing.

use stentor_bus::From;

use crate::asked::Query;
use crate::config::Streams;
use crate::stream::ws::frame;

/// Reads a frame of the WebSocket. What it asks for is looked at as if it were sent; `None` when it is none, or asks for nothing.
pub fn frame(text: &str) -> Option<Query> {
    let marked = frame::parse(text).ok()?;
    assert!(marked.reference.is_none_or(|mark| mark.len() <= 64));
    match marked.request {
        frame::Request::Subscribe { id, query } => {
            assert!((1..=64).contains(&id.len()));
            Some(query)
        }
        _ => None,
    }
}

/// Reads what a query asks for; whether it can be done.
pub fn query(query: &Query) -> bool {
    let wanted = query.interest(&Streams::default());
    let from = query.from(None, From::Now);
    // What the audit is told has an end.
    let _ = query.what();
    wanted.is_ok() && from.is_ok()
}
