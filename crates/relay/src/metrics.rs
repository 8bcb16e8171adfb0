//! What is counted (R8.5). Handles are looked up once: looking one up costs more than counting.

use std::time::Duration;

use metrics::{Counter, Gauge, Histogram, counter, gauge, histogram};
use stentor_event::{Kind, KindClass};

use crate::config::RateRule;
use crate::fanout::Tally;
use crate::policy::rate::Thing;

/// What became of an EVENT.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventOutcome {
    /// Stored.
    Stored,
    /// Passed on, not to be stored.
    Ephemeral,
    /// Already there.
    Duplicate,
    /// A newer version is there.
    Superseded,
    /// Deleted or vanished before.
    Deleted,
    /// Not valid: malformed, wrong id or signature, expired, time out of range.
    Invalid,
    /// Against a rule of the relay.
    Refused,
    /// Answered as if it had been taken, and thrown away.
    Shadowed,
    /// Too fast.
    RateLimited,
    /// The store could not take it.
    Failed,
}

impl EventOutcome {
    /// The word for it.
    pub(crate) fn as_str(self) -> &'static str {
        OUTCOMES.get(self as usize).copied().unwrap_or_default()
    }
}

/// The words for [`EventOutcome`], in its order.
const OUTCOMES: [&str; 10] = [
    "stored",
    "ephemeral",
    "duplicate",
    "superseded",
    "deleted",
    "invalid",
    "refused",
    "shadowed",
    "rate_limited",
    "failed",
];
/// The words for [`KindClass`], in the order of [`class_index`].
const CLASSES: [&str; 4] = ["regular", "replaceable", "ephemeral", "addressable"];
/// The words for messages by verb, in the order of [`Message`].
const MESSAGES: [&str; 8] = [
    "EVENT",
    "REQ",
    "CLOSE",
    "COUNT",
    "AUTH",
    "NEG",
    "unknown",
    "malformed",
];

/// Whose rate was exceeded, in the order of [`RateRule`].
const SCOPES: [&str; 4] = ["connection", "ip", "key", "node"];

/// The counter of what was too fast.
fn limited(thing: Thing, scope: &'static str) -> Counter {
    counter!("stentor_relay_rate_limited_total", "what" => thing.as_str(), "scope" => scope)
}

/// A message by its verb.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Message {
    Event,
    Req,
    Close,
    Count,
    Auth,
    Neg,
    Unknown,
    Malformed,
}

/// Handles of the relay's metrics.
pub(crate) struct Metrics {
    messages: [Counter; 8],
    events: [[Counter; 10]; 4],
    limited: [[Counter; 4]; 5],
    ack: Histogram,
    scan_time: Histogram,
    scan_rows: Histogram,
    scans_paused: Counter,
    count_time: Histogram,
    fanout: [Counter; 3],
    fanout_time: Histogram,
    subscriptions: Gauge,
    unauthenticated: Gauge,
    in_flight: Gauge,
    refused: Counter,
    slow: Counter,
}

impl Metrics {
    /// Looks the metrics up in the installed recorder.
    pub(crate) fn new() -> Self {
        let event = |class: &'static str| {
            OUTCOMES.map(|outcome| counter!("stentor_relay_events_total", "class" => class, "outcome" => outcome))
        };
        let fanout = |what: &'static str| counter!("stentor_relay_fanout_total", "what" => what);
        Self {
            messages: MESSAGES.map(|verb| counter!("stentor_relay_messages_total", "verb" => verb)),
            events: CLASSES.map(event),
            limited: Thing::ALL.map(|thing| SCOPES.map(|scope| limited(thing, scope))),
            ack: histogram!("stentor_relay_ack_seconds"),
            scan_time: histogram!("stentor_relay_scan_seconds"),
            scan_rows: histogram!("stentor_relay_scan_rows"),
            scans_paused: counter!("stentor_relay_scans_paused_total"),
            count_time: histogram!("stentor_relay_count_seconds"),
            fanout: ["considered", "delivered", "dropped"].map(fanout),
            fanout_time: histogram!("stentor_relay_fanout_seconds"),
            subscriptions: gauge!("stentor_relay_subscriptions"),
            unauthenticated: gauge!("stentor_relay_connections_unauthenticated"),
            in_flight: gauge!("stentor_relay_in_flight_bytes"),
            refused: counter!("stentor_relay_requests_refused_total"),
            slow: counter!("stentor_relay_slow_queries_total"),
        }
    }

    /// A message has come.
    pub(crate) fn message(&self, message: Message) {
        count(self.messages.get(message as usize));
    }

    /// An EVENT has been answered.
    pub(crate) fn event(&self, kind: Kind, outcome: EventOutcome) {
        count(
            self.events
                .get(class_index(kind))
                .and_then(|class| class.get(outcome as usize)),
        );
    }

    /// Something was too fast for this rule.
    pub(crate) fn limited(&self, thing: Thing, rule: RateRule) {
        count(
            self.limited
                .get(thing as usize)
                .and_then(|scopes| scopes.get(rule as usize)),
        );
    }

    /// Events were answered this long after they came.
    pub(crate) fn acknowledged(&self, events: usize, after: Duration) {
        self.ack.record_many(after.as_secs_f64(), events);
    }

    /// A scan ended after this much work.
    pub(crate) fn scanned(&self, work: Duration, rows: u64) {
        self.scan_time.record(work.as_secs_f64());
        self.scan_rows.record(rows as f64);
    }

    /// Scans wait for a slow client.
    pub(crate) fn scans_paused(&self) {
        self.scans_paused.increment(1);
    }

    /// A COUNT ended after this much work.
    pub(crate) fn counted(&self, work: Duration) {
        self.count_time.record(work.as_secs_f64());
    }

    /// A commit has been passed on.
    pub(crate) fn passed(&self, tally: Tally, took: Duration) {
        let [considered, delivered, dropped] = &self.fanout;
        considered.increment(tally.considered);
        delivered.increment(tally.delivered);
        dropped.increment(tally.dropped);
        self.fanout_time.record(took.as_secs_f64());
    }

    /// A REQ or COUNT was answered with CLOSED.
    pub(crate) fn refused(&self) {
        self.refused.increment(1);
    }

    /// A query was slow.
    pub(crate) fn slow(&self) {
        self.slow.increment(1);
    }

    /// How much there is of what comes and goes.
    pub(crate) fn levels(&self, subscriptions: usize, unauthenticated: usize, in_flight: usize) {
        self.subscriptions.set(subscriptions as f64);
        self.unauthenticated.set(unauthenticated as f64);
        self.in_flight.set(in_flight as f64);
    }
}

/// Counts one.
fn count(counter: Option<&Counter>) {
    if let Some(counter) = counter {
        counter.increment(1);
    }
}

/// Where the class of a kind stands in [`CLASSES`].
const fn class_index(kind: Kind) -> usize {
    match kind.class() {
        KindClass::Regular => 0,
        KindClass::Replaceable => 1,
        KindClass::Ephemeral => 2,
        KindClass::Addressable => 3,
    }
}
