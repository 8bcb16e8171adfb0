//! What is reconciled: time and id of each event of a set, in order.

use negentropy::{Bound, Error, Id, Item, NegentropyStorageBase};
use stentor_event::{EventId, Timestamp};

/// What one event costs in memory.
pub const ITEM_BYTES: usize = size_of::<Item>();

/// Items in a chunk, 320 KiB: what is allocated at once, so that a set neither moves nor reserves twice its size while it
/// grows.
const CHUNK: usize = 1 << 13;

/// A set of events, sealed. It is asked for by place, oldest first, as NIP-77 orders it.
#[derive(Debug, Default)]
pub struct Snapshot {
    /// Newest first, and within a second highest id first: the order of NIP-77 from its end.
    items: Chunks,
}

/// A snapshot in the making.
#[derive(Debug, Default)]
pub struct SnapshotBuilder {
    items: Chunks,
    /// Where the second begins that is being added to.
    second: usize,
}

impl SnapshotBuilder {
    /// Adds an event. Events come newest first, within a second in any order.
    pub fn push(&mut self, created_at: Timestamp, id: EventId) {
        let last = self.items.last().map(|item| item.timestamp);
        if last.is_some_and(|last| last != created_at.0) {
            self.close_second();
        }
        let id = Id::from_byte_array(id.0);
        self.items
            .push(Item::with_timestamp_and_id(created_at.0, id));
    }

    /// How many events there are.
    pub fn len(&self) -> usize {
        self.items.length
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The whole set.
    pub fn finish(mut self) -> Snapshot {
        self.close_second();
        self.items.shrink();
        Snapshot { items: self.items }
    }

    /// Brings the last second into its order. It comes lowest id first, so reversing it is nearly all there is to do.
    fn close_second(&mut self) {
        let (from, to) = (self.second, self.items.length);
        for step in 0..(to - from) / 2 {
            self.items.swap(from + step, to - 1 - step);
        }
        let mut doubles = false;
        for at in from + 1..to {
            doubles |= !self.items.sink(from, at);
        }
        if doubles {
            self.items.dedup(from);
        }
        self.second = self.items.length;
    }
}

impl Snapshot {
    /// How many events there are.
    pub fn len(&self) -> usize {
        self.items.length
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The place of an item among [`Snapshot::items`], where it is the `index`th oldest.
    fn item(&self, index: usize) -> Option<Item> {
        let place = self.len().checked_sub(index + 1)?;
        self.items.get(place).copied()
    }
}

impl Extend<(Timestamp, EventId)> for SnapshotBuilder {
    fn extend<T: IntoIterator<Item = (Timestamp, EventId)>>(&mut self, events: T) {
        for (created_at, id) in events {
            self.push(created_at, id);
        }
    }
}

impl NegentropyStorageBase for Snapshot {
    fn size(&self) -> Result<usize, Error> {
        Ok(self.len())
    }

    fn get_item(&self, index: usize) -> Result<Option<Item>, Error> {
        Ok(self.item(index))
    }

    fn iterate(
        &self,
        begin: usize,
        end: usize,
        visit: &mut dyn FnMut(Item, usize) -> Result<bool, Error>,
    ) -> Result<(), Error> {
        if begin > end || end > self.len() {
            return Err(Error::BadRange);
        }
        let (mut to, from) = (self.len() - begin, self.len() - end);
        let mut index = begin;
        while to > from {
            let chunk = (to - 1) / CHUNK * CHUNK;
            let part = self.items.slice(from.max(chunk), to);
            for item in part.iter().rev() {
                if !visit(*item, index)? {
                    return Ok(());
                }
                index += 1;
            }
            to = from.max(chunk);
        }
        Ok(())
    }

    fn find_lower_bound(&self, first: usize, last: usize, value: &Bound) -> usize {
        let (mut from, mut to) = (first, last);
        while from < to {
            let middle = from + (to - from) / 2;
            if self.item(middle).is_some_and(|item| item < value.item) {
                from = middle + 1;
            } else {
                to = middle;
            }
        }
        from
    }
}

/// A list in pieces of [`CHUNK`].
#[derive(Debug, Default)]
struct Chunks {
    chunks: Vec<Vec<Item>>,
    length: usize,
}

impl Chunks {
    fn push(&mut self, item: Item) {
        match self.chunks.last_mut() {
            Some(chunk) if chunk.len() < CHUNK => chunk.push(item),
            last => {
                // Small sets stay small: only from the second chunk on is a whole one taken.
                let room = if last.is_some() { CHUNK } else { 0 };
                let mut chunk = Vec::with_capacity(room);
                chunk.push(item);
                self.chunks.push(chunk);
            }
        }
        self.length += 1;
    }

    fn get(&self, at: usize) -> Option<&Item> {
        self.chunks.get(at / CHUNK)?.get(at % CHUNK)
    }

    fn get_mut(&mut self, at: usize) -> Option<&mut Item> {
        self.chunks.get_mut(at / CHUNK)?.get_mut(at % CHUNK)
    }

    fn last(&self) -> Option<&Item> {
        self.chunks.last()?.last()
    }

    /// The items between two places of one chunk.
    fn slice(&self, from: usize, to: usize) -> &[Item] {
        let base = from / CHUNK * CHUNK;
        let chunk = self.chunks.get(from / CHUNK);
        chunk
            .and_then(|chunk| chunk.get(from - base..to - base))
            .unwrap_or_default()
    }

    fn swap(&mut self, one: usize, other: usize) {
        let (Some(first), Some(second)) = (self.get(one).copied(), self.get(other).copied()) else {
            return;
        };
        if let Some(place) = self.get_mut(one) {
            *place = second;
        }
        if let Some(place) = self.get_mut(other) {
            *place = first;
        }
    }

    /// Moves the item at a place down, not below `from`, until no smaller one lies under it. `false`: its equal does.
    fn sink(&mut self, from: usize, mut at: usize) -> bool {
        while at > from {
            let (Some(below), Some(item)) = (self.get(at - 1), self.get(at)) else {
                return true;
            };
            if below.id >= item.id {
                return below.id != item.id;
            }
            self.swap(at - 1, at);
            at -= 1;
        }
        true
    }

    /// Leaves out what equals its predecessor, from a place on.
    fn dedup(&mut self, from: usize) {
        let mut kept = from;
        for at in from..self.length {
            let double = kept > from && self.get(kept - 1) == self.get(at);
            if !double {
                self.swap(kept, at);
                kept += 1;
            }
        }
        self.length = kept;
        self.chunks.truncate(kept.div_ceil(CHUNK));
        if let Some(chunk) = self.chunks.last_mut() {
            chunk.truncate(kept - (kept - 1) / CHUNK * CHUNK);
        }
    }

    /// Gives back what the last chunk has too much.
    fn shrink(&mut self) {
        if let Some(chunk) = self.chunks.last_mut() {
            chunk.shrink_to_fit();
        }
        self.chunks.shrink_to_fit();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn snapshot(mut events: Vec<(u64, u64, u8)>) -> Snapshot {
        // As a store returns them: of the id, it orders by 64 bits only.
        events.sort_by_key(|(at, high, _)| (std::cmp::Reverse(*at), *high));
        let mut builder = SnapshotBuilder::default();
        builder.extend(events.iter().map(|(at, high, low)| {
            let mut id = [*low; 32];
            id[..8].copy_from_slice(&high.to_be_bytes());
            (Timestamp(*at), EventId(id))
        }));
        builder.finish()
    }

    fn items(snapshot: &Snapshot, begin: usize, end: usize) -> Vec<Item> {
        let mut all = Vec::new();
        snapshot
            .iterate(begin, end, &mut |item, index| {
                assert_eq!(index, begin + all.len());
                assert_eq!(snapshot.get_item(index).unwrap(), Some(item));
                all.push(item);
                Ok(true)
            })
            .unwrap();
        all
    }

    #[test]
    fn r5_1_an_event_costs_forty_bytes() {
        assert_eq!(ITEM_BYTES, 40);
        let mut builder = SnapshotBuilder::default();
        for at in 0..3 * CHUNK as u64 + 5 {
            builder.push(Timestamp(u64::MAX / 2 - at), EventId([1; 32]));
        }
        let room = |items: &Chunks| items.chunks.iter().map(Vec::capacity).sum::<usize>();
        assert!(room(&builder.items) <= 4 * CHUNK);
        let snapshot = builder.finish();
        assert_eq!(room(&snapshot.items), snapshot.len());
    }

    proptest! {
        #[test]
        fn r5_1_a_snapshot_is_in_the_order_of_the_nip(
            events in proptest::collection::vec((0u64..5, 0u64..40, 0u8..3), 0..200),
            bounds in proptest::collection::vec((0u64..6, 0u8..40), 1..6),
        ) {
            let snapshot = snapshot(events);
            let all = items(&snapshot, 0, snapshot.len());
            prop_assert!(all.windows(2).all(|pair| pair[0] < pair[1]), "ascending, each once");
            let middle = all.len() / 3;
            prop_assert_eq!(&items(&snapshot, middle, all.len())[..], &all[middle..]);
            for (at, id) in bounds {
                let bound = Bound::with_timestamp_and_id(at, [0, 0, 0, 0, 0, 0, 0, id]).unwrap();
                let expected = all.partition_point(|item| *item < bound.item);
                prop_assert_eq!(snapshot.find_lower_bound(0, all.len(), &bound), expected);
            }
        }
    }

    #[test]
    fn r5_1_a_second_may_span_chunks() {
        let count = 2 * CHUNK as u64 + 77;
        let mut events: Vec<(u64, u64, u8)> = (0..count).map(|high| (7, high, 0)).collect();
        events.extend((0..9).map(|at| (8, at, 0)));
        events.push((7, 5, 0));
        let snapshot = snapshot(events);
        let all = items(&snapshot, 0, snapshot.len());
        assert_eq!(all.len() as u64, count + 9, "the double is left out");
        assert!(all.windows(2).all(|pair| pair[0] < pair[1]));
    }
}
