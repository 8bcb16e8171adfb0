//! Who waits for what: subscriptions, counts and reconciliations by number, events by id. No I/O; the task of the connection puts in
//! what comes, and the handles take out.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use parking_lot::Mutex;
use stentor_event::{CowEvent, EoseHint, Event, EventId, Filter, RelayMessage};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, broadcast, mpsc, oneshot, watch};

use crate::answer::{Counted, OkAnswer, Over};
use crate::check::{Dropped, Drops};
use crate::error::Ended;
use crate::sieve::Filtering;

/// Notices that are kept for whoever listens slowly.
const NOTICES: usize = 64;
/// Characters of a relay's words that are kept.
const MAX_WORDS: usize = 1_000;
/// Bytes of a challenge; NIP-42 has random strings in mind.
const MAX_CHALLENGE: usize = 1_024;

/// What waits in a queue, with its share of the queue's bytes.
pub(crate) struct Queued {
    pub item: Item,
    pub _share: Option<OwnedSemaphorePermit>,
}

/// What the relay sends on a subscription.
pub(crate) enum Item {
    Event(Event),
    Eose(Option<EoseHint>),
}

/// The same, before it was checked.
pub(crate) enum Sent<'a> {
    Event(CowEvent<'a>),
    Eose(Option<EoseHint>),
}

/// Where the events of a subscription go.
pub(crate) struct Delivery {
    pub id: u64,
    pub filters: Arc<[Filter]>,
    pub queue: mpsc::Sender<Queued>,
    pub room: Arc<Semaphore>,
    pub over: Arc<OnceLock<Over>>,
    pub sieve: Option<Filtering>,
}

/// Who waits for a number.
pub(crate) enum Route {
    Events(Arc<Delivery>),
    Count(oneshot::Sender<Result<Counted, String>>),
    Reconciliation(mpsc::Sender<Result<Vec<u8>, String>>),
}

/// What is left to do with a message, outside the lock.
pub(crate) enum Step<'a> {
    /// Nothing.
    Done,
    /// Something was wrong with it.
    Drop(Dropped),
    /// Check it if it is an event, and put it in the queue.
    Deliver(Arc<Delivery>, Sent<'a>),
}

pub(crate) struct Routes {
    state: Mutex<State>,
    pub drops: Drops,
    pub challenge: watch::Sender<Option<Arc<str>>>,
    pub notices: broadcast::Sender<Arc<str>>,
}

#[derive(Default)]
struct State {
    ended: Option<Ended>,
    /// Numbers below this one were given out.
    next: u64,
    open: HashMap<u64, Route>,
    waiting: HashMap<EventId, Vec<oneshot::Sender<OkAnswer>>>,
}

impl Routes {
    pub(crate) fn new() -> Self {
        Self {
            state: Mutex::default(),
            drops: Drops::default(),
            challenge: watch::Sender::new(None),
            notices: broadcast::Sender::new(NOTICES),
        }
    }

    /// Why the connection has ended, if it has.
    pub(crate) fn ended(&self) -> Option<Ended> {
        self.state.lock().ended.clone()
    }

    /// Gives out a number and registers who waits for it.
    pub(crate) fn open<T>(&self, make: impl FnOnce(u64) -> (Route, T)) -> Result<(u64, T), Ended> {
        let mut state = self.state.lock();
        if let Some(ended) = &state.ended {
            return Err(ended.clone());
        }
        let id = state.next;
        state.next += 1;
        let (route, handle) = make(id);
        state.open.insert(id, route);
        Ok((id, handle))
    }

    /// Nobody waits for this number any more.
    pub(crate) fn remove(&self, id: u64) {
        self.state.lock().open.remove(&id);
    }

    /// Registers who waits for the answer to an event.
    pub(crate) fn wait(&self, id: EventId) -> Result<oneshot::Receiver<OkAnswer>, Ended> {
        let mut state = self.state.lock();
        if let Some(ended) = &state.ended {
            return Err(ended.clone());
        }
        let (sender, receiver) = oneshot::channel();
        state.waiting.entry(id).or_default().push(sender);
        Ok(receiver)
    }

    /// Forgets those who have stopped waiting for the answer to this event.
    pub(crate) fn forget(&self, id: &EventId) {
        let mut state = self.state.lock();
        if let Some(waiting) = state.waiting.get_mut(id) {
            waiting.retain(|sender| !sender.is_closed());
            if waiting.is_empty() {
                state.waiting.remove(id);
            }
        }
    }

    /// The connection has ended: everybody who waits learns of it. Why it has, which somebody may have said before.
    pub(crate) fn end(&self, ended: &Ended) -> Ended {
        let mut state = self.state.lock();
        if let Some(before) = &state.ended {
            return before.clone();
        }
        state.ended = Some(ended.clone());
        state.waiting.clear();
        for (_, route) in state.open.drain() {
            if let Route::Events(delivery) = route {
                let _ = delivery.over.set(Over::Ended(ended.clone()));
            }
        }
        drop(state);
        // Whoever waits for a challenge sees that none will come. They ask for the state while they look.
        self.challenge.send_modify(|_| {});
        ended.clone()
    }

    /// Ends a subscription from this side.
    pub(crate) fn give_up(&self, delivery: &Delivery, why: Over) {
        let _ = delivery.over.set(why);
        self.remove(delivery.id);
    }

    /// Takes a message to whoever waits for it.
    pub(crate) fn take<'a>(&self, message: RelayMessage<'a>) -> Step<'a> {
        match message {
            RelayMessage::Event { sub, event } => self.deliver(&sub, Sent::Event(event)),
            RelayMessage::Eose { sub, hint } => self.deliver(&sub, Sent::Eose(hint)),
            RelayMessage::Ok {
                id,
                accepted,
                reason,
            } => self.answered(&id, accepted, &reason),
            RelayMessage::Closed { sub, reason } | RelayMessage::NegErr { sub, reason } => {
                self.closed(&sub, shortened(&reason))
            }
            RelayMessage::Count {
                sub,
                count,
                approximate,
                registers,
            } => self.counted(
                &sub,
                Counted {
                    count,
                    approximate,
                    registers,
                },
            ),
            RelayMessage::NegMsg { sub, message } => self.reconciled(&sub, message),
            RelayMessage::Notice(words) => {
                // An error says that nobody listens.
                let _ = self.notices.send(shortened(&words).into());
                Step::Done
            }
            RelayMessage::Auth(challenge) if challenge.len() > MAX_CHALLENGE => {
                Step::Drop(Dropped::Malformed)
            }
            RelayMessage::Auth(challenge) => {
                self.challenge.send_replace(Some((*challenge).into()));
                Step::Done
            }
            RelayMessage::Unknown(_) => Step::Done,
        }
    }

    fn deliver<'a>(&self, sub: &str, item: Sent<'a>) -> Step<'a> {
        self.with_route(sub, |open, id| match open.get(&id) {
            Some(Route::Events(delivery)) => Some(Step::Deliver(delivery.clone(), item)),
            _ => None,
        })
    }

    fn answered(&self, id: &EventId, accepted: bool, reason: &str) -> Step<'static> {
        let Some(waiting) = self.state.lock().waiting.remove(id) else {
            return Step::Drop(Dropped::Late);
        };
        let reason = shortened(reason);
        for sender in waiting {
            // An error says that it was not waited for any longer.
            let _ = sender.send(OkAnswer {
                accepted,
                reason: reason.clone(),
            });
        }
        Step::Done
    }

    fn closed(&self, sub: &str, reason: String) -> Step<'static> {
        self.with_route(sub, |open, id| {
            match open.remove(&id)? {
                Route::Events(delivery) => {
                    let _ = delivery.over.set(Over::Closed(reason));
                }
                Route::Count(sender) => {
                    let _ = sender.send(Err(reason));
                }
                Route::Reconciliation(queue) => {
                    let _ = queue.try_send(Err(reason));
                }
            }
            Some(Step::Done)
        })
    }

    fn counted(&self, sub: &str, counted: Counted) -> Step<'static> {
        self.with_route(sub, |open, id| match open.remove(&id)? {
            Route::Count(sender) => {
                let _ = sender.send(Ok(counted));
                Some(Step::Done)
            }
            other => {
                open.insert(id, other);
                Some(Step::Drop(Dropped::Unasked))
            }
        })
    }

    fn reconciled(&self, sub: &str, message: Vec<u8>) -> Step<'static> {
        self.with_route(sub, |open, id| match open.get(&id)? {
            // More than one message ahead of ours is not in the protocol.
            Route::Reconciliation(queue) => Some(match queue.try_send(Ok(message)) {
                Ok(()) => Step::Done,
                Err(_) => Step::Drop(Dropped::Unasked),
            }),
            _ => Some(Step::Drop(Dropped::Unasked)),
        })
    }

    /// Runs `work` with the number that the relay's name for a subscription stands for. When there is nobody for it, the message was
    /// late, or never asked for.
    fn with_route<'a>(
        &self,
        sub: &str,
        work: impl FnOnce(&mut HashMap<u64, Route>, u64) -> Option<Step<'a>>,
    ) -> Step<'a> {
        let mut state = self.state.lock();
        let State { open, next, .. } = &mut *state;
        match sub.parse() {
            Ok(id) if id < *next => work(open, id).unwrap_or(Step::Drop(Dropped::Late)),
            _ => Step::Drop(Dropped::Unasked),
        }
    }
}

/// The beginning of a relay's words.
pub(crate) fn shortened(words: &str) -> String {
    words.chars().take(MAX_WORDS).collect()
}
