//! The sorted lists of ranks that a plan merges.

use std::ops::Range;

use crate::Direction;
use crate::embedded::run::Run;
use crate::embedded::state::State;

/// A list of ranks in one run, newest first.
#[derive(Debug, Clone)]
pub struct List {
    /// The place of the run in the state.
    pub run: u32,
    source: Source,
}

#[derive(Debug, Clone)]
enum Source {
    /// A part of the run's postings.
    Postings(Range<u32>),
    /// All rows between two ranks.
    Rows(Range<u32>),
}

impl List {
    /// All rows of a run between two ranks; `None` when there are none.
    pub fn rows(run: u32, window: (u32, u32)) -> Option<Self> {
        (window.0 < window.1).then_some(Self {
            run,
            source: Source::Rows(window.0..window.1),
        })
    }

    /// The postings in this range that lie in the window; `None` when there are none.
    pub fn postings(run: u32, of: &Run, range: Range<u32>, window: (u32, u32)) -> Option<Self> {
        let all = of
            .image()
            .postings()
            .get(range.start as usize..range.end as usize)?;
        let whole = window.0 == 0 && window.1 as usize == of.len();
        let part = if whole {
            range
        } else {
            let from = all.partition_point(|rank| *rank < window.0) as u32;
            let to = all.partition_point(|rank| *rank < window.1) as u32;
            range.start + from..range.start + to
        };
        (part.start < part.end).then_some(Self {
            run,
            source: Source::Postings(part),
        })
    }

    /// How many ranks are left.
    pub fn len(&self) -> u64 {
        let (Source::Postings(range) | Source::Rows(range)) = &self.source;
        range.len() as u64
    }

    /// The next rank that is left, from this end.
    pub fn rank(&self, state: &State, direction: Direction) -> Option<u32> {
        let (Source::Postings(range) | Source::Rows(range)) = &self.source;
        if range.is_empty() {
            return None;
        }
        let at = match direction {
            Direction::NewestFirst => range.start,
            Direction::OldestFirst => range.end - 1,
        };
        match &self.source {
            Source::Rows(_) => Some(at),
            Source::Postings(_) => {
                let run = &state.runs.get(self.run as usize)?.run;
                run.image().postings().get(at as usize).copied()
            }
        }
    }

    /// Leaves out the next rank at this end.
    pub fn skip(&mut self, direction: Direction) {
        let (Source::Postings(range) | Source::Rows(range)) = &mut self.source;
        match direction {
            Direction::NewestFirst => range.start += 1,
            Direction::OldestFirst => range.end -= 1,
        }
    }
}
