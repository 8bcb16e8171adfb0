//! Whether a relay is slower than it usually is. Pure.
//!
//! Usual is the mean over the days before this one, at most 30 of them, with at least [`USUAL`] checks that found it online. Recent
//! is the median of the last [`RECENT`] checks that did. A relay is degraded when its recent time to open or to read is more than
//! twice the usual and [`SLACK_MS`]: the latter so that nothing is said of a few milliseconds. Where one of the two is not known, that
//! is not known either.

use super::days::Day;

/// Checks that make what is usual.
const USUAL: u64 = 10;
/// Checks that make what is recent.
pub(super) const RECENT: usize = 5;
/// Milliseconds that are nothing.
const SLACK_MS: f64 = 250.0;

/// Times of a check that found the relay online, in milliseconds: to open, to read.
pub(super) type Times = (Option<u64>, Option<u64>);

/// Whether a relay is degraded, by the days before this one and its checks, newest first.
pub(super) fn degraded(before: &[Day], checks: &[Times]) -> Option<bool> {
    let recent = checks.get(..RECENT)?;
    let sum = |of: fn(&Day) -> u64| before.iter().map(of).sum::<u64>();
    let opened = slower(
        (sum(|day| day.open_sum), sum(|day| day.online)),
        recent.iter().filter_map(|(open, _)| *open),
    );
    let read = slower(
        (sum(|day| day.read_sum), sum(|day| day.read_count)),
        recent.iter().filter_map(|(_, read)| *read),
    );
    match (opened, read) {
        (None, None) => None,
        (opened, read) => Some(opened == Some(true) || read == Some(true)),
    }
}

fn slower((sum, count): (u64, u64), recent: impl Iterator<Item = u64>) -> Option<bool> {
    let mut recent: Vec<u64> = recent.collect();
    // Most of the recent checks have to say something.
    if count < USUAL || recent.len() * 2 <= RECENT {
        return None;
    }
    recent.sort_unstable();
    let median = *recent.get(recent.len() / 2)? as f64;
    let usual = sum as f64 / count as f64;
    Some(median > usual * 2.0 + SLACK_MS)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usual() -> Day {
        Day {
            day: 1,
            checks: 24,
            online: 20,
            open_sum: 2_000,
            read_sum: 1_000,
            read_count: 20,
        }
    }

    #[test]
    fn o2_4_slower_than_usual_is_degraded() {
        let times = |open, read| vec![(Some(open), Some(read)); RECENT];
        assert_eq!(degraded(&[usual()], &times(110, 60)), Some(false));
        assert_eq!(degraded(&[usual()], &times(450, 350)), Some(false));
        assert_eq!(degraded(&[usual()], &times(451, 60)), Some(true));
        assert_eq!(degraded(&[usual()], &times(110, 351)), Some(true));
    }

    #[test]
    fn o2_4_single_slow_checks_are_nothing() {
        let mut times = vec![(Some(100), Some(50)); RECENT];
        times[0] = (Some(9_000), Some(9_000));
        times[1] = (Some(9_000), None);
        assert_eq!(degraded(&[usual()], &times), Some(false));
    }

    #[test]
    fn o2_4_too_little_says_nothing() {
        let times = vec![(Some(9_000), None); RECENT];
        assert_eq!(degraded(&[], &times), None);
        assert_eq!(degraded(&[usual()], &times[1..]), None);
        assert_eq!(degraded(&[usual()], &times), Some(true));
        assert_eq!(degraded(&[usual()], &[(None, None); RECENT]), None);
    }
}
