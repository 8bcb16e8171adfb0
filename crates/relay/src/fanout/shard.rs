//! A part of the subscriptions, under one lock.

use std::sync::Arc;

use bytes::Bytes;
use stentor_event::{EventView, VisibilityRules, visible};
use stentor_serve::OutFrame;
use stentor_store::EventNumber;
use stentor_store::search::Subject;

use super::Tally;
use super::index::{Index, Posting, Prober, Probes};
use super::live::{HoldLimits, Live};

/// An event on its way to the subscribers, with what every shard needs to know of it.
pub(super) struct Passing<'a> {
    pub(super) view: EventView<'a>,
    /// The same, for searches.
    pub(super) subject: Subject<'a>,
    pub(super) body: &'a Bytes,
    /// `None`: ephemeral.
    pub(super) number: Option<EventNumber>,
    pub(super) probes: Probes,
}

/// An event that a subscription gets: in the order of connections, and within one in the order of events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Delivery {
    client: usize,
    event: u32,
    slot: u32,
}

/// Subscriptions of some of the connections.
#[derive(Debug, Default)]
pub(super) struct Shard {
    index: Index,
    slots: Vec<Option<Arc<Live>>>,
    free: Vec<u32>,
    /// For each slot, the last event (counted by `round`) that was found to match: no subscription gets one twice.
    seen: Vec<u32>,
    round: u32,
    deliveries: Vec<Delivery>,
}

impl Shard {
    /// Registers a subscription; the slot identifies it.
    pub(super) fn insert(&mut self, prober: &Prober, live: Arc<Live>) -> u32 {
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push(None);
            self.seen.push(self.round);
            u32::try_from(self.slots.len() - 1).unwrap_or(u32::MAX)
        });
        for (filter, posting) in postings(&live, slot) {
            self.index.insert(prober, filter, posting);
        }
        if let Some(place) = self.slots.get_mut(slot as usize) {
            *place = Some(live);
        }
        slot
    }

    /// Takes a subscription out and drops its events that are not yet on their way.
    pub(super) fn remove(&mut self, prober: &Prober, slot: u32) {
        let Some(live) = self.slots.get_mut(slot as usize).and_then(Option::take) else {
            return;
        };
        for (filter, posting) in postings(&live, slot) {
            self.index.remove(prober, filter, posting);
        }
        live.client().outbox().discard(live.prefix());
        self.free.push(slot);
    }

    /// Passes events to those who asked for them.
    pub(super) fn pass(
        &mut self,
        events: &[Passing<'_>],
        rules: &Arc<VisibilityRules>,
        hold: HoldLimits,
        tally: &mut Tally,
    ) {
        if self.index.is_empty() {
            return;
        }
        self.deliveries.clear();
        for (position, event) in events.iter().enumerate() {
            self.collect(position, event, rules, hold, tally);
        }
        self.deliver(events, tally);
        if self.deliveries.capacity() > 65_536 {
            self.deliveries = Vec::new();
        }
    }

    /// Finds who gets the event.
    fn collect(
        &mut self,
        position: usize,
        event: &Passing<'_>,
        rules: &Arc<VisibilityRules>,
        hold: HoldLimits,
        tally: &mut Tally,
    ) {
        let round = self.next_round();
        let open = rules.is_open(event.view.kind());
        for posting in self.index.candidates(&event.probes) {
            let Some(Some(live)) = self.slots.get(posting.slot as usize) else {
                continue;
            };
            let Some(seen) = self
                .seen
                .get_mut(posting.slot as usize)
                .filter(|seen| **seen != round)
            else {
                continue;
            };
            tally.considered += 1;
            let Some(filter) = live.filters().get(posting.filter as usize) else {
                continue;
            };
            if event.number.is_some_and(|number| number < live.from())
                || !filter.matches(&event.view)
                || !live.holds(posting.filter, &event.subject)
            {
                continue;
            }
            if !open && !visible(&event.view, &live.client().viewer(rules), filter) {
                continue;
            }
            *seen = round;
            if live.take(event.body, hold) {
                let client = Arc::as_ptr(live.client()).addr();
                self.deliveries.push(Delivery {
                    client,
                    event: position as u32,
                    slot: posting.slot,
                });
            }
        }
    }

    /// Pushes what was found, with one wake-up for each connection.
    fn deliver(&mut self, events: &[Passing<'_>], tally: &mut Tally) {
        self.deliveries.sort_unstable();
        let slots = &self.slots;
        for group in self
            .deliveries
            .chunk_by(|one, other| one.client == other.client)
        {
            let live =
                |delivery: &Delivery| slots.get(delivery.slot as usize).and_then(Option::as_ref);
            let Some(first) = group.first().and_then(live) else {
                continue;
            };
            let frames = group.iter().filter_map(|delivery| {
                let prefix = Arc::clone(live(delivery)?.prefix());
                Some(OutFrame::Event {
                    prefix,
                    body: events.get(delivery.event as usize)?.body.clone(),
                })
            });
            let taken = first.client().outbox().push_many(frames) as u64;
            tally.delivered += taken;
            tally.dropped += group.len() as u64 - taken;
        }
    }

    /// A number that no slot has seen.
    fn next_round(&mut self) -> u32 {
        self.round = self.round.wrapping_add(1);
        if self.round == 0 {
            self.seen.fill(0);
            self.round = 1;
        }
        self.round
    }
}

/// The filters of a subscription, as they are registered.
fn postings(
    live: &Arc<Live>,
    slot: u32,
) -> impl Iterator<Item = (&stentor_event::Filter, Posting)> {
    live.filters()
        .iter()
        .zip(0..)
        .map(move |(filter, position)| {
            (
                filter,
                Posting {
                    slot,
                    filter: position,
                },
            )
        })
}
