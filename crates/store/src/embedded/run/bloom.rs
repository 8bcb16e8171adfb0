//! Which authors, tag values and addresses a run has nothing of (Bloom 1970; in blocks of one word: Putze, Sanders and
//! Singler 2007).
//!
//! A store has several runs, and most of what is looked for is in one of them. To find out that a run has nothing of an
//! author takes two or three waits for memory; a bit of each key in a small table answers nearly always with one, and for
//! small runs, of which there are most, with none.

use crate::embedded::key::{Index, Key};

/// Keys beyond which a run gets no filter, so that opening it does not mean reading all of them.
const MOST_KEYS: usize = 16 << 20;

/// Stems for each word: about one in thirty that is not there is not recognized.
const STEMS_PER_WORD: usize = 6;

/// What a run may have; see the module.
pub struct Bloom {
    /// Empty: nothing is known.
    words: Box<[u64]>,
}

impl Bloom {
    /// A filter of these keys, which must be sorted.
    pub fn of(keys: &[u128]) -> Self {
        if keys.len() > MOST_KEYS {
            return Self {
                words: Box::default(),
            };
        }
        let stems = || keys.chunk_by(|a, b| stem(*a) == stem(*b));
        let count = stems().count().div_ceil(STEMS_PER_WORD);
        let mut words = vec![0; count].into_boxed_slice();
        for key in stems().filter_map(|same| same.first()) {
            let key = Key(*key);
            if let Some(word) = words.get_mut(place(key, count)) {
                *word |= bits(key);
            }
        }
        Self { words }
    }

    /// Whether the run may have keys that differ from this one in the kind only.
    pub fn may_have(&self, key: Key) -> bool {
        // Kinds are few, and their keys are not hashes.
        if key.index() == Index::Kind as u8 {
            return true;
        }
        let wanted = bits(key);
        let word = self.words.get(place(key, self.words.len()));
        word.is_none_or(|word| word & wanted == wanted)
    }
}

/// A key without its kind.
pub fn stem(key: u128) -> u128 {
    key >> 16
}

fn place(key: Key, words: usize) -> usize {
    ((u128::from(key.hash_bits()) * words as u128) >> 64) as usize
}

/// Four bits of a word, taken from that end of the hash which does not decide on the word.
fn bits(key: Key) -> u64 {
    let hash = stem(key.0) as u64;
    (0..4).fold(0, |bits, part| bits | 1 << ((hash >> (6 * part)) % 64))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use stentor_event::Kind;

    use super::*;

    fn key(hash: u128, kind: u16) -> u128 {
        let index = Index::Author as u128;
        index << 124 | (hash << 20 >> 4) & !0xffff | u128::from(kind)
    }

    proptest! {
        #[test]
        fn what_is_there_is_never_denied(
            hashes in prop::collection::vec((any::<u128>(), 0..3u16), 0..300)
        ) {
            let mut keys: Vec<u128> = hashes.iter().map(|(hash, kind)| key(*hash, *kind)).collect();
            keys.sort_unstable();
            keys.dedup();
            let bloom = Bloom::of(&keys);
            for found in keys {
                prop_assert!(bloom.may_have(Key(found)));
                prop_assert!(bloom.may_have(Key(found).with_kind(Kind(9))));
            }
        }
    }

    #[test]
    fn most_of_what_is_not_there_is_denied() {
        // A hash in the place of chance.
        let spread = |n: u128| n.wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
        let mut keys: Vec<u128> = (1..2_000).map(|n| key(spread(n), 1)).collect();
        keys.sort_unstable();
        let bloom = Bloom::of(&keys);
        let others = (2_000..12_000).filter(|n| bloom.may_have(Key(key(spread(*n), 1))));
        assert!(others.count() < 1_000);
    }

    #[test]
    fn kinds_are_always_looked_up() {
        assert!(Bloom::of(&[]).may_have(Key::kind(Kind(1))));
        assert!(Bloom::of(&[key(7, 1)]).may_have(Key::kind(Kind(1))));
    }
}
