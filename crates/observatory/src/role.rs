//! The observatory put together: opened once, its services started under the node's supervisor (O5.1).

use std::path::PathBuf;
use std::sync::Arc;

use stentor_bus::Bus;
use stentor_event::{SecretKey, VisibilityRules};
use stentor_net::dial::Dialer;
use stentor_serve::supervisor::{Stop, Supervisor};
use stentor_sql::Database;
use stentor_store::EventStore;

use crate::alert;
use crate::answer::Recent;
use crate::archive;
use crate::binding;
use crate::budget::Budget;
use crate::check::{self, Places};
use crate::clock::Clock;
use crate::config::Config;
use crate::discover;
use crate::error::Error;
use crate::export;
use crate::ground::Ground;
use crate::history;
use crate::publish;
use crate::schema;
use crate::signals::Signals;
use crate::statistics;

/// What the observatory is made of.
pub struct Parts {
    /// Its section of the configuration.
    pub config: Config,
    /// The data folder, to which files in the configuration are relative.
    pub folder: PathBuf,
    /// The records.
    pub records: Database,
    /// The store of the archive, its own instance with `keep = history`.
    pub archive: Arc<dyn EventStore>,
    /// The store of this node's relay: read for mentions, and written to for what the monitor publishes.
    pub own: Arc<dyn EventStore>,
    /// Which events of this node's relay are not for everybody.
    pub rules: Arc<VisibilityRules>,
    /// Where alerts are told; `None` when the gateway is switched off.
    pub bus: Option<Bus>,
    /// By what every connection is made.
    pub dialer: Dialer,
    /// Limits and times of connections to relays.
    pub peer: stentor_peer::Config,
    /// The time.
    pub clock: Clock,
    /// The key that signs what the monitor publishes.
    pub monitor_key: SecretKey,
    /// The key that says who we are where a relay asks and the operator allows it.
    pub archive_key: SecretKey,
}

/// The observatory. Clones are one.
#[derive(Clone)]
pub struct Observatory {
    pub(crate) ground: Arc<Ground>,
}

impl Observatory {
    /// Makes its tables where needed, and reads what it has to know. Nothing runs yet.
    ///
    /// # Errors
    /// [`Error`]: the configuration, its files, or the records.
    pub async fn open(parts: Parts) -> Result<Self, Error> {
        parts.config.check()?;
        discover::check(&parts.config.discover, &parts.folder).await?;
        export::check(&parts.config.export, &parts.folder)?;
        let places = Places::read(&parts.config.check, &parts.folder).await?;
        parts.records.migrate(&schema::MIGRATIONS).await?;
        let now_ms = parts.clock.now_ms();
        binding::bind(&parts.records, parts.archive.as_ref(), now_ms).await?;
        let budget = Budget::new(&parts.config.connections);
        let ground = Ground {
            config: parts.config,
            folder: parts.folder,
            records: parts.records,
            archive: parts.archive,
            own: parts.own,
            rules: parts.rules,
            bus: parts.bus,
            dialer: parts.dialer,
            peer: parts.peer,
            clock: parts.clock,
            budget,
            monitor_key: parts.monitor_key,
            archive_key: parts.archive_key,
            places: Arc::new(places),
            signals: Signals::default(),
            activity: Arc::default(),
            authors: Recent::default(),
        };
        Ok(Self {
            ground: Arc::new(ground),
        })
    }

    /// Brings the tables up to date.
    ///
    /// # Errors
    /// Those of the records.
    pub async fn migrate(records: &Database) -> Result<(), Error> {
        Ok(records.migrate(&schema::MIGRATIONS).await?)
    }

    /// Has the records forget all that they say of an archive: who holds what, coverage, statistics. Only while no node works with them.
    ///
    /// # Errors
    /// Those of the records.
    pub async fn forget_archive(records: &Database) -> Result<(), Error> {
        Self::migrate(records).await?;
        Ok(records.write(binding::forget).await?)
    }

    /// Starts the services that are switched on.
    pub fn start(&self, supervisor: &mut Supervisor) {
        let (ground, config) = (&self.ground, &self.ground.config);
        if config.discover.enabled {
            spawn(supervisor, "observatory_discover", ground, discover::run);
        }
        if config.check.enabled {
            spawn(supervisor, "observatory_check", ground, check::run);
            spawn(supervisor, "observatory_history", ground, history::run);
        }
        if config.publish.enabled {
            spawn(supervisor, "observatory_publish", ground, publish::run);
        }
        if config.archive.enabled {
            spawn(supervisor, "observatory_archive", ground, archive::run);
        }
        spawn(supervisor, "observatory_alert", ground, alert::run);
        if config.statistics.enabled {
            spawn(
                supervisor,
                "observatory_statistics",
                ground,
                statistics::run,
            );
        }
    }
}

/// Starts a service, which ends with the node: its future is dropped then, wherever it is.
fn spawn<F>(
    supervisor: &mut Supervisor,
    name: &'static str,
    ground: &Arc<Ground>,
    service: impl Fn(Arc<Ground>) -> F + Send + 'static,
) where
    F: Future<Output = Result<(), Error>> + Send + 'static,
{
    let ground = ground.clone();
    supervisor.spawn(name, move |mut stop: Stop| {
        let service = service(ground.clone());
        async move {
            tokio::select! {
                ended = service => ended,
                () = stop.requested() => Ok(()),
            }
        }
    });
}
