//! What was tried, what was given up, and having it tried again.

use axum::body::Bytes;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use http::StatusCode;
use http::request::Parts;
use stentor_bus::{Interest, Log};
use stentor_serve::RequestInfo;
use stentor_sql::Transaction;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use uuid::Uuid;

use super::bodies::{
    AttemptPage, DeadLetter, DeadLetterPage, Page, ReplayRange, ReplayResult, WebhookAttempt,
};
use super::{Manager, answered, parsed};
use crate::extract::{Asked, Path};
use crate::failure::Failure;
use crate::reference::{Missing, Refused, Wrong};
use crate::state::Gateway;
use crate::webhook::endpoint::Endpoint;
use crate::webhook::table::deliveries::Delivery;
use crate::webhook::table::{attempts as lines, deliveries};

/// Lists what was tried, the newest first.
#[utoipa::path(get, path = "/api/v1/webhooks/{id}/attempts", tag = "webhooks", operation_id = "listWebhookAttempts",
    params(("id" = Uuid, Path, description = "The webhook's id."), Page),
    responses((status = 200, description = "A page of attempts.", body = AttemptPage), Wrong, Refused, Missing))]
pub(super) async fn attempts(
    State(gateway): State<Gateway>,
    Extension(info): Extension<RequestInfo>,
    Path(id): Path<Uuid>,
    Asked(page): Asked<Page>,
    head: Parts,
) -> Response {
    let listed = async {
        let manager = Manager::of(&gateway, &head, &info, &[]).await?;
        manager.webhooks.get(manager.tenant(), id).await?;
        let before = page.before.as_deref().map(|text| text.parse::<Uuid>());
        let before = before.transpose().map_err(|_| no_page())?;
        let limit = page.limit();
        let records = &manager.webhooks.ground.records;
        let read =
            move |tx: &mut Transaction<'_>| Ok::<_, Failure>(lines::list(tx, id, before, limit)?);
        let attempts: Vec<WebhookAttempt> = records
            .read(read)
            .await?
            .into_iter()
            .map(WebhookAttempt::from)
            .collect();
        let is_full = attempts.len() as u64 == limit;
        let last = attempts.last().map(|last| last.id.to_string());
        let next = last.filter(|_| is_full);
        Ok(Json(AttemptPage { attempts, next }).into_response())
    };
    answered(listed.await)
}

/// Lists deliveries that were given up, the newest first.
#[utoipa::path(get, path = "/api/v1/webhooks/{id}/dead-letters", tag = "webhooks", operation_id = "listWebhookDeadLetters",
    params(("id" = Uuid, Path, description = "The webhook's id."), Page),
    responses((status = 200, description = "A page of dead letters.", body = DeadLetterPage), Wrong, Refused, Missing))]
pub(super) async fn dead_letters(
    State(gateway): State<Gateway>,
    Extension(info): Extension<RequestInfo>,
    Path(id): Path<Uuid>,
    Asked(page): Asked<Page>,
    head: Parts,
) -> Response {
    let listed = async {
        let manager = Manager::of(&gateway, &head, &info, &[]).await?;
        let endpoint = manager.webhooks.get(manager.tenant(), id).await?;
        let before = match page.before.as_deref() {
            Some(text) => Some(place(text).ok_or_else(no_page)?),
            None => None,
        };
        let limit = page.limit();
        let records = &manager.webhooks.ground.records;
        let read = move |tx: &mut Transaction<'_>| {
            Ok::<_, Failure>(deliveries::dead(tx, id, before, limit)?)
        };
        let dead = records.read(read).await?;
        let last = dead.last().filter(|_| dead.len() as u64 == limit);
        let next = last.map(|last| format!("{}-{}", last.due_ms, last.id));
        let mut dead_letters = Vec::with_capacity(dead.len());
        for delivery in dead {
            if shows(&manager, &endpoint, &delivery).await? {
                dead_letters.push(DeadLetter::from(delivery));
            }
        }
        Ok(Json(DeadLetterPage { dead_letters, next }).into_response())
    };
    answered(listed.await)
}

/// Whether a dead letter is shown to who asks: an event that is gone, or private, is not told of here either.
async fn shows(
    manager: &Manager<'_>,
    endpoint: &Endpoint,
    delivery: &Delivery,
) -> Result<bool, Failure> {
    let audience = manager.shared.audience(&manager.principal);
    if delivery.log == Log::Records {
        let (tenant, owner) = (endpoint.tenant.as_str(), delivery.owner.as_deref());
        return Ok(audience.reaches(delivery.event_type, Some(tenant), owner));
    }
    let interest = Interest {
        filter: endpoint.choice.interest().filter,
        ..Interest::default()
    };
    let bus = &manager.shared.parts.bus;
    let again = bus
        .again(Log::Nostr, delivery.seq, audience, interest)
        .await?;
    Ok(again.is_some_and(|again| again.envelope().id == delivery.envelope))
}

/// Has a dead letter tried again, by the whole schedule.
#[utoipa::path(post, path = "/api/v1/webhooks/{id}/dead-letters/{delivery}/replay", tag = "webhooks", operation_id = "replayWebhookDeadLetter",
    params(("id" = Uuid, Path, description = "The webhook's id."), ("delivery" = Uuid, Path, description = "The delivery's id.")),
    responses((status = 202, description = "It waits to be sent."), Wrong, Refused, Missing))]
pub(super) async fn replay_one(
    State(gateway): State<Gateway>,
    Extension(info): Extension<RequestInfo>,
    Path((id, delivery)): Path<(Uuid, Uuid)>,
    head: Parts,
    body: Bytes,
) -> Response {
    let replayed = async {
        let manager = Manager::of(&gateway, &head, &info, &body).await?;
        manager
            .webhooks
            .revive(&manager.principal, id, delivery)
            .await?;
        Ok(StatusCode::ACCEPTED.into_response())
    };
    answered(replayed.await)
}

/// Sends again what happened in a time: its dead letters, and what the logs still have of it for this webhook, whether it was delivered or not, under
/// the same `webhook-id`s. What the webhook has not got to yet comes by itself. At most as many are put in as may wait.
#[utoipa::path(post, path = "/api/v1/webhooks/{id}/replay", tag = "webhooks", operation_id = "replayWebhook",
    params(("id" = Uuid, Path, description = "The webhook's id.")), request_body = ReplayRange,
    responses((status = 202, description = "So much waits to be sent.", body = ReplayResult), Wrong, Refused, Missing))]
pub(super) async fn replay(
    State(gateway): State<Gateway>,
    Extension(info): Extension<RequestInfo>,
    Path(id): Path<Uuid>,
    head: Parts,
    body: Bytes,
) -> Response {
    let replayed = async {
        let manager = Manager::of(&gateway, &head, &info, &body).await?;
        let range: ReplayRange = parsed(&body)?;
        let now = manager.webhooks.ground.clock.now_ms();
        let since = moment("since", &range.since)?;
        let until = match &range.until {
            Some(text) => moment("until", text)?,
            None => now,
        };
        if since >= until {
            return Err(Failure::Wrong("since: is not before until".to_owned()));
        }
        let time = (since, until);
        let replayed = manager
            .webhooks
            .replay(&manager.principal, id, time)
            .await?;
        manager.note(&format!("replayed webhook {id}"));
        let result = ReplayResult {
            queued: replayed.queued,
            complete: replayed.go_on.is_none(),
            next: replayed.go_on.map(stentor_bus::rfc3339),
        };
        Ok((StatusCode::ACCEPTED, Json(result)).into_response())
    };
    answered(replayed.await)
}

fn no_page() -> Failure {
    Failure::Wrong("before: not the next of a page".to_owned())
}

/// Time and id of a dead letter, as a page's `next` has them.
fn place(text: &str) -> Option<(u64, Uuid)> {
    let (time, id) = text.split_once('-')?;
    Some((time.parse().ok()?, id.parse().ok()?))
}

/// A moment in Unix milliseconds.
fn moment(name: &str, text: &str) -> Result<u64, Failure> {
    let wrong = || Failure::Wrong(format!("{name}: a time as RFC 3339 writes it"));
    let moment = OffsetDateTime::parse(text, &Rfc3339).map_err(|_| wrong())?;
    u64::try_from(moment.unix_timestamp_nanos() / 1_000_000).map_err(|_| wrong())
}
