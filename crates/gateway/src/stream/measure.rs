//! What is counted of streams (G7):
//!
//! * `stentor_gateway_streams`, `stentor_gateway_streams_capacity`: those that are open, and how many there may be (0: any number);
//! * `stentor_gateway_streams_total{surface}`, `stentor_gateway_streams_closed_total{surface, reason}`: opened and ended;
//! * `stentor_gateway_streams_rejected_total{surface, reason}`: not opened;
//! * `stentor_gateway_envelopes_total{surface}`, `stentor_gateway_bytes_total{surface}`: handed over to be sent;
//! * `stentor_gateway_delivery_seconds`: from the time of an envelope, which is that of its commit, to its being handed over, for who is live;
//! * `stentor_gateway_queued`: envelopes that wait behind those that are handed over;
//! * `stentor_gateway_resyncs_total{surface}`: cursors of clients that are older than what is kept, or of another installation.

use std::time::{SystemTime, UNIX_EPOCH};

use metrics::{counter, gauge, histogram};
use stentor_bus::Delivery;
use stentor_serve::DrainSignal;

use crate::config::Streams;
use crate::failure::Failure;
use crate::stream::follow::End;

/// Where streams are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    Sse,
    WebSocket,
}

impl Way {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Sse => "sse",
            Self::WebSocket => "ws",
        }
    }
}

/// The gateway exists: what has not happened yet is 0 and not absent, so that rates can be made of it.
pub(crate) fn begin(limits: &Streams) {
    gauge!("stentor_gateway_streams").set(0.0);
    gauge!("stentor_gateway_streams_capacity").set(limits.node as f64);
    for way in [Way::Sse, Way::WebSocket] {
        let surface = way.as_str();
        counter!("stentor_gateway_streams_total", "surface" => surface).increment(0);
        counter!("stentor_gateway_envelopes_total", "surface" => surface).increment(0);
        counter!("stentor_gateway_bytes_total", "surface" => surface).increment(0);
        counter!("stentor_gateway_resyncs_total", "surface" => surface).increment(0);
    }
}

/// A stream was not opened.
pub(crate) fn rejected(way: Way, reason: &'static str) {
    let surface = way.as_str();
    counter!("stentor_gateway_streams_rejected_total", "surface" => surface, "reason" => reason)
        .increment(1);
}

/// The word for a failure that keeps a stream from being opened.
pub(crate) const fn reason(failure: &Failure) -> &'static str {
    match failure {
        Failure::Bus(_) | Failure::Auth(stentor_auth::AuthFailure::Unavailable { .. }) => {
            "unavailable"
        }
        Failure::Auth(_) => "unauthenticated",
        Failure::Scope(_) => "forbidden",
        _ => "malformed",
    }
}

/// An open stream. Counts its end when it is dropped.
pub(crate) struct Measured {
    way: Way,
    drain: DrainSignal,
    reason: Option<&'static str>,
}

impl Measured {
    /// A stream was opened.
    pub fn opened(way: Way, drain: DrainSignal) -> Self {
        counter!("stentor_gateway_streams_total", "surface" => way.as_str()).increment(1);
        Self {
            way,
            drain,
            reason: None,
        }
    }

    /// It ends, for this reason.
    pub const fn ends(&mut self, end: End) {
        self.reason = Some(end.as_str());
    }

    /// The client has missed what is no longer kept.
    pub fn resynced(&self) {
        counter!("stentor_gateway_resyncs_total", "surface" => self.way.as_str()).increment(1);
    }

    /// Envelopes were handed over, written as so many bytes. `waiting` more are in the queue of a live reader; `None`: it reads from
    /// the logs, so that the age of what it is given is no delay of ours.
    pub fn delivered(&self, envelopes: &[Delivery], bytes: usize, waiting: Option<usize>) {
        let surface = self.way.as_str();
        counter!("stentor_gateway_envelopes_total", "surface" => surface)
            .increment(envelopes.len() as u64);
        counter!("stentor_gateway_bytes_total", "surface" => surface).increment(bytes as u64);
        let Some(waiting) = waiting else {
            return;
        };
        histogram!("stentor_gateway_queued").record(waiting as f64);
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let now_ms = u64::try_from(now.unwrap_or_default().as_millis()).unwrap_or(u64::MAX);
        let seconds = histogram!("stentor_gateway_delivery_seconds");
        for delivery in envelopes {
            let age = now_ms.saturating_sub(delivery.envelope().time_ms);
            seconds.record(age as f64 / 1_000.0);
        }
    }
}

impl Drop for Measured {
    fn drop(&mut self) {
        let reason = match self.reason {
            Some(reason) => reason,
            None if self.drain.is_draining() => "drain",
            None => "client",
        };
        counter!("stentor_gateway_streams_closed_total", "surface" => self.way.as_str(), "reason" => reason)
            .increment(1);
    }
}
