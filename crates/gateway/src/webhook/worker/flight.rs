//! One delivery under way: what it is about is read once more, and sent.

use std::sync::Arc;

use stentor_bus::{Audience, BusError, Log};

use crate::webhook::attempt::{Made, attempt};
use crate::webhook::endpoint::Endpoint;
use crate::webhook::ground::Ground;
use crate::webhook::message::{Message, body, message_id};
use crate::webhook::table::deliveries::{self, Delivery};

/// Where a delivery has come from.
#[derive(Debug)]
pub(super) enum Origin {
    /// From the log: its place in the window, and its text, if that is kept.
    Fresh { slot: u64, body: Option<String> },
    /// From its row.
    Row,
}

/// A delivery that is to be made.
#[derive(Debug)]
pub(super) struct Job {
    pub delivery: Delivery,
    pub origin: Origin,
}

/// What came of it.
#[derive(Debug)]
pub(super) enum End {
    /// There is nothing to deliver any more: it is gone, or not for the endpoint now.
    Nothing,
    /// An attempt was made.
    Made(Made),
    /// What it is about could not be read: it is tried again soon, and that is no attempt.
    Unread,
}

/// A delivery that was under way.
#[derive(Debug)]
pub(super) struct Flown {
    pub job: Job,
    pub end: End,
}

/// Makes a delivery, when it is its turn.
pub(super) async fn fly(
    ground: Arc<Ground>,
    endpoint: Arc<Endpoint>,
    audience: Audience,
    job: Job,
) -> Flown {
    // The semaphore is never closed.
    let _turn = ground.turns.acquire().await;
    let end = match text(&ground, &endpoint, audience, &job).await {
        Ok(Some(body)) => End::Made(send(&ground, &endpoint, &job.delivery, body).await),
        Ok(None) => End::Nothing,
        Err(error) => {
            tracing::debug!(%error, "what a webhook is to be told cannot be read");
            End::Unread
        }
    };
    Flown { job, end }
}

async fn send(ground: &Ground, endpoint: &Endpoint, delivery: &Delivery, body: String) -> Made {
    let message = Message {
        id: message_id(delivery.id),
        body,
        traceparent: delivery.traceparent.clone(),
    };
    attempt(ground, endpoint, &message).await
}

/// What is to be sent; `None` when that is nothing any more.
async fn text(
    ground: &Ground,
    endpoint: &Endpoint,
    audience: Audience,
    job: &Job,
) -> Result<Option<String>, BusError> {
    let (delivery, interest) = (&job.delivery, endpoint.choice.interest());
    if delivery.log == Log::Nostr {
        // The event may have left since this was read, or be private by now.
        let again = ground
            .bus
            .again(Log::Nostr, delivery.seq, audience, interest);
        let again = again.await?;
        // In a store that was put back, something else may stand there.
        let same = again.filter(|again| again.envelope().id == delivery.envelope);
        return Ok(same.map(|again| body(again.envelope(), ground.config.body_bytes)));
    }
    let (tenant, owner) = (endpoint.tenant.as_str(), delivery.owner.as_deref());
    let wanted = audience.reaches(delivery.event_type, Some(tenant), owner)
        && interest.names(delivery.event_type)
        && interest.wants(delivery.subject.as_deref());
    match &job.origin {
        _ if !wanted => Ok(None),
        Origin::Fresh { body, .. } => Ok(body.clone()),
        Origin::Row => {
            let id = super::super::table::bytes(delivery.id);
            let row: Option<(Option<String>,)> = ground
                .records
                .fetch_optional(deliveries::BODY, (id,))
                .await?;
            Ok(row.and_then(|(body,)| body))
        }
    }
}
