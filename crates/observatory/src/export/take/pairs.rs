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

/// URLs that are remembered.
const MOST_URLS: usize = 100_000;
/// Events that are read at once for their times.
const EVENTS: usize = 512;

/// Relays that an export names.
pub(super) struct Relays {
    /// Those that were looked up: `None` is no relay.
    known: HashMap<String, Option<RelayId>>,
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
            known: HashMap::new(),
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
            let Some(relay) = self.known.get(&claim.relay).copied().flatten() else {
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
        if self.known.len() > MOST_URLS {
            self.known.clear();
        }
        let texts = claims.iter().map(|claim| claim.relay.as_str());
        let texts = texts.filter(|text| !self.known.contains_key(*text));
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
