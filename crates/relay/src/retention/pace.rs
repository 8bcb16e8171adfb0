//! How fast events are removed.

use std::time::Duration;

/// Spreads removals evenly: at most so many a second.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    /// Events a second; 0: no limit.
    per_second: u32,
    /// When the next removal may come.
    next: Duration,
}

impl Pace {
    pub(super) const fn new(per_second: u32) -> Self {
        Self {
            per_second,
            next: Duration::ZERO,
        }
    }

    /// How long to wait at `now` after so many events were removed. Time in which nothing was removed is not saved up.
    pub(super) fn removed(&mut self, events: usize, now: Duration) -> Duration {
        if self.per_second == 0 {
            return Duration::ZERO;
        }
        let nanos = events as u128 * 1_000_000_000 / u128::from(self.per_second);
        let cost = Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX));
        self.next = self.next.max(now).saturating_add(cost);
        self.next.saturating_sub(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r4_6_so_many_events_a_second() {
        let mut pace = Pace::new(100);
        let (mut now, mut events) = (Duration::from_secs(5), 0);
        let begun = now;
        for batch in [1, 99, 50, 7, 200, 43] {
            now += pace.removed(batch, now) + Duration::from_millis(1);
            events += batch as u64;
            let allowed = Duration::from_millis(events * 10);
            assert!(now - begun >= allowed && now - begun < allowed + Duration::from_millis(20));
        }
        now += Duration::from_secs(3_600);
        assert_eq!(
            pace.removed(10, now),
            Duration::from_millis(100),
            "an idle hour gives no burst"
        );
        assert_eq!(Pace::new(0).removed(1_000_000, now), Duration::ZERO);
    }
}
