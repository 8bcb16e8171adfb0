//! One question, and one event about which a process is asked.

use std::collections::VecDeque;
use std::time::Instant;

use stentor_event::EventId;

/// A question.
#[derive(Debug)]
pub(super) struct Request<T> {
    pub(super) id: EventId,
    pub(super) item: T,
    /// When its time is up.
    pub(super) deadline: Instant,
    /// Its place in the order in which questions came.
    pub(super) turn: u64,
    /// How often it has been sent.
    pub(super) tries: u8,
}

/// An event about which the process is asked.
#[derive(Debug)]
pub(super) struct Flight<T> {
    /// The question; `None` when its time was up, and the answer may still come.
    pub(super) asked: Option<Request<T>>,
    /// Further questions about the event.
    pub(super) behind: VecDeque<Request<T>>,
}

impl<T> Default for Flight<T> {
    fn default() -> Self {
        Self {
            asked: None,
            behind: VecDeque::new(),
        }
    }
}

impl<T> Flight<T> {
    /// When the first time limit here is reached.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let first = self.asked.iter().chain(self.behind.front());
        first.map(|request| request.deadline).min()
    }
}

/// Puts a question into a queue at its place. As all have the same time limit, that keeps deadlines in order too.
pub(super) fn requeue<T>(queue: &mut VecDeque<Request<T>>, request: Request<T>) {
    let place = queue.partition_point(|other| other.turn < request.turn);
    queue.insert(place, request);
}

/// Moves what is due by `now` from the front of a queue.
pub(super) fn expire<T>(queue: &mut VecDeque<Request<T>>, now: Instant, items: &mut Vec<T>) {
    let due = |request: &Request<T>| request.deadline <= now;
    while queue.front().is_some_and(due) {
        items.extend(queue.pop_front().map(|request| request.item));
    }
}
