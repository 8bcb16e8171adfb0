//! Statistics and ranking: what each operation is asked for. How it is read and answered is the same as for all.

use axum::response::Response;

use super::reference::{
    Alive, CountSort, Coverage, Form, FromTo, LastDays, LastHours, Most, OfKinds, OfPeriod, Page,
    Refused,
};
use super::respond::Reading;
use crate::answer::{DeadPage, Rows};
use crate::history::Outcome;
use crate::ranking::{Deliveries, Ranked};
use crate::statistics::answer::{
    ActiveAuthors, KindDay, NewAuthors, NipAdoption, RelayCount, RelayCoverage, RelayLatency,
    Replication, Software, Totals,
};

/// Shows the great sums of the archive and the network.
#[utoipa::path(get, path = "/api/v1/observatory/statistics/totals", tag = "observatory", operation_id = "getTotals",
    responses((status = 200, description = "The sums.", body = Totals), Refused))]
pub(super) async fn totals(request: Reading) -> Response {
    request.answer().await
}

/// Lists events by day and kind.
#[utoipa::path(get, path = "/api/v1/observatory/statistics/kinds", tag = "observatory", operation_id = "listKinds",
    params(FromTo, OfKinds, Page, Form),
    responses((status = 200, description = "A page of counts.", body = Rows<KindDay>), Refused))]
pub(super) async fn kinds(request: Reading) -> Response {
    request.answer().await
}

/// Lists how many authors were active in each day, week or month.
#[utoipa::path(get, path = "/api/v1/observatory/statistics/authors", tag = "observatory", operation_id = "listActiveAuthors",
    params(FromTo, OfPeriod, Page, Form),
    responses((status = 200, description = "A page of counts.", body = Rows<ActiveAuthors>), Refused))]
pub(super) async fn authors(request: Reading) -> Response {
    request.answer().await
}

/// Lists how many authors were new on each day.
#[utoipa::path(get, path = "/api/v1/observatory/statistics/new-authors", tag = "observatory", operation_id = "listNewAuthors",
    params(FromTo, Page, Form),
    responses((status = 200, description = "A page of counts.", body = Rows<NewAuthors>), Refused))]
pub(super) async fn new_authors(request: Reading) -> Response {
    request.answer().await
}

/// Lists how many events so many relays hold.
#[utoipa::path(get, path = "/api/v1/observatory/statistics/replication", tag = "observatory", operation_id = "listReplication",
    params(Page, Form),
    responses((status = 200, description = "A page of the histogram.", body = Rows<Replication>), Refused))]
pub(super) async fn replication(request: Reading) -> Response {
    request.answer().await
}

/// Lists what relays hold of the archive, those that hold most first.
#[utoipa::path(get, path = "/api/v1/observatory/statistics/relays", tag = "observatory", operation_id = "listRelayCounts",
    params(CountSort, Page, Form),
    responses((status = 200, description = "A page of counts.", body = Rows<RelayCount>), Refused))]
pub(super) async fn relays(request: Reading) -> Response {
    request.answer().await
}

/// Lists how long events took to arrive at relays; at most 199 relays in a page.
#[utoipa::path(get, path = "/api/v1/observatory/statistics/latency", tag = "observatory", operation_id = "listLatencies",
    params(Page, Form),
    responses((status = 200, description = "A page of latencies.", body = Rows<RelayLatency>), Refused))]
pub(super) async fn latency(request: Reading) -> Response {
    request.answer().await
}

/// Shows what relays that are online run, the most frequent first.
#[utoipa::path(get, path = "/api/v1/observatory/statistics/software", tag = "observatory", operation_id = "getSoftware",
    params(Most, Form),
    responses((status = 200, description = "What they run.", body = Software), Refused))]
pub(super) async fn software(request: Reading) -> Response {
    request.answer().await
}

/// Shows which NIPs relays that are online say they know.
#[utoipa::path(get, path = "/api/v1/observatory/statistics/nips", tag = "observatory", operation_id = "getNips",
    params(Most, Form),
    responses((status = 200, description = "What they know.", body = NipAdoption), Refused))]
pub(super) async fn nips(request: Reading) -> Response {
    request.answer().await
}

/// Shows which entries of authors' relay lists lead nowhere, and how many name what was never tried.
#[utoipa::path(get, path = "/api/v1/observatory/statistics/lists", tag = "observatory", operation_id = "getDeadEntries",
    params(Page, Form),
    responses((status = 200, description = "Dead entries.", body = DeadPage), Refused))]
pub(super) async fn lists(request: Reading) -> Response {
    request.answer().await
}

/// Lists how much of relays' pasts is in which state.
#[utoipa::path(get, path = "/api/v1/observatory/statistics/coverage", tag = "observatory", operation_id = "listCoverageSums",
    params(Coverage, Page, Form),
    responses((status = 200, description = "A page of sums.", body = Rows<RelayCoverage>), Refused))]
pub(super) async fn coverage(request: Reading) -> Response {
    request.answer().await
}

/// Lists what came of the checks of the last hours, the most frequent outcome first; at most 50.
#[utoipa::path(get, path = "/api/v1/observatory/statistics/checks", tag = "observatory", operation_id = "listCheckOutcomes",
    params(LastHours, Most, Form),
    responses((status = 200, description = "The sums.", body = Rows<Outcome>), Refused))]
pub(super) async fn checks(request: Reading) -> Response {
    request.answer().await
}

/// Lists relays that are online, the best first, each with its score and the parts of that.
#[utoipa::path(get, path = "/api/v1/observatory/ranking", tag = "observatory", operation_id = "listRanking",
    params(Alive, Page, Form), responses((status = 200, description = "A page of relays.", body = Rows<Ranked>), Refused))]
pub(super) async fn ranking(request: Reading) -> Response {
    request.answer().await
}

/// Shows which relays deliver an author's events, in the order in which a client should ask them.
#[utoipa::path(get, path = "/api/v1/observatory/ranking/authors/{pubkey}", tag = "observatory", operation_id = "getDeliveries",
    params(("pubkey" = String, Path, description = "The author: 64 lower-case hex digits."), LastDays, Form),
    responses((status = 200, description = "The relays.", body = Deliveries), Refused))]
pub(super) async fn deliveries(request: Reading) -> Response {
    request.answer().await
}
