//! What all surfaces of the gateway share.

use std::sync::Arc;

use stentor_auth::{Authenticator, Principal, Scope};
use stentor_bus::jobs::Jobs;
use stentor_bus::{Audience, Breadth, Bus, Family};
use stentor_event::{Timestamp, Viewer, VisibilityRules};

use crate::config::Config;
use crate::stream::measure;
use crate::stream::places::Places;
use crate::telemetry::Reports;
use crate::webhook::Webhooks;

/// What a gateway is made of.
pub struct Parts {
    /// The section `gateway` of the configuration.
    pub config: Config,
    /// What happens.
    pub bus: Bus,
    /// Long work.
    pub jobs: Jobs,
    /// What is sent to addresses; `None` when that is switched off.
    pub webhooks: Option<Webhooks>,
    /// Who is asking.
    pub auth: Arc<Authenticator>,
    /// What is private, by the relay's configuration in force.
    pub rules: Box<dyn Fn() -> Arc<VisibilityRules> + Send + Sync>,
    /// The public URLs of the node, normalised; see [`stentor_auth::Place`].
    pub urls: Vec<String>,
    /// The time.
    pub clock: fn() -> Timestamp,
}

/// The gateway. Cloning shares it.
#[derive(Clone)]
pub struct Gateway {
    pub(crate) shared: Arc<Shared>,
}

pub(crate) struct Shared {
    pub parts: Parts,
    pub places: Places,
    pub reports: Reports,
}

impl Gateway {
    /// A gateway.
    pub fn new(parts: Parts) -> Self {
        measure::begin(&parts.config.streams);
        Self {
            shared: Arc::new(Shared {
                parts,
                places: Places::new(),
                reports: Reports::new(),
            }),
        }
    }
}

impl Shared {
    pub fn now(&self) -> Timestamp {
        (self.parts.clock)()
    }

    /// What a principal may see.
    pub fn audience(&self, principal: &Principal) -> Audience {
        audience(principal, (self.parts.rules)())
    }
}

/// What a principal may see by these rules of visibility.
pub(crate) fn audience(principal: &Principal, rules: Arc<VisibilityRules>) -> Audience {
    let rights = [
        (Scope::NostrRead, Family::Nostr, Breadth::All),
        (Scope::RelayRead, Family::Relay, Breadth::All),
        (Scope::MonitorRead, Family::Monitor, Breadth::All),
        (Scope::JobsReadOwn, Family::Jobs, Breadth::Own),
        (Scope::JobsReadAll, Family::Jobs, Breadth::All),
        (Scope::WebhooksReadOwn, Family::Webhooks, Breadth::Own),
        (Scope::WebhooksReadAll, Family::Webhooks, Breadth::All),
    ];
    let rights = rights
        .into_iter()
        .filter(|(scope, ..)| principal.scopes.allow(*scope))
        .map(|(_, family, breadth)| (family, breadth))
        .collect();
    Audience {
        rights,
        tenant: principal.tenant.to_string(),
        owner: principal.subject.clone(),
        viewer: Viewer::with_keys(rules, principal.keys.clone()),
        verbose: principal.scopes.allow(Scope::Verbose),
    }
}
