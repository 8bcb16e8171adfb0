//! The graph of follows: who follows whom, and who is reached from the roots.

use hashbrown::{HashMap, HashSet};
use stentor_event::PublicKey;
use stentor_store::EventNumber;

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

/// Keys of one list that are looked at; an event of the size that relays take has hardly half as many.
const LIST: usize = 10_000;

/// Contact lists. Keys are numbered, so that an entry of a list takes four bytes; a key that no list names any more, and
/// who has none, is forgotten, so that the graph is never larger than its lists.
#[derive(Debug)]
pub(super) struct Graph {
    room: Room,
    keys: Vec<Known>,
    numbers: HashMap<PublicKey, u32>,
    /// Numbers of keys that are forgotten.
    free: Vec<u32>,
    lists: HashMap<u32, List>,
    /// Whose lists the events of the store are.
    events: HashMap<EventNumber, u32>,
    /// Entries of all lists.
    entries: usize,
    cut: u64,
}

/// How large a graph may be.
#[derive(Debug, Clone, Copy)]
struct Room {
    keys: usize,
    entries: usize,
}

/// A key, and how many lists name it, its own included.
#[derive(Debug)]
struct Known {
    key: PublicKey,
    uses: u32,
}

#[derive(Debug)]
struct List {
    event: Option<EventNumber>,
    follows: Box<[u32]>,
}

/// Who is reached, and how many follows away.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Reach {
    distances: HashMap<PublicKey, u8>,
    /// Whether all lists that matter are in the graph.
    pub(super) complete: bool,
    /// Whether there is a list of one of the roots.
    pub(super) founded: bool,
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

    /// Whether nobody else can turn out to be reached, as all lists that matter, one of a root among them, are there.
    pub(crate) const fn is_settled(&self) -> bool {
        self.complete && self.founded
    }

    /// How many keys are reached.
    pub(super) fn len(&self) -> usize {
        self.distances.len()
    }
}

impl Graph {
    /// An empty one, which holds a few times as many keys as may be reached, and lists of about as many entries as such
    /// a network has.
    pub(super) fn new(bounds: &Bounds) -> Self {
        Self {
            room: Room {
                keys: bounds.keys.saturating_mul(4),
                entries: bounds.keys.saturating_mul(128),
            },
            keys: Vec::new(),
            numbers: HashMap::new(),
            free: Vec::new(),
            lists: HashMap::new(),
            events: HashMap::new(),
            entries: 0,
            cut: 0,
        }
    }

    /// Puts a contact list in the place of the one before. For what there is no room is left out of it.
    pub(super) fn set(
        &mut self,
        author: PublicKey,
        event: Option<EventNumber>,
        list: impl IntoIterator<Item = PublicKey>,
    ) {
        self.remove(&author);
        let Some(author) = self.take(author) else {
            self.cut += 1;
            return;
        };
        let (mut seen, mut follows) = (HashSet::new(), Vec::new());
        for key in list.into_iter().take(LIST) {
            let has_room = self.entries + follows.len() < self.room.entries;
            match self.take(key).filter(|_| has_room) {
                Some(number) if seen.insert(number) => follows.push(number),
                Some(number) => self.give_back(number),
                None => self.cut += 1,
            }
        }
        self.entries += follows.len();
        if let Some(event) = event {
            self.events.insert(event, author);
        }
        let follows = follows.into();
        self.lists.insert(author, List { event, follows });
    }

    /// Takes the list of an author away.
    fn remove(&mut self, author: &PublicKey) {
        let Some(number) = self.numbers.get(author).copied() else {
            return;
        };
        let Some(list) = self.lists.remove(&number) else {
            return;
        };
        if let Some(event) = list.event {
            self.events.remove(&event);
        }
        self.entries -= list.follows.len();
        for follow in list.follows {
            self.give_back(follow);
        }
        self.give_back(number);
    }

    /// Takes the list away that this event was, and tells whether there was one.
    pub(super) fn removed(&mut self, event: EventNumber) -> bool {
        let author = self.events.get(&event);
        let author = author.and_then(|number| self.keys.get(*number as usize));
        let Some(author) = author.map(|known| known.key) else {
            return false;
        };
        self.remove(&author);
        true
    }

    /// Takes the lists of all others away: nobody looks at them, and they would not be kept up to date.
    pub(super) fn keep(&mut self, wanted: impl Fn(&PublicKey) -> bool) {
        let authors = self.lists.keys();
        let authors = authors.filter_map(|number| Some(self.keys.get(*number as usize)?.key));
        let others: Vec<PublicKey> = authors.filter(|author| !wanted(author)).collect();
        others.iter().for_each(|author| self.remove(author));
    }

    /// Whether there is a list of this author.
    pub(super) fn has(&self, author: &PublicKey) -> bool {
        let number = self.numbers.get(author);
        number.is_some_and(|number| self.lists.contains_key(number))
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
            founded: bounds.roots.iter().any(|root| self.has(root)),
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
            let list = self.numbers.get(key).and_then(|key| self.lists.get(key));
            for followed in list.into_iter().flat_map(|list| &list.follows) {
                *followers.entry(*followed).or_default() += 1;
            }
        }
        let mut found: Vec<(u32, PublicKey)> = followers
            .into_iter()
            .filter(|(_, count)| *count >= needed)
            .filter_map(|(number, count)| Some((count, self.keys.get(number as usize)?.key)))
            .filter(|(_, key)| !reached.contains_key(key))
            .collect();
        found.sort_unstable_by(|left, right| right.0.cmp(&left.0).then(left.1.cmp(&right.1)));
        found.into_iter().map(|(_, key)| key).collect()
    }

    /// The number of a key that one more list names; `None` when there is no room for another key.
    fn take(&mut self, key: PublicKey) -> Option<u32> {
        if let Some(number) = self.numbers.get(&key).copied() {
            self.keys.get_mut(number as usize)?.uses += 1;
            return Some(number);
        }
        if self.numbers.len() >= self.room.keys {
            return None;
        }
        let known = Known { key, uses: 1 };
        let number = match self.free.pop() {
            Some(number) => {
                *self.keys.get_mut(number as usize)? = known;
                number
            }
            None => {
                let number = u32::try_from(self.keys.len()).ok()?;
                self.keys.push(known);
                number
            }
        };
        self.numbers.insert(key, number);
        Some(number)
    }

    /// One list less names this key.
    fn give_back(&mut self, number: u32) {
        let Some(known) = self.keys.get_mut(number as usize) else {
            return;
        };
        known.uses -= 1;
        if known.uses == 0 {
            self.numbers.remove(&known.key);
            self.free.push(number);
        }
    }

    /// Keys that have been seen, trusted or not.
    pub(super) fn seen(&self) -> usize {
        self.numbers.len()
    }

    /// Keys that were left out of lists, as there was no room for them.
    pub(super) const fn cut(&self) -> u64 {
        self.cut
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(number: u8) -> PublicKey {
        PublicKey([number; 32])
    }

    fn graph(lists: &[(u8, &[u8])]) -> Graph {
        let mut graph = Graph::new(&bounds(1, 1, 1_000));
        for (author, list) in lists {
            let event = Some(EventNumber(u64::from(*author)));
            graph.set(key(*author), event, list.iter().map(|number| key(*number)));
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
        graph.set(key(1), None, [key(3)]);
        assert_eq!(reached(&graph, &bounds(1, 1, 100)), [(1, 0), (3, 1)]);
        assert!(graph.has(&key(1)) && !graph.has(&key(3)));
        let from_old = graph.removed(EventNumber(1));
        assert!(
            !from_old && graph.has(&key(1)),
            "the old one has gone by now"
        );
    }

    /// A key that nobody has seen before.
    fn fresh(number: u64) -> PublicKey {
        let mut key = [0xff; 32];
        key[..8].copy_from_slice(&number.to_be_bytes());
        PublicKey(key)
    }

    #[test]
    fn r4_2_lists_of_ever_new_keys_take_no_more_room() {
        let mut graph = graph(&[(1, &[2]), (2, &[3])]);
        for turn in 0..1_000 {
            let list = (0..20).map(|number| fresh(turn * 20 + number));
            graph.set(key(2), Some(EventNumber(100 + turn)), list);
        }
        assert_eq!(graph.seen(), 22);
        assert!(graph.keys.len() < 50, "{}", graph.keys.len());
        assert_eq!((graph.entries, graph.events.len()), (21, 2));
        assert_eq!(reached(&graph, &bounds(1, 1, 100)), [(1, 0), (2, 1)]);
        assert_eq!(graph.reach(&bounds(2, 1, 100)).len(), 22);
    }

    #[test]
    fn r4_2_the_graph_has_room_for_so_many_keys() {
        let mut graph = Graph::new(&bounds(1, 1, 10));
        graph.set(key(1), None, (0..1_000).map(fresh));
        assert_eq!((graph.seen(), graph.cut()), (40, 961));
        // What is known already is no new key, and what is given up makes room.
        graph.set(fresh(0), None, [fresh(1)]);
        graph.set(key(1), None, [key(2), key(3)]);
        assert_eq!(graph.seen(), 5);
        assert!(graph.has(&fresh(0)));
        let mut graph = Graph::new(&bounds(1, 1, 10));
        for author in 0..200 {
            graph.set(key(author), None, (0..20).map(key));
        }
        assert!(graph.entries <= 1_280);
        let long = (0..1_000_000).map(|number| fresh(number % 5));
        graph.set(key(1), None, long);
        assert!(graph.cut() < 20_000, "a list is not read to its end");
    }

    #[test]
    fn r4_2_a_list_that_is_removed_lends_no_trust() {
        let mut graph = graph(&[(1, &[2]), (2, &[3, 4]), (3, &[4])]);
        let all = bounds(3, 1, 100);
        assert!(graph.removed(EventNumber(2)) && !graph.removed(EventNumber(2)));
        assert!(!graph.removed(EventNumber(77)));
        assert_eq!(reached(&graph, &all), [(1, 0), (2, 1)]);
        assert!(graph.reach(&all).founded);
        assert!(graph.removed(EventNumber(1)));
        assert!(!graph.reach(&all).founded);
    }

    #[test]
    fn r4_2_lists_of_who_is_not_near_any_more_are_forgotten() {
        let mut graph = graph(&[(1, &[2]), (2, &[3]), (8, &[9])]);
        let reach = graph.reach(&bounds(2, 1, 100));
        graph.keep(|author| reach.distance(author).is_some_and(|own| own < 2));
        assert!(graph.has(&key(1)) && graph.has(&key(2)) && !graph.has(&key(8)));
        assert_eq!(graph.seen(), 3);
    }
}
