//! All mirrors of a node, brought in line with the configuration.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;
use stentor_net::dial::{self, Dialer};
use stentor_peer::Config as PeerConfig;
use tokio::task::AbortHandle;

use super::metrics;
use super::status::{MirrorStatus, Status};
use super::task::{self, Mirror};
use crate::config;
use crate::service::Relay;
use crate::sync::{MIGRATIONS, SyncError};

/// How other relays are connected to.
#[derive(Clone)]
pub struct Outbound {
    /// What connects.
    pub dialer: Dialer,
    /// What the dialer was made from.
    pub dial: dial::Config,
    /// Limits and times of connections.
    pub peer: PeerConfig,
    /// Limits of synchronisation.
    pub sync: config::Sync,
}

impl Outbound {
    /// Whether connections would be made in the same way.
    fn is_like(&self, other: &Self) -> bool {
        self.dial == other.dial && self.peer == other.peer && self.sync == other.sync
    }
}

/// The mirrors of a node. Cheap to clone; clones share them. They end when the last clone is dropped.
#[derive(Clone)]
pub struct Mirrors(Arc<Inner>);

struct Inner {
    relay: Relay,
    running: Mutex<BTreeMap<String, Running>>,
}

struct Running {
    config: config::Mirror,
    outbound: Outbound,
    status: Arc<Status>,
    task: Option<AbortHandle>,
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
            metrics::connected(&self.config.name, false);
        }
    }
}

impl Mirrors {
    /// Of a relay; none runs yet.
    ///
    /// # Errors
    /// When the tables of the records cannot be brought up to date.
    pub async fn new(relay: Relay) -> Result<Self, SyncError> {
        relay.access().records().migrate(&MIGRATIONS).await?;
        Ok(Self(Arc::new(Inner {
            relay,
            running: Mutex::default(),
        })))
    }

    /// Starts, stops and restarts mirrors until they are those of the configuration. Those whose entry is as before are not
    /// touched, unless it is how all of them connect that has changed. To be called in a runtime.
    pub fn apply(&self, entries: &[config::Mirror], outbound: &Outbound) {
        let mut running = self.0.running.lock();
        running.retain(|_, old| {
            let same = entries.contains(&old.config) && old.outbound.is_like(outbound);
            if !same {
                tracing::info!(mirror = old.config.name, "mirror ends");
            }
            same
        });
        for entry in entries {
            if !running.contains_key(&entry.name) {
                running.insert(entry.name.clone(), self.start(entry, outbound));
            }
        }
    }

    fn start(&self, config: &config::Mirror, outbound: &Outbound) -> Running {
        let status = Arc::new(Status::new(config));
        let task = match config.filters() {
            Ok(filters) if config.enabled => {
                let mirror = Mirror::new(
                    config.clone(),
                    filters,
                    outbound.clone(),
                    Arc::clone(&status),
                    self.0.relay.clone(),
                );
                tracing::info!(mirror = config.name, url = config.url, "mirror begins");
                Some(tokio::spawn(task::run(Arc::new(mirror))).abort_handle())
            }
            Ok(_) => None,
            Err(problem) => {
                // A checked configuration has only good ones.
                status.trouble(&problem);
                None
            }
        };
        Running {
            config: config.clone(),
            outbound: outbound.clone(),
            status,
            task,
        }
    }

    /// How each is doing, by name.
    pub fn status(&self) -> Vec<MirrorStatus> {
        let running = self.0.running.lock();
        running
            .values()
            .map(|mirror| mirror.status.read())
            .collect()
    }

    /// Ends all of them.
    pub fn stop(&self) {
        self.0.running.lock().clear();
    }
}
