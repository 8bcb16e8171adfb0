//! What can be asked of a store.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use serde::Serialize;
use stentor_event::{Filter, Timestamp, Viewer};

use crate::{EventNumber, StoreError};

/// A question to the store: the union of some filters, as of one moment.
#[derive(Debug, Clone)]
pub struct Query {
    /// The filters; an event matching any of them belongs to the answer, once.
    pub filters: Arc<[Filter]>,
    /// The moment for which expiration (NIP-40) is judged.
    pub now: Timestamp,
    /// Events with this number and later ones are left out: they are delivered live. `None`: all that are committed
    /// when the scan begins.
    pub before: Option<EventNumber>,
    /// The limits on the answer.
    pub limits: ScanLimits,
}

/// Limits on one scan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ScanLimits {
    /// Most events for each filter, whatever its `limit` says. 0: no cap. Where this cap cuts (and not the filter's
    /// own `limit`), the answer ends on a whole second, leaving the cut second out unless it alone exceeds the cap
    /// (R1.8).
    pub cap: u64,
    /// Most rows that one scan may look at before it fails with [`StoreError::TooExpensive`]. 0: no limit.
    pub rows: u64,
}

/// How much one slice of a scan may do before it returns. At least one row is looked at in every slice.
#[derive(Debug, Clone, Copy)]
pub struct Budget {
    /// Events to return at most.
    pub events: usize,
    /// Bytes of events to return at most (the last event may exceed it).
    pub bytes: usize,
    /// Rows to look at, at most.
    pub rows: u64,
}

/// A stored event, in its canonical JSON.
#[derive(Debug, Clone)]
pub struct StoredEvent {
    /// Its number in the store.
    pub number: EventNumber,
    /// The canonical JSON text; see `stentor_event::Event::json`.
    pub json: Bytes,
}

/// One slice of an answer.
#[derive(Debug, Default)]
pub struct Batch {
    /// The next events: `created_at` descending, then id ascending, over the whole scan.
    pub events: Vec<StoredEvent>,
    /// Rows looked at in this slice.
    pub rows: u64,
    /// Set when nothing follows.
    pub end: Option<ScanEnd>,
}

/// How a scan ended, for the hint of NIP-67.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScanEnd {
    /// Every visible match has been returned.
    Finished,
    /// Visible matches remain: a limit or the cap cut the answer.
    More,
}

/// How one filter of a scan was answered; see [`Explanation`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FilterEnd {
    /// Ran to the end of its matches.
    Finished,
    /// Cut by a limit.
    Cut,
}

/// The boxed future of the dynamic traits here.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A scan in progress. Dropping it ends it. It can be left alone between slices for any time; what is removed
/// meanwhile is not returned.
pub trait Scan: Send {
    /// The next slice. The viewer is judged anew at every call, as its keys may have grown (R2.1).
    fn next<'a>(
        &'a mut self,
        viewer: &'a Viewer,
        budget: Budget,
    ) -> BoxFuture<'a, Result<Batch, StoreError>>;

    /// The plan, with the cost so far; for the slow-query log.
    fn explain(&self) -> Explanation;
}

/// The answer to COUNT.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Count {
    /// Exactly how many visible events match any of the filters; their `limit`s are ignored.
    pub count: u64,
    /// The HyperLogLog registers of NIP-45, where the query is eligible.
    pub hll: Option<Box<[u8; 256]>>,
}

/// How a query is or was answered.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Explanation {
    /// One plan for each filter.
    pub filters: Vec<FilterPlan>,
    /// Rows looked at, over all filters.
    pub rows: u64,
    /// Events returned.
    pub returned: u64,
}

/// How one filter is or was answered.
#[derive(Debug, Clone, Serialize)]
pub struct FilterPlan {
    /// The index chosen, such as `author+kind`.
    pub index: String,
    /// Why: what was probed and measured.
    pub reason: String,
    /// Posting lists (or cursors) merged.
    pub cursors: u64,
    /// Estimated entries under these.
    pub estimate: u64,
    /// Rows looked at so far.
    pub rows: u64,
    /// How it ended, when it has.
    pub end: Option<FilterEnd>,
}
