//! From a connection into the archive's store (O3.4).
//!
//! Events wait here in baskets, one for each connection, and all baskets together hold `archive.waiting_megabytes`: who finds no
//! room brings its own basket to the store first and waits then, without reading its connection, so that the relay is slowed down
//! through TCP. Nine of ten events are known already: [`Known`] tells most of these, the store's index the rest, both before a
//! signature is verified; what another connection is bringing to the store at this moment is waited for (`under_way`). What remains is judged, and submitted; the store joins what comes from several connections into one
//! durable commit and verifies on all cores.

mod basket;
mod judge;
mod known;
mod removals;
mod under_way;

use std::sync::Arc;

use stentor_event::{Event, EventId, EventView};
use stentor_store::{Outcome, Refusal, Submission};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

pub(crate) use basket::Basket;
pub(crate) use known::{Held, Known};

use super::metrics;
use crate::error::Error;
use crate::ground::Ground;
use crate::provenance::{How, Pair};
use crate::table::RelayId;
use judge::is_lasting;
pub(crate) use judge::{fault, refusal};
use under_way::UnderWay;

/// An event that has come.
#[derive(Debug)]
pub(crate) struct Arrived {
    event: Event,
    seen_ms: u64,
    _share: OwnedSemaphorePermit,
}

/// What became of events.
#[derive(Debug, Default)]
pub(crate) struct Taken {
    /// Who is known to hold what.
    pub pairs: Vec<Pair>,
    /// Events that are new to the archive.
    pub new: u64,
    /// Events that it had.
    pub duplicates: u64,
    /// Events that it does not take.
    pub rejected: u64,
    /// Of these, events with a wrong signature, which speaks against who has sent them.
    pub forged: u64,
    /// Bytes of all these.
    pub bytes: u64,
}

impl Taken {
    /// Adds what became of others.
    pub fn add(&mut self, other: Self) {
        self.pairs.extend(other.pairs);
        self.new += other.new;
        self.duplicates += other.duplicates;
        self.rejected += other.rejected;
        self.forged += other.forged;
        self.bytes += other.bytes;
    }

    fn held(&mut self, number: u64, arrived: &Arrived, from: (RelayId, How)) {
        self.credit(number, &arrived.event.view(), arrived.seen_ms, from);
    }

    fn credit(&mut self, number: u64, event: &EventView<'_>, seen_ms: u64, from: (RelayId, How)) {
        self.pairs.push(Pair {
            number,
            relay: from.0,
            seen_ms,
            created_ms: event.created_at().0.saturating_mul(1_000),
            how: from.1,
        });
    }

    /// Counts a copy of an event that is known to be in the archive; `false` if it is not known.
    pub fn is_copy(
        &mut self,
        known: &Known,
        event: &EventView<'_>,
        seen_ms: u64,
        from: (RelayId, How),
    ) -> bool {
        let Some(Held::Number(number)) = known.get(&event.id()) else {
            return false;
        };
        self.duplicates += 1;
        self.bytes += event.json().len() as u64;
        self.credit(number, event, seen_ms, from);
        true
    }
}

/// The way into the archive's store, shared by all connections.
pub(crate) struct Intake {
    pub ground: Arc<Ground>,
    /// Which events are known.
    pub known: Known,
    under_way: UnderWay,
    room: Arc<Semaphore>,
    room_bytes: usize,
}

impl Intake {
    /// As large as the configuration says.
    pub fn new(ground: Arc<Ground>) -> Self {
        let config = &ground.config.archive;
        let room_bytes = config.waiting_megabytes << 20;
        Self {
            known: Known::new(config.known),
            under_way: UnderWay::default(),
            room: Arc::new(Semaphore::new(room_bytes)),
            room_bytes,
            ground,
        }
    }

    /// Bytes that wait.
    pub fn waiting_bytes(&self) -> usize {
        self.room_bytes
            .saturating_sub(self.room.available_permits())
    }

    /// Takes in events whose ids have been checked.
    ///
    /// # Errors
    /// [`Error::Store`] and [`Error::Invalid`] when the store cannot write now.
    pub(super) async fn take(
        &self,
        arrived: Vec<Arrived>,
        from: (RelayId, How),
    ) -> Result<Taken, Error> {
        let bytes = arrived.iter().map(|one| one.event.json().len() as u64);
        let mut taken = Taken {
            bytes: bytes.sum(),
            ..Taken::default()
        };
        let mut left = self.without_known(arrived, from, &mut taken);
        while !left.is_empty() {
            let (claim, mine, others) = self.under_way.claim(left);
            let mine = self.without_stored(mine, from, &mut taken).await?;
            self.submit(mine, from, &mut taken).await?;
            drop(claim);
            self.under_way.wait(&others).await;
            left = self.without_known(others, from, &mut taken);
        }
        metrics::taken(&taken);
        Ok(taken)
    }

    fn without_known(
        &self,
        arrived: Vec<Arrived>,
        from: (RelayId, How),
        taken: &mut Taken,
    ) -> Vec<Arrived> {
        let mut unknown = Vec::new();
        for one in arrived {
            match self.known.get(&one.event.id()) {
                Some(Held::Number(number)) => {
                    taken.duplicates += 1;
                    taken.held(number, &one, from);
                }
                Some(Held::Refused) => {
                    taken.rejected += 1;
                    metrics::rejected("again", 1);
                }
                None => unknown.push(one),
            }
        }
        unknown
    }

    async fn without_stored(
        &self,
        arrived: Vec<Arrived>,
        from: (RelayId, How),
        taken: &mut Taken,
    ) -> Result<Vec<Arrived>, Error> {
        if arrived.is_empty() {
            return Ok(arrived);
        }
        let ids: Vec<EventId> = arrived.iter().map(|one| one.event.id()).collect();
        let numbers = self.ground.archive.numbers(&ids).await?;
        let mut unknown = Vec::new();
        for (one, number) in arrived.into_iter().zip(numbers) {
            let Some(number) = number else {
                unknown.push(one);
                continue;
            };
            self.known.put(&one.event.id(), Held::Number(number.0));
            taken.duplicates += 1;
            taken.held(number.0, &one, from);
        }
        Ok(unknown)
    }

    async fn submit(
        &self,
        arrived: Vec<Arrived>,
        from: (RelayId, How),
        taken: &mut Taken,
    ) -> Result<(), Error> {
        let now = self.ground.clock.now();
        let latest = now
            .0
            .saturating_add(self.ground.config.archive.future_seconds);
        let mut sound = Vec::new();
        for one in arrived {
            let Some(fault) = fault(&one.event, latest) else {
                sound.push(one);
                continue;
            };
            taken.rejected += 1;
            metrics::rejected(fault, 1);
            if is_lasting(fault) {
                self.known.put(&one.event.id(), Held::Refused);
            }
        }
        if sound.is_empty() {
            return Ok(());
        }
        let submission = |one: &Arrived| Submission {
            event: one.event.clone(),
            verified: false,
        };
        let batch = sound.iter().map(submission).collect();
        let outcomes = self.ground.archive.submit(batch, now).await?;
        let mut doubles = Vec::new();
        for (one, outcome) in sound.into_iter().zip(outcomes) {
            match &outcome {
                Outcome::Stored(number) => {
                    self.known.put(&one.event.id(), Held::Number(number.0));
                    taken.new += 1;
                    taken.held(number.0, &one, from);
                }
                Outcome::Duplicate => doubles.push(one),
                Outcome::Refused(Refusal::Unavailable(why)) => {
                    return Err(Error::Invalid(format!("the archive's store: {why}")));
                }
                other => self.refused(&one, other, taken),
            }
        }
        // Others have brought these meanwhile, or they came twice. One that has been removed since is nobody's.
        let gone = self.without_stored(doubles, from, taken).await?;
        taken.duplicates += gone.len() as u64;
        Ok(())
    }

    fn refused(&self, one: &Arrived, outcome: &Outcome, taken: &mut Taken) {
        let Some((word, lasting)) = refusal(outcome) else {
            return;
        };
        taken.rejected += 1;
        taken.forged += u64::from(*outcome == Outcome::Refused(Refusal::BadSignature));
        metrics::rejected(word, 1);
        if lasting {
            self.known.put(&one.event.id(), Held::Refused);
        }
    }
}
