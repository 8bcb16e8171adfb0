//! Who is told of commits: observers of events, and readers of the change feed that wait for more.

use std::sync::Arc;

use arc_swap::ArcSwap;
use tokio::sync::watch;

use crate::{CommitObserver, Committed, Seq};

/// Those who are told of commits. Cloning shares it.
#[derive(Clone)]
pub struct Observers {
    events: Arc<ArcSwap<Vec<Arc<dyn CommitObserver>>>>,
    end: Arc<watch::Sender<Seq>>,
}

impl Observers {
    /// Nobody, of a store whose feed ends here.
    pub fn new(end: Seq) -> Self {
        Self {
            events: Arc::default(),
            end: Arc::new(watch::Sender::new(end)),
        }
    }

    /// Adds an observer behind those that are there.
    pub fn add(&self, observer: &Arc<dyn CommitObserver>) {
        self.events.rcu(|before| {
            let mut observers = Vec::clone(before);
            observers.push(Arc::clone(observer));
            observers
        });
    }

    /// Follows the end of the feed.
    pub fn follow(&self) -> watch::Receiver<Seq> {
        self.end.subscribe()
    }

    /// Shows a commit to the observers.
    pub fn show(&self, events: &[Committed]) {
        if events.is_empty() {
            return;
        }
        for observer in self.events.load().iter() {
            observer.committed(events);
        }
    }

    /// The feed ends here now.
    pub fn moved(&self, end: Seq) {
        self.end.send_if_modified(|before| {
            let moved = *before != end;
            *before = end;
            moved
        });
    }
}
