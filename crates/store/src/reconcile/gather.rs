//! Gathering a set from a store in slices.

use stentor_event::Viewer;

use super::{Snapshot, SnapshotBuilder};
use crate::{Budget, Direction, EventStore, Explanation, OutlineQuery, OutlineScan, StoreError};

/// Why a set cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum GatherError {
    /// There are more events than are allowed.
    #[error("more than {most} events")]
    TooMany {
        /// How many are allowed.
        most: usize,
    },
    /// The store cannot tell.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What came of a slice.
#[derive(Debug, Clone, Copy)]
pub struct Step {
    /// Rows looked at in it.
    pub rows: u64,
    /// Events gathered so far.
    pub events: usize,
    /// Whether nothing follows.
    pub end: bool,
}

/// A set in the making.
pub struct Gathering {
    scan: Box<dyn OutlineScan>,
    set: SnapshotBuilder,
    most: usize,
}

impl Gathering {
    /// Begins to gather what matches a query, at most `most` events (0: any number).
    pub fn new(store: &dyn EventStore, query: OutlineQuery, most: usize) -> Self {
        Self {
            scan: store.outline(OutlineQuery {
                direction: Direction::NewestFirst,
                ..query
            }),
            set: SnapshotBuilder::default(),
            most,
        }
    }

    /// Looks at so many rows.
    ///
    /// # Errors
    /// When there are too many events, and those of the store. Nothing can follow then.
    pub async fn slice(&mut self, viewer: &Viewer, rows: u64) -> Result<Step, GatherError> {
        let budget = Budget {
            events: usize::try_from(rows).unwrap_or(usize::MAX),
            bytes: usize::MAX,
            rows,
        };
        let batch = self.scan.next(viewer, budget).await?;
        let events = batch.outlines.iter();
        self.set
            .extend(events.map(|outline| (outline.created_at, outline.id)));
        if self.most != 0 && self.set.len() > self.most {
            return Err(GatherError::TooMany { most: self.most });
        }
        Ok(Step {
            rows: batch.rows,
            events: self.set.len(),
            end: batch.end,
        })
    }

    /// What has been gathered.
    pub fn finish(self) -> Snapshot {
        self.set.finish()
    }

    /// How the store finds the events; for the slow-query log.
    pub fn explain(&self) -> Explanation {
        self.scan.explain()
    }
}
