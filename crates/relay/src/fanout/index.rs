//! Which filters an event may match: an inverted index over their most selective field.

use hashbrown::{DefaultHashBuilder, HashMap};
use smallvec::SmallVec;
use std::hash::{BuildHasher, BuildHasherDefault, Hash, Hasher};
use stentor_event::{EventView, Filter};

/// A filter of a subscription: its slot in the shard, and the position of the filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Posting {
    pub(super) slot: u32,
    pub(super) filter: u32,
}

/// Kinds up to which a filter is found by them. With more it is one that every event may match, which is then seen from its kinds:
/// to take it out of as many lists, each of which may be long, would hold up who commits.
const FEW_KINDS: usize = 16;

/// A field with a value, hashed. Two that collide cost a comparison, nothing else: every candidate is matched.
pub(super) type Probe = u64;

/// The probes of one event.
pub(super) type Probes = SmallVec<[Probe; 16]>;

/// What a probe stands for.
#[derive(Hash)]
enum Field<'a> {
    Id(&'a [u8; 32]),
    Author(&'a [u8; 32]),
    Kind(u16),
    Tag(u8, &'a [u8]),
}

/// Makes probes. The hash is keyed with random numbers, so that nobody can choose values that collide.
#[derive(Debug, Default, Clone)]
pub(super) struct Prober(DefaultHashBuilder);

impl Prober {
    fn probe(&self, field: &Field<'_>) -> Probe {
        self.0.hash_one(field)
    }

    /// What an event has to be looked up under.
    pub(super) fn of_event(&self, event: &EventView<'_>, probes: &mut Probes) {
        probes.clear();
        probes.push(self.probe(&Field::Id(&event.id().0)));
        probes.push(self.probe(&Field::Author(&event.pubkey().0)));
        probes.push(self.probe(&Field::Kind(event.kind().0)));
        for tag in event.tags() {
            let Some(letter) = tag.letter() else { continue };
            let Some(value) = tag.value() else { continue };
            let probe = if value.is_escaped() {
                self.probe(&Field::Tag(letter, &value.unescape()))
            } else {
                self.probe(&Field::Tag(letter, value.raw()))
            };
            probes.push(probe);
        }
    }

    /// Calls `each` with what a filter is registered under: every value of the field with the fewest. `false`: it has no
    /// such field and may match any event.
    fn of_filter(&self, filter: &Filter, mut each: impl FnMut(Probe)) -> bool {
        let none = usize::MAX;
        let ids = filter.ids.as_ref().map_or(none, Vec::len);
        let authors = filter.authors.as_ref().map_or(none, Vec::len);
        let tag = filter.tags.iter().min_by_key(|tag| tag.values.len());
        let values = tag.map_or(none, |tag| tag.values.len());
        // Kinds are few and shared by many events: only when there is nothing else.
        if let Some(list) = filter.ids.as_ref().filter(|_| ids <= values.min(authors)) {
            list.iter()
                .for_each(|id| each(self.probe(&Field::Id(&id.0))));
        } else if let Some(list) = filter.authors.as_ref().filter(|_| authors < values) {
            list.iter()
                .for_each(|key| each(self.probe(&Field::Author(&key.0))));
        } else if let Some(tag) = tag {
            tag.values
                .iter()
                .for_each(|value| each(self.probe(&Field::Tag(tag.letter, value))));
        } else if let Some(kinds) = filter
            .kinds
            .as_ref()
            .filter(|kinds| kinds.len() <= FEW_KINDS)
        {
            kinds
                .iter()
                .for_each(|kind| each(self.probe(&Field::Kind(kind.0))));
        } else {
            return false;
        }
        true
    }
}

/// A probe is a hash already.
#[derive(Debug, Default, Clone, Copy)]
struct Identity(u64);

impl Hasher for Identity {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, value: u64) {
        self.0 = value;
    }
}

/// The filters of one shard by probe.
#[derive(Debug, Default)]
pub(super) struct Index {
    by_probe: HashMap<Probe, SmallVec<[Posting; 2]>, BuildHasherDefault<Identity>>,
    everything: Vec<Posting>,
}

impl Index {
    /// Registers the filter. One that matches nothing is left out.
    pub(super) fn insert(&mut self, prober: &Prober, filter: &Filter, posting: Posting) {
        if filter.matches_nothing() {
            return;
        }
        let by_probe = &mut self.by_probe;
        if !prober.of_filter(filter, |probe| {
            by_probe.entry(probe).or_default().push(posting)
        }) {
            self.everything.push(posting);
        }
    }

    /// Takes it out again.
    pub(super) fn remove(&mut self, prober: &Prober, filter: &Filter, posting: Posting) {
        if filter.matches_nothing() {
            return;
        }
        let by_probe = &mut self.by_probe;
        let indexed = prober.of_filter(filter, |probe| {
            let Some(postings) = by_probe.get_mut(&probe) else {
                return;
            };
            if let Some(at) = postings.iter().position(|other| *other == posting) {
                postings.swap_remove(at);
            }
            if postings.is_empty() {
                by_probe.remove(&probe);
            }
        });
        if !indexed && let Some(at) = self.everything.iter().position(|other| *other == posting) {
            self.everything.swap_remove(at);
        }
        self.give_back();
    }

    /// The filters that an event may match. The same one may come several times.
    pub(super) fn candidates<'a>(
        &'a self,
        probes: &'a [Probe],
    ) -> impl Iterator<Item = Posting> + 'a {
        let listed = probes
            .iter()
            .filter_map(|probe| self.by_probe.get(probe))
            .flatten();
        self.everything.iter().chain(listed).copied()
    }

    /// Whether there is no filter.
    pub(super) fn is_empty(&self) -> bool {
        self.by_probe.is_empty() && self.everything.is_empty()
    }

    /// Returns memory after many subscriptions have ended.
    fn give_back(&mut self) {
        if self.by_probe.capacity() > 4_096 && self.by_probe.len() < self.by_probe.capacity() / 8 {
            self.by_probe.shrink_to_fit();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use stentor_event::{EventBuilder, Kind, SecretKey, Timestamp};

    fn filter(json: &str) -> Filter {
        Filter::parse(json.as_bytes()).unwrap()
    }

    fn candidates(filters: &[Filter], tags: &[[&str; 2]]) -> Vec<u32> {
        let prober = Prober::default();
        let mut index = Index::default();
        for (slot, filter) in filters.iter().enumerate() {
            index.insert(
                &prober,
                filter,
                Posting {
                    slot: slot as u32,
                    filter: 0,
                },
            );
        }
        let key = SecretKey::from_bytes([1; 32]).unwrap();
        let builder = tags
            .iter()
            .fold(EventBuilder::new(Kind(1), Timestamp(9)), |builder, tag| {
                builder.tag(*tag)
            });
        let event = builder.sign(&key);
        let mut probes = Probes::new();
        prober.of_event(&event.view(), &mut probes);
        let mut found: Vec<u32> = index
            .candidates(&probes)
            .map(|posting| posting.slot)
            .collect();
        found.sort_unstable();
        found.dedup();
        for (slot, filter) in filters.iter().enumerate() {
            index.remove(
                &prober,
                filter,
                Posting {
                    slot: slot as u32,
                    filter: 0,
                },
            );
        }
        assert!(index.is_empty(), "what was registered can be taken out");
        found
    }

    #[test]
    fn r4_5_a_filter_of_many_kinds_is_in_one_list() {
        let (prober, mut index) = (Prober::default(), Index::default());
        let kinds = |count: u16| Filter {
            kinds: Some((0..count).map(Kind).collect()),
            ..Filter::default()
        };
        let posting = |slot| Posting { slot, filter: 0 };
        index.insert(&prober, &kinds(16), posting(1));
        index.insert(&prober, &kinds(17), posting(2));
        assert_eq!((index.by_probe.len(), index.everything.len()), (16, 1));
        index.remove(&prober, &kinds(17), posting(2));
        index.remove(&prober, &kinds(16), posting(1));
        assert!(index.is_empty());
    }

    #[test]
    fn the_fewest_values_decide() {
        let author = SecretKey::from_bytes([1; 32]).unwrap().public_key();
        let filters = [
            filter("{}"),
            filter(r#"{"kinds":[1]}"#),
            filter(r#"{"kinds":[2]}"#),
            filter(&format!(r#"{{"authors":["{author}"],"kinds":[7]}}"#)),
            filter(r##"{"#t":["nostr"],"kinds":[7]}"##),
            filter(r##"{"#t":["other"],"kinds":[1]}"##),
            filter(&format!(r##"{{"authors":["{author}"],"#t":["other"]}}"##)),
            filter(&format!(r##"{{"authors":["{author}"],"#t":["a","b"]}}"##)),
            filter(r#"{"ids":[]}"#),
            filter(r##"{"#T":["nostr"]}"##),
        ];
        assert_eq!(
            candidates(&filters, &[["t", "nostr"], ["t", "nostr"]]),
            [0, 1, 3, 4, 7]
        );
    }
}
