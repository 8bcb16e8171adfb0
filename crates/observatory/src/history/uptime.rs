//! For what share of a time a relay was online. Pure.
//!
//! Over a day it is told from the single checks: each stands for the time half-way to its neighbours, so that it does not matter that a
//! relay that is away is looked at more rarely. Over more it is the mean of days: of each the share of its checks that found the
//! relay online, with the same weight for every whole day and for the present one as much as has passed of it. Days without a check
//! are left out, and so are checks that say nothing of the relay.

use super::days::Day;

/// Milliseconds of a day.
pub(super) const DAY_MS: u64 = 86_400_000;

/// A check that says something: when, and whether the relay was online.
pub(super) type Seen = (u64, bool);

/// The share over single checks, oldest first; `None` without any.
pub(super) fn of_checks(checks: &[Seen]) -> Option<f64> {
    let time = |at: usize| checks.get(at).map(|(time, _)| *time);
    let (mut online, mut all) = (0, 0);
    for (at, (own, is_online)) in checks.iter().enumerate() {
        let before = at.checked_sub(1).and_then(time).unwrap_or(*own);
        let after = time(at + 1).unwrap_or(*own);
        // Twice the time that it stands for.
        let weight = after.saturating_sub(before);
        all += weight;
        online += if *is_online { weight } else { 0 };
    }
    if all > 0 {
        return Some(online as f64 / all as f64);
    }
    // One check, or several at one time.
    let up = checks.iter().filter(|(_, is_online)| *is_online).count();
    (!checks.is_empty()).then(|| up as f64 / checks.len() as f64)
}

/// The share over the last `count` days, the present one included; `None` without a check in them.
pub(super) fn of_days(days: &[Day], count: u64, now_ms: u64) -> Option<f64> {
    let today = now_ms / DAY_MS;
    let passed = (now_ms % DAY_MS + 1) as f64 / DAY_MS as f64;
    let (mut online, mut all) = (0.0, 0.0);
    for day in days {
        let wanted = day.day <= today && today - day.day < count;
        if !wanted || day.checks == 0 {
            continue;
        }
        let weight = if day.day == today { passed } else { 1.0 };
        online += weight * day.online as f64 / day.checks as f64;
        all += weight;
    }
    (all > 0.0).then(|| (online / all).clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn day(day: u64, checks: u64, online: u64) -> Day {
        Day {
            day,
            checks,
            online,
            ..Day::default()
        }
    }

    #[test]
    fn o2_4_a_check_stands_for_the_time_around_it() {
        assert_eq!(of_checks(&[]), None);
        assert_eq!(of_checks(&[(5, true)]), Some(1.0));
        assert_eq!(of_checks(&[(5, true), (5, false)]), Some(0.5));
        assert_eq!(of_checks(&[(0, true), (10, false)]), Some(0.5));
        // Looked at every minute while it was there, and every hour while it was not.
        let checks: Vec<Seen> = (0..=60)
            .map(|at| (at, true))
            .chain((1..=5).map(|at| (60 + at * 60, false)))
            .collect();
        let share = of_checks(&checks).unwrap();
        assert!((share - 90.0 / 360.0).abs() < 0.01, "{share}");
    }

    #[test]
    fn o2_4_days_have_the_same_weight_and_the_present_one_what_has_passed() {
        let noon = 10 * DAY_MS + DAY_MS / 2;
        assert_eq!(of_days(&[], 7, noon), None);
        assert_eq!(of_days(&[day(10, 0, 0)], 7, noon), None);
        let days = [day(9, 24, 24), day(8, 1, 0), day(10, 12, 12), day(3, 5, 0)];
        let share = of_days(&days, 7, noon).unwrap();
        assert!((share - 1.5 / 2.5).abs() < 1e-6, "{share}");
        assert!(of_days(&days, 8, noon).unwrap() < share);
    }

    proptest! {
        #[test]
        fn o2_4_shares_are_shares(mut checks in prop::collection::vec((0_u64..1_000, any::<bool>()), 1..40)) {
            checks.sort_unstable();
            let share = of_checks(&checks).unwrap();
            prop_assert!((0.0..=1.0).contains(&share));
            let down: Vec<Seen> = checks.iter().map(|(at, up)| (*at, !up)).collect();
            prop_assert!((share + of_checks(&down).unwrap() - 1.0).abs() < 1e-9);
            if checks.iter().all(|(_, up)| *up) {
                prop_assert_eq!(share, 1.0);
            }
        }

        #[test]
        fn o2_4_more_online_checks_are_no_less(days in prop::collection::vec((0_u64..20, 1_u64..50, 0.0..=1.0), 1..20), at in 0..DAY_MS) {
            let now = 19 * DAY_MS + at;
            let make = |factor: f64| -> Vec<Day> {
                days.iter().map(|(number, checks, share)| day(*number, *checks, (*checks as f64 * share * factor) as u64)).collect()
            };
            let (less, more) = (of_days(&make(0.5), 30, now).unwrap(), of_days(&make(1.0), 30, now).unwrap());
            prop_assert!(less <= more + 1e-9 && (0.0..=1.0).contains(&more));
        }
    }
}
