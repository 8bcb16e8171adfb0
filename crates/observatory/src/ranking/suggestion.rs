//! In which order a client should ask relays for an author's events. Pure.

use roaring::RoaringBitmap;

/// Greedy: each time the relay that adds most events to those of the relays before it; of equal ones the one that comes first in
/// `relays`, so who calls puts the better ones first. Relays that add nothing follow in the order in which they came.
pub(super) fn order(relays: &[RoaringBitmap]) -> Vec<usize> {
    let mut left: Vec<usize> = (0..relays.len()).collect();
    let mut order = Vec::with_capacity(left.len());
    let mut covered = RoaringBitmap::new();
    loop {
        let gain = |relay: usize| {
            let held = relays.get(relay);
            held.map_or(0, |held| held.len() - held.intersection_len(&covered))
        };
        let best = left
            .iter()
            .enumerate()
            .map(|(place, relay)| (gain(*relay), std::cmp::Reverse(place)))
            .max();
        let Some((1.., std::cmp::Reverse(place))) = best else {
            break;
        };
        let relay = left.remove(place);
        if let Some(held) = relays.get(relay) {
            covered |= held;
        }
        order.push(relay);
    }
    order.extend(left);
    order
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn o4_6_the_relay_that_adds_most_comes_next() {
        let relays = [0..4, 0..6, 6..8, 5..8].map(|held: std::ops::Range<u32>| held.collect());
        assert_eq!(order(&relays), [1, 2, 0, 3]);
    }

    proptest! {
        #[test]
        fn o4_6_every_relay_is_suggested_once(relays in prop::collection::vec(
            prop::collection::vec(0_u32..30, 0..20), 0..12)) {
            let relays: Vec<RoaringBitmap> = relays.into_iter().map(|held| held.into_iter().collect()).collect();
            let mut order = order(&relays);
            let mut gains = Vec::new();
            let mut covered = RoaringBitmap::new();
            for relay in &order {
                gains.push((&relays[*relay] - &covered).len());
                covered |= &relays[*relay];
            }
            prop_assert!(gains.is_sorted_by(|one, other| one >= other), "{:?}", gains);
            order.sort_unstable();
            prop_assert_eq!(order, (0..relays.len()).collect::<Vec<_>>());
        }
    }
}
