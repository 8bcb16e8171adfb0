//! How many searches are worked on at once, and how many may wait.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::error::SearchError;

/// Lets so many searches in at a time; the others wait in the order in which they came.
#[derive(Debug)]
pub(super) struct Gate {
    turns: Arc<Semaphore>,
    waiting: AtomicUsize,
    most: usize,
}

/// One that waits; counted out when it has its turn or gives up.
struct Waiting<'a>(&'a Gate);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let waiting = self.0.waiting.fetch_sub(1, Ordering::Relaxed) - 1;
        metrics::gauge!("stentor_search_waiting").set(waiting as f64);
    }
}

impl Gate {
    pub(super) fn new(concurrent: usize, most: usize) -> Self {
        Self {
            turns: Arc::new(Semaphore::new(concurrent.max(1))),
            waiting: AtomicUsize::new(0),
            most,
        }
    }

    /// Waits for a turn, which lasts until what is returned is dropped.
    ///
    /// # Errors
    /// [`SearchError::Busy`] when too many wait.
    pub(super) async fn enter(&self) -> Result<OwnedSemaphorePermit, SearchError> {
        if let Ok(turn) = Arc::clone(&self.turns).try_acquire_owned() {
            return Ok(turn);
        }
        let before = self.waiting.fetch_add(1, Ordering::Relaxed);
        let _waiting = Waiting(self);
        metrics::gauge!("stentor_search_waiting").set((before + 1) as f64);
        if before >= self.most {
            return Err(SearchError::Busy);
        }
        let turn = Arc::clone(&self.turns).acquire_owned().await;
        turn.map_err(|_| SearchError::Busy)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[tokio::test]
    async fn r6_more_searches_than_may_wait_are_refused() {
        let gate = Arc::new(Gate::new(1, 2));
        let first = gate.enter().await.unwrap();
        let wait = || {
            tokio::spawn({
                let gate = Arc::clone(&gate);
                async move { gate.enter().await.map(drop) }
            })
        };
        let (second, third) = (wait(), wait());
        while gate.waiting.load(Ordering::Relaxed) < 2 {
            tokio::task::yield_now().await;
        }
        assert!(matches!(gate.enter().await, Err(SearchError::Busy)));
        third.abort();
        assert!(third.await.unwrap_err().is_cancelled());
        assert_eq!(
            gate.waiting.load(Ordering::Relaxed),
            1,
            "one that gave up waits no more"
        );
        drop(first);
        tokio::time::timeout(Duration::from_secs(1), second)
            .await
            .unwrap()
            .unwrap()
            .unwrap();
        assert!(gate.enter().await.is_ok());
    }
}
