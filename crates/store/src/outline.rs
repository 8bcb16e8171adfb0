//! Asking for outlines: what identifies events and what an index knows of them, without their text.
//!
//! Reconciliation (NIP-77) and retention look at very many events and at nothing but their outlines.

use serde::Serialize;
use stentor_event::{EventId, Filter, Kind, PublicKey, Timestamp, Viewer};

use crate::query::BoxFuture;
use crate::{Budget, EventNumber, Explanation, StoreError};

/// Which end of an answer comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// `created_at` descending, then id ascending: the order of answers (NIP-01).
    #[default]
    NewestFirst,
    /// The reverse of it, the last second's highest id first.
    OldestFirst,
}

/// A question for outlines, as of one moment.
#[derive(Debug, Clone)]
pub struct OutlineQuery {
    /// What to look for. Its `limit` counts from the end that comes first.
    pub filter: Filter,
    /// The moment for which expiration (NIP-40) is judged.
    pub now: Timestamp,
    /// Which end comes first.
    pub direction: Direction,
    /// Most rows to look at before it fails with [`StoreError::TooExpensive`]. 0: no limit.
    pub rows: u64,
}

/// What identifies an event, and what an index knows of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outline {
    /// Its number in the store.
    pub number: EventNumber,
    /// When its author says it was made.
    pub created_at: Timestamp,
    /// Its id.
    pub id: EventId,
    /// Its author.
    pub author: PublicKey,
    /// Its kind.
    pub kind: Kind,
    /// Length of its canonical JSON in bytes.
    pub bytes: u32,
}

/// One slice of outlines.
#[derive(Debug, Default)]
pub struct OutlineBatch {
    /// The next outlines, in the order that was asked for.
    pub outlines: Vec<Outline>,
    /// Rows looked at in this slice.
    pub rows: u64,
    /// Whether nothing follows.
    pub end: bool,
}

/// Outlines being gathered, of the events that were there when it began. Dropping it ends it. It can be left alone between
/// slices for any time; what is removed meanwhile is not returned.
pub trait OutlineScan: Send {
    /// The next slice: of the budget, events and rows count. The viewer is judged anew at every call (R2.1).
    fn next<'a>(
        &'a mut self,
        viewer: &'a Viewer,
        budget: Budget,
    ) -> BoxFuture<'a, Result<OutlineBatch, StoreError>>;

    /// The plan, with the cost so far; for the slow-query log.
    fn explain(&self) -> Explanation;
}
