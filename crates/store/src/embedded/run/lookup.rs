//! Finding things in a run.

use std::cmp::Ordering;
use std::ops::Range;
use std::path::{Path, PathBuf};

use super::bloom::{Bloom, stem};
use super::{Image, Order, Row};
use stentor_event::Kind;

use crate::StoreError;
use crate::embedded::files::{corrupt, failing};
use crate::embedded::key::{Index, Key};
use crate::embedded::mmap;

/// Indexes are numbered from 1 to 4 (see `key::Index`); this is one more than the last.
const INDEXES: usize = 5;

/// Keys that are looked at one by one before one is looked up.
const NEAR: usize = 8;

/// A run, ready to be asked.
pub struct Run {
    image: Image,
    /// Its file, when it is on disk.
    path: Option<PathBuf>,
    /// Where the keys of each index lie.
    indexes: [Range<usize>; INDEXES],
    /// A bit for each kind that it has events of; kinds share bits.
    kinds: [u64; 4],
    /// What it has nothing of.
    bloom: Bloom,
}

impl Run {
    /// From an image; `path` names the file it lies in.
    pub fn new(image: Image, path: Option<PathBuf>) -> Self {
        let keys = image.keys();
        let at = |index: usize| keys.partition_point(|key| ((key >> 124) as usize) < index);
        let indexes: [_; INDEXES] = std::array::from_fn(|index| at(index)..at(index + 1));
        let of_kinds = indexes.get(Index::Kind as usize).cloned().unwrap_or(0..0);
        let mut kinds = [0; 4];
        for key in keys.get(of_kinds).unwrap_or_default() {
            let (word, bit) = kind_bit(Key(*key).kind_of());
            if let Some(word) = kinds.get_mut(word) {
                *word |= bit;
            }
        }
        Self {
            bloom: Bloom::of(keys),
            image,
            path,
            indexes,
            kinds,
        }
    }

    /// Opens a run's file.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let file = std::fs::File::open(path).map_err(failing("opening", path))?;
        let length = file.metadata().map_err(failing("inspecting", path))?.len();
        let length =
            usize::try_from(length).map_err(|_| corrupt(path, 0, "too large for this machine"))?;
        if length == 0 {
            return Err(corrupt(path, 0, "empty"));
        }
        let map = mmap::map(&file, length).map_err(failing("mapping", path))?;
        Ok(Self::new(
            Image::from_map(map, path)?,
            Some(path.to_path_buf()),
        ))
    }

    /// The image.
    pub fn image(&self) -> &Image {
        &self.image
    }

    /// Its file, when it is on disk.
    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// The event numbers that it covers.
    pub fn numbers(&self) -> Range<u64> {
        self.image.header().first..self.image.header().end
    }

    /// Events in it, gone ones included.
    pub fn len(&self) -> usize {
        self.image.rows().len()
    }

    /// The row at this rank.
    pub fn row(&self, rank: u32) -> Option<&Row> {
        self.image.rows().get(rank as usize)
    }

    /// Whether it may have events of this kind.
    pub fn may_have(&self, kind: Kind) -> bool {
        let (word, bit) = kind_bit(kind);
        self.kinds.get(word).is_some_and(|word| word & bit != 0)
    }

    /// The ranks under a key, ascending.
    pub fn postings(&self, key: Key) -> &[u32] {
        self.find(key).map_or(&[], |at| self.postings_at(at))
    }

    /// The range of the postings under a key within [`Image::postings`].
    pub fn posting_range(&self, key: Key) -> Range<u32> {
        self.find(key).map_or(0..0, |at| self.range_at(at))
    }

    /// All keys between these two (inclusive) with the ranges of their postings.
    pub fn keys_between(
        &self,
        low: Key,
        high: Key,
    ) -> impl Iterator<Item = (Key, Range<u32>)> + '_ {
        let all = self.image.keys();
        let nothing = stem(low.0) == stem(high.0) && !self.bloom.may_have(low);
        let from = if nothing {
            all.len()
        } else {
            self.lower_bound(low)
        };
        let keys = all.get(from..).unwrap_or_default();
        (from..)
            .zip(keys)
            .take_while(move |(_, key)| **key <= high.0)
            .map(|(at, key)| (Key(*key), self.range_at(at)))
    }

    /// Ranks whose events have this leading id.
    pub fn ranks_of_id(&self, id: u64) -> &[u32] {
        let ids = self.image.ids();
        let from = interpolate(ids, id, |id| *id);
        let count = ids
            .get(from..)
            .unwrap_or_default()
            .iter()
            .take_while(|x| **x == id)
            .count();
        self.image
            .id_ranks()
            .get(from..from + count)
            .unwrap_or_default()
    }

    /// The first rank that does not come before `order`.
    pub fn rank_at(&self, order: Order) -> u32 {
        self.image.rows().partition_point(|row| row.order() < order) as u32
    }

    /// Numbers of the events that expire after `from` and not after `to`.
    pub fn expiring(&self, from: u64, to: u64) -> impl Iterator<Item = u64> + '_ {
        let all = self.image.expiries();
        let start = all.partition_point(|[at, _]| *at <= from);
        all.get(start..)
            .unwrap_or_default()
            .iter()
            .take_while(move |[at, _]| *at <= to)
            .map(|[_, number]| *number)
    }

    /// The range of the postings under each of these keys that is there. The keys must be ascending and close to each
    /// other: the kinds under an author or a tag value.
    pub fn posting_ranges(
        &self,
        keys: impl Iterator<Item = Key>,
    ) -> impl Iterator<Item = Range<u32>> {
        let all = self.image.keys();
        let mut at = None;
        keys.filter_map(move |key| {
            let near = at.and_then(|at: usize| {
                let next = all.get(at..)?.iter().take(NEAR);
                next.into_iter()
                    .position(|found| *found >= key.0)
                    .map(|step| at + step)
            });
            if near.is_none() && !self.bloom.may_have(key) {
                return None;
            }
            let found = near.unwrap_or_else(|| self.lower_bound(key));
            at = Some(found);
            (*all.get(found)? == key.0).then(|| self.range_at(found))
        })
    }

    fn range_at(&self, at: usize) -> Range<u32> {
        let starts = self.image.starts();
        match (starts.get(at), starts.get(at + 1)) {
            (Some(start), Some(end)) => *start..*end,
            _ => 0..0,
        }
    }

    fn postings_at(&self, at: usize) -> &[u32] {
        let range = self.range_at(at);
        self.image
            .postings()
            .get(range.start as usize..range.end as usize)
            .unwrap_or_default()
    }

    fn find(&self, key: Key) -> Option<usize> {
        if !self.bloom.may_have(key) {
            return None;
        }
        let at = self.lower_bound(key);
        (*self.image.keys().get(at)? == key.0).then_some(at)
    }

    fn lower_bound(&self, key: Key) -> usize {
        let Some(range) = self.indexes.get(key.index() as usize) else {
            return 0;
        };
        let keys = self.image.keys().get(range.clone()).unwrap_or_default();
        range.start + interpolate(keys, key.0, |key| Key(*key).hash_bits())
    }
}

/// The bit for a kind, and the word it is in.
fn kind_bit(kind: Kind) -> (usize, u64) {
    (usize::from(kind.0 >> 6) % 4, 1 << (kind.0 % 64))
}

/// The first place whose value is not below `wanted`, in a sorted list of hashes, of which `leading` gives the leading
/// bits. Guesses the place from these, then corrects the guess by what is found there, and gallops from the second
/// guess, which touches fewer cache lines than halving. Any distribution gives the right answer.
fn interpolate<T: Copy + Ord>(sorted: &[T], wanted: T, leading: impl Fn(&T) -> u64) -> usize {
    let length = sorted.len();
    if length < 16 {
        return sorted.partition_point(|x| *x < wanted);
    }
    // Never above the last place, as the share is below one.
    let places = |bits: u64| ((u128::from(bits) * length as u128) >> 64) as usize;
    let bits = leading(&wanted);
    let first = places(bits);
    let found = sorted.get(first).map_or(bits, &leading);
    let guess = if found < bits {
        (first + places(bits - found)).min(length - 1)
    } else {
        first.saturating_sub(places(found - bits))
    };
    let below = |at: usize| {
        sorted
            .get(at)
            .is_some_and(|x| x.cmp(&wanted) == Ordering::Less)
    };
    let (mut from, mut to, mut step) = (guess, guess, 4usize);
    if below(guess) {
        while to < length && below(to) {
            from = to;
            to = (to + step).min(length);
            step *= 4;
        }
    } else {
        while from > 0 && !below(from) {
            to = from;
            from = from.saturating_sub(step);
            step *= 4;
        }
        if !below(from) {
            return from.min(to);
        }
    }
    from + sorted
        .get(from..to)
        .unwrap_or_default()
        .partition_point(|x| *x < wanted)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn interpolation_finds_what_halving_finds(mut list in proptest::collection::vec(any::<u64>(), 0..400), wanted: u64, near in any::<prop::sample::Index>(), skew in 0u32..60) {
            for x in &mut list { *x >>= skew; }
            list.sort_unstable();
            let mut all = vec![wanted, wanted >> skew, 0, u64::MAX];
            if !list.is_empty() { all.push(list[near.index(list.len())]); }
            for wanted in all {
                prop_assert_eq!(interpolate(&list, wanted, |x| *x), list.partition_point(|x| *x < wanted));
            }
        }
    }
}
