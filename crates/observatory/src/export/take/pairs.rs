//! Who holds what, as an export says it.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use stentor_event::{EventId, EventView, Filter, Viewer};
use stentor_store::EventNumber;

use super::Imported;
use super::lines::Claim;
use crate::discover;
use crate::error::Error;
use crate::ground::Ground;
use crate::provenance::{How, Pair, credit};
use crate::relay_url::RelayUrl;
use crate::table::{RelayId, State};

/// Bytes of URLs, and of what goes with them, after which they are forgotten: those of some 150,000.
const MOST_BYTES: usize = 16 << 20;
/// Bytes that go with a URL.
const ENTRY_BYTES: usize = 64;
/// Events that are read at once for their times.
const EVENTS: usize = 512;

/// URLs that were looked up, as they were written.
#[derive(Default)]
struct Known {
    /// `None` is no relay.
    relays: HashMap<String, Option<RelayId>>,
    bytes: usize,
}

impl Known {
    /// Forgets all when it has become too much.
    fn make_room(&mut self) {
        if self.bytes > MOST_BYTES {
            *self = Self::default();
        }
    }

    fn insert(&mut self, text: String, relay: Option<RelayId>) {
        self.bytes += text.len() + ENTRY_BYTES;
        self.relays.insert(text, relay);
    }
}

/// Relays that an export names.
pub(super) struct Relays {
    known: Known,
    /// How many more candidates there may be.
    room: u64,
}

impl Relays {
    /// Knows none.
    ///
    /// # Errors
    /// Those of the records.
    pub async fn open(ground: &Ground) -> Result<Self, Error> {
        Ok(Self {
            known: Known::default(),
            room: discover::room(ground).await?,
        })
    }

    /// Takes pairs down.
    ///
    /// # Errors
    /// Those of the records and of the store.
    pub async fn take(
        &mut self,
        ground: &Arc<Ground>,
        claims: Vec<Claim>,
        done: &mut Imported,
    ) -> Result<(), Error> {
        if claims.is_empty() {
            return Ok(());
        }
        self.look_up(ground, &claims, done).await?;
        let ids: Vec<EventId> = claims.iter().map(|claim| claim.event).collect();
        let numbers = ground.archive.numbers(&ids).await?;
        let mut pairs = Vec::new();
        for (claim, number) in claims.iter().zip(numbers) {
            let Some(EventNumber(number)) = number else {
                done.pairs_without_event += 1;
                continue;
            };
            let Some(relay) = self.known.relays.get(&claim.relay).copied().flatten() else {
                done.pairs_without_relay += 1;
                continue;
            };
            pairs.push(Pair {
                number,
                relay,
                seen_ms: claim.seen_ms,
                created_ms: 0,
                how: claim.how,
            });
        }
        with_times(ground, &mut pairs).await?;
        let all = pairs.len() as u64;
        let credited = ground.records.write(move |tx| credit(tx, &pairs));
        let new: u64 = credited.await?;
        done.pairs += new;
        done.known_pairs += all.saturating_sub(new);
        Ok(())
    }

    /// Finds out which of these URLs are relays; those that are not known at all become candidates.
    async fn look_up(
        &mut self,
        ground: &Arc<Ground>,
        claims: &[Claim],
        done: &mut Imported,
    ) -> Result<(), Error> {
        self.known.make_room();
        let texts = claims.iter().map(|claim| claim.relay.as_str());
        let texts = texts.filter(|text| !self.known.relays.contains_key(*text));
        let texts: BTreeSet<&str> = texts.collect();
        let mut urls = BTreeSet::new();
        let mut spelled = Vec::new();
        for text in texts {
            match RelayUrl::parse(text) {
                Ok(url) => {
                    urls.insert(url.clone());
                    spelled.push((text.to_owned(), url));
                }
                Err(_) => {
                    self.known.insert(text.to_owned(), None);
                }
            }
        }
        if urls.is_empty() {
            return Ok(());
        }
        let (found, new) = discover::imported(ground, urls, self.room).await?;
        self.room = self.room.saturating_sub(new);
        done.candidates += new;
        for (text, url) in spelled {
            let relay = found.get(&url).filter(|(_, state)| *state == State::Relay);
            self.known.insert(text, relay.map(|(id, _)| *id));
        }
        Ok(())
    }
}

/// Says when the events were made of which that counts: how long they took to arrive.
async fn with_times(ground: &Ground, pairs: &mut [Pair]) -> Result<(), Error> {
    let live = pairs.iter().filter(|pair| pair.how == How::Live);
    let numbers: BTreeSet<u64> = live.map(|pair| pair.number).collect();
    let numbers: Vec<EventNumber> = numbers.into_iter().map(EventNumber).collect();
    let mut times = HashMap::with_capacity(numbers.len());
    let (through, viewer) = (Filter::default(), Viewer::operator());
    for numbers in numbers.chunks(EVENTS) {
        let now = ground.clock.now();
        let events = ground
            .archive
            .fetch(numbers, &through, &viewer, now)
            .await?;
        for event in events {
            if let Ok(view) = EventView::from_canonical(&event.json) {
                let time_ms = view.created_at().0.saturating_mul(1_000);
                times.insert(event.number.0, time_ms);
            }
        }
    }
    for pair in pairs {
        pair.created_ms = times.get(&pair.number).copied().unwrap_or(0);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn o4_3_urls_are_remembered_up_to_their_bytes() {
        let mut known = Known::default();
        let (mut number, mut most) = (0, 0);
        while number < 30_000 {
            // As many as there may be in a batch.
            known.make_room();
            for _ in 0..2_000 {
                number += 1;
                known.insert(format!("{number:02048}"), None);
            }
            most = most.max(known.relays.len());
        }
        assert!((7_000..=10_000).contains(&most), "{most}");
    }
}
