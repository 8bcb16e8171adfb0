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
mod second;
#[cfg(test)]
mod tests;

use std::borrow::Cow;

use stentor_event::{EoseHint, Kind};
use stentor_peer::{Page, Pages, Window};

pub(crate) use answer::{Answer, Ask, End, Mark};
use second::Second;

use super::coverage::Coverage;

/// Answers in a row that did not end, after which what is left is given up: more than it takes to halve a century to a second.
const IN_VAIN: u32 = 36;
/// Seconds of one walk that are asked for by kind and author.
const SPLITS: u32 = 64;
/// A page of one second with fewer events is not taken for a cut one: no relay caps at less.
const LEAST_CAP: u64 = 10;

/// What is known of a relay's manners while one works with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Manner {
    /// Events to ask for in one page. Smaller for relays that hang up on more.
    pub limit: u64,
    /// Events to ask for where pages do not help.
    pub most: u64,
    /// The most that an answer with an end had: its cap is not below this.
    pub largest: u64,
    /// It does not send newest first.
    pub unordered: bool,
    /// It has sent newest first where another order would have shown.
    pub descends: bool,
    /// It sends what is older than asked for.
    pub ignores_since: bool,
    /// It sends what was not asked for in any case.
    pub deaf: bool,
    /// It says whether a page was all (NIP-67).
    pub hints: bool,
    /// Whether an answer had an end on this connection.
    pub ended: bool,
}

impl Manner {
    /// Nothing is known but how much to ask for.
    pub fn new(limit: u64, most: u64) -> Self {
        Self {
            limit: limit.max(1),
            most: most.max(limit).max(1),
            largest: 0,
            unordered: false,
            descends: false,
            ignores_since: false,
            deaf: false,
            hints: false,
            ended: false,
        }
    }
}

/// What is known of a part of the window. Later ones stand above earlier ones.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Verdict {
    /// Which part.
    pub window: Window,
    /// What is known.
    pub state: Coverage,
    /// Why it is not complete.
    pub why: Option<Why>,
}

/// Why something is not complete: a word or two of ours, and what the relay said.
pub(crate) type Why = Cow<'static, str>;

/// A part of the window that is being asked for.
#[derive(Debug, Clone)]
enum Piece {
    /// Page by page; with its first second.
    Pages(Pages, u64),
    /// In halves.
    Halves(Window),
    /// One second by kinds and authors.
    Second(Second),
    /// All that the relay has, for what it says of this.
    Everything(Window),
}

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

    fn ended(&mut self, piece: Piece, answer: &Answer, hint: Option<EoseHint>) {
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
    fn lost(&mut self, second: u64, answer: &Answer) {
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

    fn go_on(&mut self, second: Second) {
        if second.ask().is_some() {
            self.pieces.push(Piece::Second(second));
            return;
        }
        let (state, why) = second.verdict();
        let (since, until) = (second.at(), second.at());
        self.tell(Window { since, until }, state, why);
    }

    /// The piece cannot be had in one answer.
    fn divide(&mut self, piece: Piece, answer: &Answer, why: &'static str) {
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
    fn cut(&mut self, piece: Piece, answer: &Answer) {
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

    fn give_up(&mut self, piece: Piece, why: &'static str) {
        self.pieces.push(piece);
        self.stop(Coverage::Failed, &Cow::Borrowed(why));
    }

    fn leave(&mut self, piece: &Piece, state: Coverage, why: impl Into<Why>) {
        // Of a second that is too much it has been told that it is.
        if !matches!(piece, Piece::Second(_)) {
            let (window, why) = (piece.window(), Some(why.into()));
            self.verdicts.push(Verdict { window, state, why });
        }
    }
}

impl Piece {
    fn window(&self) -> Window {
        match self {
            Self::Pages(pages, since) => Window {
                since: *since,
                until: pages.until(),
            },
            Self::Halves(window) | Self::Everything(window) => *window,
            Self::Second(second) => Window {
                since: second.at(),
                until: second.at(),
            },
        }
    }
}
