//! The observatory of the node, and the store of its archive.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use axum::Router;
use stentor_bus::Bus;
use stentor_event::Timestamp;
use stentor_gateway::Addition;
use stentor_net::dial::Dialer;
use stentor_observatory::{Clock, Door, Observatory, Parts};
use stentor_relay::Relay;
use stentor_serve::supervisor::Supervisor;
use stentor_sql::Database;
use stentor_store::embedded::Store;
use stentor_store::{EventStore, Keep, RelayScope};

use crate::clock;
use crate::config::Config;
use crate::layout::Layout;
use crate::secrets;

/// How often expired events are purged from the archive.
const PURGE: Duration = Duration::from_secs(600);
/// How long the bans of the relay are collected before the archive is searched for what they concern.
const BANS: Duration = Duration::from_secs(1);

/// What the observatory is made with.
pub struct Ground<'a> {
    pub config: &'a Config,
    pub layout: &'a Layout,
    pub own: Arc<dyn EventStore>,
    pub records: Database,
    pub dialer: Dialer,
    pub bus: Option<Bus>,
    pub scope: RelayScope,
}

/// The observatory and its store.
pub struct Standing {
    observatory: Observatory,
    archive: Arc<Store>,
}

/// Opens it; `None` when it is switched off.
///
/// # Errors
/// What the configuration, the secrets, the records or the store have against it.
pub async fn make(ground: Ground<'_>) -> anyhow::Result<Option<Standing>> {
    let config = &ground.config.observatory;
    if !config.enabled {
        return Ok(None);
    }
    let archive = open_archive(ground.layout, ground.config, ground.scope).await?;
    let (monitor_key, archive_key) = keys(config, ground.layout)?;
    let parts = Parts {
        config: config.clone(),
        folder: ground.layout.root().to_owned(),
        records: ground.records,
        archive: Arc::clone(&archive) as _,
        own: ground.own,
        rules: ground.config.relay.privacy.rules(),
        bus: ground.bus,
        dialer: ground.dialer,
        peer: ground.config.peer.clone(),
        clock: Clock::system(),
        monitor_key,
        archive_key,
    };
    let observatory = Observatory::open(parts)
        .await
        .context("opening the observatory")?;
    Ok(Some(Standing {
        observatory,
        archive,
    }))
}

/// The key of the monitor, and that of the archive: the same unless the configuration names another.
fn keys(
    config: &stentor_observatory::Config,
    layout: &Layout,
) -> anyhow::Result<(stentor_event::SecretKey, stentor_event::SecretKey)> {
    let monitor = match &config.publish.key_file {
        Some(file) => {
            secrets::named_key(&layout.root().join(file)).context("observatory.publish.key_file")?
        }
        None => secrets::own_key(&layout.secrets(), secrets::MONITOR_KEY)?,
    };
    let archive = match &config.archive.key_file {
        Some(file) => {
            secrets::named_key(&layout.root().join(file)).context("observatory.archive.key_file")?
        }
        None => monitor.clone(),
    };
    Ok((monitor, archive))
}

/// Opens the archive's store away from the threads that answer.
async fn open_archive(
    layout: &Layout,
    config: &Config,
    scope: RelayScope,
) -> anyhow::Result<Arc<Store>> {
    let mut options = config.store.options(scope);
    options.keep = Keep::History;
    let path = layout.archive_store();
    let opened = tokio::task::spawn_blocking(move || Store::open(&path, options)).await?;
    Ok(Arc::new(opened.context("opening the archive")?))
}

impl Standing {
    /// Has it run what it does by itself.
    pub fn start(&self, supervisor: &mut Supervisor, relay: &Relay) {
        self.observatory.start(supervisor);
        let archive = Arc::clone(&self.archive);
        super::gateway::spawn(supervisor, "archive_upkeep", {
            let relay = relay.clone();
            move || upkeep(Arc::clone(&archive), relay.clone())
        });
    }

    /// The observatory, for commands.
    pub fn observatory(&self) -> Observatory {
        self.observatory.clone()
    }

    /// The archive's store.
    pub fn archive(&self) -> Arc<Store> {
        Arc::clone(&self.archive)
    }

    /// What it answers; without a door, only what is public.
    pub fn routes(&self, door: Option<Arc<dyn Door>>) -> Addition {
        let (routes, document) = self.observatory.routes(door);
        Addition { routes, document }
    }

    /// Its pages; without a door, those that are public.
    pub fn pages(&self, door: Option<Arc<dyn Door>>) -> Router {
        self.observatory.pages(door)
    }

    /// Whom a request to vanish must name, after a reload.
    pub fn set_scope(&self, scope: RelayScope) {
        self.archive.set_scope(scope);
    }

    /// Makes the archive durable, after its services have ended.
    ///
    /// # Errors
    /// Those of the engine.
    pub async fn close(&self) -> anyhow::Result<()> {
        self.archive.close().await.context("closing the archive")
    }
}

/// Keeps out of the archive what has expired, and what the relay has banned since: bans hold for both.
async fn upkeep(archive: Arc<Store>, relay: Relay) {
    let mut changes = relay.access_changes();
    let mut purge = tokio::time::interval(PURGE);
    remove_banned(&archive, &relay).await;
    loop {
        tokio::select! {
            _ = purge.tick() => remove_expired(&archive, clock::now()).await,
            changed = changes.changed() => {
                if changed.is_err() {
                    return std::future::pending().await;
                }
                tokio::time::sleep(BANS).await;
                changes.mark_unchanged();
                remove_banned(&archive, &relay).await;
            }
        }
    }
}

async fn remove_banned(archive: &Arc<Store>, relay: &Relay) {
    let store: Arc<dyn EventStore> = Arc::clone(archive) as _;
    match relay.remove_banned_from(&store).await {
        Ok(0) => {}
        Ok(events) => tracing::info!(events, "banned events removed from the archive"),
        Err(error) => tracing::warn!(%error, "removing banned events from the archive"),
    }
}

async fn remove_expired(archive: &Store, now: Timestamp) {
    if let Err(error) = archive.purge(now).await {
        tracing::warn!(%error, "purging expired events from the archive");
    }
}
