//! A connection as the fan-out sees it.

use std::sync::Arc;

use arc_swap::ArcSwap;
use stentor_auth::Keys;
use stentor_event::{Viewer, VisibilityRules};
use stentor_serve::Outbox;

/// What is shared between a connection and the fan-out: where its messages go, and who it has proven to be.
#[derive(Debug)]
pub struct Client {
    outbox: Outbox,
    viewer: ArcSwap<Viewer>,
}

impl Client {
    /// A connection that has not authenticated. The viewer is shared by all of these.
    pub fn new(outbox: Outbox, anonymous: Arc<Viewer>) -> Self {
        Self {
            outbox,
            viewer: ArcSwap::new(anonymous),
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

    /// From now on, the connection sees what these keys may see.
    pub fn set_keys(&self, keys: &Keys) {
        self.viewer
            .rcu(|old| Viewer::with_keys(Arc::clone(&old.rules), keys.as_slice().to_vec()));
    }
}
