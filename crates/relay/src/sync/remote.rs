//! A synchronisation with a relay from beginning to end: connected, and connected again when the connection breaks.

use std::sync::Arc;
use std::time::Duration;

use stentor_event::Filter;
use stentor_net::dial::{Dialer, Trust};
use stentor_net::retry::Backoff;
use stentor_peer::{Config as PeerConfig, Peer, PeerError, Signer, Window, fetch_information};

use super::error::SyncError;
use super::home::Home;
use super::journal::Journal;
use super::plan::{Plan, again, overlap};
use super::query::pause;
use super::run::{Direction, Method, Order, Run};
use super::schema::MIGRATIONS;
use super::tally::Tally;
use crate::config;
use crate::state::now;

/// Connections in a row that break before they bring anything, after which it is given up.
const TRIES: u32 = 5;

/// Another relay, and how it is connected to.
#[derive(Clone)]
pub struct Remote {
    /// What connects.
    pub dialer: Dialer,
    /// Its URL.
    pub url: String,
    /// Whose URL that is.
    pub trust: Trust,
    /// Limits and times of the connection.
    pub config: PeerConfig,
    /// Who answers when it asks who we are (NIP-42); none: nobody.
    pub signer: Option<Arc<dyn Signer>>,
}

/// What is to be synchronised.
#[derive(Debug, Clone)]
pub struct Job {
    /// Which events: each filter by itself, one after the other.
    pub filters: Vec<Filter>,
    /// Which way.
    pub direction: Direction,
    /// Whether private and protected (NIP-70) events are sent as well.
    pub include_private: bool,
    /// How the differences are found.
    pub method: Method,
    /// Begins anew, whatever another run has left.
    pub fresh: bool,
    /// Limits.
    pub config: config::Sync,
}

impl Remote {
    /// Connects.
    ///
    /// # Errors
    /// Those of [`Peer::connect`].
    pub async fn connect(&self) -> Result<Peer, PeerError> {
        // Our store verifies what it does not have yet.
        let config = PeerConfig {
            verify: false,
            ..self.config.clone()
        };
        Peer::connect(
            &self.dialer,
            &self.url,
            self.trust,
            config,
            self.signer.clone(),
        )
        .await
    }

    /// Whether it is worth trying to reconcile: not when its information document (NIP-11) lists NIPs and 77 is not among them.
    pub(crate) async fn may_reconcile(&self) -> bool {
        match fetch_information(&self.dialer, &self.url, self.trust).await {
            Ok(information) => {
                let nips = &information.document.supported_nips;
                nips.is_empty() || nips.contains(&77)
            }
            Err(error) => {
                tracing::debug!(%error, url = self.url, "no information document");
                true
            }
        }
    }
}

/// Synchronises. What is done is counted in `tally` as it is done; when the future is dropped, or this fails, the next call with
/// the same job goes on where this one was.
///
/// # Errors
/// [`SyncError`].
pub async fn sync(remote: &Remote, home: &Home, job: &Job, tally: &Tally) -> Result<(), SyncError> {
    job.filters.iter().try_for_each(fits)?;
    home.records().migrate(&MIGRATIONS).await?;
    let mut connection = remote.connect().await?;
    let reconciles = match job.method {
        Method::Auto => remote.may_reconcile().await,
        Method::Negentropy => true,
        Method::Pages => false,
    };
    for filter in &job.filters {
        let Some(range) = Window::of(filter) else {
            continue;
        };
        let order = Order {
            filter: filter.clone(),
            direction: job.direction,
            include_private: job.include_private,
            method: job.method,
        };
        let journal = Journal::new(home.records().clone(), &remote.url, &order);
        if job.fresh {
            journal.clear().await?;
        }
        let mut pass = Some(begin(&journal, range, tally).await?);
        while let Some(current) = pass {
            pass = current.next(range, filter);
            let mut plan = Plan::new(current.todo, reconciles, now().0);
            let work = Work {
                remote,
                home,
                order: &order,
                config: &job.config,
                tally,
                journal: (&journal, current.begun),
            };
            work.persist(&mut connection, &mut plan).await?;
        }
        journal.clear().await?;
    }
    Ok(())
}

/// One pass, over whichever connection.
struct Work<'a> {
    remote: &'a Remote,
    home: &'a Home,
    order: &'a Order,
    config: &'a config::Sync,
    tally: &'a Tally,
    journal: (&'a Journal, u64),
}

impl Work<'_> {
    /// Does all that is left, over one connection after the other.
    async fn persist(&self, connection: &mut Peer, plan: &mut Plan) -> Result<(), SyncError> {
        let mut backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(30));
        loop {
            let before = self.tally.progress();
            let run = Run {
                peer: connection,
                home: self.home,
                order: self.order,
                config: self.config,
                tally: self.tally,
                origins: None,
                journal: Some(self.journal),
            };
            let Err(error) = run.finish(plan).await else {
                return Ok(());
            };
            if self.tally.progress() > before {
                backoff.reset();
            }
            if !error.is_passing() {
                return Err(error);
            }
            tracing::info!(%error, url = self.remote.url, "connecting again");
            *connection = reconnect(self.remote, &mut backoff, error).await?;
            self.tally.edit().reconnects += 1;
        }
    }
}

/// A way through windows of time that need not be gone at one go.
pub(crate) struct Pass {
    /// What is left, oldest first.
    pub todo: Vec<Window>,
    /// When it was begun, in Unix time. What is new since then is not sure to be found.
    pub begun: u64,
    /// Whether that was in another run.
    resumed: bool,
}

/// What is to be done: the whole range, or what another run has left.
pub(crate) async fn begin(
    journal: &Journal,
    range: Window,
    tally: &Tally,
) -> Result<Pass, SyncError> {
    let Some((todo, begun)) = journal.load().await? else {
        return Ok(Pass {
            todo: vec![range],
            begun: now().0,
            resumed: false,
        });
    };
    tally.edit().resumed = true;
    Ok(Pass {
        todo,
        begun,
        resumed: true,
    })
}

impl Pass {
    /// The pass after this one, if this one does not find everything.
    pub(crate) fn next(&self, range: Window, filter: &Filter) -> Option<Self> {
        let window = again(range, self.begun, overlap(filter)).filter(|_| self.resumed)?;
        Some(Self {
            todo: vec![window],
            begun: now().0,
            resumed: false,
        })
    }
}

/// Connects again, or gives back the last error when that has failed too often.
async fn reconnect(
    remote: &Remote,
    backoff: &mut Backoff,
    mut error: SyncError,
) -> Result<Peer, SyncError> {
    loop {
        if backoff.failures() >= TRIES || !error.is_passing() {
            return Err(error);
        }
        pause(backoff).await;
        match remote.connect().await {
            Ok(peer) => return Ok(peer),
            Err(failed) => error = failed.into(),
        }
    }
}

/// What cannot be synchronised: the newest of a set, or the best, is another set on each side.
fn fits(filter: &Filter) -> Result<(), SyncError> {
    if filter.limit.is_some() {
        return Err(SyncError::Filter(
            "a filter with a limit cannot be synchronised",
        ));
    }
    if filter.search.is_some() {
        return Err(SyncError::Filter(
            "what a search finds cannot be synchronised",
        ));
    }
    Ok(())
}
