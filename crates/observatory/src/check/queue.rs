//! The relays that are due, from the records.

use std::collections::{HashSet, VecDeque};

use stentor_sql::{Database, Error};

use crate::clock::{read, stored};
use crate::relay_url::Network;
use crate::table::{RelayId, Status};

/// A relay that is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Due {
    /// Its number.
    pub relay: RelayId,
    /// Its URL.
    pub url: String,
    /// The network it is in.
    pub network: Network,
    /// How it did last.
    pub status: Status,
}

/// The relays that are due, oldest first, and those of them that are being checked.
#[derive(Debug, Default)]
pub(super) struct Queue {
    waiting: VecDeque<Due>,
    taken: HashSet<RelayId>,
}

impl Queue {
    /// The next one. It stays taken until it is [`done`](Self::done).
    pub fn take(&mut self) -> Option<Due> {
        let due = self.waiting.pop_front()?;
        self.taken.insert(due.relay);
        Some(due)
    }

    /// The check of a relay is in the records.
    pub fn done(&mut self, relay: RelayId) {
        self.taken.remove(&relay);
    }

    /// Whether none is waiting.
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Reads those that are due when none is waiting: at most `most`, beside those that are being checked.
    ///
    /// # Errors
    /// Those of the records.
    pub async fn fill(
        &mut self,
        records: &Database,
        now_ms: u64,
        most: usize,
    ) -> Result<(), Error> {
        if !self.waiting.is_empty() {
            return Ok(());
        }
        let limit = i64::try_from(self.taken.len() + most).unwrap_or(i64::MAX);
        let rows: Vec<(i64, String, String, String)> = records
            .fetch_all(
                "SELECT id, url, network, status FROM observatory_relays
                 WHERE state = 'relay' AND next_ms <= ? ORDER BY next_ms, id LIMIT ?",
                (stored(now_ms), limit),
            )
            .await?;
        let found = rows.into_iter().map(|(id, url, network, status)| Due {
            relay: RelayId(id),
            url,
            network: Network::parse(&network).unwrap_or(Network::Clearnet),
            status: Status::parse(&status),
        });
        let taken = &self.taken;
        self.waiting = found.filter(|due| !taken.contains(&due.relay)).collect();
        Ok(())
    }

    /// How many are due in all.
    ///
    /// # Errors
    /// Those of the records.
    pub async fn due(records: &Database, now_ms: u64) -> Result<u64, Error> {
        let (count,): (i64,) = records
            .fetch_one(
                "SELECT COUNT(*) FROM observatory_relays WHERE state = 'relay' AND next_ms <= ?",
                (stored(now_ms),),
            )
            .await?;
        Ok(read(count))
    }
}
