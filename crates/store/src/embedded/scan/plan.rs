//! Choosing how to answer a filter.
//!
//! Every index that applies is probed: how many entries lie under the filter's values, and, where a walk over a broader
//! index is the alternative, what share of its newest rows would match. The cheaper way is taken; nothing is assumed
//! about which index is better.
//!
//! The newest rows may be unlike those that follow. So a walk has a patience: when it has looked at as many rows as the
//! authors' lists would have cost, they are taken from there on ([`turn`]). Whatever the rows are like, a filter costs at
//! most twice what it would have cost to know before.

use hashbrown::HashSet;
use stentor_event::{Filter, Kind, PublicKey};

use super::Window;
use super::candidate::{Candidate, total};
use super::cursor::Cursor;
use super::lists::List;
use crate::FilterPlan;
use crate::embedded::core::Core;
use crate::embedded::run::{Row, leading};
use crate::embedded::state::Snapshot;

/// Rows that are looked at to measure how dense the matches are.
const PROBE_ROWS: usize = 256;

/// How a filter is answered.
pub struct Plan {
    /// The lists to merge.
    pub lists: Vec<List>,
    /// What remains to be checked.
    pub checks: Checks,
    /// Rows after which to [`turn`].
    pub patience: Option<u64>,
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

/// Plans the rest of a filter whose walk has lost its patience: `window` begins where the walk has come to.
pub fn turn(core: &Core, snapshot: &Snapshot, filter: &Filter, window: &Window) -> Plan {
    let planner = Planner {
        core,
        snapshot,
        filter,
        window,
    };
    let authors = filter.authors.as_deref().unwrap_or_default();
    planner.finish(planner.by_author(authors), "few rows matched")
}

/// What a plan is made from.
pub struct Planner<'a> {
    pub core: &'a Core,
    pub snapshot: &'a Snapshot,
    pub filter: &'a Filter,
    pub window: &'a Window,
}

impl Planner<'_> {
    fn choose(&self) -> Plan {
        let by_tag = self.narrowest_tag();
        if let Some(tag) = &by_tag
            && tag.total() < PROBE_ROWS as u64
        {
            return self.finish(by_tag.unwrap_or_default(), "few entries");
        }
        let Some(authors) = &self.filter.authors else {
            return match by_tag {
                Some(tag) => self.finish(tag, "narrowest tag"),
                None => self.finish(self.broad(), "nothing narrower applies"),
            };
        };
        if by_tag.is_none()
            && let Some(walk) = self.cheaper_walk(authors)
        {
            return walk;
        }
        let by_author = self.by_author(authors);
        match by_tag {
            Some(tag) if tag.total() <= by_author.total() => {
                self.finish(tag, "narrower than the authors")
            }
            Some(_) => self.finish(by_author, "narrower than the tags"),
            None => self.finish(
                by_author,
                "the authors' entries are few, or sparse among all",
            ),
        }
    }

    /// A walk over all rows of the kinds, if it should reach the limit before the authors' lists are found and merged.
    fn cheaper_walk(&self, authors: &[PublicKey]) -> Option<Plan> {
        let lookups = self.lookups(authors.len());
        if lookups * self.snapshot.state.runs.len() as u64 <= PROBE_ROWS as u64 {
            return None;
        }
        let broad = self.broad();
        let wanted: HashSet<u64> = authors.iter().map(|author| leading(&author.0)).collect();
        let mut cursor = Cursor::new(&self.snapshot.state, broad.lists.clone());
        let (mut seen, mut hits) = (0u64, 0u64);
        while seen < PROBE_ROWS as u64
            && let Some(row) = cursor.next(&self.snapshot.state)
        {
            seen += 1;
            hits += u64::from(wanted.contains(&row.author));
        }
        let results = self.filter.limit.unwrap_or(500).saturating_add(1);
        let walk = (results.saturating_mul(seen) / hits.max(1)).min(broad.total());
        let merge = self.cost_of_authors(&broad.lists, lookups) + results;
        if walk >= merge {
            return None;
        }
        let reason = format!(
            "{hits} of the newest {seen} rows match: about {walk} rows to walk, or work worth {merge}"
        );
        let mut plan = self.finish(broad, &reason);
        plan.patience = Some(merge);
        Some(plan)
    }

    /// What it costs to find the authors' entries, where `broad` are the lists that could be walked instead.
    fn cost_of_authors(&self, broad: &[List], lookups: u64) -> u64 {
        let of_run = |lists: &[List]| {
            let entries = total(lists);
            if self.better_walked(entries, lookups) {
                entries
            } else {
                lookups
            }
        };
        broad.chunk_by(|a, b| a.run == b.run).map(of_run).sum()
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
            estimate: chosen.total(),
            rows: 0,
            end: None,
        };
        Plan {
            lists: chosen.lists,
            checks,
            patience: None,
            description,
        }
    }
}
