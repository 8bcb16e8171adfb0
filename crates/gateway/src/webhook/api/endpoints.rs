//! Making, listing, changing and removing webhooks.

use std::time::Duration;

use axum::body::Bytes;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use http::request::Parts;
use http::{StatusCode, header};
use secrecy::{ExposeSecret, SecretString};
use stentor_bus::From as Begin;
use stentor_serve::RequestInfo;
use uuid::Uuid;

use super::bodies::{Enabling, NewWebhook, Rotation, Webhook, WebhookChanges, WebhookList};
use super::{Manager, answered, parsed};
use crate::asked::Query;
use crate::extract::Path;
use crate::failure::Failure;
use crate::reference::{Conflict, Missing, Refused, TooMany, Wrong};
use crate::state::Gateway;
use crate::webhook::endpoint::{Choice, Endpoint};
use crate::webhook::manage::{Changes, LONGEST_GRACE, Wish};
use crate::webhook::signature::Scheme;

/// Characters of a description.
const DESCRIPTION: usize = 200;

/// Lists the webhooks of the tenant, the oldest first.
#[utoipa::path(get, path = "/api/v1/webhooks", tag = "webhooks", operation_id = "listWebhooks",
    responses((status = 200, description = "The webhooks.", body = WebhookList), Refused))]
pub(super) async fn list(
    State(gateway): State<Gateway>,
    Extension(info): Extension<RequestInfo>,
    head: Parts,
) -> Response {
    let listed = async {
        let manager = Manager::of(&gateway, &head, &info, &[]).await?;
        let endpoints = manager.webhooks.list(manager.tenant()).await?;
        let now = manager.webhooks.ground.clock.now_ms();
        let webhooks = endpoints.into_iter();
        let webhooks = webhooks
            .map(|endpoint| Webhook::of(endpoint, now))
            .collect();
        Ok(Json(WebhookList { webhooks }).into_response())
    };
    answered(listed.await)
}

/// Makes a webhook. The answer has what it is verified with, which is not told again. It is sent what the credential of this request may
/// see, as long as that credential is good.
#[utoipa::path(post, path = "/api/v1/webhooks", tag = "webhooks", operation_id = "createWebhook", request_body = NewWebhook,
    responses((status = 201, description = "The webhook, with its secret.", body = Webhook), Wrong, Refused, TooMany))]
pub(super) async fn create(
    State(gateway): State<Gateway>,
    Extension(info): Extension<RequestInfo>,
    head: Parts,
    body: Bytes,
) -> Response {
    let created = async {
        let manager = Manager::of(&gateway, &head, &info, &body).await?;
        let wish = wish(&manager, parsed(&body)?).await?;
        let (endpoint, secret) = manager.webhooks.create(&manager.principal, wish).await?;
        manager.note(&format!("created webhook {}", endpoint.id));
        Ok(told(&manager, endpoint, Some(&secret), StatusCode::CREATED))
    };
    answered(created.await)
}

/// Shows a webhook.
#[utoipa::path(get, path = "/api/v1/webhooks/{id}", tag = "webhooks", operation_id = "getWebhook",
    params(("id" = Uuid, Path, description = "The webhook's id.")),
    responses((status = 200, description = "The webhook.", body = Webhook), Wrong, Refused, Missing))]
pub(super) async fn one(
    State(gateway): State<Gateway>,
    Extension(info): Extension<RequestInfo>,
    Path(id): Path<Uuid>,
    head: Parts,
) -> Response {
    let shown = async {
        let manager = Manager::of(&gateway, &head, &info, &[]).await?;
        let endpoint = manager.webhooks.get(manager.tenant(), id).await?;
        Ok(told(&manager, endpoint, None, StatusCode::OK))
    };
    answered(shown.await)
}

/// Changes a webhook.
#[utoipa::path(patch, path = "/api/v1/webhooks/{id}", tag = "webhooks", operation_id = "changeWebhook",
    params(("id" = Uuid, Path, description = "The webhook's id.")), request_body = WebhookChanges,
    responses((status = 200, description = "The webhook, changed.", body = Webhook), Wrong, Refused, Missing))]
pub(super) async fn change(
    State(gateway): State<Gateway>,
    Extension(info): Extension<RequestInfo>,
    Path(id): Path<Uuid>,
    head: Parts,
    body: Bytes,
) -> Response {
    let changed = async {
        let manager = Manager::of(&gateway, &head, &info, &body).await?;
        let before = manager.webhooks.get(manager.tenant(), id).await?;
        let changes = changes(&manager, parsed(&body)?, &before).await?;
        let endpoint = manager
            .webhooks
            .set(&manager.principal, id, changes)
            .await?;
        manager.note(&format!("changed webhook {id}"));
        Ok(told(&manager, endpoint, None, StatusCode::OK))
    };
    answered(changed.await)
}

/// Removes a webhook, with all that waits for it.
#[utoipa::path(delete, path = "/api/v1/webhooks/{id}", tag = "webhooks", operation_id = "deleteWebhook",
    params(("id" = Uuid, Path, description = "The webhook's id.")),
    responses((status = 204, description = "It is gone."), Wrong, Refused, Missing))]
pub(super) async fn remove(
    State(gateway): State<Gateway>,
    Extension(info): Extension<RequestInfo>,
    Path(id): Path<Uuid>,
    head: Parts,
) -> Response {
    let removed = async {
        let manager = Manager::of(&gateway, &head, &info, &[]).await?;
        manager.webhooks.delete(&manager.principal, id).await?;
        manager.note(&format!("removed webhook {id}"));
        Ok(StatusCode::NO_CONTENT.into_response())
    };
    answered(removed.await)
}

/// Replaces the secret. For the grace time, messages are signed with the former one, too; one from an earlier replacement is not used any more.
#[utoipa::path(post, path = "/api/v1/webhooks/{id}/secret/rotate", tag = "webhooks", operation_id = "rotateWebhookSecret",
    params(("id" = Uuid, Path, description = "The webhook's id.")), request_body = Rotation,
    responses((status = 200, description = "The webhook, with its new secret.", body = Webhook), Wrong, Refused, Missing))]
pub(super) async fn rotate(
    State(gateway): State<Gateway>,
    Extension(info): Extension<RequestInfo>,
    Path(id): Path<Uuid>,
    head: Parts,
    body: Bytes,
) -> Response {
    let rotated = async {
        let manager = Manager::of(&gateway, &head, &info, &body).await?;
        let rotation: Rotation = parsed(&body)?;
        let grace = Duration::from_secs(rotation.grace_seconds);
        if grace > LONGEST_GRACE {
            return Err(Failure::Wrong(
                "grace_seconds: at most 604800, a week".to_owned(),
            ));
        }
        let (endpoint, secret) = manager
            .webhooks
            .rotate(&manager.principal, id, grace)
            .await?;
        manager.note(&format!("replaced the secret of webhook {id}"));
        Ok(told(&manager, endpoint, Some(&secret), StatusCode::OK))
    };
    answered(rotated.await)
}

/// Switches a webhook on again. It goes on where it was, as far as the logs reach, unless `skip_missed`. Where the credential that it was sent in the name
/// of is good no more, that of this request takes its place.
#[utoipa::path(post, path = "/api/v1/webhooks/{id}/enable", tag = "webhooks", operation_id = "enableWebhook",
    params(("id" = Uuid, Path, description = "The webhook's id.")), request_body = Enabling,
    responses((status = 200, description = "The webhook.", body = Webhook), Wrong, Refused, Missing, Conflict))]
pub(super) async fn enable(
    State(gateway): State<Gateway>,
    Extension(info): Extension<RequestInfo>,
    Path(id): Path<Uuid>,
    head: Parts,
    body: Bytes,
) -> Response {
    let enabled = async {
        let manager = Manager::of(&gateway, &head, &info, &body).await?;
        let enabling: Enabling = parsed(&body)?;
        let skip = enabling.skip_missed;
        let before = manager.webhooks.get(manager.tenant(), id).await?;
        if manager.webhooks.is_over(&before) {
            // It would go on in the name of who asks.
            check(&manager, &before.choice)?;
        }
        let endpoint = manager
            .webhooks
            .enable(&manager.principal, id, skip)
            .await?;
        manager.note(&format!("switched webhook {id} on"));
        Ok(told(&manager, endpoint, None, StatusCode::OK))
    };
    answered(enabled.await)
}

/// Switches a webhook off. What waits for it waits on.
#[utoipa::path(post, path = "/api/v1/webhooks/{id}/disable", tag = "webhooks", operation_id = "disableWebhook",
    params(("id" = Uuid, Path, description = "The webhook's id.")),
    responses((status = 200, description = "The webhook.", body = Webhook), Wrong, Refused, Missing, Conflict))]
pub(super) async fn disable(
    State(gateway): State<Gateway>,
    Extension(info): Extension<RequestInfo>,
    Path(id): Path<Uuid>,
    head: Parts,
    body: Bytes,
) -> Response {
    let disabled = async {
        let manager = Manager::of(&gateway, &head, &info, &body).await?;
        let endpoint = manager.webhooks.disable(&manager.principal, id).await?;
        manager.note(&format!("switched webhook {id} off"));
        Ok(told(&manager, endpoint, None, StatusCode::OK))
    };
    answered(disabled.await)
}

/// The answer with a webhook.
fn told(
    manager: &Manager<'_>,
    endpoint: Endpoint,
    secret: Option<&SecretString>,
    status: StatusCode,
) -> Response {
    let now = manager.webhooks.ground.clock.now_ms();
    let webhook = Webhook {
        secret: secret.map(|secret| secret.expose_secret().to_owned()),
        ..Webhook::of(endpoint, now)
    };
    let no_store = [(header::CACHE_CONTROL, "no-store")];
    (status, no_store, Json(webhook)).into_response()
}

/// Checks what is to be made.
async fn wish(manager: &Manager<'_>, new: NewWebhook) -> Result<Wish, Failure> {
    let config = &manager.webhooks.ground.config;
    let choice = Choice {
        types: parts(&new.types),
        subjects: parts(&new.subjects),
        filter: new.filter,
    };
    check(manager, &choice)?;
    let scheme = Scheme::of_word(&new.scheme);
    let scheme = scheme.ok_or_else(|| Failure::Wrong("scheme: v1 or v1a".to_owned()))?;
    let since = Query {
        since: new.since,
        ..Query::default()
    };
    let rate = bounded(
        "rate_per_minute",
        new.rate_per_minute,
        config.rate_per_minute,
    )?;
    let concurrency = bounded("concurrency", new.concurrency, config.concurrency)?;
    Ok(Wish {
        from: since.from(None, Begin::Now)?,
        description: description(new.description)?,
        // Last, as it takes the longest.
        url: manager.webhooks.vet(&new.url).await?,
        rate: rate.unwrap_or(config.rate_per_minute),
        concurrency: concurrency.unwrap_or(config.concurrency),
        choice,
        scheme,
    })
}

/// Checks what is to be different.
async fn changes(
    manager: &Manager<'_>,
    asked: WebhookChanges,
    before: &Endpoint,
) -> Result<Changes, Failure> {
    let config = &manager.webhooks.ground.config;
    let url = match &asked.url {
        Some(url) => Some(manager.webhooks.vet(url).await?),
        None => None,
    };
    let is_nothing =
        |filter: &serde_json::Value| filter.as_object().is_some_and(|it| it.is_empty());
    let changes = Changes {
        url,
        description: asked.description.map(description).transpose()?,
        types: asked.types.as_deref().map(parts),
        subjects: asked.subjects.as_deref().map(parts),
        filter: asked
            .filter
            .map(|filter| Some(filter).filter(|it| !is_nothing(it))),
        rate: bounded(
            "rate_per_minute",
            asked.rate_per_minute,
            config.rate_per_minute,
        )?,
        concurrency: bounded("concurrency", asked.concurrency, config.concurrency)?,
    };
    if changes.decides() {
        check(manager, &changes.choice(&before.choice))?;
    }
    Ok(changes)
}

/// The parts of a list, with commas between them or not: what stands in a stream's query means the same here.
fn parts(list: &[String]) -> Vec<String> {
    let parts = list.iter().flat_map(|part| part.split(',')).map(str::trim);
    let parts = parts.filter(|part| !part.is_empty());
    parts.map(str::to_owned).collect()
}

/// Whether this may be chosen, and anything of it seen.
fn check(manager: &Manager<'_>, choice: &Choice) -> Result<(), Failure> {
    let interest = choice.check(&manager.shared.parts.config.streams)?;
    manager.shared.permit(&manager.principal, &interest)
}

fn description(text: String) -> Result<String, Failure> {
    if text.chars().count() > DESCRIPTION || text.chars().any(char::is_control) {
        let detail = "description: at most 200 characters, of which none is a control character";
        return Err(Failure::Wrong(detail.to_owned()));
    }
    Ok(text)
}

fn bounded(name: &str, asked: Option<u32>, most: u32) -> Result<Option<u32>, Failure> {
    match asked {
        Some(value) if !(1..=most).contains(&value) => {
            Err(Failure::Wrong(format!("{name}: 1 to {most}")))
        }
        asked => Ok(asked),
    }
}
