//! The parts of the node.

use std::convert::Infallible;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use arc_swap::ArcSwap;
use futures_util::FutureExt;
use stentor_event::SecretKey;
use stentor_relay::Relay;
use stentor_relay::mirror::Mirrors;
use stentor_serve::ops::{self, Health, Readiness};
use stentor_serve::supervisor::{Importance, Supervisor};
use stentor_serve::{
    ConnectionCaps, ConnectionLimits, Drain, Server, ServerConfig, SessionFactory, listen,
};
use stentor_sql::Database;
use stentor_store::embedded::{Options, Store};
use stentor_store::{EventStore, StoreError};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tracing::{error, info, warn};

use super::signals::{Request, Signals};
use super::sockets::Sockets;
use super::{gauges, notify, reload};
use crate::config::{Config, Sources};
use crate::control::{self, Abroad, Workshop};
use crate::layout::Layout;
use crate::{access, output, secrets};

/// How long a store that another process holds is waited for: a predecessor may still be letting go of it.
const PATIENCE: Duration = Duration::from_secs(15);
const PAUSE: Duration = Duration::from_millis(50);
/// Connections to the operations listener at once.
const OPS_CONNECTIONS: ConnectionCaps = ConnectionCaps {
    total: 256,
    per_address: 0,
};
/// How long the operations listener and background tasks get to end.
const LAST_DEADLINE: Duration = Duration::from_secs(2);
/// How often the metrics recorder tidies up.
const UPKEEP: Duration = Duration::from_secs(5);

/// A node that serves.
pub struct Node {
    config: Arc<ArcSwap<Config>>,
    store: Arc<Store>,
    records: Database,
    relay: Relay,
    mirrors: Mirrors,
    server: Server<Relay>,
    readiness: Readiness,
    supervisor: Supervisor,
    operations: Drain,
    control_stop: watch::Sender<bool>,
    control: JoinHandle<()>,
}

impl Node {
    /// Starts everything; when it returns, clients are served and the ready line is printed.
    ///
    /// # Errors
    /// What could not be started.
    pub async fn start(config: Config, layout: &Layout) -> anyhow::Result<Self> {
        layout.make()?;
        let metrics = ops::install_metrics().context("starting metrics")?;
        let readiness = Readiness::new();
        readiness.set("store", Health::Starting, None);
        // Bound before the store is opened: whoever connects meanwhile waits in the backlog instead of being refused.
        let mut sockets = Sockets::open(&config.server)?;
        let ready_line = sockets.ready_line();
        let operations = Drain::new();
        let ops_server = Server::http_only(
            ops::router(readiness.clone(), Some(metrics.clone())),
            ServerConfig::default(),
            ConnectionLimits::new(OPS_CONNECTIONS),
            operations.clone(),
        );
        for socket in sockets.operations.drain(..) {
            tokio::spawn(accept(ops_server.clone(), socket, "operations"));
        }
        let own_key = secrets::relay_key(&layout.secrets())?;
        let options = access::options_at(&config, &sockets.places())?;
        let store = open(layout, options).await?;
        let records = access::open_records(layout, &config).await?;
        let outbound = access::outbound(&config)?;
        let relay = Relay::new(
            config.relay.clone(),
            Arc::clone(&store) as _,
            records.clone(),
            own_key.clone(),
        )
        .await?;
        let mirrors = Mirrors::new(relay.clone()).await?;
        mirrors.apply(&config.relay.mirror, &outbound);
        let limits = ConnectionLimits::new(reload::caps(&config));
        let server = Server::new(
            relay.clone(),
            relay.routes(),
            reload::server(&config)?,
            limits,
            Drain::new(),
        );
        let mut supervisor = Supervisor::new(readiness.clone());
        background(&mut supervisor, &relay, &store, metrics);
        let config = Arc::new(ArcSwap::from_pointee(config));
        let commands = Commands {
            relay: relay.clone(),
            mirrors: mirrors.clone(),
            key: own_key,
        };
        let (control_stop, control) = answer_commands(&store, layout, &config, commands)?;
        readiness.set("store", Health::Ok, None);
        for socket in sockets.public.drain(..) {
            tokio::spawn(accept(server.clone(), socket, "public"));
        }
        let statistics = store.statistics();
        info!(events = statistics.events, data = %layout.root().display(), "{ready_line}");
        // Whoever started us may not read what we print.
        if let Err(error) = output::line(&ready_line) {
            warn!(%error, "standard output");
        }
        notify::tell("READY=1");
        Ok(Self {
            config,
            store,
            records,
            relay,
            mirrors,
            server,
            readiness,
            supervisor,
            operations,
            control_stop,
            control,
        })
    }

    /// Serves until a signal asks for an end, then ends in order: no new connections, accepted writes answered,
    /// connections closed, everything durable.
    ///
    /// # Errors
    /// When the store cannot be closed.
    pub async fn run(self, mut signals: Signals, sources: &Sources) -> anyhow::Result<()> {
        while signals.next().await == Request::Reload {
            notify::reloading();
            reload::reload(&self, sources);
            notify::tell("READY=1");
        }
        tokio::select! {
            result = self.stop() => result,
            () = signals.stop() => {
                warn!("stopped a second time: ending at once");
                Ok(())
            }
        }
    }

    /// Puts a configuration into force for whatever can change while running; gives the one before.
    ///
    /// # Errors
    /// When the relay refuses it; nothing has changed then.
    pub fn apply(&self, config: Config, server: ServerConfig) -> anyhow::Result<Arc<Config>> {
        let outbound = access::outbound(&config)?;
        self.relay.reconfigure(config.relay.clone())?;
        self.mirrors.apply(&config.relay.mirror, &outbound);
        self.server.limits().set(reload::caps(&config));
        self.server.reload(server);
        Ok(self.config.swap(Arc::new(config)))
    }

    async fn stop(self) -> anyhow::Result<()> {
        info!("stopping");
        notify::tell("STOPPING=1");
        self.readiness.set("listener", Health::Draining, None);
        self.control_stop.send_replace(true);
        self.mirrors.stop();
        let deadline = Duration::from_secs(self.config.load().server.drain_seconds);
        let report = self.server.drain().run(deadline).await;
        if tokio::time::timeout(deadline, self.control).await.is_err() {
            warn!("a job did not end in time");
        }
        self.supervisor.shutdown(LAST_DEADLINE).await;
        self.store.close().await.context("closing the store")?;
        self.records.close().await;
        self.operations.run(LAST_DEADLINE).await;
        info!(connections = report.open, cut = report.aborted, "stopped");
        Ok(())
    }
}

async fn accept<F: SessionFactory>(server: Server<F>, socket: TcpListener, name: &'static str) {
    if let Err(error) = listen(server, socket, Arc::from(name)).await {
        error!(%error, listener = name, "cannot accept connections");
    }
}

/// Opens the store, away from the threads that answer the operations listener.
async fn open(layout: &Layout, options: Options) -> anyhow::Result<Arc<Store>> {
    let begun = Instant::now();
    loop {
        let (path, options) = (layout.relay_store(), options.clone());
        match tokio::task::spawn_blocking(move || access::open_store(&path, options)).await? {
            Ok(store) => {
                info!(seconds = begun.elapsed().as_secs_f64(), "store opened");
                return Ok(store);
            }
            Err(StoreError::InUse { .. }) if begun.elapsed() < PATIENCE => {
                tokio::time::sleep(PAUSE).await
            }
            Err(error) => return Err(error.into()),
        }
    }
}

fn background(
    supervisor: &mut Supervisor,
    relay: &Relay,
    store: &Arc<Store>,
    metrics: metrics_exporter_prometheus::PrometheusHandle,
) {
    let (purging, purged) = (relay.clone(), Arc::clone(store));
    supervisor.spawn("relay", Importance::Optional, move |mut stop| {
        let (relay, store) = (purging.clone(), Arc::clone(&purged));
        async move {
            let purge = |now| {
                let store = Arc::clone(&store);
                async move {
                    match store.purge(now).await {
                        Ok(0) => {}
                        Ok(events) => info!(events, "expired events purged"),
                        Err(error) => warn!(%error, "purging expired events"),
                    }
                }
            };
            tokio::select! {
                () = relay.run(purge) => {}
                () = stop.requested() => {}
            }
            Ok::<(), Infallible>(())
        }
    });
    let of_members = relay.clone();
    supervisor.spawn("membership", Importance::Optional, move |mut stop| {
        let relay = of_members.clone();
        async move {
            tokio::select! {
                () = relay.run_membership() => {}
                () = stop.requested() => {}
            }
            Ok::<(), Infallible>(())
        }
    });
    let of_moderators = relay.clone();
    supervisor.spawn("moderation", Importance::Optional, move |mut stop| {
        let relay = of_moderators.clone();
        async move {
            tokio::select! {
                () = relay.run_moderation() => {}
                () = stop.requested() => {}
            }
            Ok::<(), Infallible>(())
        }
    });
    let measured = Arc::clone(store);
    supervisor.spawn("metrics", Importance::Optional, move |mut stop| {
        let (store, metrics) = (Arc::clone(&measured), metrics.clone());
        async move {
            let mut upkeep = tokio::time::interval(UPKEEP);
            let mut figures = tokio::time::interval(gauges::EVERY);
            loop {
                tokio::select! {
                    _ = upkeep.tick() => metrics.run_upkeep(),
                    _ = figures.tick() => {
                        let store = Arc::clone(&store);
                        tokio::task::spawn_blocking(move || gauges::measure(&store)).await?;
                    }
                    () = stop.requested() => return Ok::<(), tokio::task::JoinError>(()),
                }
            }
        }
    });
}

/// What commands work with beside the store.
struct Commands {
    relay: Relay,
    mirrors: Mirrors,
    key: SecretKey,
}

fn answer_commands(
    store: &Arc<Store>,
    layout: &Layout,
    config: &Arc<ArcSwap<Config>>,
    commands: Commands,
) -> anyhow::Result<(watch::Sender<bool>, JoinHandle<()>)> {
    let server = control::Server::bind(&layout.control_socket(), &layout.secrets())?;
    let (of_import, of_sync) = (Arc::clone(config), Arc::clone(config));
    let rules = Box::new(move || access::rules(&of_import.load()));
    let Commands {
        relay,
        mirrors,
        key,
    } = commands;
    let abroad = move || {
        let outbound = access::outbound(&of_sync.load());
        let (home, key) = (relay.home(), key.clone());
        async move {
            Ok(Abroad {
                home,
                outbound: outbound?,
                key,
            })
        }
        .boxed()
    };
    let workshop = Workshop {
        store: Arc::clone(store),
        layout: layout.clone(),
        rules,
        abroad: Box::new(abroad),
        mirrors: Some(mirrors),
    };
    let (stop, stopped) = watch::channel(false);
    Ok((stop, tokio::spawn(server.run(Arc::new(workshop), stopped))))
}
