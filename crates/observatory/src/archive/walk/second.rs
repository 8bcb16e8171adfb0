//! A second with more events than the relay sends for one REQ: asked for by kind, and by author where one kind is still too much
//! (O3.2). Pure.
//!
//! Kinds and authors can be asked for by name only: those that were seen, and kinds that are common. That nothing else is there is
//! proven only where the archive's filter names all kinds that it wants.

use std::collections::{BTreeSet, VecDeque};

use stentor_event::{Kind, PublicKey};

use super::answer::{Answer, Ask, Mark};
use crate::archive::coverage::Coverage;

/// Kinds that are asked for although none was seen, in one question.
const COMMON: [u16; 16] = [
    0, 1, 3, 4, 5, 6, 7, 16, 1_059, 1_984, 9_734, 9_735, 10_002, 30_023, 30_078, 1_111,
];
/// Questions about one second.
const MOST: usize = 64;

/// The questions about one second.
#[derive(Debug, Clone)]
pub(super) struct Second {
    at: u64,
    limit: u64,
    /// Kinds with their authors that have been put in the queue.
    known: BTreeSet<(Kind, Option<PublicKey>)>,
    queue: VecDeque<(Vec<Kind>, Option<PublicKey>)>,
    asked: usize,
    /// Whether the kinds are all that are wanted.
    named: bool,
    /// Whether some kind is still too much.
    full: bool,
    /// Whether some author of a kind is.
    beyond: bool,
}

impl Second {
    /// Questions about this second, of which these events are known. `kinds`: all that are wanted, if the filter says so.
    pub(super) fn new(
        at: u64,
        limit: u64,
        marks: impl Iterator<Item = Mark>,
        kinds: Option<&[Kind]>,
    ) -> Self {
        let mut second = Self {
            at,
            limit,
            known: BTreeSet::new(),
            queue: VecDeque::new(),
            asked: 0,
            named: kinds.is_some(),
            full: false,
            beyond: false,
        };
        match kinds {
            Some(kinds) => kinds.iter().for_each(|kind| second.add(*kind, None)),
            None => {
                marks.for_each(|mark| second.add(mark.kind, None));
                let others = COMMON.map(Kind).into_iter();
                let others = others.filter(|kind| !second.known.contains(&(*kind, None)));
                second.queue.push_back((others.collect(), None));
            }
        }
        second
    }

    fn add(&mut self, kind: Kind, author: Option<PublicKey>) {
        if self.known.insert((kind, author)) {
            self.queue.push_back((vec![kind], author));
        }
    }

    /// The next question; `None` when there are no more.
    pub(super) fn ask(&self) -> Option<Ask> {
        let (kinds, author) = self.queue.front()?;
        Some(Ask {
            since: Some(self.at),
            until: Some(self.at),
            limit: self.limit,
            kinds: Some(kinds.clone()),
            author: *author,
        })
    }

    /// Takes the answer to it. `is_full`: there may be more than came.
    pub(super) fn take(&mut self, answer: &Answer, is_full: bool) {
        let Some((kinds, author)) = self.queue.pop_front() else {
            return;
        };
        self.asked += 1;
        let seen = || {
            answer
                .marks
                .iter()
                .filter(|mark| kinds.contains(&mark.kind))
        };
        match (is_full, author, kinds.len()) {
            (false, ..) => {}
            (true, Some(_), _) => self.beyond = true,
            (true, None, 1) => {
                self.full = true;
                seen().for_each(|mark| self.add(mark.kind, Some(mark.author)));
            }
            (true, None, _) => kinds.iter().for_each(|kind| self.add(*kind, None)),
        }
        if self.asked >= MOST && !self.queue.is_empty() {
            self.full = true;
            self.queue.clear();
        }
    }

    /// The second.
    pub(super) const fn at(&self) -> u64 {
        self.at
    }

    /// What is known of the second in the end, and why.
    pub(super) const fn verdict(&self) -> (Coverage, Option<&'static str>) {
        if self.beyond {
            let why = "more events of one second, kind and author than it sends";
            return (Coverage::Capped, Some(why));
        }
        if self.named && !self.full {
            return (Coverage::Complete, None);
        }
        let why = "more events of one second than it sends; asked by kind and author, not proven to be all";
        (Coverage::Capped, Some(why))
    }
}
