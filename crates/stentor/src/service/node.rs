//! The parts of the node.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use arc_swap::ArcSwap;
use stentor_relay::mirror::Mirrors;
use stentor_relay::{Parts, Relay};
use stentor_serve::ops::{self, Health, Readiness};
use stentor_serve::supervisor::Supervisor;
use stentor_serve::{ConnectionLimits, Drain, Server};
use stentor_sql::Database;
use stentor_store::EventStore;
use stentor_store::embedded::Store;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tracing::{info, warn};

use super::commands::Commands;
use super::gateway::{self, Ground};
use super::listeners::Listeners;
use super::signals::{Request, Signals};
use super::sockets::Sockets;
use super::succession::Predecessor;
use super::{accept, background, notify, observatory, opening, reload, search, succession};
use crate::access::Place;
use crate::config::{Config, Sources};
use crate::control::{self, Estate};
use crate::layout::Layout;
use crate::observing::Observing;
use crate::traces::Exporter;
use crate::{access, output, records, secrets};

/// How long the operations listener and background tasks get to end.
const LAST_DEADLINE: Duration = Duration::from_secs(2);

/// A node that serves.
pub struct Node {
    config: Arc<ArcSwap<Config>>,
    /// The configuration that it was started with.
    started: Arc<Config>,
    places: Vec<Place>,
    store: Arc<Store>,
    records: Database,
    relay: Relay,
    mirrors: Mirrors,
    gateway: Option<gateway::Standing>,
    observatory: Option<observatory::Standing>,
    server: Server<Relay>,
    listeners: Listeners,
    readiness: Readiness,
    supervisor: Supervisor,
    operations: Drain,
    estate: Arc<Estate>,
    control_stop: watch::Sender<bool>,
    control: JoinHandle<()>,
}

impl Node {
    /// Starts everything; when it returns, clients are served and the ready line is printed. With `take_over`, it takes the place
    /// of the node that runs on the data folder, if one does.
    ///
    /// # Errors
    /// What could not be started.
    pub async fn start(config: Config, layout: &Layout, take_over: bool) -> anyhow::Result<Self> {
        layout.make()?;
        let metrics = ops::install_metrics().context("starting metrics")?;
        let readiness = Readiness::new();
        readiness.set("store", Health::Starting, None);
        // Bound before the store is opened: whoever connects meanwhile waits in the backlog instead of being refused.
        let listeners = Listeners::new(&config.server)?;
        let mut predecessor = succession::predecessor(layout, take_over).await?;
        let left = predecessor.as_mut().map(Predecessor::sockets);
        let mut sockets = Sockets::open(&config.server, left.unwrap_or_default())?;
        let ready_line = sockets.ready_line();
        let operations = accept::operations(&sockets, &readiness, &metrics)?;
        let own_key = secrets::relay_key(&layout.secrets())?;
        let own_public_key = own_key.public_key();
        let places = sockets.places();
        let options = access::options_at(&config, &places)?;
        let outbound = access::outbound(&config)?;
        let commands = control::Server::bind(&layout.control_socket(), &layout.secrets())?;
        let records = records::open(layout, &config).await?;
        Store::check(&layout.relay_store(), &options)?;
        // What can fail without the store has been done: a predecessor that is asked to end does not come back.
        let handover = match predecessor {
            Some(one) => Some(succession::begin(one, &mut sockets, &config.server).await?),
            None => None,
        };
        let duplicates = sockets.duplicates()?;
        let store = opening::open(layout, options, handover).await?;
        let parts = Parts {
            store: Arc::clone(&store) as _,
            records: records.clone(),
            own_key,
            dialer: outbound.dialer.clone(),
            peer: config.peer.clone(),
        };
        let relay = Relay::new(config.relay.clone(), parts).await?;
        let mirrors = Mirrors::new(relay.clone()).await?;
        mirrors.apply(&config.relay.mirror, &outbound);
        let gateway = gateway::make(Ground {
            config: &config,
            layout,
            store: Arc::clone(&store) as _,
            records: records.clone(),
            dialer: outbound.dialer.clone(),
            relay: relay.clone(),
            name: own_public_key.to_string(),
        });
        let gateway = gateway.await?;
        let observatory = observatory::make(observatory::Ground {
            config: &config,
            layout,
            own: Arc::clone(&store) as _,
            records: records.clone(),
            dialer: outbound.dialer.clone(),
            bus: gateway.as_ref().map(gateway::Standing::bus),
            scope: access::scope(&config, &places)?,
        });
        let observatory = observatory.await?;
        let door = gateway.as_ref().map(gateway::Standing::door);
        let pages = observatory.as_ref().map(|one| one.pages(door.clone()));
        let observed = observatory.as_ref().map(|one| one.routes(door));
        let routes = match (&gateway, observed) {
            (Some(gateway), observed) => {
                let additions = observed.into_iter().collect();
                relay.routes().merge(gateway.routes(additions)?)
            }
            (None, Some(observed)) => relay.routes().merge(observed.routes),
            (None, None) => relay.routes(),
        };
        let routes = routes.merge(pages.unwrap_or_default());
        let limits = ConnectionLimits::new(reload::caps(&config));
        let server = Server::new(
            relay.clone(),
            routes,
            reload::server(&config),
            limits,
            Drain::new(),
        );
        let mut supervisor = Supervisor::new(readiness.clone());
        if let Some(gateway) = &gateway {
            gateway.start(&mut supervisor);
        }
        if let Some(observatory) = &observatory {
            observatory.start(&mut supervisor, &relay);
        }
        let search = search::make(&config, layout, &store, relay.search_trust());
        background::of_relay(&mut supervisor, &relay, &store);
        background::of_node(
            &mut supervisor,
            &store,
            &records,
            search.clone(),
            layout,
            metrics,
        );
        if let Some(search) = &search {
            search::start(&mut supervisor, &relay, search);
        }
        let started = Arc::new(config);
        let config = Arc::new(ArcSwap::new(Arc::clone(&started)));
        if let Some(exporter) = Exporter::start(&started, &outbound.dialer)? {
            background::of_traces(&mut supervisor, exporter);
        }
        listeners.watch_certificates(&mut supervisor, &config);
        let ending = Arc::clone(&config);
        let ending = move || 2 * Duration::from_secs(ending.load().server.drain_seconds);
        let estate = Arc::new(Estate::new(duplicates, ending));
        let keeper = Arc::new(access::retention(
            Arc::clone(&store),
            own_public_key,
            relay.author_classes(),
        ));
        background::of_retention(&mut supervisor, &keeper, &config);
        let commands = Commands {
            server: commands.publish()?,
            store: Arc::clone(&store),
            search,
            layout: layout.clone(),
            config: Arc::clone(&config),
            estate: Arc::clone(&estate),
            keeper,
            relay: relay.clone(),
            mirrors: mirrors.clone(),
            jobs: gateway.as_ref().map(gateway::Standing::jobs),
            observing: Observing::of_node(observatory.as_ref()),
        };
        let (control_stop, control) = commands.answer();
        readiness.set("store", Health::Ok, None);
        accept::clients(&server, sockets.public, &listeners);
        let statistics = store.statistics();
        info!(events = statistics.events, data = %layout.root().display(), "{ready_line}");
        // Whoever started us may not read what we print.
        if let Err(error) = output::line(&ready_line) {
            warn!(%error, "standard output");
        }
        notify::tell("READY=1");
        Ok(Self {
            config,
            started,
            places,
            store,
            records,
            relay,
            mirrors,
            gateway,
            observatory,
            server,
            listeners,
            readiness,
            supervisor,
            operations,
            estate,
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
        loop {
            let request = tokio::select! {
                request = signals.next() => request,
                () = self.estate.taken() => {
                    info!("a successor takes over");
                    break;
                }
            };
            if request == Request::Stop {
                break;
            }
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

    /// The configuration that the node was started with.
    pub fn started(&self) -> &Config {
        &self.started
    }

    /// Puts a configuration into force for whatever can change while running.
    ///
    /// # Errors
    /// When a part of it cannot be used; nothing has changed then.
    pub fn apply(&self, config: Config) -> anyhow::Result<()> {
        let outbound = access::outbound(&config)?;
        let scope = access::scope(&config, &self.places)?;
        let listeners = self.listeners.prepare(&config.server)?;
        self.relay.reconfigure(config.relay.clone())?;
        if let Some(observatory) = &self.observatory {
            observatory.set_scope(scope.clone());
        }
        self.store.set_scope(scope);
        self.mirrors.apply(&config.relay.mirror, &outbound);
        self.server.limits().set(reload::caps(&config));
        self.server.reload(reload::server(&config));
        listeners.apply();
        self.config.store(Arc::new(config));
        Ok(())
    }

    async fn stop(self) -> anyhow::Result<()> {
        info!("stopping");
        notify::tell("STOPPING=1");
        self.readiness.set("listener", Health::Draining, None);
        self.control_stop.send_replace(true);
        self.estate.close();
        self.mirrors.stop();
        let deadline = Duration::from_secs(self.config.load().server.drain_seconds);
        let webhooks = async {
            let Some(gateway) = &self.gateway else {
                return;
            };
            if tokio::time::timeout(deadline, gateway.finish_webhooks())
                .await
                .is_err()
            {
                warn!("some webhooks were cut; they are sent again after the next start");
            }
        };
        let (report, ()) = tokio::join!(self.server.drain().run(deadline), webhooks);
        if tokio::time::timeout(deadline, self.control).await.is_err() {
            warn!("a job did not end in time");
        }
        if tokio::time::timeout(LAST_DEADLINE, self.relay.end())
            .await
            .is_err()
        {
            warn!("a plugin did not end in time");
        }
        if let Some(gateway) = &self.gateway
            && tokio::time::timeout(LAST_DEADLINE, gateway.end())
                .await
                .is_err()
        {
            warn!("the last lines of the audit are lost");
        }
        self.supervisor.shutdown(LAST_DEADLINE).await;
        if let Some(observatory) = &self.observatory {
            observatory.close().await?;
        }
        self.store.close().await.context("closing the store")?;
        self.records.close().await;
        self.operations.run(LAST_DEADLINE).await;
        info!(connections = report.open, cut = report.aborted, "stopped");
        Ok(())
    }
}
