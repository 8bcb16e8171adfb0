//! COUNT with search in it (NIP-45).

use std::collections::HashSet;
use std::sync::Arc;

use stentor_event::{EventView, Filter, Viewer, visible};

use super::error::SearchError;
use super::matching::Searches;
use super::rank::{Asked, Found};
use super::scan::rows;
use super::service::Search;
use crate::{Query, StoreError};

/// How many events match.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SearchCount {
    /// The visible events that match any of the filters, each once.
    pub count: u64,
    /// Whether that is an estimate: one search has more hits than may be looked at, or the index is behind.
    pub approximate: bool,
    /// What it cost, in rows.
    pub rows: u64,
}

/// What is counted of the searching filters.
#[derive(Default)]
struct Counted {
    numbers: HashSet<u64>,
    beyond: u64,
    rows: u64,
}

impl Search {
    /// Counts the union of filters of which some search; `limit`s play no part. Up to the limit on examined hits the
    /// count is exact.
    ///
    /// # Errors
    /// As for a scan.
    pub async fn count(
        self: &Arc<Self>,
        query: &Query,
        searches: &Searches,
        viewer: &Viewer,
    ) -> Result<SearchCount, StoreError> {
        let fresh = self.fresh(self.store.last_seq()).await;
        let viewer = Arc::new(viewer.clone());
        let (searching, others) = split(query, searches);
        let mut counted = Counted::default();
        for (fields, search) in searching {
            let mut asked = Asked {
                filter: fields.clone(),
                search: search.clone(),
                viewer: Arc::clone(&viewer),
                before: query.before,
                now: query.now,
            };
            self.of_domains(&mut asked).await?;
            let others = Arc::clone(&others);
            let (found, numbers) = self
                .in_turn(async move |search| search.numbers(&asked, &others).await)
                .await?;
            counted.take(&found, numbers);
        }
        let rest = self.rest(query, others, viewer).await?;
        Ok(SearchCount {
            count: counted.numbers.len() as u64 + counted.beyond + rest,
            approximate: counted.beyond > 0 || !fresh,
            rows: counted.rows,
        })
    }

    /// The numbers of the events that match, but for those that one of the other filters counts already.
    async fn numbers(
        &self,
        asked: &Asked,
        others: &[Filter],
    ) -> Result<(Found, HashSet<u64>), SearchError> {
        let view = self.view()?;
        let mut numbers = HashSet::new();
        let each = |event: &crate::StoredEvent| {
            if EventView::from_canonical(&event.json)
                .is_ok_and(|view| !counts_elsewhere(&view, &asked.viewer, others))
            {
                numbers.insert(event.number.0);
            }
        };
        let found = self.ranking(&view).rank(asked, usize::MAX, each).await?;
        Ok((found, numbers))
    }

    /// What the filters without a search count.
    async fn rest(
        self: &Arc<Self>,
        query: &Query,
        others: Arc<[Filter]>,
        viewer: Arc<Viewer>,
    ) -> Result<u64, StoreError> {
        if others.is_empty() {
            return Ok(0);
        }
        let query = Query {
            filters: others,
            ..query.clone()
        };
        let counting =
            async move |search: Arc<Self>| Ok(search.store.count(&query, &viewer).await?.count);
        Ok(self.in_turn(counting).await?)
    }
}

impl Counted {
    fn take(&mut self, found: &Found, numbers: HashSet<u64>) {
        if !found.whole {
            // Those that were not looked at match as often as those that were.
            let (matching, left) = (
                numbers.len() as f64,
                found.passed.saturating_sub(found.examined) as f64,
            );
            self.beyond += (matching / (found.examined.max(1) as f64) * left).ceil() as u64;
        }
        self.rows += rows(found);
        self.numbers.extend(numbers);
    }
}

type Split<'a> = (
    Vec<(&'a Filter, &'a super::query::SearchQuery)>,
    Arc<[Filter]>,
);

/// The filters that search, and the others.
fn split<'a>(query: &'a Query, searches: &'a Searches) -> Split<'a> {
    let (mut searching, mut others) = (Vec::new(), Vec::new());
    for (position, filter) in query.filters.iter().enumerate() {
        match searches.queries.get(position) {
            Some(Some(search)) => searching.push((filter, search)),
            _ => others.push(filter.clone()),
        }
    }
    (searching, others.into())
}

fn counts_elsewhere(event: &EventView<'_>, viewer: &Viewer, others: &[Filter]) -> bool {
    others
        .iter()
        .any(|filter| filter.matches(event) && visible(event, viewer, filter))
}
