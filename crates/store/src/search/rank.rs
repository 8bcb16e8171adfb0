//! The answer to one filter with a search: the hits of the index, each held against the store.
//!
//! The index may lag behind and knows neither viewers nor tags, so it only proposes. Every hit is fetched by its number: what
//! is gone, expired, invisible or does not match the filter is passed over, and the next best takes its place.

use std::sync::Arc;
use std::time::Instant;

use stentor_event::{EventView, Filter, Timestamp, Viewer};
use tantivy::Searcher;

use super::bill::Bill;
use super::collect::{Deadline, Hit, page};
use super::error::SearchError;
use super::matching::{Rules, Subject};
use super::options::Options;
use super::plan;
use super::query::SearchQuery;
use super::schema::Fields;
use crate::{EventNumber, EventStore, StoredEvent};

/// Hits that are fetched at once.
const FETCHED: usize = 128;

/// One filter, ready to be asked.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    /// Narrowed to the authors that `domain:` allows.
    pub(super) filter: Filter,
    pub(super) search: SearchQuery,
    pub(super) viewer: Arc<Viewer>,
    pub(super) before: Option<EventNumber>,
    pub(super) now: Timestamp,
    /// Where what it takes is put down.
    pub(super) bill: Arc<Bill>,
}

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// The events that match, best first.
    pub(super) hits: Vec<Hit>,
    /// Hits of the index.
    pub(super) passed: u64,
    /// Of these, so many were held against the store.
    pub(super) examined: u64,
    /// Documents of the index that were looked at.
    pub(super) visited: u64,
    /// Whether nothing was left out because of the limit on what is examined.
    pub(super) whole: bool,
}

/// Where it is looked.
pub(super) struct Ranking<'a> {
    pub(super) store: &'a dyn EventStore,
    pub(super) searcher: &'a Searcher,
    pub(super) fields: &'a Fields,
    pub(super) rules: &'a Rules,
    pub(super) options: Options,
}

impl Ranking<'_> {
    /// The `want` best events. `each` is shown every one.
    ///
    /// # Errors
    /// Those of the index and the store; [`SearchError::TooLong`].
    pub(super) async fn rank(
        &self,
        asked: &Asked,
        want: usize,
        mut each: impl FnMut(&StoredEvent),
    ) -> Result<Found, SearchError> {
        let mut found = Found {
            whole: true,
            ..Found::default()
        };
        if asked.search.is_impossible() || asked.filter.matches_nothing() || want == 0 {
            return Ok(found);
        }
        let query = plan::query(self.fields, &asked.filter, &asked.search);
        let mut sieve = plan::sieve(&asked.filter, asked.before);
        let deadline = Deadline {
            begun: Instant::now(),
            within: self.options.time,
        };
        let mut size = first_page(asked, want);
        loop {
            let left = self
                .options
                .examined
                .saturating_sub(found.examined as usize);
            let most = size.min(left);
            if most == 0 {
                found.whole = false;
                return Ok(found);
            }
            let page = page(self.searcher, &query, &sieve, most, deadline)?;
            found.passed = page.passed;
            found.visited += page.visited;
            for hits in page.hits.chunks(FETCHED) {
                self.examine(asked, hits, want, &mut found, &mut each)
                    .await?;
                if found.hits.len() >= want {
                    return Ok(found);
                }
            }
            let Some(last) = page.hits.last().filter(|_| page.hits.len() == most) else {
                return Ok(found);
            };
            sieve.below = Some(*last);
            size = size.saturating_mul(2);
        }
    }

    /// Holds hits against the store.
    async fn examine(
        &self,
        asked: &Asked,
        hits: &[Hit],
        want: usize,
        found: &mut Found,
        each: &mut impl FnMut(&StoredEvent),
    ) -> Result<(), SearchError> {
        found.examined += hits.len() as u64;
        let numbers: Vec<EventNumber> = hits.iter().map(|hit| EventNumber(hit.number)).collect();
        let there = self
            .store
            .fetch(&numbers, &asked.filter, &asked.viewer, asked.now)
            .await?;
        // Both are in the same order.
        let mut hits = hits.iter();
        for event in &there {
            let hit = hits.find(|hit| hit.number == event.number.0);
            if let Some(hit) = hit.filter(|_| self.matches(asked, event)) {
                if found.hits.len() >= want {
                    break;
                }
                each(event);
                found.hits.push(*hit);
            }
        }
        Ok(())
    }

    /// What the index cannot vouch for.
    fn matches(&self, asked: &Asked, event: &StoredEvent) -> bool {
        let Ok(view) = EventView::from_canonical(&event.json) else {
            return false;
        };
        !asked.search.is_left_out(&view, self.rules) && asked.search.has_order(&Subject::new(view))
    }
}

/// How many hits to ask of the index at first: more where many will be passed over.
fn first_page(asked: &Asked, want: usize) -> usize {
    let sure = asked.filter.tags.is_empty() && asked.search.ordered().next().is_none();
    let factor = if sure { 1 } else { 4 };
    want.saturating_mul(factor).saturating_add(want / 4 + 32)
}
