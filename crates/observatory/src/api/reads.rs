//! Operations that read. What each is asked for is told here; how it is read and answered is the same for all.

use axum::response::Response;

use super::reference::{
    Coverage, Days, Events, Form, Missing, OfRelay, Page, Range, Refused, Relays,
};
use super::respond::Reading;
use crate::answer::{
    ArchivingPage, ChangePage, CheckPage, CoveragePage, DayPage, EventAnswer, EventPage, Network,
    Progress, RelayDetail, RelayPage, SeriesAnswer,
};

/// Lists relays.
#[utoipa::path(get, path = "/api/v1/observatory/relays", tag = "observatory", operation_id = "listRelays",
    params(Relays, Page, Form), responses((status = 200, description = "A page of relays.", body = RelayPage), Refused))]
pub(super) async fn relays(request: Reading) -> Response {
    request.answer().await
}

/// Shows all that is known of a relay or a candidate.
#[utoipa::path(get, path = "/api/v1/observatory/relays/{relay}", tag = "observatory", operation_id = "getRelay",
    params(("relay" = String, Path, description = "Its URL, percent-encoded, or its number.")),
    responses((status = 200, description = "The relay.", body = RelayDetail), Refused, Missing))]
pub(super) async fn relay(request: Reading) -> Response {
    request.answer().await
}

/// Lists the checks of a relay, the newest first.
#[utoipa::path(get, path = "/api/v1/observatory/relays/{relay}/checks", tag = "observatory", operation_id = "listRelayChecks",
    params(("relay" = String, Path, description = "Its URL, percent-encoded, or its number."), Page, Form),
    responses((status = 200, description = "A page of checks.", body = CheckPage), Refused, Missing))]
pub(super) async fn checks(request: Reading) -> Response {
    request.answer().await
}

/// Shows the checks of a relay as a chart does: means over parts of the time.
#[utoipa::path(get, path = "/api/v1/observatory/relays/{relay}/series", tag = "observatory", operation_id = "getRelaySeries",
    params(("relay" = String, Path, description = "Its URL, percent-encoded, or its number."), Range, Form),
    responses((status = 200, description = "The chart.", body = SeriesAnswer), Refused, Missing))]
pub(super) async fn series(request: Reading) -> Response {
    request.answer().await
}

/// Shows the days of a relay: sums that are kept for ever.
#[utoipa::path(get, path = "/api/v1/observatory/relays/{relay}/days", tag = "observatory", operation_id = "getRelayDays",
    params(("relay" = String, Path, description = "Its URL, percent-encoded, or its number."), Days, Form),
    responses((status = 200, description = "The days.", body = DayPage), Refused, Missing))]
pub(super) async fn days(request: Reading) -> Response {
    request.answer().await
}

/// Lists what has changed in a relay's information document, the newest first; at most 99 in a page.
#[utoipa::path(get, path = "/api/v1/observatory/relays/{relay}/changes", tag = "observatory", operation_id = "listRelayChanges",
    params(("relay" = String, Path, description = "Its URL, percent-encoded, or its number."), Page, Form),
    responses((status = 200, description = "A page of changes.", body = ChangePage), Refused, Missing))]
pub(super) async fn changes(request: Reading) -> Response {
    request.answer().await
}

/// Lists what a relay was asked about, and what came of it.
#[utoipa::path(get, path = "/api/v1/observatory/relays/{relay}/coverage", tag = "observatory", operation_id = "listRelayCoverage",
    params(("relay" = String, Path, description = "Its URL, percent-encoded, or its number."), Coverage, Page, Form),
    responses((status = 200, description = "A page of coverage.", body = CoveragePage), Refused, Missing))]
pub(super) async fn relay_coverage(request: Reading) -> Response {
    request.answer().await
}

/// Lists what relays were asked about, and what came of it.
#[utoipa::path(get, path = "/api/v1/observatory/coverage", tag = "observatory", operation_id = "listCoverage",
    params(OfRelay, Coverage, Page, Form),
    responses((status = 200, description = "A page of coverage.", body = CoveragePage), Refused, Missing))]
pub(super) async fn coverage(request: Reading) -> Response {
    request.answer().await
}

/// Lists events of the archive, the newest first.
#[utoipa::path(get, path = "/api/v1/observatory/events", tag = "observatory", operation_id = "listEvents",
    params(Events, Page), responses((status = 200, description = "A page of events.", body = EventPage), Refused))]
pub(super) async fn events(request: Reading) -> Response {
    request.answer().await
}

/// Shows an event of the archive, with who holds it.
#[utoipa::path(get, path = "/api/v1/observatory/events/{id}", tag = "observatory", operation_id = "getEvent",
    params(("id" = String, Path, description = "Its id: 64 lower-case hex digits.")),
    responses((status = 200, description = "The event.", body = EventAnswer), Refused, Missing))]
pub(super) async fn event(request: Reading) -> Response {
    request.answer().await
}

/// Shows the network in figures.
#[utoipa::path(get, path = "/api/v1/observatory/network", tag = "observatory", operation_id = "getNetwork",
    responses((status = 200, description = "The figures.", body = Network), Refused))]
pub(super) async fn network(request: Reading) -> Response {
    request.answer().await
}

/// Shows how far the archive has got.
#[utoipa::path(get, path = "/api/v1/observatory/progress", tag = "observatory", operation_id = "getProgress",
    responses((status = 200, description = "How far.", body = Progress), Refused))]
pub(super) async fn progress(request: Reading) -> Response {
    request.answer().await
}

/// Lists how the archive stands with relays, the one most behind first.
#[utoipa::path(get, path = "/api/v1/observatory/archiving", tag = "observatory", operation_id = "listArchiving",
    params(Page, Form), responses((status = 200, description = "A page of relays.", body = ArchivingPage), Refused))]
pub(super) async fn archiving(request: Reading) -> Response {
    request.answer().await
}
