//! Full-text search in REQ and COUNT (NIP-50, R6).

use std::sync::Arc;
use std::time::Duration;

use stentor_event::{Filter, Viewer};
use stentor_store::search::{Search, SearchError, SearchQuery, Searches};
use stentor_store::{Count, Query, StoreError};

use crate::state::{Settings, State};

/// Whether one of the filters searches.
pub(super) fn searches(filters: &[Filter]) -> bool {
    filters.iter().any(|filter| filter.search.is_some())
}

impl State {
    /// Search, when it is offered.
    pub(crate) fn search(&self, settings: &Settings) -> Option<&Arc<Search>> {
        self.search.get().filter(|_| settings.config.search.enabled)
    }

    /// What the filters search for; `None` when none of them does. If it cannot be searched for, the reason with its NIP-01
    /// prefix.
    pub(crate) fn read_searches(
        &self,
        filters: &[Filter],
        settings: &Settings,
    ) -> Result<Option<Arc<Searches>>, String> {
        if !searches(filters) {
            return Ok(None);
        }
        let search = self
            .search(settings)
            .ok_or("unsupported: this relay does not offer search")?;
        let read = |filter: &Filter| {
            let text = filter.search.as_ref()?;
            Some(SearchQuery::parse(text, settings.config.search.words))
        };
        let queries: Result<_, _> = filters
            .iter()
            .map(|filter| read(filter).transpose())
            .collect();
        let queries = queries.map_err(|error| format!("invalid: {error}"))?;
        let rules = Arc::clone(search.rules());
        Ok(Some(Arc::new(Searches { rules, queries })))
    }
}

/// A COUNT with search in it: the count, whether it is an estimate, and the time to charge for, as for a scan of as many
/// rows.
pub(super) async fn count(
    state: Arc<State>,
    query: Query,
    searches: Arc<Searches>,
    viewer: Arc<Viewer>,
) -> (Result<(Count, bool), StoreError>, Duration) {
    let Some(search) = state.search.get() else {
        return (Err(StoreError::Closed), Duration::ZERO);
    };
    match search.count(&query, &searches, &viewer).await {
        Ok(counted) => {
            let count = Count {
                count: counted.count,
                hll: None,
            };
            (
                Ok((count, counted.approximate)),
                Duration::from_micros(counted.rows),
            )
        }
        Err(error) => (Err(error), Duration::ZERO),
    }
}

/// What the client is told of a search that was not done.
pub(super) fn search_error(error: &SearchError) -> &'static str {
    match error {
        SearchError::Busy => "rate-limited: too many searches at once, try again later",
        SearchError::TooLong(_) => {
            "error: the search takes too long, ask for rarer words or less at a time"
        }
        SearchError::Starting => "error: the search index is being opened, try again later",
        _ => {
            tracing::error!(%error, "a search failed");
            "error: the search failed"
        }
    }
}
