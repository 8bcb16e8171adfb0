//! What all services stand on.

use std::path::PathBuf;
use std::sync::Arc;

use stentor_bus::Bus;
use stentor_event::{SecretKey, VisibilityRules};
use stentor_net::dial::Dialer;
use stentor_sql::Database;
use stentor_store::EventStore;

use crate::answer::Recent;
use crate::archive::Activity;
use crate::budget::Budget;
use crate::check::Places;
use crate::clock::Clock;
use crate::config::Config;
use crate::signals::Signals;

/// What all services stand on. Shared as it is; nothing here changes but behind its own locks.
pub(crate) struct Ground {
    /// The configuration.
    pub config: Config,
    /// The data folder, to which files in the configuration are relative.
    pub folder: PathBuf,
    /// The records.
    pub records: Database,
    /// The store of the archive.
    pub archive: Arc<dyn EventStore>,
    /// The store of this node's relay.
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
    /// How many connections there may be.
    pub budget: Budget,
    /// The key that signs what the monitor publishes.
    pub monitor_key: SecretKey,
    /// The key that says who we are where a relay asks and the operator allows it (NIP-42).
    pub archive_key: SecretKey,
    /// Where addresses are, by the operator's files.
    pub places: Arc<Places>,
    /// What services tell each other.
    pub signals: Signals,
    /// What the archive is doing.
    pub activity: Arc<Activity>,
    /// How many authors have events in the archive, as it was last counted.
    pub authors: Recent,
}
