//! The deliveries of one endpoint that wait to be tried again: the next of them in memory, the others in the records.

use std::collections::{HashSet, VecDeque};

use stentor_sql::{Error, Transaction};
use uuid::Uuid;

use super::Waiting;
use super::settle::{Batch, Row};
use crate::webhook::endpoint::Endpoint;
use crate::webhook::ground::Ground;
use crate::webhook::table::deliveries;

/// Those that are read at once.
const READ: u64 = 64;

/// See the module.
#[derive(Debug)]
pub(super) struct Retries {
    endpoint: Uuid,
    /// Those that are due first.
    upcoming: VecDeque<Waiting>,
    /// Those that are under way.
    begun: HashSet<Uuid>,
    /// How many wait, those under way among them.
    waiting: u64,
    /// Whether what is here is what is in the records.
    is_current: bool,
}

impl Retries {
    pub fn new(endpoint: &Endpoint) -> Self {
        Self {
            endpoint: endpoint.id,
            upcoming: VecDeque::new(),
            begun: HashSet::new(),
            waiting: 0,
            is_current: false,
        }
    }

    /// Reads the next ones, unless they are here.
    pub async fn load(&mut self, ground: &Ground) -> Result<(), Error> {
        let has_all = self.waiting == self.begun.len() as u64;
        if self.is_current && (!self.upcoming.is_empty() || has_all) {
            return Ok(());
        }
        let (endpoint, limit) = (self.endpoint, READ + self.begun.len() as u64);
        let read = ground.records.read(move |tx: &mut Transaction<'_>| {
            let upcoming = deliveries::upcoming(tx, endpoint, limit)?;
            Ok::<_, Error>((upcoming, deliveries::waiting(tx, endpoint)?))
        });
        let (upcoming, waiting) = read.await?;
        let begun = &self.begun;
        let upcoming = upcoming.into_iter();
        self.upcoming = upcoming.filter(|one| !begun.contains(&one.id)).collect();
        self.waiting = waiting;
        self.is_current = true;
        Ok(())
    }

    /// When the next one is due.
    pub fn due_at(&self) -> Option<u64> {
        self.upcoming.front().map(|next| next.due_ms)
    }

    /// Takes the next one.
    pub fn take(&mut self) -> Option<Waiting> {
        let next = self.upcoming.pop_front()?;
        self.begun.insert(next.id);
        Some(next)
    }

    /// How many wait.
    pub const fn waiting(&self) -> u64 {
        self.waiting
    }

    /// What is in the records may have changed.
    pub const fn forget(&mut self) {
        self.is_current = false;
    }

    /// This was written.
    pub fn changed(&mut self, batch: &Batch) {
        self.waiting = self.waiting.saturating_add_signed(batch.more_waiting);
        for row in &batch.rows {
            match row {
                Row::Insert(..) => self.is_current = false,
                Row::Update(delivery, _) => {
                    self.begun.remove(&delivery.id);
                    self.is_current = false;
                }
                Row::Delete(id) => {
                    self.begun.remove(id);
                }
            }
        }
    }
}
