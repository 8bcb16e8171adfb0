//! What some characters have for themselves.

use std::collections::BTreeSet;

use stentor_event::{Event, EventId};

use super::draft::{Authors, Draft};
use super::{FAR, HUGE_BYTES, forge};
use crate::dice::Dice;
use crate::manners::Stock;
use crate::spec::Spec;

/// Events that a shutting-down relay alone has.
const EXCLUSIVE: u64 = 20;

/// What a relay has that nobody else has: its events, and which of them are forged.
#[derive(Default)]
pub(super) struct Own {
    pub(super) events: Vec<Event>,
    pub(super) forged: BTreeSet<EventId>,
}

/// Makes what the relay of this number has for itself, beside `usual` ordinary events.
pub(super) fn own(spec: &Spec, authors: &Authors, relay: usize, stock: Stock, usual: usize) -> Own {
    let maker = Maker {
        middle: spec.now.saturating_sub(spec.span() / 2),
        spec,
        relay,
    };
    let usual = usual as u64;
    let real = |drafts| Own {
        events: authors.sign(drafts),
        forged: BTreeSet::new(),
    };
    match stock {
        Stock::Nothing | Stock::Usual | Stock::Copied => Own::default(),
        Stock::Exclusive => real(maker.scattered(EXCLUSIVE)),
        Stock::Burst(count) => real(maker.burst(count)),
        Stock::MixedBurst => real(maker.mixed_burst()),
        Stock::Huge => real(maker.huge()),
        Stock::Future => real(maker.future(usual / 9 + 1)),
        Stock::BadSignatures => {
            let real = authors.sign(maker.scattered(usual / 2 + 1));
            forged(real.iter().filter_map(forge::signature))
        }
        Stock::BadIds => {
            let mut dice = Dice::new(spec.seed, 100 + relay as u64);
            let real = authors.sign(maker.scattered(usual / 2 + 1));
            forged(real.iter().filter_map(|event| forge::id(event, &mut dice)))
        }
    }
}

fn forged(events: impl Iterator<Item = Event>) -> Own {
    let events: Vec<_> = events.collect();
    let forged = events.iter().map(Event::id).collect();
    Own { events, forged }
}

struct Maker<'a> {
    spec: &'a Spec,
    relay: usize,
    /// A second in the middle of the network's time.
    middle: u64,
}

impl Maker<'_> {
    fn note(&self, author: usize, at: u64, number: u64) -> Draft {
        let content = format!("only at relay {}: {number}", self.relay);
        Draft::new(author, 1, at, content)
    }

    /// Notes all over the network's time.
    fn scattered(&self, count: u64) -> Vec<Draft> {
        let mut dice = Dice::new(self.spec.seed, 1_000 + self.relay as u64);
        let one = |number| {
            let at = self.spec.now.saturating_sub(dice.below(self.spec.span()));
            self.note(dice.index(16), at, number)
        };
        (0..count).map(one).collect()
    }

    fn burst(&self, count: u64) -> Vec<Draft> {
        let one = |number| self.note(0, self.middle, number);
        (0..count).map(one).collect()
    }

    fn mixed_burst(&self) -> Vec<Draft> {
        let one = |number: u64| {
            let kind = if number.is_multiple_of(2) { 1 } else { 7 };
            let author = (number / 2 % 3) as usize;
            Draft {
                kind,
                ..self.note(author, self.middle, number)
            }
        };
        (0..120).map(one).collect()
    }

    fn huge(&self) -> Vec<Draft> {
        let one = |number: u64| Draft {
            content: "0123456789abcdef".repeat(HUGE_BYTES / 16 + 1),
            ..self.note(0, self.middle + number * 3_600, number)
        };
        (0..2).map(one).collect()
    }

    fn future(&self, count: u64) -> Vec<Draft> {
        let one = |number| self.note(0, FAR + number, number);
        (0..count).map(one).collect()
    }
}
