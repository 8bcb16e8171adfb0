//! What makes readers live: one task reads the ends of the logs for all of them, matches, and puts what is wanted into their
//! queues (G1.5: nobody who publishes waits for a reader).
//!
//! A reader replays from the logs until it is near the end, then joins. Under one lock it is given what the tails have behind
//! its place and enters the list; whatever is read into the tails after that is offered to it: no gap, no double. While there
//! is no reader, nothing is read.

use std::sync::Arc;

use parking_lot::Mutex;
use stentor_event::Timestamp;
use tokio::sync::Notify;

use crate::cursor::Place;
use crate::entry::{Entry, Page};
use crate::queue::{Queue, QueueLimits};
use crate::selection::Selection;
use crate::tail::Tail;
use crate::{Cursor, Log};

/// A live reader.
#[derive(Debug)]
pub(crate) struct Subscriber {
    pub selection: Selection,
    pub queue: Mutex<Queue>,
    /// Told when something is in the queue, and when the end is near.
    pub wake: Notify,
    limits: QueueLimits,
}

impl Subscriber {
    /// Offers what was read of a log; what stands at or before the reader's place it has seen already.
    fn offer(&self, log: Log, page: &Page, now: Timestamp) {
        let mut queue = self.queue.lock();
        let (seen, before) = (queue.place(log).seq, queue.is_idle());
        for entry in &page.entries {
            if entry.place.seq > seen && self.selection.takes(entry, now) {
                self.put(&mut queue, entry);
            }
        }
        if page.end.seq > seen {
            queue.set_place(log, page.end);
        }
        if before && !queue.is_idle() {
            self.wake.notify_one();
        }
    }

    /// Offers what is in no log.
    fn pass(&self, entry: &Arc<Entry>, now: Timestamp) {
        if self.selection.takes(entry, now) {
            self.put(&mut self.queue.lock(), entry);
            self.wake.notify_one();
        }
    }

    fn put(&self, queue: &mut Queue, entry: &Arc<Entry>) {
        let coalesce = self.selection.interest.coalesce;
        queue.push(Arc::clone(entry), self.limits, coalesce);
    }
}

#[derive(Debug, Default)]
struct State {
    nostr: Tail,
    records: Tail,
    subscribers: Arc<Vec<Arc<Subscriber>>>,
}

impl State {
    fn tail(&mut self, log: Log) -> &mut Tail {
        match log {
            Log::Nostr => &mut self.nostr,
            Log::Records => &mut self.records,
        }
    }
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Hub {
    state: Mutex<State>,
    limits: QueueLimits,
    /// Told when the first reader joins.
    pub joined: Notify,
}

impl Hub {
    pub fn new(limits: QueueLimits) -> Self {
        Self {
            state: Mutex::default(),
            limits,
            joined: Notify::new(),
        }
    }

    /// Makes a reader live that has seen everything up to the cursor. Gives the selection back when it has to read on first:
    /// when its place is no longer in the tails, or more waits than its queue takes. `is_near`: it is near the end.
    pub fn join(
        &self,
        selection: Selection,
        cursor: &Cursor,
        is_near: bool,
        now: Timestamp,
    ) -> Result<Arc<Subscriber>, Box<Selection>> {
        let mut state = self.state.lock();
        if state.subscribers.is_empty() {
            if !is_near {
                return Err(Box::new(selection));
            }
            state.nostr.begin(cursor.nostr);
            state.records.begin(cursor.records);
        }
        let near = |tail: &Tail, place: Place| tail.reaches(place.seq);
        if !near(&state.nostr, cursor.nostr) || !near(&state.records, cursor.records) {
            return Err(Box::new(selection));
        }
        let mut queue = Queue::at(
            later(cursor.nostr, state.nostr.end()),
            later(cursor.records, state.records.end()),
        );
        let coalesce = selection.interest.coalesce;
        let waiting = state.nostr.behind(cursor.nostr.seq);
        for entry in waiting.chain(state.records.behind(cursor.records.seq)) {
            if selection.takes(entry, now) {
                queue.push(Arc::clone(entry), self.limits, coalesce);
            }
        }
        if queue.is_lost() {
            return Err(Box::new(selection));
        }
        let subscriber = Arc::new(Subscriber {
            selection,
            queue: Mutex::new(queue),
            wake: Notify::new(),
            limits: self.limits,
        });
        Arc::make_mut(&mut state.subscribers).push(Arc::clone(&subscriber));
        drop(state);
        self.joined.notify_one();
        Ok(subscriber)
    }

    /// A reader has ended. Returns how many are left.
    pub fn leave(&self, subscriber: &Arc<Subscriber>) -> usize {
        let mut state = self.state.lock();
        let subscribers = Arc::make_mut(&mut state.subscribers);
        subscribers.retain(|other| !Arc::ptr_eq(other, subscriber));
        subscribers.len()
    }

    /// How many readers are live.
    pub fn live(&self) -> usize {
        self.state.lock().subscribers.len()
    }

    /// Up to where a log has been read.
    pub fn end(&self, log: Log) -> Place {
        self.state.lock().tail(log).end()
    }

    /// Whether what stands at this position is told of its removal where it waits.
    pub fn watches(&self, log: Log, seq: u64) -> bool {
        let mut state = self.state.lock();
        state.tail(log).reaches(seq.saturating_sub(1))
    }

    /// Gives what was read behind the end of a log to whom it is for.
    pub async fn extend(&self, log: Log, after: Place, page: &Page, now: Timestamp) {
        let subscribers = {
            let mut state = self.state.lock();
            let tail = state.tail(log);
            if tail.end() != after {
                // The last reader left meanwhile, and the first has begun elsewhere.
                return;
            }
            tail.extend(page);
            Arc::clone(&state.subscribers)
        };
        for some in subscribers.chunks(SOME) {
            for subscriber in some {
                subscriber.offer(log, page, now);
            }
            tokio::task::yield_now().await;
        }
    }

    /// Gives what is in no log to whom it is for.
    pub async fn pass(&self, entry: &Arc<Entry>, now: Timestamp) {
        let subscribers = Arc::clone(&self.state.lock().subscribers);
        for some in subscribers.chunks(SOME) {
            for subscriber in some {
                subscriber.pass(entry, now);
            }
            tokio::task::yield_now().await;
        }
    }
}

/// Readers that are served between two turns of others.
const SOME: usize = 256;

fn later(one: Place, other: Place) -> Place {
    if one.seq >= other.seq { one } else { other }
}
