//! A window of time by REQ, with a relay of which nothing is taken for granted (O3.1). Pure: it says what to ask, and judges answers.
//!
//! A relay that sends newest first is walked through page by page ([`Pages`], which says what a page proves). For any other, the end of
//! a page is no boundary: its window is halved until an answer has fewer events than this relay is known to send at once. A relay that
//! sends what was not asked for is asked without `since`, and in the end for everything at once; what that brings is kept, but
//! proves nothing.
//!
//! An answer that does not end (silence, too much, a message too long, a connection cut) proves nothing of its window either: it is asked
//! for in smaller pieces or with a smaller limit as far as that leads anywhere. What stays unproven is told with the reason.

mod answer;
mod ended;
mod manner;
mod piece;
mod second;
#[cfg(test)]
mod tests;
mod unended;

use std::borrow::Cow;

use stentor_event::Kind;
use stentor_peer::{Pages, Window};

pub(crate) use answer::{Answer, Ask, End, Mark};
pub(crate) use manner::Manner;
use piece::Piece;
pub(crate) use piece::{Verdict, Why};

use super::coverage::Coverage;

/// A walk in progress.
#[derive(Debug, Clone)]
pub(crate) struct Walk {
    /// What is known of the relay.
    pub manner: Manner,
    /// All kinds that are wanted, if that is said.
    kinds: Option<Vec<Kind>>,
    /// The next piece is the last.
    pieces: Vec<Piece>,
    verdicts: Vec<Verdict>,
    /// The events of the page before, which may have been of a second that turns out to be too much.
    before: Vec<Mark>,
    in_vain: u32,
    splits: u32,
}

impl Walk {
    /// A walk through this window. `kinds`: all that are wanted, where the filter names them.
    pub fn new(window: Window, manner: Manner, kinds: Option<Vec<Kind>>) -> Self {
        let mut walk = Self {
            manner,
            kinds,
            pieces: Vec::new(),
            verdicts: Vec::new(),
            before: Vec::new(),
            in_vain: 0,
            splits: 0,
        };
        walk.begin(window);
        walk
    }

    fn begin(&mut self, window: Window) {
        let Manner { limit, most, .. } = self.manner;
        self.pieces.push(if self.manner.deaf {
            Piece::Everything(window)
        } else if self.manner.unordered {
            Piece::Halves(window)
        } else {
            Piece::Pages(Pages::new(window, limit, most), window.since)
        });
    }

    /// What to ask next; `None` when the walk is over.
    pub fn ask(&self) -> Option<Ask> {
        let (window, limit) = match self.pieces.last()? {
            Piece::Second(second) => return second.ask(),
            Piece::Everything(_) => {
                return Some(Ask {
                    since: None,
                    until: None,
                    limit: self.manner.most,
                    kinds: None,
                    author: None,
                });
            }
            Piece::Pages(pages, since) => {
                let filter = pages.filter(&stentor_event::Filter::default());
                let until = pages.until();
                let window = Window {
                    since: *since,
                    until,
                };
                (window, filter.limit.unwrap_or(self.manner.limit))
            }
            Piece::Halves(window) if window.since == window.until => (*window, self.manner.most),
            Piece::Halves(window) => (*window, self.manner.limit),
        };
        Some(Ask {
            since: Some(window.since).filter(|_| !self.manner.ignores_since),
            until: Some(window.until),
            limit,
            kinds: None,
            author: None,
        })
    }

    /// Takes the answer to what was asked.
    pub fn take(&mut self, answer: &Answer) {
        let Some(piece) = self.pieces.pop() else {
            return;
        };
        match answer.end {
            End::Eose(hint) => self.ended(piece, answer, hint),
            End::Silent => self.give_up(piece, "no end of an answer in time"),
            End::TooMany => {
                self.divide(piece, answer, "more events than asked for, without an end");
            }
            End::TooLong => self.divide(piece, answer, "a message that is too long"),
            End::Cut => self.cut(piece, answer),
        }
    }

    /// Nothing more can be asked: what is left is not known, for this reason.
    pub fn stop(&mut self, state: Coverage, why: &Why) {
        while let Some(piece) = self.pieces.pop() {
            self.leave(&piece, state, why.clone());
        }
    }

    /// Nothing more is asked: what is left is as it was before.
    pub fn leave_off(&mut self) {
        self.pieces.clear();
    }

    /// What is known so far.
    pub fn verdicts(&self) -> &[Verdict] {
        &self.verdicts
    }

    fn tell(&mut self, window: Window, state: Coverage, why: Option<&'static str>) {
        let why = why.map(Cow::Borrowed);
        self.verdicts.push(Verdict { window, state, why });
    }
}
