//! When a relay is looked at next. Pure.
//!
//! Every relay has its own moment within the interval, by its number, so that the checks of many are spread over it and stay so. One
//! that has been away for long is looked at more rarely: after some checks in a row the pause doubles with each, up to a day. Not so one
//! that somebody watches (O4.5), who is to be told when it is back.

use std::time::Duration;

use crate::table::RelayId;

/// Offline checks in a row that change nothing.
const PATIENT: u64 = 12;
/// The longest pause, unless the interval is longer.
const LONGEST: Duration = Duration::from_secs(86_400);
/// How soon a relay is looked at again of which a check said nothing.
const SOON: Duration = Duration::from_secs(60);

/// When relays are looked at.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Schedule {
    interval_ms: u64,
    /// Whether the pauses of who is away double.
    doubles: bool,
}

impl Schedule {
    /// One with this interval.
    pub fn new(interval: Duration) -> Self {
        Self {
            interval_ms: millis(interval).max(1),
            doubles: true,
        }
    }

    /// The same for a relay that somebody watches: however long it is away, it is looked at in each interval.
    pub const fn without_doubling(self) -> Self {
        Self {
            doubles: false,
            ..self
        }
    }

    /// How long a relay is left alone after so many offline checks in a row, in milliseconds.
    pub fn pause_ms(&self, failures: u64) -> u64 {
        if !self.doubles {
            return self.interval_ms;
        }
        let doublings = u32::try_from(failures.saturating_sub(PATIENT)).unwrap_or(u32::MAX);
        let factor = 1_u64.checked_shl(doublings).unwrap_or(u64::MAX);
        let longest = millis(LONGEST).max(self.interval_ms);
        self.interval_ms.saturating_mul(factor.max(1)).min(longest)
    }

    /// When a relay is next looked at, after a check at `now_ms` that found it away for the `failures`-th time in a row: at its own
    /// moment, half a pause to one and a half from now.
    pub fn next_ms(&self, relay: RelayId, now_ms: u64, failures: u64) -> u64 {
        self.moment(relay, now_ms, self.pause_ms(failures))
    }

    /// When a relay is next looked at after a check that said nothing of it.
    pub fn soon_ms(&self, relay: RelayId, now_ms: u64) -> u64 {
        self.moment(relay, now_ms, self.interval_ms.min(millis(SOON)))
    }

    fn moment(self, relay: RelayId, now_ms: u64, period: u64) -> u64 {
        let period = period.max(1);
        let own = phase(relay) % period;
        let earliest = now_ms.saturating_add(period / 2);
        let since = earliest % period;
        let wait = (own + period - since) % period;
        earliest.saturating_add(wait).max(now_ms.saturating_add(1))
    }
}

/// A relay's own moment: numbers that follow each other lie far apart (Fibonacci hashing).
fn phase(relay: RelayId) -> u64 {
    let number = u64::try_from(relay.0).unwrap_or(0);
    number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 16
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HOUR: u64 = 3_600_000;

    #[test]
    fn o2_3_who_is_away_for_long_is_asked_up_to_once_a_day() {
        let schedule = Schedule::new(Duration::from_secs(3_600));
        assert_eq!(schedule.pause_ms(0), HOUR);
        assert_eq!(schedule.pause_ms(PATIENT), HOUR);
        assert_eq!(schedule.pause_ms(PATIENT + 1), 2 * HOUR);
        assert_eq!(schedule.pause_ms(PATIENT + 10), 24 * HOUR);
        assert_eq!(schedule.pause_ms(u64::MAX), 24 * HOUR);
        assert_eq!(schedule.without_doubling().pause_ms(u64::MAX), HOUR);
        let rare = Schedule::new(Duration::from_secs(7 * 86_400));
        assert_eq!(rare.pause_ms(100), 7 * 24 * HOUR);
    }

    #[test]
    fn o5_5_ten_thousand_relays_are_spread_over_the_interval() {
        let schedule = Schedule::new(Duration::from_secs(3_600));
        let mut minutes = [0_u64; 60];
        for relay in 1..=10_000 {
            let next = schedule.next_ms(RelayId(relay), 5 * HOUR, 0) - 5 * HOUR;
            assert!((HOUR / 2..HOUR * 3 / 2).contains(&next), "{next}");
            minutes[(next % HOUR / 60_000) as usize] += 1;
        }
        let (least, most) = (minutes.iter().min(), minutes.iter().max());
        assert!(least >= Some(&130) && most <= Some(&200), "{minutes:?}");
    }

    proptest! {
        #[test]
        fn o2_3_the_next_check_is_within_its_pause(
            seconds in 1_u64..604_800, relay in 0_i64..1_000_000, now in 0_u64..4_000_000_000_000, failures in 0_u64..100,
        ) {
            let schedule = Schedule::new(Duration::from_secs(seconds));
            let pause = schedule.pause_ms(failures);
            let next = schedule.next_ms(RelayId(relay), now, failures);
            prop_assert!(next > now && next - now >= pause / 2 && next - now <= pause + pause / 2 + 1);
            // Checked at its moment, it keeps it.
            prop_assert_eq!(schedule.next_ms(RelayId(relay), next, failures), next + pause);
            prop_assert!(schedule.soon_ms(RelayId(relay), now) - now <= 90_001);
        }
    }
}
