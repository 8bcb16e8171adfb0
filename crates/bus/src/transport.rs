//! How it gets around that something has happened: within a node, and between the nodes on one database.
//!
//! The logs are the truth; a transport only says that it is time to look at them, and carries what is in no log. So a message
//! that is lost costs time (the logs are looked at now and then anyway) and ephemeral events, which nobody is promised.
//! Readers do not know which transport there is.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;
use stentor_event::Event;
use tokio::sync::Notify;

/// The future of [`Transport::news`].
pub type NewsFuture<'a> = Pin<Box<dyn Future<Output = News> + Send + 'a>>;

/// What a node is told.
#[derive(Debug, Clone)]
pub enum News {
    /// The log of the records may have grown.
    Grown,
    /// Ephemeral events have come by, here or at another node.
    Passing(Vec<Event>),
}

/// Carries news to all nodes, this one included. Nobody who publishes waits for it.
pub trait Transport: Send + Sync + 'static {
    /// Says to all nodes that the log of the records has grown. Must not block.
    fn grown(&self);

    /// Gives ephemeral events to all nodes. Must not block: what there is no room for is dropped, and counted.
    fn pass(&self, events: Vec<Event>);

    /// Says whether anybody on this node wants ephemeral events: they need not be brought here else.
    fn listen(&self, heard: bool);

    /// The next news for this node. When the future is dropped, nothing is lost.
    fn news(&self) -> NewsFuture<'_>;
}

/// The transport of a node that is alone, or hears of others by looking at the log.
#[derive(Debug)]
pub struct InProcess {
    passing: Mutex<VecDeque<Event>>,
    /// Events that wait, at most.
    room: usize,
    heard: AtomicBool,
    grown: AtomicBool,
    told: Notify,
}

impl InProcess {
    /// A transport with room for so many ephemeral events.
    pub fn new(room: usize) -> Self {
        Self {
            passing: Mutex::default(),
            room,
            heard: AtomicBool::new(false),
            grown: AtomicBool::new(false),
            told: Notify::new(),
        }
    }

    fn take(&self) -> Option<News> {
        let passing: Vec<Event> = self.passing.lock().drain(..).collect();
        if !passing.is_empty() {
            return Some(News::Passing(passing));
        }
        self.grown
            .swap(false, Ordering::AcqRel)
            .then_some(News::Grown)
    }
}

impl Transport for InProcess {
    fn grown(&self) {
        self.grown.store(true, Ordering::Release);
        self.told.notify_one();
    }

    fn pass(&self, events: Vec<Event>) {
        if !self.heard.load(Ordering::Relaxed) {
            return;
        }
        let mut passing = self.passing.lock();
        let room = self.room.saturating_sub(passing.len());
        let dropped = events.len().saturating_sub(room);
        passing.extend(events.into_iter().take(room));
        drop(passing);
        if dropped > 0 {
            metrics::counter!("stentor_bus_ephemeral_dropped_total").increment(dropped as u64);
        }
        self.told.notify_one();
    }

    fn listen(&self, heard: bool) {
        self.heard.store(heard, Ordering::Relaxed);
        if !heard {
            self.passing.lock().clear();
        }
    }

    fn news(&self) -> NewsFuture<'_> {
        Box::pin(async {
            loop {
                if let Some(news) = self.take() {
                    return news;
                }
                self.told.notified().await;
            }
        })
    }
}
