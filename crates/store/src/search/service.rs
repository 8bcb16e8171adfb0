//! Search as the relay sees it: made once over a store, kept by a task of its own, asked by anybody.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use arc_swap::ArcSwapOption;
use parking_lot::Mutex;
use stentor_event::{Filter, Kind, PublicKey, Timestamp, Viewer};
use tantivy::Searcher;
use tokio::runtime::Handle;
use tokio::sync::watch;

use super::bill::Bill;
use super::collect::{Deadline, page};
use super::document::claimed_name;
use super::error::SearchError;
use super::gate::Gate;
use super::matching::Rules;
use super::options::Options;
use super::plan;
use super::rank::{Asked, Ranking};
use super::schema::Fields;
use super::signals::Signals;
use super::trust::Claim;
use crate::{EventNumber, EventStore, Seq, StoredEvent};

/// Authors that may claim a name at the domains that one search asks for; of more, the ones with the newest profiles are
/// looked at.
const CLAIMS: usize = 1_000;

/// Full-text search over the events of a store.
///
/// It answers what [`Search::run`] has brought into the index; that has to run for as long as search is to follow.
pub struct Search {
    pub(super) store: Arc<dyn EventStore>,
    pub(super) rules: Arc<Rules>,
    pub(super) options: Options,
    pub(super) fields: Fields,
    pub(super) folder: PathBuf,
    /// The index as of its last commit.
    pub(super) view: ArcSwapOption<Searcher>,
    pub(super) progress: watch::Sender<Progress>,
    pub(super) signals: Signals,
    /// Held by the thread that writes the index.
    pub(super) writing: Mutex<()>,
    pub(super) gate: Gate,
}

/// How far the index has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Progress {
    /// How often it was begun anew since the start.
    pub generation: u64,
    /// The position in the change feed up to which everything is in the index.
    pub seq: Seq,
}

impl Search {
    /// Search over a store, with the index in this folder, which is nothing else's. Opens nothing yet.
    pub fn new(
        folder: &Path,
        store: Arc<dyn EventStore>,
        rules: Arc<Rules>,
        options: Options,
    ) -> Self {
        Self {
            store,
            rules,
            options,
            fields: Fields::new(),
            folder: folder.to_owned(),
            view: ArcSwapOption::empty(),
            progress: watch::Sender::default(),
            signals: Signals::default(),
            writing: Mutex::new(()),
            gate: Gate::new(options.concurrent, options.waiting),
        }
    }

    /// What searches go by.
    pub const fn rules(&self) -> &Arc<Rules> {
        &self.rules
    }

    /// How far the index has come.
    pub fn progress(&self) -> Progress {
        *self.progress.borrow()
    }

    /// How many entries of the change feed are not in the index.
    pub fn lag(&self) -> u64 {
        self.store
            .last_seq()
            .0
            .saturating_sub(self.progress().seq.0)
    }

    /// Waits until the index is open and has everything up to this position, but no longer than the options allow. Tells
    /// whether it has.
    pub async fn fresh(&self, seq: Seq) -> bool {
        let is_fresh = |progress: &Progress| self.is_open() && progress.seq >= seq;
        let mut progress = self.progress.subscribe();
        if is_fresh(&progress.borrow_and_update()) {
            return true;
        }
        self.signals.hurry();
        let caught_up = progress.wait_for(is_fresh);
        let waited = tokio::time::timeout(self.options.fresh_within, caught_up).await;
        matches!(waited, Ok(Ok(_)))
    }

    /// Whether searches are answered.
    pub fn is_open(&self) -> bool {
        self.view.load().is_some()
    }

    /// The index as of now.
    pub(super) fn view(&self) -> Result<Arc<Searcher>, SearchError> {
        self.view.load_full().ok_or(SearchError::Starting)
    }

    /// Does work on the index and the store away from the threads that serve connections, when it is its turn.
    pub(super) async fn in_turn<T: Send + 'static>(
        self: &Arc<Self>,
        bill: &Arc<Bill>,
        work: impl AsyncFnOnce(Arc<Self>) -> Result<T, SearchError> + Send + 'static,
    ) -> Result<T, SearchError> {
        let turn = self.gate.enter().await?;
        let (search, runtime) = (Arc::clone(self), Handle::current());
        let (begun, bill) = (Instant::now(), Arc::clone(bill));
        // The turn lasts as long as the work, even when nobody waits for the answer any more.
        let done = tokio::task::spawn_blocking(move || {
            let (_turn, _working) = (turn, bill.begin());
            runtime.block_on(work(search))
        });
        let result = done
            .await
            .map_err(|error| SearchError::Index(error.to_string()))?;
        metrics::histogram!("stentor_search_seconds").record(begun.elapsed().as_secs_f64());
        result
    }

    /// The parts that a ranking needs.
    pub(super) fn ranking<'a>(&'a self, searcher: &'a Searcher) -> Ranking<'a> {
        Ranking {
            store: self.store.as_ref(),
            searcher,
            fields: &self.fields,
            rules: &self.rules,
            options: self.options,
        }
    }

    /// Narrows the filter to the authors whose names at the domains that the search asks for are verified. Where nobody
    /// verifies, nothing changes.
    pub(super) async fn of_domains(self: &Arc<Self>, asked: &mut Asked) -> Result<(), SearchError> {
        let domains = asked.search.domains().to_vec();
        let Some(verifier) = self
            .rules
            .trust
            .domains
            .clone()
            .filter(|_| !domains.is_empty())
        else {
            return Ok(());
        };
        let (now, bill) = (asked.now, Arc::clone(&asked.bill));
        let claims = self
            .in_turn(&bill, async move |search| {
                search.claims(&domains, now).await
            })
            .await?;
        let verified = verifier.verify(&claims).await;
        let held = claims.iter().zip(verified).filter(|(_, holds)| *holds);
        let mut authors: Vec<PublicKey> = held.map(|(claim, _)| claim.author).collect();
        authors.sort_unstable();
        authors.dedup();
        if let Some(asked_for) = &asked.filter.authors {
            authors.retain(|author| asked_for.binary_search(author).is_ok());
        }
        asked.filter.authors = Some(authors);
        Ok(())
    }

    /// Who says to have a name at one of these domains.
    async fn claims(&self, domains: &[String], now: Timestamp) -> Result<Vec<Claim>, SearchError> {
        let view = self.view()?;
        let query = plan::claims(&self.fields, domains);
        let profiles = Filter {
            kinds: Some(vec![Kind::METADATA]),
            ..Filter::default()
        };
        let deadline = Deadline {
            begun: Instant::now(),
            within: self.options.time,
        };
        let page = page(
            &view,
            &query,
            &plan::sieve(&profiles, None),
            CLAIMS,
            deadline,
        )?;
        let numbers: Vec<EventNumber> = page
            .hits
            .iter()
            .map(|hit| EventNumber(hit.number))
            .collect();
        let events = self
            .store
            .fetch(&numbers, &profiles, &Viewer::operator(), now)
            .await?;
        Ok(events
            .iter()
            .filter_map(|event| claim(event, domains))
            .collect())
    }
}

/// The claim in a kind 0, if it is to a name at one of these domains.
fn claim(event: &StoredEvent, domains: &[String]) -> Option<Claim> {
    let view = stentor_event::EventView::from_canonical(&event.json).ok()?;
    let (local, domain) = claimed_name(&view)?;
    domains.contains(&domain).then(|| Claim {
        author: view.pubkey(),
        local,
        domain,
    })
}
