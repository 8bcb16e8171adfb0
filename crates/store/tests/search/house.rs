//! A store with search, in a folder.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use stentor_event::{Event, EventView, Filter, Kind, Timestamp, Viewer, VisibilityRules};
use stentor_store::embedded::{Options as StoreOptions, Store};
use stentor_store::search::{
    Options, Rules, Search, SearchCount, SearchError, SearchQuery, Searches, Trust,
};
use stentor_store::{Budget, EventNumber, EventStore, Outcome, Query, StoreError, Submission};
use tempfile::TempDir;
use tokio::task::JoinHandle;

use crate::common::engine::scope;
use crate::common::make::anonymous;
use crate::common::subject::{NO_LIMITS, NOW};

/// Kinds that are searched in these tests.
pub const KINDS: [u16; 5] = [0, 1, 30_023, 4, 445];

/// A store with search.
pub struct House {
    pub store: Arc<Store>,
    pub search: Arc<Search>,
    running: JoinHandle<Result<(), SearchError>>,
    folder: TempDir,
    set_up: SetUp,
}

/// What a house is made with.
#[derive(Clone)]
pub struct SetUp {
    pub options: Options,
    pub kinds: Vec<u16>,
    pub trust: Trust,
}

impl Default for SetUp {
    fn default() -> Self {
        let options = Options {
            // A search waits for what it must find, however slow the machine.
            fresh_within: Duration::from_secs(60),
            commit_every: Duration::from_millis(50),
            time: Duration::from_secs(60),
            memory_bytes: Options::LEAST_MEMORY,
            ..Options::default()
        };
        Self {
            options,
            kinds: KINDS.to_vec(),
            trust: Trust::default(),
        }
    }
}

impl SetUp {
    fn rules(&self) -> Arc<Rules> {
        let visibility = VisibilityRules::default();
        let kinds = self.kinds.iter().copied().map(Kind);
        Arc::new(Rules::new(
            kinds,
            |kind| !visibility.is_open(kind),
            self.trust.clone(),
        ))
    }
}

/// Search over a store, and the task that keeps it.
pub fn start(
    folder: &Path,
    store: &Arc<Store>,
    set_up: &SetUp,
) -> (Arc<Search>, JoinHandle<Result<(), SearchError>>) {
    let store = Arc::clone(store) as Arc<dyn EventStore>;
    let search = Arc::new(Search::new(
        &folder.join("search"),
        store,
        set_up.rules(),
        set_up.options,
    ));
    let own = Arc::clone(&search);
    let running = tokio::spawn(async move { own.run().await });
    (search, running)
}

/// Opens the store.
pub fn open(folder: &Path) -> Arc<Store> {
    let options = StoreOptions {
        scope: scope(),
        verifiers: 1,
        flush_events: 64,
        ..StoreOptions::default()
    };
    Arc::new(Store::open(&folder.join("relay"), options).unwrap())
}

impl House {
    /// An empty store.
    pub async fn new() -> Self {
        Self::with(SetUp::default()).await
    }

    /// An empty store with search set up like this.
    pub async fn with(set_up: SetUp) -> Self {
        Self::on(tempfile::tempdir().unwrap(), set_up).await
    }

    /// What is in this folder.
    pub async fn on(folder: TempDir, set_up: SetUp) -> Self {
        std::fs::create_dir_all(folder.path().join("relay")).unwrap();
        let store = open(folder.path());
        let (search, running) = start(folder.path(), &store, &set_up);
        Self {
            store,
            search,
            running,
            folder,
            set_up,
        }
    }

    /// Ends search and the store, lets `meanwhile` work on the folder, and starts both again.
    pub async fn restart(self, meanwhile: impl FnOnce(&Path, &mut SetUp)) -> Self {
        let Self {
            store,
            search,
            running,
            folder,
            mut set_up,
        } = self;
        search.stop();
        running.await.unwrap().unwrap();
        store.close().await.unwrap();
        drop((search, store));
        meanwhile(folder.path(), &mut set_up);
        Self::on(folder, set_up).await
    }

    /// Ends everything; the folder stays.
    pub async fn leave(self) -> TempDir {
        self.search.stop();
        self.running.await.unwrap().unwrap();
        self.store.close().await.unwrap();
        self.folder
    }

    /// The folder of the index.
    pub fn index(&self) -> std::path::PathBuf {
        self.folder.path().join("search")
    }

    /// Stores events that must be taken.
    pub async fn keep(&self, events: &[Event]) {
        let outcomes = self.submit(events).await;
        assert!(
            outcomes
                .iter()
                .all(|outcome| matches!(outcome, Outcome::Stored(_))),
            "{outcomes:?}"
        );
    }

    pub async fn submit(&self, events: &[Event]) -> Vec<Outcome> {
        let batch = events
            .iter()
            .map(|event| Submission {
                event: event.clone(),
                verified: true,
            })
            .collect();
        self.store.submit(batch, Timestamp(NOW)).await.unwrap()
    }

    /// The contents of what the filters give, in order.
    pub async fn find(&self, filters: &[&str]) -> Vec<String> {
        contents(&self.scan(filters, &anonymous(), None, NOW).await.unwrap())
    }

    /// As [`House::find`], with a search only.
    pub async fn search(&self, text: &str) -> Vec<String> {
        self.find(&[&serde_json::json!({ "search": text }).to_string()])
            .await
    }

    /// The events that the filters give.
    pub async fn scan(
        &self,
        filters: &[&str],
        viewer: &Viewer,
        before: Option<EventNumber>,
        now: u64,
    ) -> Result<Vec<Event>, StoreError> {
        let (mut query, searches) = asked(&self.search, filters);
        (query.before, query.now) = (before, Timestamp(now));
        let mut scan = self.search.scan(query, searches);
        let budget = Budget {
            events: 3,
            bytes: 1 << 20,
            rows: 1_000,
        };
        let mut events = Vec::new();
        loop {
            let batch = scan.next(viewer, budget).await?;
            assert!(batch.events.len() <= 3);
            events.extend(
                batch
                    .events
                    .into_iter()
                    .map(|event| Event::from_canonical(event.json).unwrap()),
            );
            if batch.end.is_some() {
                return Ok(events);
            }
        }
    }

    /// Counts the union: what searches find, and what the other filters match.
    pub async fn count(&self, filters: &[&str], viewer: &Viewer) -> SearchCount {
        let (query, searches) = asked(&self.search, filters);
        let found = self.search.count(&query, &searches, viewer).await.unwrap();
        let others = searches.others(&query.filters);
        if others.is_empty() {
            return found;
        }
        let rest = Query {
            filters: others,
            ..query
        };
        let rest = self.store.count(&rest, viewer).await.unwrap();
        SearchCount {
            count: found.count + rest.count,
            ..found
        }
    }

    /// What a search must find, by looking at every event.
    pub async fn naive(&self, filter: &str, viewer: &Viewer, now: u64) -> Vec<Event> {
        let (query, searches) = asked(&self.search, &[filter]);
        let everything = Query {
            now: Timestamp(now),
            filters: Arc::from([plain(&query.filters[0])]),
            ..query
        };
        let mut scan = self.store.scan(everything);
        let mut events = Vec::new();
        loop {
            let budget = Budget {
                events: 1_000,
                bytes: 1 << 24,
                rows: 100_000,
            };
            let batch = scan.next(viewer, budget).await.unwrap();
            events.extend(
                batch
                    .events
                    .into_iter()
                    .map(|event| Event::from_canonical(event.json).unwrap()),
            );
            if batch.end.is_some() {
                break;
            }
        }
        events.retain(|event| searches.hold(0, &stentor_store::search::Subject::new(event.view())));
        events
    }
}

/// The filter without its limit and search.
fn plain(filter: &Filter) -> Filter {
    Filter {
        limit: None,
        search: None,
        ..filter.clone()
    }
}

/// What is asked of a store and of search.
pub fn asked(search: &Arc<Search>, filters: &[&str]) -> (Query, Arc<Searches>) {
    let filters: Arc<[Filter]> = filters
        .iter()
        .map(|json| Filter::parse(json.as_bytes()).unwrap())
        .collect();
    let parse = |filter: &Filter| {
        filter
            .search
            .as_ref()
            .map(|text| SearchQuery::parse(text, 0).unwrap())
    };
    let queries = filters.iter().map(parse).collect();
    let searches = Searches {
        rules: Arc::clone(search.rules()),
        queries,
        bill: Arc::default(),
    };
    let query = Query {
        filters,
        now: Timestamp(NOW),
        before: None,
        limits: NO_LIMITS,
    };
    (query, Arc::new(searches))
}

/// The contents of events.
pub fn contents(events: &[Event]) -> Vec<String> {
    events.iter().map(|event| content(&event.view())).collect()
}

fn content(event: &EventView<'_>) -> String {
    String::from_utf8(event.content().into_owned()).unwrap()
}
