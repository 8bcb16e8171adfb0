//! Where look-ups wait for their turn: one for each key and domain at a time, whoever waits for it, and never more than
//! there is room for. What finds no room is not known now.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared};
use hashbrown::HashMap;
use hashbrown::hash_map::Entry;
use metrics::counter;
use parking_lot::Mutex;
use stentor_event::PublicKey;
use stentor_net::retry::Breakers;
use tokio::sync::{Semaphore, oneshot};

use super::cache::{Cache, Lifetimes, Subject};
use super::lookup::{Address, Answer, Ask};

/// Domains remembered for not having answered.
const BROKEN: usize = 1_024;

/// What a desk has room for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// Servers asked at once.
    pub(super) at_once: usize,
    /// Questions put to one domain at once.
    pub(super) of_domain: usize,
    /// Look-ups that are asked for, or wait.
    pub(super) waiting: usize,
    /// Those of them that are about one domain.
    pub(super) waiting_of_domain: usize,
    /// How long one waits for its turn.
    pub(super) patience: Duration,
}

/// A look-up under way; clones wait for the same one.
pub(super) type Flight = Shared<BoxFuture<'static, Answer>>;

/// See the module.
pub(super) struct Desk(Arc<Inner>);

struct Inner {
    /// Who asks, for metrics.
    by: &'static str,
    limits: Limits,
    domains: Arc<dyn Ask>,
    cache: Arc<Cache>,
    turns: Semaphore,
    /// Domains that have not answered for some time are left alone for a while.
    breakers: Breakers<Arc<str>>,
    begun: Instant,
    waiting: Mutex<Waiting>,
}

#[derive(Default)]
struct Waiting {
    flights: HashMap<Subject, Flight>,
    domains: HashMap<Arc<str>, Domain>,
}

/// The look-ups about one domain.
struct Domain {
    flights: usize,
    turns: Arc<Semaphore>,
}

/// A look-up that is to be done.
struct Question {
    subject: Subject,
    address: Address,
    lifetimes: Lifetimes,
    turns: Arc<Semaphore>,
}

impl Desk {
    pub(super) fn new(
        by: &'static str,
        limits: Limits,
        domains: Arc<dyn Ask>,
        cache: Arc<Cache>,
    ) -> Self {
        Self(Arc::new(Inner {
            by,
            limits,
            domains,
            cache,
            turns: Semaphore::new(limits.at_once),
            breakers: Breakers::new(BROKEN),
            begun: Instant::now(),
            waiting: Mutex::default(),
        }))
    }

    /// Has a domain asked whether an address is this key's. The look-up goes on when nobody waits for it any more, so
    /// that the answer is there for the next who asks. `None`: there is no room for it.
    pub(super) fn ask(
        &self,
        key: PublicKey,
        address: &Address,
        lifetimes: Lifetimes,
    ) -> Option<Flight> {
        let domain: Arc<str> = address.domain.as_str().into();
        let subject = (key, Arc::clone(&domain));
        let (answer, answered) = oneshot::channel();
        let flight = answered.map(|answer| answer.unwrap_or(Answer::Unknown));
        let flight = flight.boxed().shared();
        let turns = {
            let mut waiting = self.0.waiting.lock();
            if let Some(flight) = waiting.flights.get(&subject) {
                return Some(flight.clone());
            }
            let turns = waiting.admit(&domain, self.0.limits);
            let turns = turns.inspect_err(|why| self.0.over(why)).ok()?;
            waiting.flights.insert(subject.clone(), flight.clone());
            turns
        };
        let ended = Ended(Arc::clone(&self.0), subject.clone());
        let question = Question {
            subject,
            address: address.clone(),
            lifetimes,
            turns,
        };
        tokio::spawn(async move {
            let found = ended.0.look_up(question).await;
            drop(ended);
            let _ = answer.send(found);
        });
        Some(flight)
    }

    /// Counts a question that could not be put.
    pub(super) fn over(&self, why: &'static str) {
        self.0.over(why);
    }
}

impl Waiting {
    /// Makes room for a look-up at this domain, or says which room is full.
    fn admit(&mut self, domain: &Arc<str>, limits: Limits) -> Result<Arc<Semaphore>, &'static str> {
        let of_domain = self.domains.get(domain).map_or(0, |domain| domain.flights);
        if of_domain >= limits.waiting_of_domain {
            return Err("domain");
        }
        if self.flights.len() >= limits.waiting {
            return Err("full");
        }
        let entry = self.domains.entry(Arc::clone(domain));
        let entry = entry.or_insert_with(|| Domain {
            flights: 0,
            turns: Arc::new(Semaphore::new(limits.of_domain)),
        });
        entry.flights += 1;
        Ok(Arc::clone(&entry.turns))
    }
}

impl Inner {
    async fn look_up(&self, question: Question) -> Answer {
        let Question {
            subject: (key, domain),
            address,
            lifetimes,
            turns,
        } = question;
        // Who waits for a slow domain takes no turn from those who ask others.
        let turn = async { (turns.acquire().await, self.turns.acquire().await) };
        let Ok(_turn) = tokio::time::timeout(self.limits.patience, turn).await else {
            self.over("late");
            return Answer::Unknown;
        };
        if let Some(known) = self.cache.get(&key, &address, lifetimes, Instant::now()) {
            return known;
        }
        let attempt = self.breakers.attempt(&domain, self.begun.elapsed());
        if attempt.is_err() {
            self.over("broken");
            return Answer::Unknown;
        }
        let answer = self.domains.ask(&address, &key).await;
        counter!("stentor_relay_nip05_lookups_total", "by" => self.by, "answer" => answer.label())
            .increment(1);
        match answer {
            Answer::Unknown => self.breakers.failed(&domain, self.begun.elapsed()),
            Answer::Yes | Answer::No => self.breakers.succeeded(&domain),
        }
        let now = Instant::now();
        self.cache.put(key, &address, answer, lifetimes, now);
        // A domain that has vouched and is away now is still believed.
        let believed = self.cache.get(&key, &address, lifetimes, now);
        believed.unwrap_or(answer)
    }

    fn over(&self, why: &'static str) {
        counter!("stentor_relay_nip05_over_total", "by" => self.by, "why" => why).increment(1);
    }
}

/// Takes a look-up off the desk when it ends, however it ends.
struct Ended(Arc<Inner>, Subject);

impl Drop for Ended {
    fn drop(&mut self) {
        let mut waiting = self.0.waiting.lock();
        waiting.flights.remove(&self.1);
        if let Entry::Occupied(mut domain) = waiting.domains.entry(Arc::clone(&self.1.1)) {
            domain.get_mut().flights -= 1;
            if domain.get().flights == 0 {
                domain.remove();
            }
        }
    }
}

#[cfg(test)]
mod tests;
