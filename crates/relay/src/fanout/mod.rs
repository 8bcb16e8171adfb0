//! Live delivery: new events to the subscriptions that match them, directly after commit.
//!
//! Subscriptions are spread over a few shards by connection. A shard's lock is held while it is told of a commit, and
//! while a subscription is registered or taken out. So a subscription registered with [`Registry::register`] sees every
//! event from the number it was given on, and no other: stored events are those before that number (R1.7).

mod client;
mod index;
mod live;
mod shard;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::{Mutex, MutexGuard};
use stentor_event::{Filter, SubscriptionId, VisibilityRules};
use stentor_store::search::{Searches, Subject};
use stentor_store::{Committed, EventNumber};

pub use client::Client;
use index::{Prober, Probes};
pub use live::{HoldLimits, HoldOverflow, Live, values};
use shard::{Passing, Shard};

/// Few: every event is looked up in each.
const SHARDS: usize = 4;
/// Events of a large commit that are passed on before who waits for a shard has a turn.
const CHUNK: usize = 64;

/// What came of a commit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Subscriptions that were looked at.
    pub considered: u64,
    /// Messages that were queued.
    pub delivered: u64,
    /// Messages that a full queue did not take.
    pub dropped: u64,
}

/// A registered subscription. Whoever holds it must give it back to [`Registry::remove`].
#[derive(Debug)]
pub struct Registration {
    live: Arc<Live>,
    shard: u8,
    slot: u32,
}

impl Registration {
    /// The subscription.
    pub const fn live(&self) -> &Arc<Live> {
        &self.live
    }
}

/// The node has as many subscriptions as it may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the relay has too many subscriptions, try again later")]
pub struct RegistryFull;

/// Most of the node; 0: any number.
#[derive(Debug, Clone, Copy, Default)]
pub struct NodeLimits {
    /// Subscriptions.
    pub subscriptions: usize,
    /// Values in their filters; see [`values`].
    pub values: usize,
}

/// What is to be registered.
#[derive(Debug)]
pub struct Request<'a> {
    /// The connection.
    pub client: &'a Arc<Client>,
    /// Its number: connections are spread by it.
    pub connection: u64,
    /// The name of the subscription.
    pub sub: &'a SubscriptionId,
    /// What it asks for.
    pub filters: Arc<[Filter]>,
    /// What these search for (NIP-50), if any does.
    pub searches: Option<Arc<Searches>>,
    /// The subscription of the same name that it replaces.
    pub replaces: Option<Registration>,
    /// What the node may have.
    pub most: NodeLimits,
}

/// All live subscriptions of the node.
#[derive(Debug)]
pub struct Registry {
    shards: [Mutex<Shard>; SHARDS],
    prober: Prober,
    count: AtomicUsize,
    values: AtomicUsize,
}

impl Default for Registry {
    fn default() -> Self {
        Self {
            shards: Default::default(),
            prober: Prober::default(),
            count: AtomicUsize::new(0),
            values: AtomicUsize::new(0),
        }
    }
}

impl Registry {
    /// How many subscriptions there are.
    pub fn len(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Registers a subscription. `next_number` is asked for the number that the next event will get at a moment when no
    /// commit can be passing by.
    ///
    /// # Errors
    /// [`RegistryFull`]; what was to be replaced is gone all the same.
    pub fn register(
        &self,
        request: Request<'_>,
        next_number: impl FnOnce() -> EventNumber,
    ) -> Result<Registration, RegistryFull> {
        let shard = (request.connection % SHARDS as u64) as u8;
        let Some(lock) = self.shards.get(usize::from(shard)) else {
            return Err(RegistryFull);
        };
        let mut guard = lock.lock();
        if let Some(old) = request.replaces {
            guard.remove(&self.prober, old.slot);
            self.count_out(&old.live);
        }
        self.count_in(values(&request.filters), request.most)?;
        let live = Live::new(
            Arc::clone(request.client),
            request.sub,
            request.filters,
            request.searches,
            next_number(),
        );
        let live = Arc::new(live);
        let slot = guard.insert(&self.prober, Arc::clone(&live));
        Ok(Registration { live, shard, slot })
    }

    /// Takes a subscription out; what of it waits in the outbox is dropped.
    pub fn remove(&self, registration: Registration) {
        if let Some(shard) = self.shards.get(usize::from(registration.shard)) {
            shard.lock().remove(&self.prober, registration.slot);
            self.count_out(&registration.live);
        }
    }

    /// Counts a subscription with so many values in, if there is room.
    fn count_in(&self, values: usize, most: NodeLimits) -> Result<(), RegistryFull> {
        let fits = |before: usize, more: usize, most: usize| {
            most == 0 || before.saturating_add(more) <= most
        };
        let count = self.count.fetch_add(1, Ordering::Relaxed);
        let before = self.values.fetch_add(values, Ordering::Relaxed);
        if fits(count, 1, most.subscriptions) && fits(before, values, most.values) {
            return Ok(());
        }
        self.count.fetch_sub(1, Ordering::Relaxed);
        self.values.fetch_sub(values, Ordering::Relaxed);
        Err(RegistryFull)
    }

    fn count_out(&self, live: &Live) {
        self.count.fetch_sub(1, Ordering::Relaxed);
        self.values.fetch_sub(live.values(), Ordering::Relaxed);
    }

    /// Passes events that have just been committed to those who asked for them. Must be called in the order of commits.
    pub fn pass(
        &self,
        events: &[Committed],
        rules: &Arc<VisibilityRules>,
        hold: HoldLimits,
    ) -> Tally {
        let mut tally = Tally::default();
        for chunk in events.chunks(CHUNK) {
            let passing: Vec<Passing<'_>> = chunk
                .iter()
                .map(|committed| self.prepare(committed))
                .collect();
            for shard in &self.shards {
                let mut guard = shard.lock();
                guard.pass(&passing, rules, hold, &mut tally);
                MutexGuard::unlock_fair(guard);
            }
        }
        tally
    }

    fn prepare<'a>(&self, committed: &'a Committed) -> Passing<'a> {
        let view = committed.event.view();
        let mut probes = Probes::new();
        self.prober.of_event(&view, &mut probes);
        Passing {
            subject: Subject::new(committed.event.view()),
            view,
            body: committed.event.json(),
            number: committed.number,
            probes,
        }
    }
}
