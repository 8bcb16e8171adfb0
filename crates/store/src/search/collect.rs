//! The best hits of a query to the index.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;
use std::sync::Arc;
use std::time::Instant;

use tantivy::columnar::Column;
use tantivy::query::{EnableScoring, Query};
use tantivy::{DocId, DocSet, Searcher, SegmentReader, TERMINATED};

use super::error::SearchError;
use super::schema::{CREATED_AT, ID, KIND, NUMBER};

/// Documents between two looks at the clock.
const LOOK: u64 = 4_096;

/// An event that the index found. The greater, the better: by score, then newest, then lowest id.
#[derive(Debug, Clone, Copy)]
pub(super) struct Hit {
    pub(super) score: f32,
    pub(super) created_at: u64,
    /// The beginning of the id.
    pub(super) id: u64,
    pub(super) number: u64,
}

impl Ord for Hit {
    fn cmp(&self, other: &Self) -> Ordering {
        self.score
            .total_cmp(&other.score)
            .then_with(|| self.created_at.cmp(&other.created_at))
            .then_with(|| other.id.cmp(&self.id))
            .then_with(|| other.number.cmp(&self.number))
    }
}

impl PartialOrd for Hit {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Hit {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Hit {}

/// What is checked on each document.
#[derive(Debug, Clone)]
pub(super) struct Sieve {
    pub(super) since: u64,
    pub(super) until: u64,
    /// Events with this number and later ones are left out.
    pub(super) before: u64,
    /// Ascending.
    pub(super) kinds: Option<Vec<u64>>,
    /// Only hits worse than this one.
    pub(super) below: Option<Hit>,
}

/// The best hits, best first.
#[derive(Debug, Default)]
pub(super) struct Page {
    pub(super) hits: Vec<Hit>,
    /// How many passed the sieve.
    pub(super) passed: u64,
    /// How many documents were looked at.
    pub(super) visited: u64,
}

/// The `most` best hits that pass the sieve.
///
/// # Errors
/// [`SearchError::TooLong`] after the deadline, and failures of the index.
pub(super) fn page(
    searcher: &Searcher,
    query: &dyn Query,
    sieve: &Sieve,
    most: usize,
    deadline: Deadline,
) -> Result<Page, SearchError> {
    let weight = query.weight(EnableScoring::enabled_from_searcher(searcher))?;
    let mut collected = Collected {
        best: BinaryHeap::new(),
        most,
        page: Page::default(),
    };
    for segment in searcher.segment_readers() {
        let columns = Columns::of(segment)?;
        let mut scorer = weight.scorer(segment, 1.0)?;
        let mut doc = scorer.doc();
        while doc != TERMINATED {
            collected.page.visited += 1;
            if collected.page.visited.is_multiple_of(LOOK) {
                deadline.check()?;
            }
            if !segment.is_deleted(doc) && columns.pass(doc, sieve) {
                collected.take(columns.hit(doc, scorer.score()), sieve);
            }
            doc = scorer.advance();
        }
        deadline.check()?;
    }
    Ok(collected.finish())
}

/// When the work has to be done.
#[derive(Debug, Clone, Copy)]
pub(super) struct Deadline {
    pub(super) begun: Instant,
    pub(super) within: std::time::Duration,
}

impl Deadline {
    fn check(self) -> Result<(), SearchError> {
        if self.begun.elapsed() > self.within {
            return Err(SearchError::TooLong(self.within.as_millis()));
        }
        Ok(())
    }
}

/// What is known of the documents of a segment without reading them.
struct Columns {
    number: Arc<dyn tantivy::columnar::ColumnValues<u64>>,
    created_at: Arc<dyn tantivy::columnar::ColumnValues<u64>>,
    id: Arc<dyn tantivy::columnar::ColumnValues<u64>>,
    kind: Arc<dyn tantivy::columnar::ColumnValues<u64>>,
}

impl Columns {
    fn of(segment: &SegmentReader) -> tantivy::Result<Self> {
        let fields = segment.fast_fields();
        let column = |name| {
            fields
                .u64(name)
                .map(|column: Column<u64>| column.first_or_default_col(0))
        };
        Ok(Self {
            number: column(NUMBER)?,
            created_at: column(CREATED_AT)?,
            id: column(ID)?,
            kind: column(KIND)?,
        })
    }

    fn pass(&self, doc: DocId, sieve: &Sieve) -> bool {
        let time = self.created_at.get_val(doc);
        let kinds = sieve.kinds.as_ref();
        (sieve.since..=sieve.until).contains(&time)
            && kinds.is_none_or(|kinds| kinds.binary_search(&self.kind.get_val(doc)).is_ok())
            && self.number.get_val(doc) < sieve.before
    }

    fn hit(&self, doc: DocId, score: f32) -> Hit {
        Hit {
            score,
            created_at: self.created_at.get_val(doc),
            id: self.id.get_val(doc),
            number: self.number.get_val(doc),
        }
    }
}

struct Collected {
    best: BinaryHeap<Reverse<Hit>>,
    most: usize,
    page: Page,
}

impl Collected {
    fn take(&mut self, hit: Hit, sieve: &Sieve) {
        self.page.passed += 1;
        if sieve.below.is_some_and(|below| hit >= below) || self.most == 0 {
            return;
        }
        if self.best.len() < self.most {
            self.best.push(Reverse(hit));
        } else if let Some(mut worst) = self.best.peek_mut()
            && worst.0 < hit
        {
            *worst = Reverse(hit);
        }
    }

    fn finish(mut self) -> Page {
        self.page.hits = self
            .best
            .into_sorted_vec()
            .into_iter()
            .map(|hit| hit.0)
            .collect();
        self.page
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r6_hits_are_ordered_by_score_then_newest_then_id() {
        let hit = |score, created_at, id| Hit {
            score,
            created_at,
            id,
            number: 1,
        };
        let mut hits = [
            hit(1.0, 5, 1),
            hit(2.0, 1, 9),
            hit(1.0, 9, 7),
            hit(1.0, 5, 0),
        ];
        hits.sort_by(|a, b| b.cmp(a));
        let order: Vec<(u64, u64)> = hits.iter().map(|hit| (hit.created_at, hit.id)).collect();
        assert_eq!(order, [(1, 9), (9, 7), (5, 0), (5, 1)]);
    }
}
