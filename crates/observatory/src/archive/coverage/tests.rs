//! The set of intervals against an array of seconds.

use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::prelude::*;

use super::*;

const SECONDS: u64 = 60;

fn interval(since: u64, until: u64, state: Coverage, reason: Option<&str>) -> Interval {
    Interval {
        window: Window { since, until },
        state,
        reason: reason.map(Arc::from),
        method: Some(Method::Windows),
        events: 5,
        at_ms: 1,
    }
}

fn steps() -> impl Strategy<Value = Vec<(u64, u64, Coverage, bool)>> {
    let state = prop::sample::select(Coverage::ALL.to_vec());
    let one = (0..SECONDS, 0..20u64, state, any::<bool>());
    proptest::collection::vec(one, 0..60)
}

proptest! {
    #[test]
    fn o3_2_intervals_say_of_each_second_what_was_said_last(steps in steps(), keep in 0usize..60) {
        let mut seconds: Vec<Option<(Coverage, bool)>> = vec![None; (SECONDS + 20) as usize];
        let mut set = Intervals::default();
        // What the records would have, written by changes alone.
        let mut written: BTreeMap<u64, Interval> = BTreeMap::new();
        for (place, (since, length, state, why)) in steps.into_iter().enumerate() {
            set.set(interval(since, since + length, state, why.then_some("why")));
            seconds[since as usize..=(since + length) as usize].fill(Some((state, why)));
            if place % 7 == keep % 7 {
                let change = set.change();
                change.gone.iter().for_each(|since| { written.remove(since); });
                written.extend(change.written.into_iter().map(|one| (one.window.since, one)));
                prop_assert_eq!(written.values().collect::<Vec<_>>(), set.iter().collect::<Vec<_>>());
            }
        }
        let mut told = vec![None; seconds.len()];
        let mut before: Option<&Interval> = None;
        for one in set.iter() {
            let (since, until) = (one.window.since as usize, one.window.until as usize);
            prop_assert!(told[since..=until].iter().all(Option::is_none), "no overlap");
            told[since..=until].fill(Some((one.state, one.reason.is_some())));
            if let Some(before) = before {
                let touches = before.window.until + 1 == one.window.since;
                prop_assert!(!touches || !before.agrees(one), "neighbours that agree are one");
            }
            before = Some(one);
        }
        prop_assert_eq!(&told, &seconds);
        let range = Window { since: 3, until: 70 };
        let mut missing: Vec<u64> = set.gaps(range).into_iter().flat_map(|gap| gap.since..=gap.until).collect();
        missing.sort_unstable();
        let expected: Vec<u64> = (3..=70).filter(|second| seconds[*second as usize].is_none()).collect();
        prop_assert_eq!(missing, expected);
        let is_done = |second: &u64| matches!(seconds[*second as usize], Some((Coverage::Complete | Coverage::Capped, _)));
        prop_assert_eq!(set.behind(range), (3..=70u64).filter(|second| !is_done(second)).count() as u64);
    }
}

#[test]
fn o3_2_the_ends_of_time_do_no_harm() {
    let mut set = Intervals::default();
    set.set(interval(0, u64::MAX, Coverage::Complete, None));
    assert_eq!(
        set.gaps(Window {
            since: 0,
            until: u64::MAX
        }),
        Vec::new()
    );
    set.set(interval(u64::MAX, u64::MAX, Coverage::Failed, None));
    set.set(interval(0, 0, Coverage::Failed, None));
    assert_eq!(set.iter().count(), 3);
    let range = Window {
        since: 0,
        until: u64::MAX,
    };
    assert_eq!(set.behind(range), 2);
}

#[test]
fn o3_2_what_is_said_of_the_future_is_forgotten() {
    let mut set = Intervals::default();
    set.set(interval(0, 9, Coverage::Failed, Some("why")));
    set.set(interval(10, 49, Coverage::Complete, None));
    set.set(interval(50, 59, Coverage::Failed, Some("why")));
    set.change();
    set.forget_after(29);
    let left: Vec<Window> = set.iter().map(|one| one.window).collect();
    let window = |since, until| Window { since, until };
    assert_eq!(left, [window(0, 9), window(10, 29)]);
    let change = set.change();
    assert_eq!(change.gone, [50]);
    assert_eq!(change.written.len(), 1);
    set.forget_after(29);
    assert_eq!(set.change(), Change::default());
}
