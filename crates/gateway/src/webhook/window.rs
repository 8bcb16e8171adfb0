//! How far an endpoint has got (G4.3): its low water. Pure.
//!
//! What is read from the logs enters in their order; it leaves in any order, when it was delivered or has become a row of its own.
//! The low water is behind everything that has left without a gap, so that whoever begins there misses nothing.

use std::collections::VecDeque;

/// What was read and is not settled yet. `C` is a position, `T` what is to be delivered.
#[derive(Debug)]
pub(crate) struct Window<C, T> {
    slots: VecDeque<Slot<C, T>>,
    next: u64,
    low: C,
}

#[derive(Debug)]
struct Slot<C, T> {
    number: u64,
    after: C,
    state: State<T>,
}

#[derive(Debug)]
enum State<T> {
    /// It waits to be begun.
    Waiting(T),
    /// It is under way.
    Begun,
    /// It needs nothing any more.
    Settled,
}

impl<C: Copy, T> Window<C, T> {
    /// Nothing, at this position.
    pub fn new(low: C) -> Self {
        Self {
            slots: VecDeque::new(),
            next: 0,
            low,
        }
    }

    /// Puts in what was read, and where whoever has read it stands then.
    pub fn push(&mut self, item: T, after: C) {
        self.slots.push_back(Slot {
            number: self.next,
            after,
            state: State::Waiting(item),
        });
        self.next += 1;
    }

    /// Something was read that needs nothing: the position moves over it.
    pub fn pass(&mut self, after: C) {
        match self.slots.back_mut() {
            Some(last) => last.after = after,
            None => self.low = after,
        }
    }

    /// Takes the first that waits.
    pub fn begin(&mut self) -> Option<(u64, T)> {
        let mut slots = self.slots.iter_mut();
        let slot = slots.find(|slot| matches!(slot.state, State::Waiting(_)))?;
        match std::mem::replace(&mut slot.state, State::Begun) {
            State::Waiting(item) => Some((slot.number, item)),
            _ => None,
        }
    }

    /// Whether something waits to be begun.
    pub fn has_waiting(&self) -> bool {
        let mut slots = self.slots.iter();
        slots.any(|slot| matches!(slot.state, State::Waiting(_)))
    }

    /// This one needs nothing any more, as soon as what is written now is durable.
    pub fn settle(&mut self, number: u64) {
        let first = self.slots.front().map_or(number, |slot| slot.number);
        let place = usize::try_from(number.wrapping_sub(first));
        if let Some(slot) = place.ok().and_then(|place| self.slots.get_mut(place)) {
            slot.state = State::Settled;
        }
        while let Some(slot) = self.slots.front()
            && matches!(slot.state, State::Settled)
        {
            self.low = slot.after;
            self.slots.pop_front();
        }
    }

    /// Behind everything that is settled without a gap.
    pub const fn low(&self) -> C {
        self.low
    }

    /// How much is not settled, or waits behind what is not.
    pub fn len(&self) -> usize {
        self.slots.len()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn g4_3_the_low_water_moves_in_order() {
        let mut window = Window::new(0);
        for seq in 1..=3 {
            window.push(seq, seq * 10);
        }
        let begun: Vec<_> = std::iter::from_fn(|| window.begin()).collect();
        assert_eq!(begun, [(0, 1), (1, 2), (2, 3)]);
        window.settle(1);
        assert_eq!(window.low(), 0);
        window.settle(0);
        assert_eq!((window.low(), window.len()), (20, 1));
        window.pass(35);
        assert_eq!(
            window.low(),
            20,
            "what is passed over waits for what is before"
        );
        window.settle(2);
        assert_eq!((window.low(), window.len()), (35, 0));
        window.pass(40);
        assert_eq!(window.low(), 40);
        assert!(!window.has_waiting());
    }

    proptest! {
        #[test]
        fn g4_3_nothing_below_the_low_water_is_unsettled(order in Just((0_u64..40).collect::<Vec<_>>()).prop_shuffle(), upto in 0_usize..40) {
            let mut window = Window::new(0);
            for seq in 0..40 {
                window.push(seq, seq + 1);
            }
            while window.begin().is_some() {}
            let settled = &order[..upto];
            for number in settled {
                window.settle(*number);
            }
            let first_open = (0..40).find(|number| !settled.contains(number)).unwrap_or(40);
            prop_assert_eq!(window.low(), first_open);
            prop_assert_eq!(window.len() as u64, 40 - first_open);
        }
    }
}
