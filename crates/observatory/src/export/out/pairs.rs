//! Who holds what, chunk by chunk of the archive's event numbers.
//!
//! Pairs are kept by relay (`crate::provenance`), and written by event. So a chunk is read in ranges of numbers, as many as keep the
//! pairs of one in memory: each range reads what all relays hold of the chunk, which costs less than to write its pairs.
//!
//! What has changed is told by pairs alone, without reading events. So a chunk that was written before may name an event that has left
//! the archive since, until `provenance::forget` has heard of it and the chunk is another one.

use std::collections::HashMap;
use std::sync::Arc;

use sha2::{Digest, Sha256};
use stentor_event::{EventId, EventView, Filter, Viewer};
use stentor_store::EventNumber;

use super::{Ended, Export, aside};
use crate::error::Error;
use crate::export::encoder::{Encoded, Encoder};
use crate::export::manifest::Hash;
use crate::export::name::Name;
use crate::export::table::{Cell, PROVENANCE};
use crate::provenance::{Held, How, PairReader};
use crate::table::RelayId;

/// Event numbers in a chunk.
const CHUNK: u64 = 1 << 16;
/// Pairs of a range, about: 8 MB.
const RANGE: i64 = 250_000;
/// The most ranges of a chunk: then one has 1,024 event numbers.
const MOST_RANGES: u64 = 64;
/// Events that are read at once for their ids.
const EVENTS: usize = 512;
/// URLs of relays that are remembered.
const MOST_URLS: usize = 100_000;

type Urls = HashMap<RelayId, Arc<str>>;

/// Pairs with what is written of them.
type Rows = Vec<(EventId, Arc<str>, Held)>;

impl Export<'_> {
    /// Writes the chunks that have changed.
    pub(super) async fn provenance(&mut self) -> Result<(), Ended> {
        let mut urls = Urls::new();
        let mut after: i64 = -1;
        loop {
            let next: Option<(i64, i64)> = self
                .ground
                .records
                .fetch_optional(
                    "SELECT chunk, CAST(SUM(pairs) AS BIGINT) FROM observatory_holdings WHERE chunk > ?
                     GROUP BY chunk ORDER BY chunk LIMIT 1",
                    (after,),
                )
                .await?;
            let Some((chunk, pairs)) = next else {
                return Ok(());
            };
            after = chunk;
            let number = u64::try_from(chunk).unwrap_or(0);
            let ranges = u64::try_from(pairs / RANGE).unwrap_or(0) + 1;
            let ranges = ranges.next_power_of_two().min(MOST_RANGES);
            let content = self.digest(number, ranges).await?;
            let named = u32::try_from(chunk).unwrap_or(u32::MAX);
            let first = Name::Provenance {
                chunk: named,
                part: 0,
            };
            if !self.keep(first, &content).await? {
                self.chunk(number, ranges, &mut urls).await?;
            }
            self.tell();
        }
    }

    /// The pairs of a range of a chunk, by event and then by relay.
    async fn range(&self, chunk: u64, ranges: u64, range: u64) -> Result<Vec<Held>, Ended> {
        self.going_on()?;
        let width = CHUNK / ranges;
        let start = chunk * CHUNK + range * width;
        let mut reader = PairReader::new(&self.ground.records, start..start + width);
        let mut pairs = Vec::new();
        while let Some(more) = reader.next().await? {
            pairs.extend(more);
        }
        pairs.sort_unstable_by_key(|pair| (pair.number, pair.relay));
        Ok(pairs)
    }

    async fn digest(&self, chunk: u64, ranges: u64) -> Result<Hash, Ended> {
        let mut hash = self.hash();
        for range in 0..ranges {
            for pair in self.range(chunk, ranges, range).await? {
                add(&mut hash, &pair);
            }
        }
        Ok(hash.finalize().into())
    }

    /// What a chunk is told by begins with the selection: pairs of events that are not in it are not written.
    fn hash(&self) -> Sha256 {
        let mut hash = Sha256::new();
        // It has no value that cannot be written.
        hash.update(serde_json::to_vec(&self.wish.selection).unwrap_or_default());
        hash
    }

    async fn chunk(&mut self, chunk: u64, ranges: u64, urls: &mut Urls) -> Result<(), Ended> {
        let mut hash = self.hash();
        let mut encoder: Option<Encoder> = None;
        let mut parts: Vec<Encoded> = Vec::new();
        for range in 0..ranges {
            let pairs = self.range(chunk, ranges, range).await?;
            pairs.iter().for_each(|pair| add(&mut hash, pair));
            let rows = self.rows(pairs, urls).await?;
            if rows.is_empty() {
                continue;
            }
            self.done.pairs += rows.len() as u64;
            let (format, folder) = (self.wish.format, self.scratch.path().to_owned());
            let open = encoder.take();
            let filled = aside(move || {
                let mut encoder = match open {
                    Some(encoder) => encoder,
                    None => Encoder::new(PROVENANCE, format, &folder)?,
                };
                write(&mut encoder, &rows)?;
                Ok(encoder)
            });
            let filled = filled.await?;
            if filled.raw >= self.part_bytes {
                parts.push(aside(move || filled.finish()).await?);
            } else {
                encoder = Some(filled);
            }
            self.tell();
        }
        if let Some(encoder) = encoder {
            parts.push(aside(move || encoder.finish()).await?);
        }
        let content: Hash = hash.finalize().into();
        let chunk = u32::try_from(chunk).unwrap_or(u32::MAX);
        for (part, file) in (0..).zip(parts) {
            self.put(file, Name::Provenance { chunk, part }, (content, None))
                .await?;
        }
        Ok(())
    }

    /// With the ids of events and the URLs of relays. Events that are not selected, or have just left, are left out.
    async fn rows(&self, pairs: Vec<Held>, urls: &mut Urls) -> Result<Rows, Ended> {
        let mut numbers: Vec<EventNumber> =
            pairs.iter().map(|pair| EventNumber(pair.number)).collect();
        numbers.dedup();
        let through: Filter = self.filter(0, u64::MAX);
        let mut ids: HashMap<u64, EventId> = HashMap::with_capacity(numbers.len());
        for numbers in numbers.chunks(EVENTS) {
            self.going_on()?;
            let now = self.ground.clock.now();
            let viewer = Viewer::operator();
            let events = self.ground.archive.fetch(numbers, &through, &viewer, now);
            for event in events.await? {
                if let Some((id, _)) = EventView::identity(&event.json) {
                    ids.insert(event.number.0, id);
                }
            }
        }
        let mut rows = Vec::with_capacity(pairs.len());
        for pair in pairs {
            let Some(id) = ids.get(&pair.number) else {
                continue;
            };
            if let Some(url) = self.url(pair.relay, urls).await? {
                rows.push((*id, url, pair));
            }
        }
        Ok(rows)
    }

    async fn url(&self, relay: RelayId, urls: &mut Urls) -> Result<Option<Arc<str>>, Error> {
        if let Some(url) = urls.get(&relay) {
            return Ok(Some(url.clone()));
        }
        let found: Option<(String,)> = self
            .ground
            .records
            .fetch_optional(
                "SELECT url FROM observatory_relays WHERE id = ?",
                (relay.0,),
            )
            .await?;
        let Some((url,)) = found else {
            return Ok(None);
        };
        if urls.len() >= MOST_URLS {
            urls.clear();
        }
        let url: Arc<str> = url.into();
        urls.insert(relay, url.clone());
        Ok(Some(url))
    }
}

fn add(hash: &mut Sha256, pair: &Held) {
    hash.update(pair.number.to_le_bytes());
    hash.update(pair.relay.0.to_le_bytes());
    hash.update(pair.seen_ms.to_le_bytes());
    hash.update([u8::from(pair.how == How::Live)]);
}

fn write(encoder: &mut Encoder, rows: &Rows) -> std::io::Result<()> {
    for (id, url, pair) in rows {
        encoder.row(&[
            Cell::Bytes(&id.0),
            Cell::Text((&**url).into()),
            Cell::Long(crate::clock::stored(pair.seen_ms)),
            Cell::Text(pair.how.as_str().into()),
        ])?;
    }
    Ok(())
}
