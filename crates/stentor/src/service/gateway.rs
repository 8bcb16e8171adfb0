//! The gateway of the node, with what it stands on: the bus, jobs, and who is asking.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;

use anyhow::Context;
use axum::Router;
use axum::http::request::Parts as Head;
use axum::response::Response;
use stentor_auth::{Authenticator, Principal, UsedTokens};
use stentor_bus::Bus;
use stentor_bus::jobs::Jobs;
use stentor_event::VisibilityRules;
use stentor_gateway::webhook::{self, Clock};
use stentor_gateway::{Addition, Gateway, Parts, Webhooks};
use stentor_net::dial::Dialer;
use stentor_observatory::Door;
use stentor_relay::Relay;
use stentor_serve::RequestInfo;
use stentor_serve::supervisor::Supervisor;
use stentor_sql::Database;
use stentor_store::EventStore;
use tokio::sync::watch;

use crate::clock;
use crate::config::Config;
use crate::layout::Layout;
use crate::service::webhooks::Sending;

/// Used tokens of NIP-98 that are remembered for the gateway: each for two minutes at most.
const USED_TOKENS: u64 = 100_000;

/// What the gateway is made with.
pub struct Ground<'a> {
    pub config: &'a Config,
    pub layout: &'a Layout,
    pub store: Arc<dyn EventStore>,
    pub records: Database,
    pub dialer: Dialer,
    pub relay: Relay,
    /// What no other node on the records is called.
    pub name: String,
}

/// The gateway and what it stands on.
pub struct Standing {
    gateway: Gateway,
    relay: Relay,
    bus: Bus,
    jobs: Jobs,
    auth: Arc<Authenticator>,
    sending: Option<Sending>,
}

/// Makes it; `None` when it is switched off.
///
/// # Errors
/// What the records, the secrets or the configuration have against it.
pub async fn make(ground: Ground<'_>) -> anyhow::Result<Option<Standing>> {
    let config = ground.config;
    let records = ground.records;
    if !config.gateway.enabled {
        // Nobody would keep it in bounds.
        stentor_bus::close(&records)
            .await
            .context("closing the log of the bus")?;
        return Ok(None);
    }
    let bus = Bus::open(ground.store, records.clone(), config.bus.clone())
        .await
        .context("opening the bus")?;
    let jobs = Jobs::open(bus.clone(), &ground.name)
        .await
        .context("opening the jobs")?;
    let parts = stentor_auth::Parts {
        config: config.auth.clone(),
        records: records.clone(),
        dialer: ground.dialer.clone(),
        secrets: ground.layout.secrets(),
        replay: Arc::new(UsedTokens::new(records.clone(), USED_TOKENS)),
    };
    let auth = Authenticator::open(parts, clock::now())
        .await
        .context("opening the keys and tenants")?;
    let auth = Arc::new(auth);
    let relay = ground.relay;
    let rules = relay.clone();
    let parts = webhook::Parts {
        config: config.gateway.webhooks.clone(),
        bus: bus.clone(),
        auth: Arc::clone(&auth),
        records,
        dialer: ground.dialer,
        rules: Box::new(move || rules.visibility()),
        secrets: ground.layout.secrets(),
        node: ground.name,
        clock: Clock::system(),
        time: clock::now,
    };
    let sending = match config.gateway.webhooks.enabled {
        true => {
            let webhooks = Webhooks::open(parts).await;
            Some(Sending::new(webhooks.context("opening the webhooks")?))
        }
        false => None,
    };
    let gateway = Gateway::new(Parts {
        config: config.gateway.clone(),
        bus: bus.clone(),
        jobs: jobs.clone(),
        webhooks: sending.as_ref().map(Sending::webhooks),
        auth: Arc::clone(&auth),
        urls: relay.public_urls(),
        rules: Box::new({
            let relay = relay.clone();
            move || relay.visibility()
        }),
        clock: clock::now,
    });
    Ok(Some(Standing {
        gateway,
        relay,
        bus,
        jobs,
        auth,
        sending,
    }))
}

impl Standing {
    /// What it answers, with what other parts of the node answer beside it.
    ///
    /// # Errors
    /// For an origin in the configuration that is none.
    pub fn routes(&self, additions: Vec<Addition>) -> anyhow::Result<Router> {
        self.gateway.routes(additions).context("gateway.origins")
    }

    /// Who asks other parts of the node.
    pub fn door(&self) -> Arc<dyn Door> {
        Arc::new(GatewayDoor {
            gateway: self.gateway.clone(),
            relay: self.relay.clone(),
        })
    }

    /// Where envelopes are told.
    pub fn bus(&self) -> Bus {
        self.bus.clone()
    }

    /// Where long work is told of.
    pub fn jobs(&self) -> Jobs {
        self.jobs.clone()
    }

    /// Has it run what it does by itself.
    pub fn start(&self, supervisor: &mut Supervisor) {
        let (bus, relay) = (self.bus.clone(), self.relay.clone());
        spawn(supervisor, "bus", move || {
            let (bus, changes) = (bus.clone(), relay.access_changes());
            async move {
                tokio::select! {
                    () = bus.run() => {}
                    () = bus.prune() => {}
                    () = wake(&bus, changes) => {}
                }
            }
        });
        let jobs = self.jobs.clone();
        spawn(supervisor, "jobs", move || {
            let jobs = jobs.clone();
            async move { jobs.run().await }
        });
        if let Some(sending) = &self.sending {
            sending.start(supervisor);
        }
        let auth = Arc::clone(&self.auth);
        spawn(supervisor, "auth", move || {
            let auth = Arc::clone(&auth);
            async move { auth.run(clock::now).await }
        });
    }

    /// Ends the webhooks, as the node drains.
    pub async fn finish_webhooks(&self) {
        if let Some(sending) = &self.sending {
            sending.finish().await;
        }
    }

    /// Writes down what is not written yet.
    pub async fn end(&self) {
        if let Err(error) = self.auth.audit().flush(clock::now()).await {
            tracing::warn!(%error, "the last lines of the audit are lost");
        }
    }
}

/// The gateway, as the observatory knows it: by what it is asked.
struct GatewayDoor {
    gateway: Gateway,
    relay: Relay,
}

impl Door for GatewayDoor {
    fn who<'a>(
        &'a self,
        head: &'a Head,
        info: &'a RequestInfo,
        body: &'a [u8],
    ) -> Pin<Box<dyn Future<Output = Result<Principal, Response>> + Send + 'a>> {
        Box::pin(self.gateway.who(head, info, body))
    }

    fn rules(&self) -> Arc<VisibilityRules> {
        self.relay.visibility()
    }
}

/// Tells readers at once of what the relay publishes with each change of its lists.
async fn wake(bus: &Bus, mut changes: watch::Receiver<u64>) {
    while changes.changed().await.is_ok() {
        bus.wake();
    }
}

/// A service that runs until it is stopped.
pub fn spawn<F>(
    supervisor: &mut Supervisor,
    name: &'static str,
    run: impl Fn() -> F + Send + Sync + 'static,
) where
    F: Future<Output = ()> + Send + 'static,
{
    supervisor.spawn(name, move |mut stop| {
        let running = run();
        async move {
            tokio::select! {
                () = running => {}
                () = stop.requested() => {}
            }
            Ok::<(), Infallible>(())
        }
    });
}
