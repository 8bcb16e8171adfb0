//! The texts of late, found by their fingerprint.

use hashbrown::HashMap;
use stentor_event::{EventId, Timestamp};

/// Bits in which fingerprints of nearly the same text may differ.
const DISTANCE: u32 = 3;
/// A fingerprint is cut into one part more than that: two that are near agree in at least one part.
const PARTS: usize = 4;
/// Texts with the same part that are looked at; what a flood puts there beyond that is not found.
const CANDIDATES: usize = 64;

/// The texts of late: a fixed number, the oldest gives its place to the newest.
pub(super) struct Table {
    texts: Vec<Text>,
    next: usize,
    places: [HashMap<u16, Vec<u32>>; PARTS],
    capacity: usize,
    copies: usize,
    window: u64,
}

/// A text with the copies of it within the window.
struct Text {
    print: u64,
    copies: Vec<(Timestamp, EventId)>,
}

impl Table {
    /// A table of at most `capacity` texts that lets `copies` of each pass within `window` seconds.
    pub(super) fn new(capacity: usize, copies: usize, window: u64) -> Self {
        Self {
            texts: Vec::new(),
            next: 0,
            places: Default::default(),
            capacity: capacity.max(1),
            copies,
            window,
        }
    }

    /// Counts a copy. `false` when there have been as many as may be; the same event again is no other copy.
    pub(super) fn take(&mut self, print: u64, id: &EventId, now: Timestamp) -> bool {
        let Some(text) = self.find(print) else {
            self.insert(print, *id, now);
            return true;
        };
        let (window, most) = (self.window, self.copies);
        let Some(text) = self.texts.get_mut(text) else {
            return true;
        };
        text.copies
            .retain(|(at, _)| at.0.saturating_add(window) > now.0);
        if text.copies.iter().any(|(_, own)| own == id) {
            return true;
        }
        let fits = text.copies.len() < most;
        if fits {
            text.copies.push((now, *id));
        }
        fits
    }

    /// Where a text near this one stands.
    fn find(&self, print: u64) -> Option<usize> {
        let candidates = parts(print).into_iter().zip(&self.places);
        let candidates = candidates.filter_map(|(part, places)| places.get(&part));
        candidates
            .flat_map(|places| places.iter().rev().take(CANDIDATES))
            .map(|place| *place as usize)
            .find(|place| {
                let text = self.texts.get(*place);
                text.is_some_and(|text| (text.print ^ print).count_ones() <= DISTANCE)
            })
    }

    fn insert(&mut self, print: u64, id: EventId, now: Timestamp) {
        let text = Text {
            print,
            copies: vec![(now, id)],
        };
        let place = self.next;
        self.next = (self.next + 1) % self.capacity;
        match self.texts.get_mut(place) {
            Some(old) => {
                let old = std::mem::replace(old, text);
                self.forget(old.print, place);
            }
            None => self.texts.push(text),
        }
        for (part, places) in parts(print).into_iter().zip(&mut self.places) {
            places.entry(part).or_default().push(place as u32);
        }
    }

    fn forget(&mut self, print: u64, place: usize) {
        for (part, places) in parts(print).into_iter().zip(&mut self.places) {
            if let Some(list) = places.get_mut(&part) {
                list.retain(|own| *own as usize != place);
                if list.is_empty() {
                    places.remove(&part);
                }
            }
        }
    }
}

/// The parts of a fingerprint.
fn parts(print: u64) -> [u16; PARTS] {
    [0, 16, 32, 48].map(|shift| (print >> shift & 0xffff) as u16)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: u8) -> EventId {
        EventId([number; 32])
    }

    #[test]
    fn r4_2_copies_within_the_window_are_counted() {
        let mut table = Table::new(8, 2, 100);
        let print = 0xdead_beef_0123_4567;
        assert!(table.take(print, &id(1), Timestamp(1_000)));
        assert!(
            table.take(print ^ 0b1001, &id(2), Timestamp(1_050)),
            "nearly the same"
        );
        assert!(!table.take(print, &id(3), Timestamp(1_060)));
        assert!(
            table.take(print, &id(1), Timestamp(1_060)),
            "the same event again"
        );
        assert!(table.take(!print, &id(4), Timestamp(1_060)), "another text");
        assert!(
            table.take(print, &id(3), Timestamp(1_100)),
            "the first is over"
        );
        assert!(!table.take(print, &id(5), Timestamp(1_101)));
    }

    #[test]
    fn r4_2_the_table_stays_as_large_as_it_may_be() {
        let mut table = Table::new(4, 1, 100);
        for number in 0..1_000_u64 {
            let print = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
            table.take(print, &id(1), Timestamp(1));
        }
        assert_eq!(table.texts.len(), 4);
        let listed: usize = table.places[0].values().map(Vec::len).sum();
        assert_eq!(listed, 4);
    }
}
