//! The jobs that a command gives to whoever holds the store: the running node, or the command's own process.

mod admin;
mod explain;
mod export;
mod import;
mod letting;
mod maintain;
mod mirrors;
mod observe;
mod search;
mod sync;
pub mod tracked;

use std::io::Read;
use std::path::PathBuf;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use stentor_bus::jobs::Jobs;
use stentor_event::{SecretKey, VisibilityRules};
use stentor_relay::Relay;
use stentor_relay::mirror::{Mirrors, Outbound};
use stentor_relay::retention::Retention;
use stentor_relay::sync::{Direction, Method, Sizes};
use stentor_store::EventStore;
use stentor_store::embedded::Store;
use stentor_store::search::Search;
use tokio::sync::{mpsc, watch};

use crate::import::Rules;
use crate::layout::Layout;
use crate::observing::Observing;
use crate::records::Records;

pub use explain::Explained;
pub use export::Exported;
pub use letting::LettingJob;
pub use observe::ObserveJob;

/// A piece of work on the store.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "job", rename_all = "snake_case")]
pub enum Job {
    /// Takes events in.
    Import(ImportJob),
    /// Writes events out, one a line.
    Export(ExportJob),
    /// Tells how a query is answered.
    Explain {
        /// The filters, as JSON.
        filters: Vec<String>,
        /// Whether to run it too.
        run: bool,
    },
    /// Manages the relay.
    Admin {
        /// What to do: a method of NIP-86, or one for the shell.
        method: String,
        /// What it takes.
        params: Vec<Value>,
    },
    /// Says who is let in to the gateway.
    Letting(LettingJob),
    /// Figures about the store.
    Stats,
    /// Reads everything and checks it.
    Verify {
        /// Every signature too.
        signatures: bool,
    },
    /// Gives back the room of events that are gone.
    Compact {
        /// Only parts of the log of which at least this share (in percent) belongs to events that are gone.
        percent: u64,
    },
    /// Makes a pass of retention by the configuration in force.
    Retention {
        /// Only tells what would go.
        dry_run: bool,
    },
    /// Makes the index of full-text search anew.
    RebuildSearch,
    /// Brings together what is here and at another relay.
    Sync(SyncJob),
    /// How the mirrors are doing.
    Mirrors,
    /// Asks the observatory, has it watch a relay, or moves its archive.
    Observe(ObserveJob),
    /// Copies the store and the keys as of one moment into a new folder.
    Backup {
        /// The folder; absolute.
        to: PathBuf,
    },
    /// Passes the listening sockets to a successor, and ends when that is ready.
    TakeOver,
}

/// What to take in.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct ImportJob {
    /// Only what matches one of these filters, as JSON; empty: everything.
    pub filters: Vec<String>,
    /// Whether signatures are trusted.
    pub trusted: bool,
    /// The name of the file, for plugins.
    #[serde(default)]
    pub name: String,
    /// Lines to pass over.
    pub skip: u64,
}

/// What to write out.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct ExportJob {
    /// Only what matches one of these filters, as JSON; empty: everything.
    pub filters: Vec<String>,
}

/// What to bring together with which relay.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SyncJob {
    /// The other relay.
    pub url: String,
    /// Only what matches one of these filters, as JSON; empty: everything.
    pub filters: Vec<String>,
    /// Which way.
    pub direction: Direction,
    /// How the differences are found.
    pub method: Method,
    /// Whether private and protected events are sent as well.
    pub include_private: bool,
    /// Whether the relay's own key is proven when the other side asks.
    pub auth: bool,
    /// Whether what another run has left is forgotten.
    pub fresh: bool,
}

/// What a job works on.
pub struct Workshop {
    /// The store.
    pub store: Arc<Store>,
    /// Full-text search over it, unless it is switched off.
    pub search: Option<Arc<Search>>,
    /// Where everything lies.
    pub layout: Layout,
    /// Who is a member, who and what is banned.
    pub records: Records,
    /// Where long jobs are told of, in a running node with a gateway.
    pub jobs: Option<Jobs>,
    /// How many keys and tenants there may be.
    pub key_limits: stentor_auth::config::Limits,
    /// What imported events must satisfy by the configuration in force.
    pub rules: Box<dyn Fn() -> Rules + Send + Sync>,
    /// What keeps the store within the rules of retention, and these as of now.
    pub retention: Box<dyn Fn() -> anyhow::Result<Keeping> + Send + Sync>,
    /// What a synchronisation with other relays works with, by the configuration in force.
    pub abroad: Box<dyn Fn() -> anyhow::Result<Abroad> + Send + Sync>,
    /// The mirrors, in a running node.
    pub mirrors: Option<Mirrors>,
    /// The observatory.
    pub observing: Observing,
}

/// Retention with its rules.
pub struct Keeping {
    /// What removes.
    pub keeper: Arc<Retention>,
    /// What has to go.
    pub config: stentor_relay::config::Retention,
}

/// What a synchronisation with other relays works with.
pub struct Abroad {
    /// How they are connected to.
    pub outbound: Outbound,
    /// The running relay, whose plugins are asked; none where no node runs.
    pub relay: Option<Relay>,
    /// The relay's own key.
    pub key: SecretKey,
    /// What is private.
    pub rules: Arc<VisibilityRules>,
    /// How large events may be here.
    pub sizes: Sizes,
}

/// How a job is connected with whoever gave it.
pub struct Link {
    /// What is imported.
    pub input: Option<Box<dyn Read + Send>>,
    /// What is exported.
    pub output: mpsc::Sender<Vec<u8>>,
    /// How far the job has got; only the newest counts.
    pub progress: watch::Sender<Value>,
    /// Becomes true when the job is to end early.
    pub stop: watch::Receiver<bool>,
}

impl Link {
    /// Says how far the job has got.
    fn report(&self, progress: &impl Serialize) {
        report(&self.progress, progress);
    }

    /// Whether the job is to end early.
    fn stopped(&self) -> bool {
        *self.stop.borrow()
    }
}

fn report(to: &watch::Sender<Value>, progress: &impl Serialize) {
    if let Ok(value) = serde_json::to_value(progress) {
        to.send_replace(value);
    }
}

/// Does a job; the result is JSON.
///
/// # Errors
/// What kept the job from being done.
pub async fn run(workshop: Arc<Workshop>, job: Job, link: Link) -> anyhow::Result<Value> {
    match job {
        Job::Import(job) => import::run(&workshop, &job, link).await,
        Job::Export(job) => export::run(&workshop, &job, link).await,
        Job::Explain { filters, run } => explain::run(&workshop, &filters, run).await,
        Job::Admin { method, params } => admin::run(&workshop, &method, &params).await,
        Job::Letting(job) => letting::run(&workshop, job).await,
        Job::Stats => Ok(serde_json::to_value(workshop.store.statistics())?),
        Job::Verify { signatures } => maintain::verify(workshop, signatures, link).await,
        Job::Compact { percent } => maintain::compact(workshop, percent, link).await,
        Job::Retention { dry_run } => maintain::retention(workshop, dry_run, link).await,
        Job::RebuildSearch => search::rebuild(workshop, link).await,
        Job::Sync(job) => sync::run(&workshop, job, link).await,
        Job::Mirrors => mirrors::run(&workshop),
        Job::Observe(job) => observe::run(&workshop, job, link).await,
        Job::Backup { to } => maintain::backup(&workshop, to, link).await,
        Job::TakeOver => anyhow::bail!("no node runs here whose place could be taken"),
    }
}
