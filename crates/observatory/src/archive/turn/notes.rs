//! Noting what came of a window: in what is known of the relay's past, and in the records.

use std::sync::Arc;

use stentor_peer::Window;

use super::Turn;
use crate::archive::by_req::Done;
use crate::archive::coverage::{Change, Coverage, Interval, Intervals, reason};
use crate::archive::coverage_table::FilterId;
use crate::archive::intake::Taken;
use crate::archive::settle::Settlement;
use crate::archive::standing::Counts;
use crate::archive::walk::{Verdict, Why};
use crate::error::Error;

/// Windows that fail after which a turn is over; and with a relay that gives nothing at all.
const FAILS: u32 = 5;
const FAILS_OF_NOTHING: u32 = 2;

impl Turn {
    /// What is known now. A relay that gives nothing is not asked for the rest in this turn.
    pub(super) fn note(
        &mut self,
        known: &mut Intervals,
        range: Window,
        done: &Done,
        taken: &Taken,
    ) {
        let now_ms = self.visit.ground().clock.now_ms();
        let events = taken.new + taken.duplicates;
        let largest = done
            .verdicts
            .iter()
            .max_by_key(|one| one.window.until - one.window.since);
        let largest = largest.map(|one| one.window);
        let verdicts = crowded(known, &unproven(known, &done.verdicts, taken));
        for verdict in &verdicts {
            let Verdict { window, state, why } = verdict;
            self.gave |= matches!(state, Coverage::Complete | Coverage::Capped);
            known.set(Interval {
                window: *window,
                state: *state,
                reason: why.as_deref().map(|why| reason(why, "")),
                method: Some(done.method),
                events: if Some(*window) == largest { events } else { 0 },
                at_ms: now_ms,
            });
        }
        let bad = |one: &&Verdict| matches!(one.state, Coverage::Failed | Coverage::Refused);
        let Some(bad) = verdicts.iter().rfind(bad) else {
            return;
        };
        self.fails += 1;
        let most = if self.gave || events > 0 {
            FAILS
        } else {
            FAILS_OF_NOTHING
        };
        if bad.state != Coverage::Refused && self.fails < most {
            return;
        }
        let why = bad.why.clone().unwrap_or(Why::Borrowed("failed"));
        if !self.gave {
            // What was tried is tried again after the rest.
            let before = self.begun_ms.saturating_sub(1);
            give_up(known, range, bad.state, &reason(&why, ""), before);
        }
        self.why = Some(why.into_owned());
    }

    /// Writes down what came, what is covered, and how the relay stands.
    pub(super) async fn settle(
        &self,
        change: Option<(FilterId, Change)>,
        taken: Taken,
    ) -> Result<(), Error> {
        let settlement = Settlement {
            relay: self.visit.relay,
            came: Counts {
                events: taken.new,
                duplicates: taken.duplicates,
                rejected: taken.rejected,
                bytes: taken.bytes,
            },
            pairs: taken.pairs,
            change,
            standing: Some(self.standing.clone()),
        };
        self.work.desk.settle(settlement).await
    }
}

/// What was never asked for gets a state, too.
pub(super) fn give_up(
    known: &mut Intervals,
    range: Window,
    state: Coverage,
    why: &Arc<str>,
    now_ms: u64,
) {
    for window in known.gaps(range) {
        known.set(Interval {
            window,
            state,
            reason: Some(why.clone()),
            method: None,
            events: 0,
            at_ms: now_ms,
        });
    }
}

/// What takes no proof back. A look at a part of what was proven complete can show less of a relay than the larger window did that proved
/// it: so many events of one second, and no others, may as well be all that it sends. As long as nothing among them is new, what was
/// proven stands, with its time.
fn unproven(known: &Intervals, verdicts: &[Verdict], taken: &Taken) -> Vec<Verdict> {
    let stands = |one: &&Verdict| {
        one.state == Coverage::Capped && taken.new == 0 && known.is_complete(one.window)
    };
    let verdicts = verdicts.iter().filter(|one| !stands(one));
    verdicts.cloned().collect()
}

/// Where a relay has more exceptions than are told apart, a window with any is one exception.
fn crowded(known: &Intervals, verdicts: &[Verdict]) -> Vec<Verdict> {
    let exception = verdicts.iter().find(|one| one.state != Coverage::Complete);
    let Some(exception) = exception.filter(|_| known.is_crowded()) else {
        return verdicts.to_vec();
    };
    let windows = verdicts.iter().map(|one| one.window);
    let whole = windows.reduce(|a, b| Window {
        since: a.since.min(b.since),
        until: a.until.max(b.until),
    });
    let whole = whole.unwrap_or(exception.window);
    vec![Verdict {
        window: whole,
        ..exception.clone()
    }]
}
