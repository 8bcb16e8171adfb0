//! How fast one endpoint is sent to (G4.4). Pure: time is an argument, in Unix milliseconds.
//!
//! The rate is exact: in no minute there are more attempts than it says. An endpoint that is overloaded is sent half as many, down to a
//! floor, and the whole again bit by bit as it takes what it is sent.

use std::collections::VecDeque;

/// What a rate is counted in.
const MINUTE: u64 = 60_000;
/// Answers of overload within this belong together: several that were under way at once halve the rate once.
const TOGETHER: u64 = 1_000;
/// The rate does not fall below this part of what it is.
const FLOOR: u32 = 20;
/// Attempts that succeed give back this part of it.
const STEP: u32 = 20;

/// The pace of one endpoint.
#[derive(Debug)]
pub(crate) struct Pace {
    /// Attempts in any minute.
    rate: u32,
    /// As many now.
    allowed: u32,
    /// When the attempts of the last minute began.
    begun: VecDeque<u64>,
    halved_at: u64,
    paused_until: u64,
}

impl Pace {
    /// At most so many in a minute.
    pub fn new(rate: u32) -> Self {
        let rate = rate.max(1);
        Self {
            rate,
            allowed: rate,
            begun: VecDeque::new(),
            halved_at: 0,
            paused_until: 0,
        }
    }

    /// When the next attempt may begin: now, or later.
    pub fn next_at(&mut self, now: u64) -> u64 {
        while self.begun.front().is_some_and(|at| *at + MINUTE <= now) {
            self.begun.pop_front();
        }
        let over = (self.begun.len() + 1).checked_sub(self.allowed as usize);
        // The attempt that must be a minute old before.
        let before = over.and_then(|over| over.checked_sub(1));
        let free = before.and_then(|place| self.begun.get(place));
        let free = free.map_or(now, |at| at + MINUTE);
        free.max(self.paused_until).max(now)
    }

    /// An attempt begins.
    pub fn begin(&mut self, now: u64) {
        self.begun.push_back(now);
    }

    /// The endpoint has too much to do.
    pub fn throttle(&mut self, now: u64) {
        if now < self.halved_at.saturating_add(TOGETHER) {
            return;
        }
        self.halved_at = now;
        self.allowed = (self.allowed / 2).max(self.rate / FLOOR).max(1);
    }

    /// The endpoint has taken what it was sent.
    pub fn recover(&mut self) {
        let step = (self.rate / STEP).max(1);
        self.allowed = self.allowed.saturating_add(step).min(self.rate);
    }

    /// The endpoint wants to be left alone until then.
    pub fn pause(&mut self, until: u64) {
        self.paused_until = self.paused_until.max(until);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Begins as soon as it may, so often, and says when that was.
    fn run(pace: &mut Pace, from: u64, count: usize) -> Vec<u64> {
        let mut now = from;
        let begin = |_| {
            now = pace.next_at(now);
            pace.begin(now);
            now
        };
        (0..count).map(begin).collect()
    }

    #[test]
    fn g4_4_a_rate_holds_for_any_minute() {
        let begun = run(&mut Pace::new(100), 1_000, 250);
        assert_eq!(begun[99], 1_000);
        assert_eq!(begun[100], 61_000);
        assert_eq!(begun[200], 121_000);
    }

    #[test]
    fn g4_3_overload_halves_the_rate_and_success_gives_it_back() {
        let mut pace = Pace::new(100);
        for _ in 0..8 {
            pace.throttle(10_000);
        }
        assert_eq!(pace.allowed, 50, "answers that come together count once");
        for second in 0..20 {
            pace.throttle(20_000 + second * 1_000);
        }
        assert_eq!(pace.allowed, 5, "the floor");
        for _ in 0..19 {
            pace.recover();
        }
        assert_eq!(pace.allowed, 100);
        let mut slow = Pace::new(1);
        slow.throttle(10_000);
        assert_eq!(slow.next_at(10_000), 10_000);
    }

    #[test]
    fn g4_3_a_wish_to_be_left_alone_holds() {
        let mut pace = Pace::new(100);
        pace.pause(5_000);
        pace.pause(3_000);
        assert_eq!(pace.next_at(1_000), 5_000);
        assert_eq!(pace.next_at(6_000), 6_000);
    }

    proptest! {
        #[test]
        fn g4_4_no_minute_has_more_than_the_rate(rate in 1_u32..50, gaps in prop::collection::vec(0_u64..5_000, 1..200)) {
            let mut pace = Pace::new(rate);
            let (mut now, mut begun) = (0, Vec::new());
            for gap in gaps {
                now = pace.next_at(now + gap);
                pace.begin(now);
                begun.push(now);
            }
            for (place, at) in begun.iter().enumerate() {
                let within = begun[place..].iter().filter(|later| **later < at + MINUTE);
                prop_assert!(within.count() <= rate as usize);
            }
        }
    }
}
