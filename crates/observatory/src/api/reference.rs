//! What the OpenAPI document says of all operations here.

#![expect(dead_code, reason = "only their schemas are used")]

use utoipa::{IntoParams, IntoResponses, OpenApi, ToSchema};
use utoipa_axum::router::OpenApiRouter;

use super::Api;

/// What holds for all operations here.
#[derive(OpenApi)]
#[openapi(tags((name = "observatory", description = "Which relays there are, how they do, and what they hold.")))]
struct Document;

/// A router that adds what the handlers say to the document.
pub(super) fn router() -> OpenApiRouter<Api> {
    OpenApiRouter::with_openapi(Document::openapi())
}

/// Why a request is not answered with what it asks for (RFC 9457), as `application/problem+json`.
#[derive(ToSchema)]
#[schema(as = Problem)]
pub(super) struct ProblemSchema {
    /// The HTTP status.
    status: u16,
    /// Short, and the same for each occurrence.
    title: String,
    /// What happened this time.
    detail: Option<String>,
}

/// What any request can meet.
#[derive(IntoResponses)]
pub(super) enum Refused {
    /// A parameter, or what was sent, cannot be used.
    #[response(status = 400, content_type = "application/problem+json")]
    Wrong(ProblemSchema),
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

/// There is none.
#[derive(IntoResponses)]
#[response(status = 404, content_type = "application/problem+json")]
pub(super) struct Missing(ProblemSchema);

/// There are as many as there may be.
#[derive(IntoResponses)]
#[response(status = 429, content_type = "application/problem+json")]
pub(super) struct TooMany(ProblemSchema);

/// In what form.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Form {
    /// `json`, or `csv` (RFC 4180, with a header row) for the rows of a list. A text that a spreadsheet would take for a formula
    /// gets an apostrophe before it.
    #[param(default = "json")]
    format: Option<String>,
}

/// Which page.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Page {
    /// Rows in the page, at most.
    #[param(minimum = 1, maximum = 500, default = 100)]
    limit: Option<u32>,
    /// Where the page begins: the `next` of the page before.
    after: Option<String>,
}

/// Which relays.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Relays {
    /// `relay`, or `candidate` for URLs that have not spoken Nostr yet.
    #[param(default = "relay")]
    state: Option<String>,
    /// `unknown`, `online` or `offline`.
    status: Option<String>,
    /// `clearnet`, `tor`, `i2p` or `loki`.
    network: Option<String>,
    /// The software, as relays name it.
    software: Option<String>,
    /// NIPs that relays say they know, with commas between them; with `!` before one, those that do not.
    #[param(example = "50,!77")]
    nip: Option<String>,
    /// Two letters (ISO 3166).
    country: Option<String>,
    /// Whether relays want to know who asks.
    auth_required: Option<bool>,
    /// Whether relays want to be paid.
    payment_required: Option<bool>,
    /// Whether relays are slower than usual.
    degraded: Option<bool>,
    /// The least uptime over 30 days.
    #[param(minimum = 0, maximum = 1)]
    min_uptime: Option<f64>,
    /// What the name or the URL has in it.
    text: Option<String>,
    /// `url`, `uptime`, `open`, `read`, `events`, `exclusive`, `seen` or `found`; with `-` before it the greatest first.
    #[param(default = "url")]
    sort: Option<String>,
}

/// Which part of the time.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Range {
    /// So many hours until now; not together with the next two.
    #[param(minimum = 1, maximum = 9600, default = 24)]
    hours: Option<u64>,
    /// From when on, in Unix milliseconds.
    from_ms: Option<u64>,
    /// Until when, in Unix milliseconds.
    to_ms: Option<u64>,
    /// Points, at most.
    #[param(minimum = 1, maximum = 500, default = 200)]
    points: Option<u64>,
}

/// How many days.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Days {
    /// Until today.
    #[param(minimum = 1, maximum = 400, default = 90)]
    days: Option<u64>,
}

/// Which coverage.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Coverage {
    /// `complete`, `capped`, `refused` or `failed`.
    state: Option<String>,
}

/// Of which relay.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct OfRelay {
    /// A URL or a number.
    relay: Option<String>,
}

/// Which events. Tags are asked for by `#t`, a letter or a digit (in an address `%23t`), once for each value.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Events {
    /// Ids, with commas between them.
    ids: Option<String>,
    /// Public keys in hex, with commas between them.
    authors: Option<String>,
    /// Kinds, with commas between them.
    #[param(example = "1,30023")]
    kinds: Option<String>,
    /// The oldest time, in Unix seconds.
    since: Option<u64>,
    /// The newest time, in Unix seconds.
    until: Option<u64>,
    /// Kinds that are not wanted, with commas between them.
    #[param(rename = "!kinds")]
    not_kinds: Option<String>,
    /// Authors that are not wanted, with commas between them.
    #[param(rename = "!authors")]
    not_authors: Option<String>,
    /// Values of the tag `t`; any other letter or digit likewise.
    #[param(rename = "#t")]
    tag: Option<Vec<String>>,
    /// Values of the tag `t` that are not wanted; any other letter or digit likewise.
    #[param(rename = "!#t")]
    not_tag: Option<Vec<String>>,
    /// What the content has in it, in whatever case. A bounded number of events is looked at; `bound_reached` says so.
    text: Option<String>,
    /// Whether it is told who holds each event, and how many do. Then a page has at most 100 rows.
    holders: Option<bool>,
}

/// Which days, as the number of days since 1970 (UTC); without them all.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct FromTo {
    /// The first.
    from_day: Option<u64>,
    /// The last.
    to_day: Option<u64>,
}

/// Which kinds.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct OfKinds {
    /// Kinds, with commas between them, at most 100; without it all.
    kinds: Option<String>,
}

/// Which periods.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct OfPeriod {
    /// `day`, `week` or `month`.
    #[param(default = "day")]
    period: Option<String>,
}

/// The order of relays.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct CountSort {
    /// `events` or `exclusive`, the greatest first.
    #[param(default = "events")]
    sort: Option<String>,
}

/// How many rows.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Most {
    /// Rows, at most.
    #[param(minimum = 1, maximum = 500, default = 100)]
    limit: Option<u32>,
}

/// Which relays are ranked.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Alive {
    /// `clearnet`, `tor`, `i2p` or `loki`.
    network: Option<String>,
    /// Two letters (ISO 3166).
    country: Option<String>,
    /// NIPs that they must know, with commas between them.
    nip: Option<String>,
    /// Milliseconds within which they must answer a question.
    read_ms: Option<u64>,
    /// Whether only those count that take anybody's events.
    open: Option<bool>,
}

/// How far back.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct LastDays {
    /// Until today.
    #[param(minimum = 1, maximum = 3650, default = 30)]
    days: Option<u64>,
}

/// How far back.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct LastHours {
    /// Whole hours, beside the one under way.
    #[param(minimum = 1, maximum = 168, default = 24)]
    hours: Option<u64>,
}
