//! Sending a sample to a webhook at once.

use std::time::Duration;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use http::request::Parts;
use serde_json::json;
use stentor_net::limit::Rate;
use stentor_serve::RequestInfo;
use stentor_sql::{Error, Transaction};
use uuid::Uuid;

use super::bodies::WebhookAttempt;
use super::{Manager, answered};
use crate::extract::Path;
use crate::failure::Failure;
use crate::reference::{Missing, Refused, TooMany, Wrong};
use crate::state::Gateway;
use crate::webhook::attempt::{Made, attempt};
use crate::webhook::endpoint::Endpoint;
use crate::webhook::ground::Ground;
use crate::webhook::message::{Message, message_id};
use crate::webhook::table::attempts::{self, Attempt};

/// The type of a sample.
const TYPE: &str = "webhook.test";
/// Tests of one webhook: one a second, after a quiet time five at once.
const TESTS: Rate = Rate::per_second(1).with_burst(5);

/// Sends a sample, `webhook.test`, at once, and answers with what came of it. It is not tried again, says nothing about the webhook's state, and is sent
/// to one that is switched off, too.
#[utoipa::path(post, path = "/api/v1/webhooks/{id}/test", tag = "webhooks", operation_id = "testWebhook",
    params(("id" = Uuid, Path, description = "The webhook's id.")),
    responses((status = 200, description = "The attempt.", body = WebhookAttempt), Wrong, Refused, Missing, TooMany))]
pub(super) async fn test(
    State(gateway): State<Gateway>,
    Extension(info): Extension<RequestInfo>,
    Path(id): Path<Uuid>,
    head: Parts,
    body: axum::body::Bytes,
) -> Response {
    let tested = async {
        let manager = Manager::of(&gateway, &head, &info, &body).await?;
        let endpoint = manager.webhooks.get(manager.tenant(), id).await?;
        let ground = &manager.webhooks.ground;
        let now = Duration::from_millis(ground.clock.now_ms());
        let limited = |limited: stentor_net::limit::Limited| {
            Failure::Later(
                "this webhook was tested just now",
                limited.retry_after_seconds(),
            )
        };
        ground.tests.take(&id, TESTS, now, 1).map_err(limited)?;
        let made = send(ground, &endpoint).await?;
        Ok(Json(WebhookAttempt::from(made)).into_response())
    };
    answered(tested.await)
}

async fn send(ground: &Ground, endpoint: &Endpoint) -> Result<Attempt, Failure> {
    let now = ground.clock.now_ms();
    let id = || stentor_bus::new_id(now).map_err(|_| stentor_bus::BusError::NoRandomness);
    let (delivery, envelope) = (id()?, id()?);
    let message = Message {
        id: message_id(delivery),
        body: sample(endpoint, envelope, now),
        traceparent: None,
    };
    let made = {
        let _turn = ground.turns.acquire().await;
        attempt(ground, endpoint, &message).await
    };
    let line = line(id()?, (delivery, envelope), made);
    let (endpoint, row) = (endpoint.id, line.clone());
    let written = ground
        .records
        .write(move |tx: &mut Transaction<'_>| attempts::insert(tx, endpoint, &row));
    written
        .await
        .map_err(|error: Error| Failure::Bus(error.into()))?;
    Ok(line)
}

fn line(id: Uuid, (delivery, envelope): (Uuid, Uuid), made: Made) -> Attempt {
    Attempt {
        id,
        delivery,
        envelope,
        event_type: TYPE.to_owned(),
        number: 0,
        at_ms: made.at_ms,
        outcome: made.outcome.as_str().to_owned(),
        status: made.status,
        latency_ms: made.latency_ms,
        error: made.error.map(str::to_owned),
        response: made.response,
        next_ms: None,
    }
}

/// A CloudEvent as all others, but of a type that is in no log.
fn sample(endpoint: &Endpoint, id: Uuid, now: u64) -> String {
    let event = json!({
        "specversion": "1.0",
        "id": id.to_string(),
        "source": "/webhooks",
        "type": TYPE,
        "time": stentor_bus::rfc3339(now),
        "datacontenttype": "application/json",
        "subject": endpoint.id.to_string(),
        "tenant": endpoint.tenant,
        "data": { "endpoint": endpoint.id.to_string() },
    });
    event.to_string()
}
