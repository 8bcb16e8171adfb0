//! What everything about webhooks stands on.

use std::sync::Arc;

use stentor_auth::{Authenticator, EndReason};
use stentor_bus::{Audience, Bus, Draft, EventType};
use stentor_event::{Timestamp, VisibilityRules};
use stentor_net::dial::Dialer;
use stentor_net::limit::KeyedLimiter;
use stentor_sql::Database;
use tokio::sync::{Notify, Semaphore};
use uuid::Uuid;

use super::clock::Clock;
use super::config::Webhooks as Config;
use super::endpoint::Endpoint;
use super::sealed::Vault;
use crate::state::audience;

/// See the module.
pub(crate) struct Ground {
    pub config: Config,
    pub bus: Bus,
    pub auth: Arc<Authenticator>,
    pub records: Database,
    pub dialer: Dialer,
    pub rules: Box<dyn Fn() -> Arc<VisibilityRules> + Send + Sync>,
    pub vault: Vault,
    /// By what deliveries are scheduled.
    pub clock: Clock,
    /// By what credentials are judged.
    pub time: fn() -> Timestamp,
    /// What this node is called.
    pub node: String,
    /// Turns for attempts, on the whole node.
    pub turns: Arc<Semaphore>,
    /// Told when endpoints have changed here.
    pub changed: Notify,
    /// How often an endpoint is tested.
    pub tests: KeyedLimiter<Uuid>,
}

/// Whether an endpoint may be given anything now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    /// It may.
    Good,
    /// Not now: its tenant is locked, or nobody can tell.
    Waits,
    /// Not any more, by what it was made with.
    Over,
}

impl Ground {
    /// What the endpoint may see, and whether it may be given anything.
    pub fn audience(&self, endpoint: &Endpoint) -> (Option<Audience>, Standing) {
        let Some(principal) = endpoint.grant.principal(&endpoint.tenant) else {
            return (None, Standing::Waits);
        };
        let standing = match self.auth.still_good(&principal, (self.time)()) {
            Ok(()) => Standing::Good,
            Err(EndReason::TenantDisabled | EndReason::Unverified) => Standing::Waits,
            Err(EndReason::Expired | EndReason::Revoked | EndReason::Superseded) => Standing::Over,
        };
        (Some(audience(&principal, (self.rules)())), standing)
    }
}

/// An envelope that tells of an endpoint.
pub(crate) fn draft(
    event_type: EventType,
    endpoint: &Endpoint,
    actor: Option<&str>,
    more: &[(&str, serde_json::Value)],
) -> Draft {
    let mut data = serde_json::Map::new();
    data.insert("endpoint".to_owned(), endpoint.id.to_string().into());
    let more = more.iter();
    data.extend(more.map(|(name, value)| ((*name).to_owned(), value.clone())));
    Draft {
        subject: Some(endpoint.id.to_string()),
        tenant: Some(endpoint.tenant.clone()),
        owner: Some(endpoint.owner.clone()),
        actor: actor.map(str::to_owned),
        ..Draft::new(event_type, data.into())
    }
}
