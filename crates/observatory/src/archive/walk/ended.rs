//! What an answer with an end proves, and what is to be asked after it.

use stentor_event::EoseHint;
use stentor_peer::{Page, Pages, Window};

use super::piece::Piece;
use super::second::Second;
use super::{Answer, Walk};
use crate::archive::coverage::Coverage;

/// Seconds of one walk that are asked for by kind and author.
const SPLITS: u32 = 64;
/// A page of one second with fewer events is not taken for a cut one: no relay caps at less.
pub(super) const LEAST_CAP: u64 = 10;

impl Walk {
    pub(super) fn ended(&mut self, piece: Piece, answer: &Answer, hint: Option<EoseHint>) {
        self.in_vain = 0;
        self.manner.ended = true;
        self.manner.hints |= hint.is_some();
        let (limit, largest) = (self.manner.limit, self.manner.largest);
        // Fewer than it has sent at once is not cut, whatever else was among it.
        let is_short = answer.all() < largest;
        self.manner.largest = largest.max(answer.all());
        let finished = hint == Some(EoseHint::Finish);
        match piece {
            Piece::Second(mut second) => {
                let full = !finished && (!is_short || hint == Some(EoseHint::More));
                let some = answer.all() >= LEAST_CAP || hint == Some(EoseHint::More);
                second.take(answer, full && some);
                self.go_on(second);
            }
            Piece::Everything(window) if finished => self.tell(window, Coverage::Complete, None),
            Piece::Everything(window) => {
                let why = "it sends other events than those that are asked for";
                self.tell(window, Coverage::Capped, Some(why));
            }
            piece if answer.foreign > 0 && !is_short => self.not_heard(piece),
            Piece::Pages(pages, since) if self.is_in_order(answer, hint) => {
                self.page(pages, since, answer, hint);
            }
            // A page that is not asked for by `since` cannot be halved.
            piece @ Piece::Pages(..) if self.manner.ignores_since => self.ask_for_everything(piece),
            Piece::Pages(pages, since) => {
                self.manner.unordered = true;
                let until = pages.until();
                let window = Window { since, until };
                self.half(window, answer, finished, is_short, limit);
            }
            Piece::Halves(window) => self.half(window, answer, finished, is_short, limit),
        }
        self.before.clone_from(&answer.marks);
    }

    /// Whether an answer is the newest of what was asked for. One second alone shows no order: it may as well be the oldest that is
    /// there, where the answer may have been cut.
    fn is_in_order(&mut self, answer: &Answer, hint: Option<EoseHint>) -> bool {
        if !answer.is_sorted() {
            return false;
        }
        let one = answer.second().is_some();
        self.manner.descends |= !one && answer.count() > 0;
        let uncut = match hint {
            Some(EoseHint::Finish) => true,
            Some(EoseHint::More) => false,
            None => answer.all() < self.manner.limit.min(LEAST_CAP),
        };
        !one || uncut || self.manner.descends
    }

    /// The relay does not hear all of what it is asked: it is asked more simply.
    fn not_heard(&mut self, piece: Piece) {
        if !self.manner.ignores_since && !self.manner.unordered {
            self.manner.ignores_since = true;
            self.pieces.push(piece);
            return;
        }
        self.ask_for_everything(piece);
    }

    /// Neither pages nor halves lead anywhere.
    fn ask_for_everything(&mut self, piece: Piece) {
        self.manner.deaf = true;
        self.pieces.push(piece);
        let windows = self.pieces.drain(..).map(|piece| piece.window());
        let whole = windows.reduce(|a, b| Window {
            since: a.since.min(b.since),
            until: a.until.max(b.until),
        });
        self.pieces.extend(whole.map(Piece::Everything));
    }

    fn page(&mut self, mut pages: Pages, since: u64, answer: &Answer, hint: Option<EoseHint>) {
        let oldest = answer.oldest();
        let left = Window {
            since,
            until: pages.until(),
        };
        // Asked without `since`: who has come to older events has shown all that is wanted, and what it says of more is of these.
        let past = oldest.is_some_and(|oldest| oldest < since);
        let unread = answer.count() == 0 && answer.noise + answer.stray > 0;
        if unread && answer.all() >= self.manner.largest {
            let why = "nothing but messages that cannot be read";
            return self.tell(left, Coverage::Capped, Some(why));
        }
        let turn = pages.turn(Page {
            count: answer.count(),
            oldest: oldest.filter(|_| !past),
            hint: if past { Some(EoseHint::Finish) } else { hint },
        });
        if let Some(settled) = turn.settled {
            self.settled(settled, answer);
        }
        if !turn.over {
            self.pieces.push(Piece::Pages(pages, since));
        }
        // As many events of one second as it has ever sent may have been cut there.
        let full = answer.count() >= self.manner.largest.max(LEAST_CAP);
        let suspect = answer.second().filter(|second| {
            full && hint != Some(EoseHint::Finish)
                && turn.settled.is_some()
                && *second == left.until
        });
        // The second before this one may turn out to be cut at the same time.
        let suspect = suspect.filter(|second| turn.lost != Some(*second));
        for second in [turn.lost, suspect].into_iter().flatten() {
            self.lost(second, answer);
        }
    }

    /// Nothing more comes of this window. Who sends events under other names may have sent some of these there.
    fn settled(&mut self, window: Window, answer: &Answer) {
        if answer.stray == 0 {
            return self.tell(window, Coverage::Complete, None);
        }
        let why = "it sends events under names that were not asked for";
        self.tell(window, Coverage::Capped, Some(why));
    }

    fn half(
        &mut self,
        window: Window,
        answer: &Answer,
        finished: bool,
        is_short: bool,
        limit: u64,
    ) {
        if finished || answer.all() == 0 || (is_short && answer.all() < limit) {
            return self.settled(window, answer);
        }
        match window.halves(u64::MAX) {
            Some((newer, older)) => {
                let halves = [older, newer].map(Piece::Halves);
                self.pieces.extend(halves);
            }
            None => self.lost(window.since, answer),
        }
    }

    /// There is, or may be, more in this second than comes at once.
    pub(super) fn lost(&mut self, second: u64, answer: &Answer) {
        let why = "more events of one second than it sends";
        let window = Window {
            since: second,
            until: second,
        };
        self.tell(window, Coverage::Capped, Some(why));
        self.splits += 1;
        if self.splits > SPLITS {
            return;
        }
        let marks = self.before.iter().chain(&answer.marks).copied();
        let marks = marks.filter(|mark| mark.at == second);
        let most = self.manner.most;
        self.go_on(Second::new(second, most, marks, self.kinds.as_deref()));
    }

    pub(super) fn go_on(&mut self, second: Second) {
        if second.ask().is_some() {
            self.pieces.push(Piece::Second(second));
            return;
        }
        let (state, why) = second.verdict();
        let (since, until) = (second.at(), second.at());
        self.tell(Window { since, until }, state, why);
    }
}
