//! What to do about an answer without an end: it is asked for in smaller pieces or with a smaller limit, as far as that leads anywhere.

use std::borrow::Cow;

use stentor_peer::Window;

use super::piece::{Piece, Verdict, Why};
use super::{Answer, End, Walk};
use crate::archive::coverage::Coverage;

/// Answers in a row that did not end, after which what is left is given up: more than it takes to halve a century to a second.
const IN_VAIN: u32 = 36;

impl Walk {
    /// The piece cannot be had in one answer.
    pub(super) fn divide(&mut self, piece: Piece, answer: &Answer, why: &'static str) {
        self.in_vain += 1;
        if self.in_vain > IN_VAIN || matches!(piece, Piece::Everything(_)) {
            return self.give_up(piece, why);
        }
        match piece.window().halves(u64::MAX) {
            Some((newer, older)) => {
                self.begin(older);
                self.begin(newer);
            }
            None => self.divide_second(piece, answer, why),
        }
    }

    /// One second cannot be had in one answer. Where it is this second that has too many events, a larger limit comes first, then kinds
    /// and authors (O3.2). Else nothing smaller can be asked for.
    fn divide_second(&mut self, piece: Piece, answer: &Answer, why: &'static str) {
        let window = piece.window();
        let too_many = answer.end == End::TooMany && answer.second() == Some(window.since);
        match piece {
            piece if !too_many => self.leave(&piece, Coverage::Capped, why),
            Piece::Second(mut second) => {
                second.take(answer, true);
                self.go_on(second);
            }
            // One second alone is asked for with the largest limit there.
            Piece::Pages(..) if self.manner.limit < self.manner.most => {
                self.pieces.push(Piece::Halves(window));
            }
            _ => self.lost(window.since, answer),
        }
    }

    /// The connection is gone. It is asked again on the next one, and for less when it hung up over what was asked.
    pub(super) fn cut(&mut self, piece: Piece, answer: &Answer) {
        self.in_vain += 1;
        let came = answer.count();
        let idle = !self.manner.ended && came == 0;
        if idle || self.in_vain > IN_VAIN {
            return self.give_up(piece, "the connection was cut");
        }
        if self.manner.ended {
            return self.pieces.push(piece);
        }
        // With as many events it hung up: a connection lives for fewer, and for some pages of half as many.
        self.manner.most = came.saturating_sub(1).clamp(1, self.manner.most);
        self.manner.limit = (came / 2).clamp(1, self.manner.limit.min(self.manner.most));
        match piece {
            Piece::Pages(pages, since) => self.begin(Window {
                since,
                until: pages.until(),
            }),
            Piece::Halves(window) => self.begin(window),
            other => self.leave(&other, Coverage::Failed, "the connection was cut"),
        }
    }

    pub(super) fn give_up(&mut self, piece: Piece, why: &'static str) {
        self.pieces.push(piece);
        self.stop(Coverage::Failed, &Cow::Borrowed(why));
    }

    pub(super) fn leave(&mut self, piece: &Piece, state: Coverage, why: impl Into<Why>) {
        // Of a second that is too much it has been told that it is.
        if !matches!(piece, Piece::Second(_)) {
            let (window, why) = (piece.window(), Some(why.into()));
            self.verdicts.push(Verdict { window, state, why });
        }
    }
}
