//! A REQ being answered from the store, slice by slice (R8.2).

use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use stentor_event::{SubscriptionId, Viewer};
use stentor_store::{Batch, Budget, Scan, StoreError};
use stentor_trace::Trace;

use crate::fanout::Live;

/// A slice in the making; it owns the scan meanwhile.
type Slice =
    std::pin::Pin<Box<dyn Future<Output = (Box<dyn Scan>, Result<Batch, StoreError>)> + Send>>;

/// A scan for one subscription.
pub(crate) struct ScanTask {
    pub(crate) sub: SubscriptionId,
    pub(crate) live: Arc<Live>,
    scan: Option<Box<dyn Scan>>,
    slice: Option<Slice>,
    /// Time spent on it, without what the client took.
    pub(crate) work: Duration,
    pub(crate) rows: u64,
    pub(crate) sent: u64,
    pub(crate) trace: Trace,
}

impl ScanTask {
    pub(crate) const fn new(
        sub: SubscriptionId,
        live: Arc<Live>,
        scan: Box<dyn Scan>,
        trace: Trace,
    ) -> Self {
        Self {
            sub,
            live,
            scan: Some(scan),
            slice: None,
            work: Duration::ZERO,
            rows: 0,
            sent: 0,
            trace,
        }
    }

    /// The next slice. The viewer is that of the moment when the slice begins.
    pub(crate) fn poll_slice(
        &mut self,
        cx: &mut Context<'_>,
        viewer: impl FnOnce() -> Arc<Viewer>,
        budget: Budget,
    ) -> Poll<Result<Batch, StoreError>> {
        let begun = Instant::now();
        if let Some(scan) = self.scan.take() {
            self.slice = Some(slice(scan, viewer(), budget));
        }
        let Some(slice) = &mut self.slice else {
            return Poll::Ready(Err(StoreError::Closed));
        };
        let polled = slice.as_mut().poll(cx);
        self.work += begun.elapsed();
        let (scan, result) = ready!(polled);
        self.slice = None;
        self.scan = Some(scan);
        if let Ok(batch) = &result {
            self.rows += batch.rows;
            self.sent += batch.events.len() as u64;
        }
        Poll::Ready(result)
    }

    /// The scan, when no slice is in the making.
    pub(crate) fn scan(&self) -> Option<&dyn Scan> {
        self.scan.as_deref()
    }
}

/// The future of one slice.
fn slice(mut scan: Box<dyn Scan>, viewer: Arc<Viewer>, budget: Budget) -> Slice {
    Box::pin(async move {
        let result = scan.next(&viewer, budget).await;
        (scan, result)
    })
}
