//! Full-text search in REQ and COUNT (NIP-50, R6).

use std::sync::Arc;
use std::time::Duration;

use stentor_event::Filter;
use stentor_store::search::{Bill, Search, SearchError, SearchQuery, Searches};
use stentor_store::{Count, Query, StoreError};

use super::count::{Answer, Counting};
use crate::fanout::Client;
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
    /// prefix. `client` pays.
    pub(crate) fn read_searches(
        &self,
        filters: &[Filter],
        client: &Arc<Client>,
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
        let payer = Arc::clone(client);
        let bill = Arc::new(Bill::paid_by(move |work| payer.owe(work)));
        Ok(Some(Arc::new(Searches {
            rules,
            queries,
            bill,
        })))
    }
}

/// A COUNT with search in it: the count, whether it is an estimate, and the time that it took in threads of their own. The
/// filters that do not search are counted as without any search, and are no part of what a search may take.
pub(super) async fn count(counting: Counting, searches: Arc<Searches>) -> (Answer, Duration) {
    let Some(search) = counting.state.search.get() else {
        return (Err(StoreError::Closed), Duration::ZERO);
    };
    let found = search
        .count(&counting.query, &searches, &counting.viewer)
        .await;
    let found = match found {
        Ok(found) => found,
        Err(error) => return (Err(error), searches.bill.spent()),
    };
    let others = searches.others(&counting.query.filters);
    let (rest, elsewhere) = if others.is_empty() {
        (Ok(0), Duration::ZERO)
    } else {
        let rest = Counting {
            query: Query {
                filters: others,
                ..counting.query
            },
            ..counting
        };
        let (rest, elsewhere) = rest.count().await;
        (rest.map(|(rest, _)| rest.count), elsewhere)
    };
    let answer = rest.map(|rest| {
        let count = found.count.saturating_add(rest);
        (Count { count, hll: None }, found.approximate)
    });
    (answer, searches.bill.spent() + elsewhere)
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
