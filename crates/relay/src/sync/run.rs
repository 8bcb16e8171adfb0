//! The synchronisation of one filter over one connection.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use stentor_event::Filter;
use stentor_peer::Peer;
use stentor_trace::Trace;

use super::error::SyncError;
use super::home::Home;
use super::journal::Journal;
use super::origins::Origins;
use super::plan::{Plan, Step};
use super::query::Intake;
use super::reconcile::Reconciled;
use super::tally::Tally;
use crate::config;

/// Which way events go.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// From the other relay to this one.
    #[default]
    Down,
    /// From this relay to the other one.
    Up,
    /// Both.
    Both,
}

impl Direction {
    /// Whether events are sent.
    pub const fn is_up(self) -> bool {
        matches!(self, Self::Up | Self::Both)
    }

    /// Whether events are fetched.
    pub const fn is_down(self) -> bool {
        matches!(self, Self::Down | Self::Both)
    }

    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Down => "down",
            Self::Up => "up",
            Self::Both => "both",
        }
    }
}

/// How the differences are found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Method {
    /// By reconciliation where the other side offers it, else page by page.
    #[default]
    Auto,
    /// By reconciliation (NIP-77) or not at all.
    Negentropy,
    /// Page by page.
    Pages,
}

/// What is to be synchronised.
#[derive(Debug, Clone)]
pub(crate) struct Order {
    /// Which events.
    pub filter: Filter,
    /// Which way.
    pub direction: Direction,
    /// Whether private and protected events are sent.
    pub include_private: bool,
    /// How.
    pub method: Method,
}

/// A synchronisation under way.
pub(crate) struct Run<'a> {
    pub peer: &'a Peer,
    pub home: &'a Home,
    pub order: &'a Order,
    pub config: &'a config::Sync,
    pub tally: &'a Tally,
    /// Remembers what comes, so that a mirror does not send it back.
    pub origins: Option<&'a Origins>,
    /// Where what is left is written down, and when the run began.
    pub journal: Option<(&'a Journal, u64)>,
}

impl<'a> Run<'a> {
    /// Does all that is left. The journal then says so, until it is cleared.
    ///
    /// # Errors
    /// [`SyncError`]; the plan has what is left then.
    pub async fn finish(&self, plan: &mut Plan) -> Result<(), SyncError> {
        let mut trace = Trace::job("sync");
        let before = self.tally.summary();
        let result = self.work_off(plan).await;
        let after = self.tally.summary();
        trace.set("stentor.sync.direction", self.order.direction.as_str());
        trace.set("stentor.sync.received", after.received - before.received);
        trace.set("stentor.sync.stored", after.stored - before.stored);
        trace.set("stentor.sync.sent", after.sent - before.sent);
        trace.set("stentor.sync.windows", after.windows - before.windows);
        match &result {
            Ok(()) => trace.outcome("done"),
            Err(_) => {
                trace.outcome("failed");
                trace.fail();
            }
        }
        result
    }

    async fn work_off(&self, plan: &mut Plan) -> Result<(), SyncError> {
        while let Some(step) = plan.next() {
            self.tally.edit().windows_left = plan.todo().len() as u64;
            match step {
                Step::Reconcile(window) => match self.reconcile(window, plan.is_proven()).await? {
                    Reconciled::All => {
                        plan.reconciled();
                        self.tally.edit().windows += 1;
                        self.tally.settled();
                    }
                    Reconciled::TooLarge => plan.too_large(),
                    Reconciled::Unsupported if self.order.method == Method::Negentropy => {
                        let reason = "it does not reconcile (NIP-77)";
                        return Err(SyncError::Refused(reason.to_owned()));
                    }
                    Reconciled::Unsupported => plan.walk_all(),
                },
                Step::Walk(window) => {
                    if self.order.direction.is_down() {
                        self.walk(window, plan).await?;
                    } else {
                        self.push(window, plan).await?;
                    }
                    plan.done();
                    self.tally.edit().windows += 1;
                    self.tally.settled();
                }
            }
            self.save(plan).await?;
        }
        self.tally.edit().windows_left = 0;
        Ok(())
    }

    /// Writes down what is left.
    pub(super) async fn save(&self, plan: &Plan) -> Result<(), SyncError> {
        if let Some((journal, begun)) = self.journal {
            journal.save(plan.todo(), begun).await?;
        }
        Ok(())
    }

    pub(super) fn intake(&self) -> Intake<'a> {
        Intake {
            peer: self.peer,
            home: self.home,
            tally: self.tally,
            origins: self.origins,
            patience: Duration::from_secs(self.config.request_seconds),
        }
    }
}
