//! Who has which events.

use std::collections::BTreeSet;

use stentor_event::{Event, EventId};

use super::draft::Authors;
use super::{lists, special, usual};
use crate::character::Character;
use crate::dice::Dice;
use crate::manners::{Manners, Stock};
use crate::spec::Spec;

/// Authors of ordinary events.
const AUTHORS: usize = 32;
/// Copies of an event, at most.
const COPIES: u64 = 6;
/// Relays up to which every relay with events has the whole directory; in larger networks the first has, and the others a few lists.
const SMALL: usize = 200;
/// Lists of the directory at a relay of a large network.
const SOME_LISTS: usize = 3;

/// What a relay is dealt.
#[derive(Clone, Default)]
pub(crate) struct Share {
    pub(crate) events: Vec<Event>,
    /// Which of them are forged.
    pub(crate) forged: BTreeSet<EventId>,
}

/// Makes all events and deals them to relays of these manners; `urls` are those that relay lists and hints name.
pub(crate) fn deal(spec: &Spec, manners: &[Manners], urls: &[String]) -> (Authors, Vec<Share>) {
    let count = AUTHORS.max(lists::authors_for(urls.len()));
    let authors = Authors::new(spec.seed, count);
    let mut shares = vec![Share::default(); manners.len()];
    let having: Vec<usize> = (manners.iter().enumerate())
        .filter(|(_, manners)| !matches!(manners.stock, Stock::Nothing | Stock::Copied))
        .map(|(relay, _)| relay)
        .collect();
    scatter(
        spec,
        usual::events(spec, &authors, urls),
        &having,
        &mut shares,
    );
    let directory = lists::directory(spec, &authors, urls);
    post(spec, &directory, &having, &mut shares);
    for (relay, (share, manners)) in shares.iter_mut().zip(manners).enumerate() {
        let own = special::own(spec, &authors, relay, manners.stock, share.events.len());
        share.events.extend(own.events);
        share.forged = own.forged;
    }
    copy(spec, manners, &mut shares);
    (authors, shares)
}

/// Each event to one to six relays.
fn scatter(spec: &Spec, events: Vec<Event>, having: &[usize], shares: &mut [Share]) {
    let mut dice = Dice::new(spec.seed, 3);
    for event in events {
        let copies = 1 + dice.below(COPIES).min(dice.below(COPIES));
        // The relays that follow a first one by a step of chance are different from each other as often as is needed.
        let (first, step) = (dice.index(having.len()), 1 + dice.index(having.len()));
        for copy in 0..copies as usize {
            let place = (first + copy * step) % having.len().max(1);
            let relay = having.get(place).and_then(|relay| shares.get_mut(*relay));
            if let Some(share) = relay {
                share.events.push(event.clone());
            }
        }
    }
}

/// The directory to all relays of a small network, and parts of it to those of a large one.
fn post(spec: &Spec, directory: &[Event], having: &[usize], shares: &mut [Share]) {
    let mut dice = Dice::new(spec.seed, 4);
    let small = shares.len() <= SMALL;
    for (place, relay) in having.iter().enumerate() {
        let Some(share) = shares.get_mut(*relay) else {
            continue;
        };
        if small || place == 0 {
            share.events.extend_from_slice(directory);
        } else {
            let some = (0..SOME_LISTS).filter_map(|_| dice.pick(directory).cloned());
            share.events.extend(some);
        }
    }
}

/// Mirrors have what the honest relay with their number has; without one, what another relay with events has.
fn copy(spec: &Spec, manners: &[Manners], shares: &mut [Share]) {
    let of = |stock: Stock| {
        let relays = manners.iter().enumerate();
        let relays = relays.filter(|(_, manners)| manners.stock == stock);
        relays.map(|(relay, _)| relay).collect::<Vec<_>>()
    };
    let (mirrors, mut originals) = (of(Stock::Copied), of(Stock::Usual));
    let is_honest = |relay: &usize| spec.characters.get(*relay) == Some(&Character::Honest);
    if originals.iter().any(is_honest) {
        originals.retain(is_honest);
    }
    for (number, mirror) in mirrors.into_iter().enumerate() {
        let original = originals.get(number % originals.len().max(1));
        let share = original.and_then(|original| shares.get(*original)).cloned();
        if let (Some(share), Some(mirror)) = (share, shares.get_mut(mirror)) {
            *mirror = share;
        }
    }
}
