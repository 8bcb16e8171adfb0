//! Taking in what a command has read from an export.
//!
//! Nothing is believed: events are parsed, their ids recomputed, and the store verifies their signatures, as if they came from a
//! relay. URLs of relays become candidates (O1.3), and pairs count for what is a relay already: who holds what is the word of
//! whoever made the export, which the operator has chosen to take. Doing it twice changes nothing.

mod events;
mod lines;
mod pairs;

use std::collections::BTreeMap;
use std::io::Read;

use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use self::lines::{Batch, Reader};
use self::pairs::Relays;
use crate::error::Error;
use crate::role::Observatory;

/// Rows that are shown as examples of what was not taken.
const MOST_EXAMPLES: usize = 20;

/// What became of what was read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Imported {
    /// Rows that were dealt with.
    pub done: u64,
    /// Rows that there are.
    pub total: u64,
    /// Events that are new to the archive.
    pub events: u64,
    /// Events that it had.
    pub duplicates: u64,
    /// Events that it does not take, by reason.
    pub refused: BTreeMap<String, u64>,
    /// Rows that are no events and no pairs, or events with a wrong id.
    pub invalid: u64,
    /// The first of these.
    pub examples: Vec<BadRow>,
    /// Pairs that are new.
    pub pairs: u64,
    /// Pairs that were known.
    pub known_pairs: u64,
    /// Pairs of events that are not here.
    pub pairs_without_event: u64,
    /// Pairs of URLs that are no relay yet. Those that can be one are candidates now; the import can be done again when they have
    /// answered.
    pub pairs_without_relay: u64,
    /// URLs that are candidates by this import.
    pub candidates: u64,
    /// Whether it was ended early.
    pub stopped: bool,
}

/// A row that is not taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BadRow {
    /// The file.
    pub file: String,
    /// Its row, from 1 on.
    pub row: u64,
    /// What is wrong with it.
    pub problem: String,
}

impl Observatory {
    /// Takes in what [`Source::lines`](super::Source::lines) has given out; `total` is how many rows there are, to tell how far it has got. Ends
    /// early when `stop` becomes true: what was taken until then stays.
    ///
    /// # Errors
    /// [`Error`]: the input breaks off, or the store or the records cannot write.
    pub async fn import(
        &self,
        input: Box<dyn Read + Send>,
        total: u64,
        stop: &watch::Receiver<bool>,
        report: impl Fn(&Imported) + Send + Sync,
    ) -> Result<Imported, Error> {
        let limits = (self.ground.peer.event_bytes, self.ground.peer.tags);
        let mut reader = Reader::start(input, limits);
        let mut done = Imported {
            total,
            ..Imported::default()
        };
        let mut relays = Relays::open(&self.ground).await?;
        while let Some(batch) = reader.next().await? {
            if *stop.borrow() {
                done.stopped = true;
                break;
            }
            let Batch { events, pairs, bad } = batch;
            done.done += (events.len() + pairs.len()) as u64 + bad.len() as u64;
            done.bad(bad);
            events::take(&self.ground, events, &mut done).await?;
            relays.take(&self.ground, pairs, &mut done).await?;
            report(&done);
        }
        Ok(done)
    }
}

impl Imported {
    fn bad(&mut self, rows: Vec<BadRow>) {
        self.invalid += rows.len() as u64;
        let room = MOST_EXAMPLES.saturating_sub(self.examples.len());
        self.examples.extend(rows.into_iter().take(room));
    }

    fn refused(&mut self, reason: &str) {
        *self.refused.entry(reason.to_owned()).or_default() += 1;
    }
}
