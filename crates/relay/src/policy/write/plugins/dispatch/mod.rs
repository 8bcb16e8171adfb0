//! Which questions a process is sent and when, and which answer belongs to which: a state machine without I/O.
//!
//! Several questions are out at once, and answers come in any order, each naming its event. A second question about an
//! event is held back until the first has been answered, so that an answer can only belong to one. A question whose time
//! is up is given back unanswered; its event stays taken, as the answer may still come late.
//!
//! When the process ends, what it had not answered is asked again, one question after the other: an event that kills the
//! process fails alone at its second try, and does not take others with it.

mod flight;
#[cfg(test)]
mod tests;

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use stentor_event::EventId;

use super::answer::{self, Action};
use flight::{Flight, Request, requeue};

/// Lines without an answer in a row after which a process is taken to write nonsense.
const NOISE: usize = 16;
/// How often a question is asked whose process ends.
const TRIES: u8 = 2;

/// Questions, each with what the asker needs (`T`), on their way to one process.
#[derive(Debug)]
pub(super) struct Dispatch<T> {
    in_flight: usize,
    time: Duration,
    /// Counts requests, for their order.
    turns: u64,
    /// Not yet sent, in the order they came.
    waiting: VecDeque<Request<T>>,
    /// Sent to a process that has ended, in the order they came.
    again: VecDeque<Request<T>>,
    /// Events about which the process is asked, or owes an answer that comes too late.
    flights: HashMap<EventId, Flight<T>>,
    /// The one question that is out is asked again: others wait.
    alone: bool,
    /// Lines without an answer since the last one with.
    noise: usize,
    /// When the process last gave a sign of work while it had some, or was given some.
    moved: Instant,
    /// No process runs before this time.
    down: Option<Instant>,
}

/// What a line has brought.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Heard<T> {
    /// An answer.
    Answered(T, Action),
    /// An answer that says nothing the protocol knows.
    Puzzled(T),
    /// An answer to a question whose time was up.
    Late,
    /// No answer, or one about an event that nobody asked about.
    Noise,
}

/// Whose time is up.
#[derive(Debug)]
pub(super) struct Expired<T> {
    pub(super) items: Vec<T>,
    /// The process has done nothing for a whole time limit.
    pub(super) stuck: bool,
}

impl<T> Dispatch<T> {
    /// For a process that is asked so many questions at once, and has so long for each.
    pub(super) fn new(in_flight: usize, time: Duration, now: Instant) -> Self {
        Self {
            in_flight,
            time,
            turns: 0,
            waiting: VecDeque::new(),
            again: VecDeque::new(),
            flights: HashMap::new(),
            alone: false,
            noise: 0,
            moved: now,
            down: None,
        }
    }

    /// Whether nobody waits for an answer.
    pub(super) fn is_empty(&self) -> bool {
        let idle = |flight: &Flight<T>| flight.asked.is_none() && flight.behind.is_empty();
        self.waiting.is_empty() && self.again.is_empty() && self.flights.values().all(idle)
    }

    /// Adds a question that came at this time. Gives it back when no process will run before its time is up.
    pub(super) fn add(&mut self, id: EventId, item: T, came: Instant) -> Result<(), T> {
        let deadline = came + self.time;
        if self.down.is_some_and(|until| deadline <= until) {
            return Err(item);
        }
        self.turns += 1;
        let request = Request {
            id,
            item,
            deadline,
            turn: self.turns,
            tries: 0,
        };
        requeue(&mut self.waiting, request);
        Ok(())
    }

    /// The next question that may be sent; it counts as sent. Those whose asker is `gone` are dropped.
    pub(super) fn next(&mut self, now: Instant, gone: impl Fn(&T) -> bool) -> Option<&T> {
        loop {
            let lone = !self.again.is_empty();
            let asked = || self.flights.values().any(|flight| flight.asked.is_some());
            if self.alone || self.flights.len() >= self.in_flight || (lone && asked()) {
                return None;
            }
            let queue = if lone {
                &mut self.again
            } else {
                &mut self.waiting
            };
            let mut request = queue.pop_front()?;
            if gone(&request.item) {
                continue;
            }
            if let Some(flight) = self.flights.get_mut(&request.id) {
                requeue(&mut flight.behind, request);
                continue;
            }
            if self.flights.is_empty() {
                self.moved = now;
            }
            request.tries += 1;
            self.alone = lone;
            let flight = self.flights.entry(request.id).or_default();
            return Some(&flight.asked.insert(request).item);
        }
    }

    /// Takes a line from the process.
    pub(super) fn hear(&mut self, line: &[u8], now: Instant) -> Heard<T> {
        let answer = answer::parse(line);
        let Some((flight, action)) = answer.and_then(|answer| {
            let flight = self.flights.remove(&answer.id)?;
            Some((flight, answer.action))
        }) else {
            self.noise += 1;
            return Heard::Noise;
        };
        self.moved = now;
        for request in flight.behind {
            requeue(&mut self.waiting, request);
        }
        let Some(request) = flight.asked else {
            return Heard::Late;
        };
        // While one is out alone there is no other.
        self.alone = false;
        match action {
            Some(action) => {
                self.noise = 0;
                Heard::Answered(request.item, action)
            }
            None => {
                self.noise += 1;
                Heard::Puzzled(request.item)
            }
        }
    }

    /// Whether the process has written so much without an answer that it is of no use.
    pub(super) const fn is_nonsense(&self) -> bool {
        self.noise > NOISE
    }

    /// When the next time limit is reached.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let queues = [self.waiting.front(), self.again.front()];
        let queued = queues.into_iter().flatten().map(|request| request.deadline);
        let flights = self.flights.values().filter_map(Flight::deadline);
        queued.chain(flights).min()
    }

    /// Gives those back whose time is up.
    pub(super) fn expire(&mut self, now: Instant) -> Expired<T> {
        let mut items = Vec::new();
        flight::expire(&mut self.waiting, now, &mut items);
        flight::expire(&mut self.again, now, &mut items);
        for flight in self.flights.values_mut() {
            flight::expire(&mut flight.behind, now, &mut items);
            let overdue = |request: &mut Request<T>| request.deadline <= now;
            if let Some(request) = flight.asked.take_if(overdue) {
                items.push(request.item);
                self.alone = false;
            }
        }
        let stuck = !self.flights.is_empty() && self.moved + self.time <= now;
        Expired {
            stuck: stuck && !items.is_empty(),
            items,
        }
    }

    /// The process has ended. By its own `fault`: what it had not answered is asked again once, and what has been asked
    /// again already is given back. Else everything is asked again.
    pub(super) fn ended(&mut self, fault: bool) -> Vec<T> {
        let mut failed = Vec::new();
        for flight in std::mem::take(&mut self.flights).into_values() {
            for request in flight.behind {
                requeue(&mut self.waiting, request);
            }
            match flight.asked {
                Some(request) if fault && request.tries >= TRIES => failed.push(request.item),
                Some(request) if fault => requeue(&mut self.again, request),
                Some(mut request) => {
                    request.tries -= 1;
                    requeue(&mut self.waiting, request);
                }
                None => {}
            }
        }
        (self.alone, self.noise) = (false, 0);
        failed
    }

    /// No process will run before this time. Gives those back whose time is up by then.
    pub(super) fn set_down(&mut self, until: Instant) -> Vec<T> {
        self.down = Some(until);
        let mut items = Vec::new();
        flight::expire(&mut self.waiting, until, &mut items);
        flight::expire(&mut self.again, until, &mut items);
        items
    }

    /// A process runs.
    pub(super) const fn set_up(&mut self) {
        self.down = None;
    }
}
