//! What one connection has brought and not handed to the store yet.

use std::sync::Arc;

use stentor_event::Event;
use stentor_net::limit::{Bucket, Rate};
use tokio::time::Instant;

use super::{Arrived, Intake, Taken, metrics};
use crate::error::Error;
use crate::provenance::How;
use crate::table::RelayId;

/// Events handed to the store at once, by number and by bytes.
const EVENTS: usize = 256;
const BYTES: usize = 1 << 20;

/// See the module.
pub(crate) struct Basket {
    intake: Arc<Intake>,
    from: (RelayId, How),
    arrived: Vec<Arrived>,
    bytes: usize,
    /// Copies of known events, since events were last handed over.
    copies: Taken,
    /// What became of what was handed over since it was asked.
    taken: Taken,
    rate: Rate,
    bucket: Bucket,
    start: Instant,
}

impl Basket {
    /// For events of this relay.
    pub fn new(intake: Arc<Intake>, relay: RelayId, how: How) -> Self {
        let rate = Rate::per_second(intake.ground.config.archive.events_per_second);
        Self {
            intake,
            from: (relay, how),
            arrived: Vec::new(),
            bytes: 0,
            copies: Taken::default(),
            taken: Taken::default(),
            rate,
            bucket: Bucket::default(),
            start: Instant::now(),
        }
    }

    /// Puts an event in, and hands over what is there when that is enough. Waits while there is no room, and while the relay sends
    /// faster than it may.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn put(&mut self, event: Event) -> Result<(), Error> {
        let seen_ms = self.intake.ground.clock.now_ms();
        if self
            .copies
            .is_copy(&self.intake.known, &event.view(), seen_ms, self.from)
        {
            // It takes no room: nothing of it is kept but who has it.
            if self.copies.pairs.len() + self.arrived.len() >= EVENTS {
                self.flush().await?;
            }
            return Ok(());
        }
        let bytes = event.json().len().clamp(1, self.intake.room_bytes);
        let permits = u32::try_from(bytes).unwrap_or(u32::MAX);
        let room = self.intake.room.clone();
        let share = match room.clone().try_acquire_many_owned(permits) {
            Ok(share) => Some(share),
            Err(_) => {
                // Whoever waits holds nothing, so that there is room in the end.
                self.flush().await?;
                room.acquire_many_owned(permits).await.ok()
            }
        };
        // The room is never closed, so there always is a share.
        self.arrived.extend(share.map(|share| Arrived {
            event,
            seen_ms,
            _share: share,
        }));
        self.bytes += bytes;
        if self.arrived.len() >= EVENTS || self.bytes >= BYTES {
            self.flush().await?;
        }
        Ok(())
    }

    /// Counts copies of known events that were not put in.
    pub fn add_copies(&mut self, copies: Taken) {
        self.copies.add(copies);
    }

    /// Hands over what is there.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn flush(&mut self) -> Result<(), Error> {
        let arrived = std::mem::take(&mut self.arrived);
        let copies = std::mem::take(&mut self.copies);
        self.bytes = 0;
        let events = arrived.len() + usize::try_from(copies.duplicates).unwrap_or(usize::MAX);
        if events == 0 {
            return Ok(());
        }
        metrics::taken(&copies);
        self.taken.add(copies);
        if !arrived.is_empty() {
            self.taken.add(self.intake.take(arrived, self.from).await?);
        }
        let events = u32::try_from(events).unwrap_or(u32::MAX);
        while let Err(limited) = self.bucket.take(self.rate, self.start.elapsed(), events) {
            tokio::time::sleep(limited.retry_after).await;
        }
        Ok(())
    }

    /// Events with a wrong signature since the last time that this was asked.
    pub fn forged(&mut self) -> u64 {
        std::mem::take(&mut self.taken.forged)
    }

    /// What became of what was handed over since the last time that this was asked.
    pub fn taken(&mut self) -> Taken {
        std::mem::take(&mut self.taken)
    }
}
