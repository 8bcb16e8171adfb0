//! When a candidate that did not answer is tried again (O1.3). Pure.

use std::time::Duration;

/// The longest wait.
const LONGEST: Duration = Duration::from_secs(7 * 24 * 3_600);

/// How long to wait after so many failures in a row, of which there is at least one: `first` after the first, doubled each time up to
/// a week, less up to a quarter of it, so that candidates that were found together are not tried together for ever. `random` is any
/// 64-bit number.
pub(super) fn wait(first: Duration, failures: u64, random: u64) -> Duration {
    let doublings = u32::try_from(failures.saturating_sub(1)).unwrap_or(u32::MAX);
    let factor = 1_u32.checked_shl(doublings).unwrap_or(u32::MAX);
    let bound = first.saturating_mul(factor).min(LONGEST);
    let part = f64::from(u32::try_from(random >> 32).unwrap_or(0)) / f64::from(u32::MAX);
    bound - (bound / 4).mul_f64(part)
}

/// A number for [`wait`].
pub(super) fn random() -> u64 {
    // Without randomness the longest wait is as good as any.
    getrandom::u64().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn o1_3_waits_double_up_to_a_week() {
        let waits = [1, 2, 3, 12, 13, 40, u64::MAX];
        let waits = waits.map(|failures| wait(Duration::from_secs(300), failures, 0).as_secs());
        let week = 7 * 24 * 3_600;
        assert_eq!(waits, [300, 600, 1_200, week, week, week, week]);
    }

    proptest! {
        #[test]
        fn o1_3_jitter_shortens_by_a_quarter_at_most(first in 1_u64..90_000, failures in 1_u64..100, random: u64) {
            let longest = wait(Duration::from_secs(first), failures, 0);
            let one = wait(Duration::from_secs(first), failures, random);
            prop_assert!(one <= longest && one >= longest.mul_f64(0.749));
        }
    }
}
