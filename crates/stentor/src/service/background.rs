//! What the node does beside answering: services under the supervisor.

use std::convert::Infallible;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use metrics_exporter_prometheus::PrometheusHandle;
use stentor_event::Timestamp;
use stentor_relay::Relay;
use stentor_relay::retention::Retention;
use stentor_serve::supervisor::Supervisor;
use stentor_sql::Database;
use stentor_store::embedded::Store;
use stentor_store::search::Search;
use tracing::{info, warn};

use super::gauges;
use crate::config::Config;
use crate::layout::Layout;
use crate::traces::Exporter;

/// How often the metrics recorder tidies up.
const UPKEEP: Duration = Duration::from_secs(5);
/// How often the records are looked at.
const LOOK: Duration = Duration::from_secs(10);

/// What the relay does by itself.
pub fn of_relay(supervisor: &mut Supervisor, relay: &Relay, store: &Arc<Store>) {
    let purged = Arc::clone(store);
    spawn(supervisor, "relay", relay, move |relay| {
        let store = Arc::clone(&purged);
        relay.run(move |now| purge(Arc::clone(&store), now))
    });
    spawn(supervisor, "membership", relay, Relay::run_membership);
    spawn(supervisor, "moderation", relay, Relay::run_moderation);
    spawn(supervisor, "trust", relay, Relay::run_trust);
    spawn(supervisor, "marmot", relay, Relay::run_marmot);
}

/// What keeps the node's figures, and an eye on its records.
pub fn of_node(
    supervisor: &mut Supervisor,
    store: &Arc<Store>,
    records: &Database,
    search: Option<Arc<Search>>,
    layout: &Layout,
    metrics: PrometheusHandle,
) {
    let measured = Arc::clone(store);
    let data: Arc<Path> = Arc::from(layout.root());
    supervisor.spawn("metrics", move |mut stop| {
        let (store, search, metrics) = (Arc::clone(&measured), search.clone(), metrics.clone());
        let data = Arc::clone(&data);
        async move {
            let mut upkeep = tokio::time::interval(UPKEEP);
            let mut figures = tokio::time::interval(gauges::EVERY);
            loop {
                tokio::select! {
                    _ = upkeep.tick() => metrics.run_upkeep(),
                    _ = figures.tick() => {
                        let (store, search) = (Arc::clone(&store), search.clone());
                        let data = Arc::clone(&data);
                        let measure = move || gauges::measure(&store, search.as_deref(), &data);
                        tokio::task::spawn_blocking(measure).await?;
                    }
                    () = stop.requested() => return Ok::<(), tokio::task::JoinError>(()),
                }
            }
        }
    });
    let watched = records.clone();
    supervisor.spawn("records", move |mut stop| {
        let records = watched.clone();
        async move {
            loop {
                // Failing is how a service says that it cannot work: readiness shows it, and it is tried again.
                records.health().await?;
                tokio::select! {
                    () = tokio::time::sleep(LOOK) => {}
                    () = stop.requested() => return Ok::<(), stentor_sql::Error>(()),
                }
            }
        }
    });
}

/// Removes what has to go by the rules of retention.
pub fn of_retention(
    supervisor: &mut Supervisor,
    keeper: &Arc<Retention>,
    config: &Arc<ArcSwap<Config>>,
) {
    let (keeper, config) = (Arc::clone(keeper), Arc::clone(config));
    supervisor.spawn("retention", move |mut stop| {
        let (keeper, config) = (Arc::clone(&keeper), Arc::clone(&config));
        async move {
            tokio::select! {
                () = keeper.run(|| config.load().relay.retention.clone()) => {}
                () = stop.requested() => {}
            }
            Ok::<(), Infallible>(())
        }
    });
}

/// What sends traces. Services are stopped when no connection is open any more, so it sends those of the last messages too.
pub fn of_traces(supervisor: &mut Supervisor, exporter: Exporter) {
    let exporter = Arc::new(exporter);
    supervisor.spawn("traces", move |stop| {
        let exporter = Arc::clone(&exporter);
        async move {
            exporter.run(stop).await;
            Ok::<(), Infallible>(())
        }
    });
}

/// A service of the relay that runs until it is stopped.
fn spawn<F>(
    supervisor: &mut Supervisor,
    name: &'static str,
    relay: &Relay,
    run: impl Fn(Relay) -> F + Send + Sync + 'static,
) where
    F: Future<Output = ()> + Send + 'static,
{
    let relay = relay.clone();
    supervisor.spawn(name, move |mut stop| {
        let running = run(relay.clone());
        async move {
            tokio::select! {
                () = running => {}
                () = stop.requested() => {}
            }
            Ok::<(), Infallible>(())
        }
    });
}

/// Removes what has expired.
async fn purge(store: Arc<Store>, now: Timestamp) {
    match store.purge(now).await {
        Ok(0) => {}
        Ok(events) => info!(events, "expired events purged"),
        Err(error) => warn!(%error, "purging expired events"),
    }
}
