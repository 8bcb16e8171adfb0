//! Choosing how to answer a filter.
//!
//! Every index that applies is probed: how many entries lie under the filter's values, and, where a walk over a broader
//! index is the alternative, what share of its newest rows would match. The cheaper way is taken; nothing is assumed
//! about which index is better.

use hashbrown::HashSet;
use stentor_event::{Filter, Kind, PublicKey};

use super::Window;
use super::cursor::Cursor;
use super::lists::List;
use crate::FilterPlan;
use crate::embedded::core::Core;
use crate::embedded::key::Key;
use crate::embedded::run::{Row, leading};
use crate::embedded::state::Snapshot;

/// Kinds beyond which they are not looked up one by one but checked on the rows.
const KINDS_LOOKED_UP: usize = 16;

/// Rows that are looked at to measure how dense the matches are.
const PROBE_ROWS: usize = 256;

/// Costs relative to looking at a row of a list: of finding the list of a key in a run, and of a step in a merge of
/// many lists. From measurements; only their order of magnitude matters.
const LOOKUP_COST: u64 = 4;
const MERGE_COST: u64 = 4;

/// How a filter is answered.
pub struct Plan {
    /// The lists to merge.
    pub lists: Vec<List>,
    /// What remains to be checked.
    pub checks: Checks,
    /// For people.
    pub description: FilterPlan,
}

/// What the lists do not guarantee.
#[derive(Default)]
pub struct Checks {
    /// The kind must be one of these (sorted).
    kinds: Option<Vec<Kind>>,
    /// The author's leading bits must be one of these.
    authors: Option<HashSet<u64>>,
    /// The event itself must be compared with the filter.
    pub event: bool,
}

impl Checks {
    /// Only the events themselves.
    pub fn of_events() -> Self {
        Self {
            event: true,
            ..Self::default()
        }
    }

    /// Whether a row can match.
    pub fn pass(&self, row: &Row) -> bool {
        self.kinds
            .as_ref()
            .is_none_or(|kinds| kinds.binary_search(&Kind(row.kind)).is_ok())
            && self
                .authors
                .as_ref()
                .is_none_or(|authors| authors.contains(&row.author))
    }
}

/// Plans a filter that can match something. Events asked for by id are not planned here.
pub fn plan(core: &Core, snapshot: &Snapshot, filter: &Filter, window: &Window) -> Plan {
    let planner = Planner {
        core,
        snapshot,
        filter,
        window,
    };
    planner.choose()
}

struct Planner<'a> {
    core: &'a Core,
    snapshot: &'a Snapshot,
    filter: &'a Filter,
    window: &'a Window,
}

impl Planner<'_> {
    fn choose(&self) -> Plan {
        let by_tag = self.narrowest_tag();
        if let Some(tag) = &by_tag
            && total(&tag.lists) < PROBE_ROWS as u64
        {
            return self.finish(by_tag.unwrap_or_default(), "few entries");
        }
        let Some(authors) = &self.filter.authors else {
            return match by_tag {
                Some(tag) => self.finish(tag, "narrowest tag"),
                None => self.finish(self.broad(), "nothing narrower applies"),
            };
        };
        let kinds = self.kinds_looked_up().map_or(1, <[Kind]>::len);
        let lookups = (authors.len() * kinds * self.snapshot.state.runs.len()) as u64;
        if by_tag.is_none() && lookups > PROBE_ROWS as u64 {
            let broad = self.broad();
            if let Some(reason) = self.walk_is_cheaper(&broad.lists, authors, lookups) {
                return self.finish(broad, &reason);
            }
        }
        let by_author = self.by_author(authors);
        match by_tag {
            Some(tag) if total(&tag.lists) <= total(&by_author.lists) => {
                self.finish(tag, "narrower than the authors")
            }
            Some(_) => self.finish(by_author, "narrower than the tags"),
            None => self.finish(
                by_author,
                "the authors' entries are few, or sparse among all",
            ),
        }
    }

    /// Whether walking all rows of the kinds until the limit is reached costs less than merging the authors' lists.
    fn walk_is_cheaper(
        &self,
        broad: &[List],
        authors: &[PublicKey],
        lookups: u64,
    ) -> Option<String> {
        let wanted: HashSet<u64> = authors.iter().map(|author| leading(&author.0)).collect();
        let mut cursor = Cursor::new(&self.snapshot.state, broad.to_vec());
        let (mut seen, mut hits) = (0u64, 0u64);
        while seen < PROBE_ROWS as u64
            && let Some(row) = cursor.next(&self.snapshot.state)
        {
            seen += 1;
            hits += u64::from(wanted.contains(&row.author));
        }
        let results = self.filter.limit.unwrap_or(500).saturating_add(1);
        let all = total(broad);
        let walk = (results.saturating_mul(seen) / hits.max(1)).min(all);
        let merge = lookups * LOOKUP_COST + results * MERGE_COST;
        (walk < merge).then(|| format!("{hits} of the newest {seen} rows match: about {walk} rows to walk, or {lookups} look-ups"))
    }

    fn finish(&self, chosen: Candidate, reason: &str) -> Plan {
        let filter = self.filter;
        let kinds = if chosen.covers_kinds {
            None
        } else {
            filter.kinds.clone()
        };
        let authors = if chosen.covers_authors {
            None
        } else {
            filter.authors.as_ref()
        };
        let tags_left = filter.tags.len() > usize::from(chosen.covers_tag);
        let checks = Checks {
            kinds,
            authors: authors
                .map(|authors| authors.iter().map(|author| leading(&author.0)).collect()),
            event: tags_left || authors.is_some() || filter.ids.is_some(),
        };
        let description = FilterPlan {
            index: chosen.index.to_owned(),
            reason: reason.to_owned(),
            cursors: chosen.lists.len() as u64,
            estimate: total(&chosen.lists),
            rows: 0,
            end: None,
        };
        Plan {
            lists: chosen.lists,
            checks,
            description,
        }
    }

    /// The kinds, when they are few enough to be looked up one by one.
    fn kinds_looked_up(&self) -> Option<&[Kind]> {
        self.filter
            .kinds
            .as_deref()
            .filter(|kinds| kinds.len() <= KINDS_LOOKED_UP)
    }

    fn narrowest_tag(&self) -> Option<Candidate> {
        let candidates = self.filter.tags.iter().map(|tag| {
            let key = |value: &[u8]| self.core.keys.tag(tag.letter, value, Kind(0));
            let keys: Vec<Key> = tag.values.iter().map(|value| key(value)).collect();
            let (index, covers_kinds) = match self.kinds_looked_up() {
                Some(_) => ("tag+kind", true),
                None => ("tag", self.filter.kinds.is_none()),
            };
            Candidate {
                index,
                lists: self.lists_under(&keys),
                covers_kinds,
                covers_tag: true,
                covers_authors: false,
            }
        });
        candidates.min_by_key(|candidate| total(&candidate.lists))
    }

    fn by_author(&self, authors: &[PublicKey]) -> Candidate {
        let keys: Vec<Key> = authors
            .iter()
            .map(|author| self.core.keys.author(author, Kind(0)))
            .collect();
        let (index, covers_kinds) = match self.kinds_looked_up() {
            Some(_) => ("author+kind", true),
            None => ("author", self.filter.kinds.is_none()),
        };
        Candidate {
            index,
            lists: self.lists_under(&keys),
            covers_kinds,
            covers_tag: false,
            covers_authors: true,
        }
    }

    /// The index over all events, or over the kinds.
    fn broad(&self) -> Candidate {
        let state = &self.snapshot.state;
        let mut lists = Vec::new();
        let kinds = self.kinds_looked_up();
        for (place, placed) in (0u32..).zip(&state.runs) {
            let window = self.window.ranks(&placed.run);
            match kinds {
                None => lists.extend(List::rows(place, window)),
                Some(kinds) => lists.extend(kinds.iter().filter_map(|kind| {
                    List::postings(
                        place,
                        &placed.run,
                        placed.run.posting_range(Key::kind(*kind)),
                        window,
                    )
                })),
            }
        }
        let index = if kinds.is_some() { "kind" } else { "time" };
        let covers_kinds = kinds.is_some() || self.filter.kinds.is_none();
        Candidate {
            index,
            lists,
            covers_kinds,
            covers_tag: false,
            covers_authors: false,
        }
    }

    /// The lists under these keys, for the filter's kinds, or for all kinds when there are none or many.
    fn lists_under(&self, keys: &[Key]) -> Vec<List> {
        let mut lists = Vec::new();
        for (place, placed) in (0u32..).zip(&self.snapshot.state.runs) {
            let run = &placed.run;
            let window = self.window.ranks(run);
            if window.0 >= window.1 {
                continue;
            }
            for key in keys {
                match self.kinds_looked_up() {
                    Some(kinds) => lists.extend(kinds.iter().filter_map(|kind| {
                        List::postings(place, run, run.posting_range(key.with_kind(*kind)), window)
                    })),
                    None => lists.extend(
                        run.keys_between(*key, key.with_kind(Kind(u16::MAX)))
                            .filter_map(|(_, range)| List::postings(place, run, range, window)),
                    ),
                }
            }
        }
        lists
    }
}

/// A way to answer the filter.
#[derive(Default)]
struct Candidate {
    index: &'static str,
    lists: Vec<List>,
    covers_kinds: bool,
    covers_tag: bool,
    covers_authors: bool,
}

fn total(lists: &[List]) -> u64 {
    lists.iter().map(List::len).sum()
}
