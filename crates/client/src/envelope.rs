//! What is delivered: a CloudEvent (G1.1).

use serde::Deserialize;
use serde_json::value::RawValue;

/// Something that has happened. Attributes that are not here are left out.
#[derive(Debug, Clone, Deserialize)]
pub struct Envelope {
    /// What tells it from all others, however often it is delivered (UUIDv7).
    pub id: String,
    /// The log that it stands in.
    pub source: String,
    /// What has happened, such as `nostr.event.stored`.
    #[serde(rename = "type")]
    pub kind: String,
    /// To what.
    pub subject: Option<String>,
    /// When (RFC 3339).
    pub time: Option<String>,
    /// The position in its log, in decimal; `None` for what is in no log.
    pub seq: Option<String>,
    /// The tenant that it belongs to.
    pub tenant: Option<String>,
    /// Who did it.
    pub actor: Option<String>,
    /// The trace that it belongs to (W3C Trace Context).
    pub traceparent: Option<String>,
    /// What it carries, as JSON.
    pub data: Box<RawValue>,
}
