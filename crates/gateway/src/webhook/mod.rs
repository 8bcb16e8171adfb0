//! Webhooks (G4): what happens, sent to addresses that tenants name, at least once.
//!
//! # How an envelope gets to an endpoint
//!
//! Each endpoint is worked on by one node, which holds a lease on it (`leases.rs`). That node reads the bus for the endpoint, behind
//! its *place*, into a small window (`window.rs`), and sends what it has read (`attempt.rs`). What is delivered at once leaves
//! no trace but a line in the list of attempts. What fails becomes a row (`table/deliveries.rs`), which is tried again by the schedule
//! (`schedule.rs`) while later ones go on. The place moves in order behind what is delivered or has a row, in the transaction that
//! writes the rows (`worker/write.rs`): when a node dies, at most the window is sent again, under the same ids.
//!
//! # Who decides what an endpoint gets
//!
//! The bus does, as for any reader, for the principal that decided where it is sent to (`endpoint.rs`, `Grant`): whoever changes the URL or the
//! choice of an endpoint puts their own rights in the place of the maker's. Events of Nostr are asked for again at each attempt, so that what is gone
//! is not told again; nothing of them is kept here but a reference.

mod api;
mod attempt;
mod clock;
pub mod config;
mod endpoint;
mod ground;
mod leases;
mod manage;
mod master_key;
mod message;
mod pace;
mod page;
mod replay;
mod retry_after;
pub mod schedule;
mod schema;
pub mod sealed;
pub mod signature;
mod table;
mod upkeep;
mod window;
mod worker;

use std::path::PathBuf;
use std::sync::Arc;

use stentor_auth::Authenticator;
use stentor_bus::Bus;
use stentor_event::{Timestamp, VisibilityRules};
use stentor_net::dial::Dialer;
use stentor_net::limit::KeyedLimiter;
use stentor_sql::Database;
use tokio::sync::{Notify, Semaphore};

pub(crate) use api::operations;
pub use clock::Clock;
use ground::Ground;
pub use master_key::MasterKeyError;
pub(crate) use page::routes as page_routes;

/// Endpoints whose tests are remembered for their rate.
const TESTED: usize = 1_024;

/// What webhooks are made with.
pub struct Parts {
    /// The section `gateway.webhooks` of the configuration.
    pub config: config::Webhooks,
    /// What happens.
    pub bus: Bus,
    /// Whether those who have made endpoints may still read.
    pub auth: Arc<Authenticator>,
    /// Where endpoints and deliveries are kept.
    pub records: Database,
    /// What attempts are made with.
    pub dialer: Dialer,
    /// What is private, by the relay's configuration in force.
    pub rules: Box<dyn Fn() -> Arc<VisibilityRules> + Send + Sync>,
    /// The folder of secrets, where the master key is made unless the configuration names one.
    pub secrets: PathBuf,
    /// What no other node on the records is called.
    pub node: String,
    /// The time by which deliveries are scheduled.
    pub clock: Clock,
    /// The time by which credentials are judged.
    pub time: fn() -> Timestamp,
}

/// Why there are no webhooks.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The records.
    #[error("the records: {0}")]
    Records(#[from] stentor_sql::Error),
    /// The master key.
    #[error("the master key: {0}")]
    MasterKey(#[from] MasterKeyError),
}

/// The webhooks of a node. Cloning shares them.
#[derive(Clone)]
pub struct Webhooks {
    pub(crate) ground: Arc<Ground>,
}

/// Brings the tables of webhooks up to date.
///
/// # Errors
/// Those of the records.
pub async fn migrate(records: &Database) -> Result<(), stentor_sql::Error> {
    records.migrate(&schema::MIGRATIONS).await
}

impl Webhooks {
    /// Opens the tables and the master key. Nothing is sent before [`Webhooks::run`].
    ///
    /// # Errors
    /// [`OpenError`].
    pub async fn open(parts: Parts) -> Result<Self, OpenError> {
        parts.records.migrate(&schema::MIGRATIONS).await?;
        let vault = master_key::vault(parts.config.master_key_file.as_deref(), &parts.secrets)?;
        let turns = Semaphore::new(parts.config.in_flight as usize);
        Ok(Self {
            ground: Arc::new(Ground {
                config: parts.config,
                bus: parts.bus,
                auth: parts.auth,
                records: parts.records,
                dialer: parts.dialer,
                rules: parts.rules,
                vault,
                clock: parts.clock,
                time: parts.time,
                node: parts.node,
                turns: Arc::new(turns),
                changed: Notify::new(),
                tests: KeyedLimiter::new(TESTED),
            }),
        })
    }
}
