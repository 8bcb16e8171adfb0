//! The ways in which a filter can be answered: lists of ranks, and what they leave to be checked.

use stentor_event::{Kind, PublicKey};

use super::lists::List;
use super::plan::Planner;
use crate::embedded::key::Key;
use crate::embedded::run::Run;

/// Kinds beyond which they are not looked up one by one but checked on the rows.
const KINDS_LOOKED_UP: usize = 16;

/// Look-ups in each run from which on small runs are walked instead. Fewer are not worth the check on every row.
const LOOKUPS_WORTH_AVOIDING: u64 = 64;

/// A way to answer the filter.
#[derive(Default)]
pub struct Candidate {
    /// The index, for people.
    pub index: &'static str,
    /// The lists to merge.
    pub lists: Vec<List>,
    /// Whether all that is in them is of the filter's kinds.
    pub covers_kinds: bool,
    /// Whether the filter's only tag is looked after.
    pub covers_tag: bool,
    /// Whether all that is in them is by the filter's authors.
    pub covers_authors: bool,
}

impl Candidate {
    /// Entries in its lists.
    pub fn total(&self) -> u64 {
        total(&self.lists)
    }
}

/// Entries in these lists.
pub fn total(lists: &[List]) -> u64 {
    lists.iter().map(List::len).sum()
}

impl Planner<'_> {
    /// The kinds, when they are few enough to be looked up one by one.
    pub fn kinds_looked_up(&self) -> Option<&[Kind]> {
        self.filter
            .kinds
            .as_deref()
            .filter(|kinds| kinds.len() <= KINDS_LOOKED_UP)
    }

    /// Look-ups in each run to find the lists of so many authors. One costs about as much as looking at a row does: both
    /// wait for memory.
    pub fn lookups(&self, authors: usize) -> u64 {
        (authors * self.kinds_looked_up().map_or(1, <[Kind]>::len)) as u64
    }

    /// Whether it costs less to walk all these lists of a run than to look authors up in it.
    pub fn better_walked(&self, entries: u64, lookups: u64) -> bool {
        lookups >= LOOKUPS_WORTH_AVOIDING && entries <= lookups
    }

    /// The index of the tag with the fewest entries.
    pub fn narrowest_tag(&self) -> Option<Candidate> {
        let candidates = self.filter.tags.iter().map(|tag| {
            let key = |value: &[u8]| self.core.keys.tag(tag.letter, value, Kind(0));
            let keys: Vec<Key> = tag.values.iter().map(|value| key(value)).collect();
            let (index, covers_kinds) = self.of_kinds("tag+kind", "tag");
            let lists =
                self.in_each_run(|place, run, window| self.lists_under(&keys, place, run, window));
            Candidate {
                index,
                lists,
                covers_kinds,
                covers_tag: true,
                covers_authors: false,
            }
        });
        candidates.min_by_key(Candidate::total)
    }

    /// The entries of the authors; in runs with few entries of the kinds, all of these.
    pub fn by_author(&self, authors: &[PublicKey]) -> Candidate {
        let key = |author| self.core.keys.author(author, Kind(0));
        let keys: Vec<Key> = authors.iter().map(key).collect();
        let (index, covers_kinds) = self.of_kinds("author+kind", "author");
        let lookups = self.lookups(authors.len());
        let mut covers_authors = true;
        let lists = self.in_each_run(|place, run, window| {
            if lookups >= LOOKUPS_WORTH_AVOIDING {
                let all = self.lists_of_all(place, run, window);
                if self.better_walked(total(&all), lookups) {
                    covers_authors &= all.is_empty();
                    return all;
                }
            }
            self.lists_under(&keys, place, run, window)
        });
        Candidate {
            index,
            lists,
            covers_kinds,
            covers_tag: false,
            covers_authors,
        }
    }

    /// The index over all events, or over the kinds.
    pub fn broad(&self) -> Candidate {
        let (index, covers_kinds) = self.of_kinds("kind", "time");
        let lists = self.in_each_run(|place, run, window| self.lists_of_all(place, run, window));
        Candidate {
            index,
            lists,
            covers_kinds,
            covers_tag: false,
            covers_authors: false,
        }
    }

    /// The name of the index that is used, with kinds or without, and whether it guarantees the kinds.
    fn of_kinds(&self, with: &'static str, without: &'static str) -> (&'static str, bool) {
        match self.kinds_looked_up() {
            Some(_) => (with, true),
            None => (without, self.filter.kinds.is_none()),
        }
    }

    /// The lists of each run that reaches into the window.
    fn in_each_run(&self, mut find: impl FnMut(u32, &Run, (u32, u32)) -> Vec<List>) -> Vec<List> {
        let mut lists = Vec::new();
        for (place, placed) in (0u32..).zip(&self.snapshot.state.runs) {
            let window = self.window.ranks(&placed.run);
            if window.0 < window.1 {
                lists.append(&mut find(place, &placed.run, window));
            }
        }
        lists
    }

    /// All of a run, or all of the kinds.
    fn lists_of_all(&self, place: u32, run: &Run, window: (u32, u32)) -> Vec<List> {
        let of_kind = |kind: &Kind| {
            let range = run.posting_range(Key::kind(*kind));
            List::postings(place, run, range, window)
        };
        match self.kinds_looked_up() {
            None => List::rows(place, window).into_iter().collect(),
            Some(kinds) => kinds.iter().filter_map(of_kind).collect(),
        }
    }

    /// The lists under these keys in a run, for the filter's kinds, or for all kinds when there are none or many.
    fn lists_under(&self, keys: &[Key], place: u32, run: &Run, window: (u32, u32)) -> Vec<List> {
        let list = |range| List::postings(place, run, range, window);
        let mut lists = Vec::new();
        for key in keys {
            match self.kinds_looked_up() {
                Some(kinds) => {
                    let keys = kinds.iter().map(|kind| key.with_kind(*kind));
                    lists.extend(run.posting_ranges(keys).filter_map(list));
                }
                None => {
                    let found = run.keys_between(*key, key.with_kind(Kind(u16::MAX)));
                    lists.extend(found.filter_map(|(_, range)| list(range)));
                }
            }
        }
        lists
    }
}
