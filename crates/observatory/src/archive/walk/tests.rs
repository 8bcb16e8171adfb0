//! Walks through relays of all manners that are told in a few words.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use stentor_event::{EoseHint, PublicKey};

use super::ended::LEAST_CAP;
use super::*;

/// An event as far as a walk sees it: time, kind, author, and a number that tells it from others.
type Short = (u64, u16, u8, u32);

#[derive(Debug, Clone, Default)]
struct Relay {
    events: BTreeSet<Short>,
    cap: usize,
    hints: bool,
    oldest_first: bool,
    ignores_since: bool,
    ignores_until: bool,
    ignores_limit: bool,
    /// Events that a connection lives for.
    lives: Option<usize>,
    sent: usize,
}

impl Relay {
    fn answer(&mut self, ask: &Ask, got: &mut BTreeSet<Short>) -> Answer {
        let (since, until) = (ask.since.unwrap_or(0), ask.until.unwrap_or(u64::MAX));
        let asked = |event: &Short| {
            let kinds = ask.kinds.as_ref();
            kinds.is_none_or(|kinds| kinds.contains(&Kind(event.1)))
                && ask
                    .author
                    .is_none_or(|author| author == PublicKey([event.2; 32]))
        };
        let within = |event: &Short| {
            (self.ignores_since || event.0 >= since) && (self.ignores_until || event.0 <= until)
        };
        let events = self
            .events
            .iter()
            .filter(|event| asked(event) && within(event));
        let mut all: Vec<Short> = events.copied().collect();
        if !self.oldest_first {
            all.reverse();
        }
        let whole = all.len();
        all.truncate(self.cap);
        if !self.ignores_limit {
            all.truncate(ask.limit as usize);
        }
        let hint = if all.len() == whole {
            EoseHint::Finish
        } else {
            EoseHint::More
        };
        let mut end = End::Eose(self.hints.then_some(hint));
        if all.len() as u64 > ask.limit + 10 {
            all.truncate(ask.limit as usize + 10);
            end = End::TooMany;
        }
        if let Some(left) = self.lives.map(|lives| lives - self.sent)
            && all.len() >= left
        {
            all.truncate(left);
            end = End::Cut;
        }
        self.sent += all.len();
        let right: Vec<Short> = all
            .iter()
            .filter(|event| event.0 >= since && event.0 <= until)
            .copied()
            .collect();
        got.extend(right.iter().copied());
        let mark = |event: &Short| Mark {
            at: event.0,
            kind: Kind(event.1),
            author: PublicKey([event.2; 32]),
        };
        Answer {
            foreign: (all.len() - right.len()) as u64,
            marks: right.iter().map(mark).collect(),
            noise: 0,
            stray: 0,
            end,
        }
    }
}

/// What came, what is known of each second, and how many questions it took.
struct Came {
    got: BTreeSet<Short>,
    seconds: BTreeMap<u64, (Coverage, Option<Why>)>,
    asked: usize,
}

const WHOLE: Window = Window {
    since: 100,
    until: 400,
};

fn walk(relay: &Relay, limit: u64) -> Came {
    walk_up_to(relay, limit, 5_000)
}

/// With at most so many events asked for at once.
fn walk_up_to(relay: &Relay, limit: u64, most: u64) -> Came {
    let mut relay = relay.clone();
    let mut walk = Walk::new(WHOLE, Manner::new(limit, most), None);
    let (mut got, mut asked) = (BTreeSet::new(), 0);
    while let Some(ask) = walk.ask() {
        asked += 1;
        assert!(asked < 5_000, "it ends");
        let answer = relay.answer(&ask, &mut got);
        walk.take(&answer);
        if answer.end == End::Cut {
            relay.sent = 0;
            walk.manner.ended = false;
        }
    }
    let mut seconds = BTreeMap::new();
    for verdict in walk.verdicts() {
        let Window { since, until } = verdict.window;
        seconds
            .extend((since..=until).map(|second| (second, (verdict.state, verdict.why.clone()))));
    }
    assert_eq!(seconds.len(), 301, "of each second something is known");
    Came {
        got,
        seconds,
        asked,
    }
}

/// What is in the window of a relay and has not come.
fn missing(relay: &Relay, came: &Came) -> Vec<Short> {
    let inside = relay
        .events
        .iter()
        .filter(|event| (100..=400).contains(&event.0));
    inside
        .filter(|event| !came.got.contains(event))
        .copied()
        .collect()
}

fn holes(came: &Came) -> Vec<u64> {
    let holes = came
        .seconds
        .iter()
        .filter(|(_, known)| known.0 != Coverage::Complete);
    holes.map(|(second, _)| *second).collect()
}

/// Events with a second apart, `count` of them.
fn spread(count: u32) -> BTreeSet<Short> {
    (0..count)
        .map(|n| (u64::from(n) + 150, 1, (n % 5) as u8, n))
        .collect()
}

proptest! {
    #[test]
    fn o3_1_only_what_was_proven_is_complete(
        events in proptest::collection::btree_set((90u64..410, 0u16..4, 0u8..4, 0u32..100), 0..250),
        burst in proptest::collection::btree_set((200u64..202, 0u16..3, 0u8..3, 0u32..100), 0..120),
        cap in 10usize..80,
        limit in 10u64..120,
        knobs in (any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>()),
        lives in proptest::option::of(2usize..60),
        most in prop::sample::select(vec![40, 200, 5_000]),
    ) {
        let (hints, oldest_first, ignores_since, ignores_until, ignores_limit) = knobs;
        let relay = Relay {
            events: events.union(&burst).copied().collect(),
            cap, hints, oldest_first, ignores_since, ignores_until, ignores_limit, lives, sent: 0,
        };
        let came = walk_up_to(&relay, limit, most);
        for event in missing(&relay, &came) {
            let known = came.seconds.get(&event.0).unwrap();
            prop_assert_ne!(known.0, Coverage::Complete, "{:?} {:?}", event, known);
        }
    }

    #[test]
    fn o3_1_an_honest_relay_is_complete_whatever_its_cap(
        events in proptest::collection::btree_set((90u64..410, 0u16..4, 0u8..4, 0u32..2), 0..250),
        cap in 60usize..80,
        limit in 60u64..120,
        hints in any::<bool>(),
    ) {
        let mut thin: BTreeMap<u64, usize> = BTreeMap::new();
        let events = events.into_iter().filter(|event| {
            let count = thin.entry(event.0).or_default();
            *count += 1;
            *count < LEAST_CAP as usize
        });
        let relay = Relay { events: events.collect(), cap, hints, ..Relay::default() };
        let came = walk(&relay, limit);
        prop_assert_eq!(missing(&relay, &came), Vec::new());
        prop_assert_eq!(holes(&came), Vec::<u64>::new());
    }
}

#[test]
fn o3_1_a_relay_of_many_faults_comes_to_an_end() {
    let old = (0..4).map(|n| (90, 0, 0, n));
    let relay = Relay {
        events: old.chain((0..10).map(|n| (200, 0, 0, n))).collect(),
        cap: 13,
        oldest_first: true,
        ignores_since: true,
        lives: Some(5),
        ..Relay::default()
    };
    let came = walk(&relay, 13);
    for event in missing(&relay, &came) {
        assert_ne!(came.seconds[&event.0].0, Coverage::Complete);
    }
}

#[test]
fn o3_1_oldest_first_with_a_cap_is_had_in_halves() {
    let relay = Relay {
        events: spread(80),
        cap: 50,
        oldest_first: true,
        ..Relay::default()
    };
    let came = walk(&relay, 500);
    assert_eq!((missing(&relay, &came).len(), holes(&came).len()), (0, 0));
    assert!(came.asked < 10, "{}", came.asked);
}

#[test]
fn o3_1_who_ignores_since_is_complete_and_who_ignores_until_is_not_proven() {
    let relay = Relay {
        events: spread(80),
        cap: 500,
        ignores_since: true,
        ..Relay::default()
    };
    let came = walk(&relay, 50);
    assert_eq!((missing(&relay, &came).len(), holes(&came).len()), (0, 0));
    let relay = Relay {
        ignores_since: false,
        ignores_until: true,
        ..relay
    };
    let came = walk(&relay, 500);
    assert_eq!(missing(&relay, &came).len(), 0);
    assert!(!holes(&came).is_empty(), "paging back never moved");
}

#[test]
fn o3_1_who_ignores_since_and_says_that_there_is_more_is_complete() {
    let older = (0..500).map(|n| (40, 1, 1, n));
    let relay = Relay {
        events: older.chain(spread(80)).collect(),
        cap: 500,
        hints: true,
        ignores_since: true,
        ..Relay::default()
    };
    let came = walk(&relay, 100);
    assert_eq!((missing(&relay, &came).len(), holes(&came).len()), (0, 0));
    // What is older may as well be the oldest that there is, with all that is wanted after it.
    let relay = Relay {
        cap: 5,
        oldest_first: true,
        ..relay
    };
    let came = walk(&relay, 100);
    for event in missing(&relay, &came) {
        assert_ne!(came.seconds[&event.0].0, Coverage::Complete);
    }
}

#[test]
fn o3_1_who_ignores_the_limit_is_asked_for_less_time() {
    let relay = Relay {
        events: spread(200),
        cap: 5_000,
        ignores_limit: true,
        ..Relay::default()
    };
    let came = walk(&relay, 50);
    assert_eq!((missing(&relay, &came).len(), holes(&came).len()), (0, 0));
}

#[test]
fn o3_1_who_hangs_up_after_some_events_is_asked_for_fewer() {
    let relay = Relay {
        events: spread(80),
        cap: 500,
        lives: Some(20),
        ..Relay::default()
    };
    let came = walk(&relay, 500);
    assert_eq!((missing(&relay, &came).len(), holes(&came).len()), (0, 0));
    assert!(came.asked < 60, "{}", came.asked);
}

#[test]
fn o3_2_a_second_beyond_the_cap_is_split_and_named() {
    let burst = |kinds: u16, authors: u8, each: u32| -> BTreeSet<Short> {
        let all = (0..kinds).flat_map(|kind| (0..authors).map(move |author| (kind, author)));
        let all = all.flat_map(|(kind, author)| (0..each).map(move |n| (300, kind, author, n)));
        all.chain(spread(100)).collect()
    };
    let relay = Relay {
        events: burst(2, 3, 20),
        cap: 50,
        ..Relay::default()
    };
    let came = walk(&relay, 500);
    assert_eq!(missing(&relay, &came), Vec::new());
    assert_eq!(
        holes(&came),
        vec![300],
        "nothing proves that there is no other kind"
    );
    let relay = Relay {
        events: burst(1, 1, 80),
        cap: 50,
        ..Relay::default()
    };
    let came = walk(&relay, 500);
    assert_eq!(missing(&relay, &came).len(), 30);
    assert_eq!(holes(&came), vec![300]);
    let why = came.seconds.get(&300).unwrap().1.clone().unwrap();
    assert!(why.contains("author"), "{why}");
    assert!(came.asked < 40, "{}", came.asked);
}

#[test]
fn o3_2_a_second_beyond_what_is_asked_for_is_had_with_a_larger_limit_or_split() {
    let all = (0..2).flat_map(|kind| (0..4).map(move |author| (kind, author)));
    let all = all.flat_map(|(kind, author)| (0..17).map(move |n| (300, kind, author, n)));
    let relay = Relay {
        events: all.chain(spread(100)).collect(),
        cap: 5_000,
        ignores_limit: true,
        ..Relay::default()
    };
    // The second has 136 events, each kind of it 68, each author of a kind 17. As many as are asked for come, and ten more.
    for most in [5_000, 50] {
        let came = walk_up_to(&relay, 20, most);
        assert_eq!(missing(&relay, &came), Vec::new(), "{most}");
        assert_eq!(holes(&came), vec![300], "nothing proves other kinds");
        assert!(came.asked < 60, "{most}: {}", came.asked);
    }
    let relay = Relay {
        hints: true,
        ..relay
    };
    let came = walk(&relay, 20);
    assert_eq!(
        holes(&came),
        Vec::<u64>::new(),
        "the larger limit had it all"
    );
    let came = walk_up_to(&relay, 5, 5);
    assert_eq!(holes(&came), vec![300]);
    let why = came.seconds.get(&300).unwrap().1.clone().unwrap();
    assert!(why.contains("kind and author"), "{why}");
}

#[test]
fn o3_2_two_seconds_in_a_row_that_are_cut_are_both_told() {
    let second = |at, count| (0..count).map(move |n| (at, 0, 0, n));
    let relay = Relay {
        events: second(200, 11)
            .chain(second(201, 10))
            .chain(second(202, 1))
            .collect(),
        cap: 10,
        ..Relay::default()
    };
    let came = walk(&relay, 10);
    assert_eq!(missing(&relay, &came).len(), 1);
    assert!(holes(&came).contains(&200), "{:?}", holes(&came));
}

#[test]
fn o3_2_a_second_of_kinds_that_are_all_named_is_proven() {
    let events: BTreeSet<Short> = (0..60).map(|n| (300, (n % 2) as u16, 1, n)).collect();
    let mut relay = Relay {
        events,
        cap: 50,
        ..Relay::default()
    };
    let kinds = Some(vec![Kind(0), Kind(1)]);
    let mut walk = Walk::new(WHOLE, Manner::new(500, 5_000), kinds);
    let mut got = BTreeSet::new();
    while let Some(ask) = walk.ask() {
        let answer = relay.answer(&ask, &mut got);
        walk.take(&answer);
    }
    assert_eq!(got.len(), 60);
    let last = walk
        .verdicts()
        .iter()
        .rfind(|verdict| verdict.window.since == 300);
    assert_eq!(last.unwrap().state, Coverage::Complete);
}

fn answer(count: u64, end: End) -> Answer {
    let mark = |at| Mark {
        at,
        kind: Kind(1),
        author: PublicKey([1; 32]),
    };
    Answer {
        marks: (0..count).map(|n| mark(300 - n)).collect(),
        foreign: 0,
        noise: 0,
        stray: 0,
        end,
    }
}

#[test]
fn o3_1_who_never_ends_an_answer_is_soon_given_up() {
    for end in [End::Silent, End::TooMany, End::Cut] {
        let mut walk = Walk::new(WHOLE, Manner::new(500, 5_000), None);
        let mut asked = 0;
        while walk.ask().is_some() {
            asked += 1;
            walk.take(&answer(0, end));
        }
        assert!(asked < 50, "{end:?} {asked}");
        let states = walk.verdicts().iter().map(|verdict| verdict.state);
        assert!(states.into_iter().all(|state| state != Coverage::Complete));
    }
}

#[test]
fn o3_1_a_message_too_long_costs_its_second_only() {
    let mut walk = Walk::new(WHOLE, Manner::new(500, 5_000), None);
    while let Some(ask) = walk.ask() {
        let huge = (ask.since.unwrap()..=ask.until.unwrap()).contains(&222);
        walk.take(&answer(
            0,
            if huge { End::TooLong } else { End::Eose(None) },
        ));
    }
    let bad = walk
        .verdicts()
        .iter()
        .filter(|one| one.state != Coverage::Complete);
    let bad: Vec<Window> = bad.map(|one| one.window).collect();
    assert_eq!(
        bad,
        vec![Window {
            since: 222,
            until: 222
        }]
    );
}

#[test]
fn o3_1_noise_alone_proves_nothing_and_among_events_does_no_harm() {
    let noisy = |count, noise| Answer {
        noise,
        ..answer(count, End::Eose(None))
    };
    let mut walk = Walk::new(WHOLE, Manner::new(500, 5_000), None);
    walk.take(&noisy(0, 3));
    assert_eq!(walk.verdicts()[0].state, Coverage::Capped);
    let mut walk = Walk::new(WHOLE, Manner::new(500, 5_000), None);
    walk.take(&noisy(40, 3));
    walk.take(&noisy(1, 3));
    while walk.ask().is_some() {
        walk.take(&noisy(0, 3));
    }
    assert!(
        walk.verdicts()
            .iter()
            .all(|one| one.state == Coverage::Complete)
    );
}

#[test]
fn o3_1_events_under_other_names_leave_it_open() {
    let mut walk = Walk::new(WHOLE, Manner::new(500, 5_000), None);
    walk.take(&Answer {
        stray: 4,
        ..answer(9, End::Eose(None))
    });
    assert_eq!(walk.verdicts()[0].state, Coverage::Capped);
}
