//! COUNT with search in it (NIP-45).

use std::collections::HashSet;
use std::sync::Arc;

use stentor_event::{EventView, Filter, Viewer, visible};

use super::error::SearchError;
use super::matching::Searches;
use super::rank::{Asked, Found};
use super::service::Search;
use crate::{Query, StoreError};

/// How many events the searches find.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SearchCount {
    /// The visible events that match any of the filters that search, and none of the others, each once.
    pub count: u64,
    /// Whether that is an estimate: one search has more hits than may be looked at, or the index is behind.
    pub approximate: bool,
}

/// What is counted of the searching filters.
#[derive(Default)]
struct Counted {
    numbers: HashSet<u64>,
    beyond: u64,
}

impl Search {
    /// Counts what the filters that search find and the others do not match; `limit`s play no part. Up to the limit on
    /// examined hits the count is exact. What [the others](Searches::others) match is for the store to count.
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
        let others = searches.others(&query.filters);
        let mut counted = Counted::default();
        for (fields, search) in query.filters.iter().zip(&searches.queries) {
            let Some(search) = search else { continue };
            let mut asked = Asked {
                filter: fields.clone(),
                search: search.clone(),
                viewer: Arc::clone(&viewer),
                before: query.before,
                now: query.now,
                bill: Arc::clone(&searches.bill),
            };
            self.of_domains(&mut asked).await?;
            let others = Arc::clone(&others);
            let (found, numbers) = self
                .in_turn(&searches.bill, async move |search| {
                    search.numbers(&asked, &others).await
                })
                .await?;
            counted.take(&found, numbers);
        }
        Ok(SearchCount {
            count: counted.numbers.len() as u64 + counted.beyond,
            approximate: counted.beyond > 0 || !fresh,
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
        self.numbers.extend(numbers);
    }
}

fn counts_elsewhere(event: &EventView<'_>, viewer: &Viewer, others: &[Filter]) -> bool {
    others
        .iter()
        .any(|filter| filter.matches(event) && visible(event, viewer, filter))
}
