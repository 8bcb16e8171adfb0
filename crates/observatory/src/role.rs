//! The observatory put together: opened once, its services started under the node's supervisor (O5.1).

use std::path::PathBuf;
use std::sync::Arc;

use stentor_bus::Bus;
use stentor_event::SecretKey;
use stentor_net::dial::Dialer;
use stentor_serve::supervisor::Supervisor;
use stentor_sql::Database;
use stentor_store::EventStore;

use crate::alert;
use crate::budget::Budget;
use crate::clock::Clock;
use crate::config::Config;
use crate::error::Error;
use crate::ground::Ground;
use crate::publish;
use crate::schema;
use crate::signals::Signals;

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
        parts.records.migrate(&schema::MIGRATIONS).await?;
        let budget = Budget::new(&parts.config.connections);
        let ground = Ground {
            config: parts.config,
            folder: parts.folder,
            records: parts.records,
            archive: parts.archive,
            own: parts.own,
            bus: parts.bus,
            dialer: parts.dialer,
            peer: parts.peer,
            clock: parts.clock,
            budget,
            monitor_key: parts.monitor_key,
            archive_key: parts.archive_key,
            signals: Signals::default(),
        };
        Ok(Self {
            ground: Arc::new(ground),
        })
    }

    /// Starts the services that are switched on.
    pub fn start(&self, supervisor: &mut Supervisor) {
        let ground = &self.ground;
        if ground.config.publish.enabled {
            spawn(supervisor, "observatory_publish", ground, publish::run);
        }
        spawn(supervisor, "observatory_alert", ground, alert::run);
    }
}

/// Starts a service under the supervisor; when it is to stop, its future is dropped, wherever it is.
fn spawn<R>(
    supervisor: &mut Supervisor,
    name: &'static str,
    ground: &Arc<Ground>,
    run: fn(Arc<Ground>) -> R,
) where
    R: Future<Output = Result<(), Error>> + Send + 'static,
{
    let ground = Arc::clone(ground);
    supervisor.spawn(name, move |mut stop| {
        let service = run(Arc::clone(&ground));
        async move {
            tokio::select! {
                biased;
                () = stop.requested() => Ok(()),
                ended = service => ended,
            }
        }
    });
}
