//! The relays that are due, from the records.

use std::collections::{HashSet, VecDeque};

use stentor_sql::{Database, Error};

use crate::clock::{read, stored};
use crate::config::Connections;
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

/// The relays that are due, oldest first in each network, and those of them that are being checked. Networks take turns, and each has no
/// more visits under way than there may be connections to it, so that a slow one does not hold up the others.
#[derive(Debug)]
pub(super) struct Queue {
    lines: [Line; Network::ALL.len()],
    /// Whose turn it is.
    turn: usize,
    taken: HashSet<RelayId>,
}

/// Those of one network.
#[derive(Debug)]
struct Line {
    network: Network,
    waiting: VecDeque<Due>,
    /// Checks under way, and the most of them.
    under_way: usize,
    most: usize,
}

impl Queue {
    /// With so many checks under way at once in all; of the networks behind proxies no more than there may be connections.
    pub fn new(most: usize, connections: &Connections) -> Self {
        let lines = Network::ALL.map(|network| Line {
            network,
            waiting: VecDeque::new(),
            under_way: 0,
            most: match network {
                Network::Clearnet => most,
                Network::Tor => connections.tor.min(most),
                Network::I2p => connections.i2p.min(most),
                Network::Loki => connections.loki.min(most),
            },
        });
        Self {
            lines,
            turn: 0,
            taken: HashSet::new(),
        }
    }

    /// The next one. It stays taken until it is [`done`](Self::done), and under way until it has [`ended`](Self::ended).
    pub fn take(&mut self) -> Option<Due> {
        for _ in Network::ALL {
            self.turn = (self.turn + 1) % self.lines.len();
            let line = self.lines.get_mut(self.turn)?;
            if line.may_start()
                && let Some(due) = line.waiting.pop_front()
            {
                line.under_way += 1;
                self.taken.insert(due.relay);
                return Some(due);
            }
        }
        None
    }

    /// A check of this network has ended.
    pub fn ended(&mut self, network: Network) {
        if let Some(line) = self.lines.iter_mut().find(|line| line.network == network) {
            line.under_way = line.under_way.saturating_sub(1);
        }
    }

    /// The check of a relay is in the records.
    pub fn done(&mut self, relay: RelayId) {
        self.taken.remove(&relay);
    }

    /// Whether none may be taken.
    pub fn is_empty(&self) -> bool {
        !self.lines.iter().any(Line::may_start)
    }

    /// Reads those that are due where none is waiting, beside those that are being checked.
    ///
    /// # Errors
    /// Those of the records.
    pub async fn fill(&mut self, records: &Database, now_ms: u64) -> Result<(), Error> {
        for line in &mut self.lines {
            if line.waiting.is_empty() && line.under_way < line.most {
                line.waiting = due(records, now_ms, line, &self.taken).await?;
            }
        }
        Ok(())
    }

    /// Has those checked now that are due so much later that the clock must have been set back since.
    ///
    /// # Errors
    /// Those of the records.
    pub async fn unwind(records: &Database, now_ms: u64, longest_ms: u64) -> Result<(), Error> {
        let latest = stored(now_ms.saturating_add(longest_ms.saturating_mul(2)));
        let (later,): (bool,) = records
            .fetch_one(
                "SELECT EXISTS (SELECT 1 FROM observatory_relays WHERE state = 'relay' AND next_ms > ?)",
                (latest,),
            )
            .await?;
        if !later {
            return Ok(());
        }
        let moved = records.write(move |tx| {
            tx.execute(
                "UPDATE observatory_relays SET next_ms = ? WHERE state = 'relay' AND next_ms > ?",
                (stored(now_ms), latest),
            )
        });
        let relays = moved.await?;
        tracing::warn!(relays, "the clock was set back: relays are checked now");
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

impl Line {
    fn may_start(&self) -> bool {
        !self.waiting.is_empty() && self.under_way < self.most
    }
}

/// Those of a network that are due and not taken.
async fn due(
    records: &Database,
    now_ms: u64,
    line: &Line,
    taken: &HashSet<RelayId>,
) -> Result<VecDeque<Due>, Error> {
    let network = line.network;
    let limit = i64::try_from(taken.len() + line.most).unwrap_or(i64::MAX);
    let rows: Vec<(i64, String, String)> = records
        .fetch_all(
            "SELECT id, url, status FROM observatory_relays
             WHERE state = 'relay' AND network = ? AND next_ms <= ? ORDER BY next_ms, id LIMIT ?",
            (network.as_str(), stored(now_ms), limit),
        )
        .await?;
    let found = rows.into_iter().map(|(id, url, status)| Due {
        relay: RelayId(id),
        url,
        network,
        status: Status::parse(&status),
    });
    Ok(found.filter(|due| !taken.contains(&due.relay)).collect())
}

#[cfg(test)]
mod tests;
