//! A connection as the fan-out sees it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use stentor_auth::Keys;
use stentor_event::{Viewer, VisibilityRules};
use stentor_serve::Outbox;

use crate::cost;

/// What a connection shares with the fan-out and with what is done for it in other threads: where its messages go, who it has
/// proven to be, and what it owes.
#[derive(Debug)]
pub struct Client {
    outbox: Outbox,
    viewer: ArcSwap<Viewer>,
    /// Rows that work in other threads has cost and that the connection has not been charged yet.
    debt: AtomicU64,
}

impl Client {
    /// A connection that has not authenticated. The viewer is shared by all of these.
    pub fn new(outbox: Outbox, anonymous: Arc<Viewer>) -> Self {
        Self {
            outbox,
            viewer: ArcSwap::new(anonymous),
            debt: AtomicU64::new(0),
        }
    }

    /// Where its messages go.
    pub const fn outbox(&self) -> &Outbox {
        &self.outbox
    }

    /// Who reads, with the keys proven by now and under these rules (R2.1). The rules change seldom (a reload).
    pub fn viewer(&self, rules: &Arc<VisibilityRules>) -> Arc<Viewer> {
        let viewer = self.viewer.load_full();
        if Arc::ptr_eq(&viewer.rules, rules) {
            return viewer;
        }
        self.viewer
            .rcu(|old| Viewer::with_keys(Arc::clone(rules), old.keys.clone()));
        self.viewer.load_full()
    }

    /// Work for the connection in another thread took this long.
    pub fn owe(&self, work: Duration) {
        self.debt.fetch_add(cost::rows(work), Ordering::Relaxed);
    }

    /// What such work has cost since the last time, in rows.
    pub fn take_debt(&self) -> u64 {
        self.debt.swap(0, Ordering::Relaxed)
    }

    /// From now on, the connection sees what these keys may see.
    pub fn set_keys(&self, keys: &Keys) {
        self.viewer
            .rcu(|old| Viewer::with_keys(Arc::clone(&old.rules), keys.as_slice().to_vec()));
    }
}
