//! Commands that reach the running node: what its parts are to them.

use std::sync::Arc;

use arc_swap::ArcSwap;
use stentor_bus::jobs::Jobs;
use stentor_relay::Relay;
use stentor_relay::mirror::Mirrors;
use stentor_relay::retention::Retention;
use stentor_store::embedded::Store;
use stentor_store::search::Search;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::access;
use crate::config::Config;
use crate::control::{Abroad, Estate, Keeping, Server, Workshop};
use crate::layout::Layout;
use crate::observing::Observing;
use crate::records::Records;

/// What commands work on, and where they arrive.
pub struct Commands {
    pub server: Server,
    pub store: Arc<Store>,
    pub search: Option<Arc<Search>>,
    pub layout: Layout,
    /// The configuration in force, whichever that is when a command comes.
    pub config: Arc<ArcSwap<Config>>,
    pub estate: Arc<Estate>,
    pub keeper: Arc<Retention>,
    pub relay: Relay,
    pub mirrors: Mirrors,
    pub jobs: Option<Jobs>,
    pub observing: Observing,
}

impl Commands {
    /// Answers them, until the sender is set to true and the task has ended.
    pub fn answer(self) -> (watch::Sender<bool>, JoinHandle<()>) {
        let Self {
            server,
            store,
            search,
            layout,
            config,
            estate,
            keeper,
            relay,
            mirrors,
            jobs,
            observing,
        } = self;
        let (of_import, of_retention) = (Arc::clone(&config), Arc::clone(&config));
        let (of_sync, place) = (Arc::clone(&config), layout.clone());
        let key_limits = config.load().auth.limits.clone();
        let records = Records::of_node(relay.access(), &layout, &config.load());
        let retention = move || {
            Ok(Keeping {
                keeper: Arc::clone(&keeper),
                config: of_retention.load().relay.retention.clone(),
            })
        };
        let abroad = move || {
            let abroad = access::abroad(&of_sync.load(), &place)?;
            Ok(Abroad {
                relay: Some(relay.clone()),
                ..abroad
            })
        };
        let workshop = Workshop {
            jobs,
            key_limits,
            store,
            search,
            layout,
            rules: Box::new(move || access::rules(&of_import.load())),
            retention: Box::new(retention),
            records,
            abroad: Box::new(abroad),
            mirrors: Some(mirrors),
            observing,
        };
        let (stop, stopped) = watch::channel(false);
        let answering = server.run(Arc::new(workshop), estate, stopped);
        (stop, tokio::spawn(answering))
    }
}
