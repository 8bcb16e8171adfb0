//! What several operations answer with, for the OpenAPI document.

#![expect(dead_code, reason = "only their schemas are used")]

use utoipa::{IntoResponses, ToSchema};

/// Why a request is not answered with what it asks for (RFC 9457), as `application/problem+json`.
#[derive(ToSchema)]
#[schema(as = Problem)]
pub(crate) struct ProblemSchema {
    /// The HTTP status.
    status: u16,
    /// Short, and the same for each occurrence.
    title: String,
    /// What happened this time.
    detail: Option<String>,
}

/// Something that has happened: an event of CloudEvents 1.0.
#[derive(ToSchema)]
#[schema(as = Envelope)]
pub(crate) struct EnvelopeSchema {
    /// `1.0`.
    specversion: String,
    /// A UUIDv7; the same whenever the same envelope is given.
    id: String,
    /// In which log it stands: `/nostr` or `/records`.
    source: String,
    /// What has happened, by the catalogue of types.
    #[schema(example = "nostr.event.stored")]
    r#type: String,
    /// To what.
    subject: Option<String>,
    /// When (RFC 3339).
    time: String,
    /// `application/json`.
    datacontenttype: String,
    /// The position in its log, a decimal number. Ephemeral events have none.
    seq: Option<String>,
    /// The tenant that it belongs to.
    tenant: Option<String>,
    /// Who did it.
    actor: Option<String>,
    /// The trace that it belongs to (W3C Trace Context).
    traceparent: Option<String>,
    /// By the type.
    data: serde_json::Value,
}

/// Refusals that any operation can meet.
#[derive(IntoResponses)]
pub(crate) enum Refused {
    /// No credential, or none that is good.
    #[response(status = 401, content_type = "application/problem+json")]
    Unknown(ProblemSchema),
    /// The credential has not the scope.
    #[response(status = 403, content_type = "application/problem+json")]
    Scope(ProblemSchema),
    /// The node cannot do it now; `Retry-After` says when to try again.
    #[response(status = 503, content_type = "application/problem+json")]
    Unavailable(ProblemSchema),
}

/// The request cannot be understood.
#[derive(IntoResponses)]
#[response(status = 400, content_type = "application/problem+json")]
pub(crate) struct Wrong(ProblemSchema);

/// There is none, or it is somebody else's.
#[derive(IntoResponses)]
#[response(status = 404, content_type = "application/problem+json")]
pub(crate) struct Missing(ProblemSchema);

/// It is not in a state for that.
#[derive(IntoResponses)]
#[response(status = 409, content_type = "application/problem+json")]
pub(crate) struct Conflict(ProblemSchema);

/// There are as many as there may be.
#[derive(IntoResponses)]
#[response(status = 429, content_type = "application/problem+json")]
pub(crate) struct TooMany(ProblemSchema);
