//! What requests and answers look like.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::webhook::endpoint::{Disabled, Endpoint};
use crate::webhook::message::message_id;
use crate::webhook::table::attempts::Attempt;
use crate::webhook::table::deliveries::Delivery;

/// A webhook that is to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewWebhook {
    /// Where to: `https` or `http`, a public address.
    #[schema(example = "https://hooks.example.com/stentor")]
    pub url: String,
    /// What it is for, at most 200 characters.
    #[serde(default)]
    pub description: String,
    /// Beginnings of types' names, in whole parts. Empty: all types that may be seen.
    #[serde(default)]
    pub types: Vec<String>,
    /// Subjects. Empty: any.
    #[serde(default)]
    pub subjects: Vec<String>,
    /// Which events of Nostr: a filter of NIP-01, without `limit` and `search`.
    #[schema(value_type = Option<Object>)]
    pub filter: Option<Value>,
    /// How it is signed: `v1` with a secret that both sides have, `v1a` with a key pair.
    #[serde(default = "shared")]
    #[schema(pattern = "^(v1|v1a)$", default = "v1")]
    pub scheme: String,
    /// Attempts in any minute, at most; not above the node's bound, which is the default.
    pub rate_per_minute: Option<u32>,
    /// Attempts at once, at most; not above the node's bound, which is the default.
    pub concurrency: Option<u32>,
    /// Where to begin: `now`, `oldest` or a cursor. Default: now.
    pub since: Option<String>,
}

fn shared() -> String {
    "v1".to_owned()
}

/// What is to be different. What is left out stays as it is. Whoever changes `url`, `types`, `subjects` or `filter` has the webhook sent what
/// they may see themselves from then on.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct WebhookChanges {
    /// Where to.
    pub url: Option<String>,
    /// What it is for.
    pub description: Option<String>,
    /// Beginnings of types' names.
    pub types: Option<Vec<String>>,
    /// Subjects.
    pub subjects: Option<Vec<String>>,
    /// Which events of Nostr; `{}` for all of them.
    #[schema(value_type = Option<Object>)]
    pub filter: Option<Value>,
    /// Attempts in any minute.
    pub rate_per_minute: Option<u32>,
    /// Attempts at once.
    pub concurrency: Option<u32>,
}

/// How a webhook is switched on.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Enabling {
    /// Whether it goes on with what happens from now on, instead of where it was. What waits to be tried again is tried again all the same.
    #[serde(default)]
    pub skip_missed: bool,
}

/// How a secret is replaced.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Rotation {
    /// For how many seconds the former secret is signed with, too: at most 604,800, a week. Default: a day.
    #[serde(default = "day")]
    #[schema(default = 86400, maximum = 604_800)]
    pub grace_seconds: u64,
}

const fn day() -> u64 {
    86_400
}

/// Which time is to be sent again.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ReplayRange {
    /// From this moment on (RFC 3339).
    #[schema(example = "2026-11-21T20:00:00Z")]
    pub since: String,
    /// And before this one (RFC 3339). Default: now.
    pub until: Option<String>,
}

/// What was put in to be sent again.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ReplayResult {
    /// Deliveries that wait to be sent now.
    pub queued: u64,
    /// Whether that is all of the time.
    pub complete: bool,
    /// The `since` of another call, when it is not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// Which page.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Page {
    /// The `next` of the page before.
    pub before: Option<String>,
    /// Lines in the page, at most.
    #[param(minimum = 1, maximum = 200, default = 50)]
    pub limit: Option<u64>,
}

impl Page {
    pub fn limit(&self) -> u64 {
        self.limit.unwrap_or(50).clamp(1, 200)
    }
}

/// A webhook.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Webhook {
    pub id: Uuid,
    pub url: String,
    pub description: String,
    /// Who made it.
    pub owner: String,
    /// In whose name it is sent anything.
    pub reads_as: String,
    pub types: Vec<String>,
    pub subjects: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub filter: Option<Value>,
    /// `v1` or `v1a`.
    pub scheme: &'static str,
    pub enabled: bool,
    /// Why it is sent nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disabled_reason: Option<Disabled>,
    pub rate_per_minute: u32,
    pub concurrency: u32,
    /// Since when no attempt has succeeded, in Unix milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failing_since_ms: Option<u64>,
    /// Until when it is signed with the former secret, too, in Unix milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub former_secret_until_ms: Option<u64>,
    pub created_ms: u64,
    pub updated_ms: u64,
    /// What it is verified with: told once, when it is made or replaced. `whsec_…` is secret, `whpk_…` is a public key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
}

impl Webhook {
    pub fn of(endpoint: Endpoint, now_ms: u64) -> Self {
        let former = endpoint.former.map(|(_, until)| until);
        Self {
            id: endpoint.id,
            url: endpoint.url,
            description: endpoint.description,
            owner: endpoint.owner,
            reads_as: endpoint.grant.subject,
            types: endpoint.choice.types,
            subjects: endpoint.choice.subjects,
            filter: endpoint.choice.filter,
            scheme: endpoint.scheme.as_str(),
            enabled: endpoint.disabled.is_none(),
            disabled_reason: endpoint.disabled,
            rate_per_minute: endpoint.rate,
            concurrency: endpoint.concurrency,
            failing_since_ms: endpoint.failing_since,
            former_secret_until_ms: former.filter(|until| *until > now_ms),
            created_ms: endpoint.created_ms,
            updated_ms: endpoint.updated_ms,
            secret: None,
        }
    }
}

/// The webhooks of the tenant.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct WebhookList {
    /// The oldest first.
    pub webhooks: Vec<Webhook>,
}

/// An attempt, and what came of it.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct WebhookAttempt {
    pub id: Uuid,
    /// The delivery that it belongs to.
    pub delivery: Uuid,
    /// What receivers know it by: the header `webhook-id`.
    pub webhook_id: String,
    /// The envelope's id.
    pub event: Uuid,
    /// What has happened.
    pub r#type: String,
    /// The how many-eth attempt at the delivery; 0 for a test.
    pub number: u32,
    /// When it began, in Unix milliseconds.
    pub at_ms: u64,
    /// `taken`, `gone`, `overloaded`, `failed` or `refused`.
    pub outcome: String,
    /// The status of the answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// How long it took.
    pub latency_ms: u64,
    /// A word for what went wrong, when there was no answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// The beginning of the answer's body; what is no UTF-8 is replaced.
    pub response: String,
    /// When it is tried again, in Unix milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_ms: Option<u64>,
}

impl From<Attempt> for WebhookAttempt {
    fn from(attempt: Attempt) -> Self {
        Self {
            id: attempt.id,
            delivery: attempt.delivery,
            webhook_id: message_id(attempt.delivery),
            event: attempt.envelope,
            r#type: attempt.event_type,
            number: attempt.number,
            at_ms: attempt.at_ms,
            outcome: attempt.outcome,
            status: attempt.status,
            latency_ms: attempt.latency_ms,
            error: attempt.error,
            response: String::from_utf8_lossy(&attempt.response).into_owned(),
            next_ms: attempt.next_ms,
        }
    }
}

/// Attempts.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct AttemptPage {
    /// The newest first.
    pub attempts: Vec<WebhookAttempt>,
    /// The `before` of the next page, if there may be one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// A delivery that was given up.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct DeadLetter {
    pub delivery: Uuid,
    pub webhook_id: String,
    /// The envelope's id.
    pub event: Uuid,
    /// What has happened.
    pub r#type: String,
    /// To what.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// When that was, in Unix milliseconds.
    pub time_ms: u64,
    pub attempts: u32,
    /// When it was given up, in Unix milliseconds.
    pub dead_ms: u64,
}

impl From<Delivery> for DeadLetter {
    fn from(delivery: Delivery) -> Self {
        Self {
            delivery: delivery.id,
            webhook_id: message_id(delivery.id),
            event: delivery.envelope,
            r#type: delivery.event_type.name().to_owned(),
            subject: delivery.subject,
            time_ms: delivery.time_ms,
            attempts: delivery.attempts,
            dead_ms: delivery.due_ms,
        }
    }
}

/// Dead letters.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct DeadLetterPage {
    /// The newest first. Those about events that are gone are not among them.
    pub dead_letters: Vec<DeadLetter>,
    /// The `before` of the next page, if there may be one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}
