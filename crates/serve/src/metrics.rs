//! Counters of connections, held as handles: looking a metric up by name costs more than counting.

use metrics::{Counter, Gauge, Histogram, counter, gauge, histogram};

use crate::session::EndReason;
use crate::sse::StreamEnd;

/// Handles of this crate's metrics. Made after the recorder is installed, shared by all connections.
#[derive(Clone)]
pub struct ServeMetrics {
    connections: Gauge,
    blocked: Gauge,
    queued: Histogram,
    opened: Counter,
    bytes_in: Counter,
    bytes_out: Counter,
    received: Counter,
    sent: Counter,
    closed: [Counter; 5],
    streams: Gauge,
    stream_bytes: Counter,
    streams_closed: [Counter; 5],
}

impl Default for ServeMetrics {
    fn default() -> Self {
        Self::new()
    }
}

impl ServeMetrics {
    /// Looks the metrics up in the installed recorder.
    #[must_use]
    pub fn new() -> Self {
        let closed = |reason: &'static str| counter!("stentor_ws_closed_total", "reason" => reason);
        let stream_closed =
            |reason: &'static str| counter!("stentor_sse_closed_total", "reason" => reason);
        Self {
            connections: gauge!("stentor_connections"),
            blocked: gauge!("stentor_ws_blocked_connections"),
            queued: histogram!("stentor_ws_queued_frames"),
            opened: counter!("stentor_ws_opened_total"),
            bytes_in: counter!("stentor_ws_bytes_total", "direction" => "in"),
            bytes_out: counter!("stentor_ws_bytes_total", "direction" => "out"),
            received: counter!("stentor_ws_messages_total", "direction" => "in"),
            sent: counter!("stentor_ws_messages_total", "direction" => "out"),
            closed: ["client", "server", "lost", "stalled", "aborted"].map(closed),
            streams: gauge!("stentor_sse_streams"),
            stream_bytes: counter!("stentor_sse_bytes_total"),
            streams_closed: ["client", "source", "drain", "stalled", "aborted"].map(stream_closed),
        }
    }

    pub(crate) fn opened(&self) {
        self.opened.increment(1);
        self.connections.increment(1.0);
    }

    pub(crate) fn closed(&self, reason: &EndReason, blocked: bool) {
        self.connections.decrement(1.0);
        if blocked {
            self.blocked.decrement(1.0);
        }
        let [client, server, lost, stalled, aborted] = &self.closed;
        let counter = match reason {
            EndReason::Client(_) => client,
            EndReason::Server(_) => server,
            EndReason::Lost => lost,
            EndReason::Stalled => stalled,
            EndReason::Aborted => aborted,
        };
        counter.increment(1);
    }

    pub(crate) fn blocked(&self, blocked: bool) {
        if blocked {
            self.blocked.increment(1.0)
        } else {
            self.blocked.decrement(1.0)
        }
    }

    pub(crate) fn stream_opened(&self) {
        self.streams.increment(1.0);
    }

    pub(crate) fn stream_bytes(&self, bytes: usize) {
        self.stream_bytes.increment(bytes as u64);
    }

    pub(crate) fn stream_closed(&self, end: StreamEnd) {
        self.streams.decrement(1.0);
        let [client, source, drain, stalled, aborted] = &self.streams_closed;
        let counter = match end {
            StreamEnd::Client => client,
            StreamEnd::Source => source,
            StreamEnd::Drain => drain,
            StreamEnd::Stalled => stalled,
            StreamEnd::Aborted => aborted,
        };
        counter.increment(1);
    }

    /// So many frames waited when a connection came to writing.
    pub(crate) fn queued(&self, frames: usize) {
        self.queued.record(frames as f64);
    }

    /// Counts what a turn of a connection came to, and empties the tally.
    pub(crate) fn count(&self, tally: &mut Tally) {
        let Tally {
            bytes_in,
            bytes_out,
            received,
            sent,
        } = std::mem::take(tally);
        for (counter, count) in [
            (&self.bytes_in, bytes_in),
            (&self.bytes_out, bytes_out),
            (&self.received, received),
            (&self.sent, sent),
        ] {
            if count > 0 {
                counter.increment(count);
            }
        }
    }
}

/// What one turn of a connection came to. Added up without touching memory that other threads count in.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) bytes_in: u64,
    pub(crate) bytes_out: u64,
    pub(crate) received: u64,
    pub(crate) sent: u64,
}
