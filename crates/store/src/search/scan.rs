//! A REQ with search in it, as a scan: first what is searched for, by rank; then what the other filters ask for, in their
//! order.

use std::collections::HashSet;
use std::sync::Arc;

use stentor_event::{Filter, Viewer};

use super::collect::Hit;
use super::error::SearchError;
use super::matching::Searches;
use super::rank::{Asked, Found};
use super::service::Search;
use crate::query::BoxFuture;
use crate::{
    Batch, Budget, EventNumber, Explanation, FilterPlan, Query, Scan, ScanEnd, Seq, StoreError,
};

/// Documents of the index that cost about as much as one row of a scan.
const VISITS_PER_ROW: u64 = 16;

/// An event to be sent.
#[derive(Debug, Clone, Copy)]
struct Ranked {
    hit: Hit,
    /// The position of its filter.
    filter: usize,
}

/// How far the scan is.
enum Stage {
    /// Nothing is known yet.
    Begin,
    /// What was found is being returned, the last first.
    Searched(Vec<Ranked>),
    /// The other filters.
    Rest(Box<dyn Scan>),
    /// Nothing is left.
    End,
}

/// The scan.
struct SearchScan {
    search: Arc<Search>,
    query: Query,
    searches: Arc<Searches>,
    /// Everything up to here has to be found.
    until: Seq,
    stage: Stage,
    returned: HashSet<u64>,
    rows: u64,
}

impl Search {
    /// Begins a scan for a query of which some filters search. The store answers the others.
    pub fn scan(self: &Arc<Self>, query: Query, searches: Arc<Searches>) -> Box<dyn Scan> {
        Box::new(SearchScan {
            until: self.store.last_seq(),
            search: Arc::clone(self),
            query,
            searches,
            stage: Stage::Begin,
            returned: HashSet::new(),
            rows: 0,
        })
    }

    /// The best events for one filter.
    async fn find(self: &Arc<Self>, mut asked: Asked, want: usize) -> Result<Found, SearchError> {
        self.of_domains(&mut asked).await?;
        let bill = Arc::clone(&asked.bill);
        let found = self
            .in_turn(&bill, async move |search| {
                let view = search.view()?;
                search.ranking(&view).rank(&asked, want, |_| {}).await
            })
            .await?;
        metrics::histogram!("stentor_search_examined").record(found.examined as f64);
        if !found.whole {
            metrics::counter!("stentor_search_cut_total").increment(1);
        }
        Ok(found)
    }
}

/// What a search cost, in rows.
const fn rows(found: &Found) -> u64 {
    found.examined + found.visited / VISITS_PER_ROW
}

impl SearchScan {
    /// Ranks all filters that search, each up to its limit; the union by score.
    async fn begin(&mut self, viewer: &Viewer) -> Result<Batch, StoreError> {
        self.search.fresh(self.until).await;
        let viewer = Arc::new(viewer.clone());
        let (mut ranked, mut rows) = (Vec::new(), 0);
        for (filter, search) in self.searches.queries.iter().enumerate() {
            let (Some(search), Some(fields)) = (search, self.query.filters.get(filter)) else {
                continue;
            };
            let want = self.want(fields);
            let asked = Asked {
                filter: fields.clone(),
                search: search.clone(),
                viewer: Arc::clone(&viewer),
                before: self.query.before,
                now: self.query.now,
                bill: Arc::clone(&self.searches.bill),
            };
            let found = self.search.find(asked, want).await?;
            rows += self::rows(&found);
            ranked.extend(found.hits.into_iter().map(|hit| Ranked { hit, filter }));
        }
        ranked.sort_by_key(|ranked: &Ranked| ranked.hit);
        self.stage = Stage::Searched(ranked);
        // For the plan. What is charged is the time, which is on the bill.
        self.rows += rows;
        Ok(Batch::default())
    }

    /// Most events for a filter.
    fn want(&self, filter: &Filter) -> usize {
        let examined = self.search.options.examined as u64;
        let cap = Some(self.query.limits.cap)
            .filter(|cap| *cap != 0)
            .unwrap_or(examined);
        let want = filter.limit.map_or(cap, |limit| limit.min(cap));
        usize::try_from(want).unwrap_or(usize::MAX)
    }

    /// Returns some of what was found. Each event is judged again: it may have gone meanwhile.
    async fn deliver(
        &mut self,
        mut ranked: Vec<Ranked>,
        viewer: &Viewer,
        budget: Budget,
    ) -> Result<Batch, StoreError> {
        let mut batch = Batch::default();
        let mut bytes = 0;
        while batch.events.len() < budget.events.max(1) && bytes < budget.bytes.max(1) {
            let Some(next) = ranked.pop() else { break };
            if !self.returned.insert(next.hit.number) {
                continue;
            }
            let Some(filter) = self.query.filters.get(next.filter) else {
                continue;
            };
            let number = [EventNumber(next.hit.number)];
            let event = self
                .search
                .store
                .fetch(&number, filter, viewer, self.query.now)
                .await?;
            bytes += event.iter().map(|event| event.json.len()).sum::<usize>();
            batch.events.extend(event);
            batch.rows += 1;
        }
        self.stage = if ranked.is_empty() {
            self.rest()
        } else {
            Stage::Searched(ranked)
        };
        Ok(batch)
    }

    /// The scan of the filters without a search.
    fn rest(&self) -> Stage {
        match self.other_filters() {
            Some(query) => Stage::Rest(self.search.store.scan(query)),
            None => Stage::End,
        }
    }

    fn other_filters(&self) -> Option<Query> {
        let others = self.searches.others(&self.query.filters);
        (!others.is_empty()).then(|| Query {
            filters: others,
            ..self.query.clone()
        })
    }

    /// One step; sets `self.stage` to where it goes on.
    async fn step(&mut self, viewer: &Viewer, budget: Budget) -> Result<Batch, StoreError> {
        let mut batch = match std::mem::replace(&mut self.stage, Stage::End) {
            Stage::Begin => self.begin(viewer).await?,
            Stage::Searched(ranked) => self.deliver(ranked, viewer, budget).await?,
            Stage::Rest(mut scan) => {
                let mut batch = scan.next(viewer, budget).await?;
                batch
                    .events
                    .retain(|event| !self.returned.contains(&event.number.0));
                if batch.end.take().is_none() {
                    self.stage = Stage::Rest(scan);
                }
                batch
            }
            Stage::End => Batch::default(),
        };
        if matches!(self.stage, Stage::End) {
            // Of no meaning: a search carries no hint (R1.8).
            batch.end = Some(ScanEnd::Finished);
        }
        Ok(batch)
    }
}

impl Scan for SearchScan {
    fn next<'a>(
        &'a mut self,
        viewer: &'a Viewer,
        budget: Budget,
    ) -> BoxFuture<'a, Result<Batch, StoreError>> {
        Box::pin(async move {
            let batch = self.step(viewer, budget).await?;
            self.rows += batch.rows;
            Ok(batch)
        })
    }

    fn explain(&self) -> Explanation {
        let mut plan = match self.other_filters() {
            Some(query) => self.search.store.explain(&query),
            None => Explanation::default(),
        };
        for search in self.searches.queries.iter().flatten() {
            plan.filters.push(FilterPlan {
                index: "search".into(),
                reason: format!("{} words", search.tokens().count()),
                cursors: search.tokens().count() as u64,
                estimate: 0,
                rows: 0,
                end: None,
            });
        }
        plan.rows = self.rows;
        plan.returned = self.returned.len() as u64;
        plan
    }
}

impl From<SearchError> for StoreError {
    fn from(error: SearchError) -> Self {
        match error {
            SearchError::Store(error) => error,
            error => Self::Search(Arc::new(error)),
        }
    }
}
