//! The graph of follows: who follows whom, and who is reached from the roots.

use hashbrown::{HashMap, HashSet};
use stentor_event::PublicKey;

/// How far trust goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Bounds {
    /// Where it begins.
    pub(super) roots: Vec<PublicKey>,
    /// How many follows away a key may be.
    pub(super) depth: u8,
    /// Followers among the keys nearer by that a key at the greatest distance must have.
    pub(super) followers: u32,
    /// Keys at most; those nearest to the roots are kept.
    pub(super) keys: usize,
}

/// Contact lists. Keys are numbered, so that an entry of a list takes four bytes.
#[derive(Debug, Default)]
pub(super) struct Graph {
    keys: Vec<PublicKey>,
    numbers: HashMap<PublicKey, u32>,
    follows: HashMap<u32, Box<[u32]>>,
}

/// Who is reached, and how many follows away.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Reach {
    distances: HashMap<PublicKey, u8>,
    /// Whether all lists that matter are in the graph.
    pub(crate) complete: bool,
}

impl Reach {
    /// Whether the key is reached.
    pub(crate) fn contains(&self, key: &PublicKey) -> bool {
        self.distances.contains_key(key)
    }

    /// How many follows away the key is.
    pub(super) fn distance(&self, key: &PublicKey) -> Option<u8> {
        self.distances.get(key).copied()
    }

    /// The keys that are this many follows away.
    pub(super) fn at(&self, distance: u8) -> Vec<PublicKey> {
        let there = self.distances.iter();
        let there = there.filter(|(_, own)| **own == distance);
        there.map(|(key, _)| *key).collect()
    }

    /// How many keys are reached.
    pub(super) fn len(&self) -> usize {
        self.distances.len()
    }
}

impl Graph {
    /// Puts a contact list in the place of the one before.
    pub(super) fn set(&mut self, author: PublicKey, list: impl IntoIterator<Item = PublicKey>) {
        let mut seen = HashSet::new();
        let mut numbers = Vec::new();
        for key in list {
            let number = self.number(key);
            if seen.insert(number) {
                numbers.push(number);
            }
        }
        let author = self.number(author);
        self.follows.insert(author, numbers.into());
    }

    /// Whether there is a list of this author.
    pub(super) fn has(&self, author: &PublicKey) -> bool {
        let number = self.numbers.get(author);
        number.is_some_and(|number| self.follows.contains_key(number))
    }

    /// Who is reached from the roots. Lists of keys that are not reached do no harm and are not looked at.
    pub(super) fn reach(&self, bounds: &Bounds) -> Reach {
        let roots = bounds.roots.iter().map(|root| (*root, 0));
        let mut distances: HashMap<PublicKey, u8> = roots.collect();
        let mut frontier = bounds.roots.clone();
        for distance in 1..=bounds.depth {
            let last = distance == bounds.depth;
            let needed = if last { bounds.followers } else { 1 };
            let mut next = self.followed_by(&frontier, &distances, needed);
            let room = bounds.keys.saturating_sub(distances.len());
            next.truncate(room);
            distances.extend(next.iter().map(|key| (*key, distance)));
            frontier = next;
        }
        Reach {
            distances,
            complete: false,
        }
    }

    /// Who is followed by at least `needed` of these and not reached yet; the most followed first.
    fn followed_by(
        &self,
        frontier: &[PublicKey],
        reached: &HashMap<PublicKey, u8>,
        needed: u32,
    ) -> Vec<PublicKey> {
        let mut followers: HashMap<u32, u32> = HashMap::new();
        for key in frontier {
            let list = self.numbers.get(key).and_then(|key| self.follows.get(key));
            for followed in list.into_iter().flatten() {
                *followers.entry(*followed).or_default() += 1;
            }
        }
        let mut found: Vec<(u32, PublicKey)> = followers
            .into_iter()
            .filter(|(_, count)| *count >= needed)
            .filter_map(|(number, count)| Some((count, *self.keys.get(number as usize)?)))
            .filter(|(_, key)| !reached.contains_key(key))
            .collect();
        found.sort_unstable_by(|left, right| right.0.cmp(&left.0).then(left.1.cmp(&right.1)));
        found.into_iter().map(|(_, key)| key).collect()
    }

    fn number(&mut self, key: PublicKey) -> u32 {
        let next = self.keys.len() as u32;
        let number = *self.numbers.entry(key).or_insert(next);
        if number == next {
            self.keys.push(key);
        }
        number
    }

    /// Keys that have been seen, trusted or not.
    pub(super) fn seen(&self) -> usize {
        self.keys.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(number: u8) -> PublicKey {
        PublicKey([number; 32])
    }

    fn graph(lists: &[(u8, &[u8])]) -> Graph {
        let mut graph = Graph::default();
        for (author, list) in lists {
            graph.set(key(*author), list.iter().map(|number| key(*number)));
        }
        graph
    }

    fn bounds(depth: u8, followers: u32, keys: usize) -> Bounds {
        Bounds {
            roots: vec![key(1)],
            depth,
            followers,
            keys,
        }
    }

    fn reached(graph: &Graph, bounds: &Bounds) -> Vec<(u8, u8)> {
        let reach = graph.reach(bounds);
        let all = (0..=255).filter_map(|number| Some((number, reach.distance(&key(number))?)));
        all.collect()
    }

    #[test]
    fn r4_2_trust_goes_as_many_follows_far_as_it_may() {
        let graph = graph(&[
            (1, &[2, 3]),
            (2, &[4, 1]),
            (3, &[4, 5]),
            (4, &[6]),
            (9, &[1]),
        ]);
        assert_eq!(
            reached(&graph, &bounds(1, 1, 100)),
            [(1, 0), (2, 1), (3, 1)]
        );
        let two = [(1, 0), (2, 1), (3, 1), (4, 2), (5, 2)];
        assert_eq!(reached(&graph, &bounds(2, 1, 100)), two);
        assert_eq!(reached(&graph, &bounds(3, 1, 100)).len(), 6);
        let twice = [(1, 0), (2, 1), (3, 1), (4, 2)];
        assert_eq!(
            reached(&graph, &bounds(2, 2, 100)),
            twice,
            "two followers needed"
        );
        assert_eq!(
            reached(&graph, &bounds(2, 1, 4)),
            twice,
            "the most followed first"
        );
    }

    #[test]
    fn r4_2_a_new_list_takes_the_place_of_the_old_one() {
        let mut graph = graph(&[(1, &[2, 2, 2])]);
        graph.set(key(1), [key(3)]);
        assert_eq!(reached(&graph, &bounds(1, 1, 100)), [(1, 0), (3, 1)]);
        assert!(graph.has(&key(1)) && !graph.has(&key(3)));
    }
}
