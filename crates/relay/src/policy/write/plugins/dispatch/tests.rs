//! The state machine by itself.

use proptest::prelude::*;

use super::*;

const TIME: Duration = Duration::from_secs(10);

fn id(number: u8) -> EventId {
    EventId([number; 32])
}

fn line(number: u8, action: &str) -> Vec<u8> {
    format!(r#"{{"id":"{}","action":"{action}"}}"#, id(number)).into_bytes()
}

/// A dispatch of numbered questions, with a clock of its own.
struct Bench {
    dispatch: Dispatch<u32>,
    now: Instant,
}

impl Bench {
    fn new(in_flight: usize) -> Self {
        let now = Instant::now();
        Self {
            dispatch: Dispatch::new(in_flight, TIME, now),
            now,
        }
    }

    /// Adds questions: the event, and the number by which each is known.
    fn add(&mut self, questions: &[(u8, u32)]) {
        for (event, item) in questions {
            self.dispatch.add(id(*event), *item, self.now).unwrap();
        }
    }

    /// All that may be sent now.
    fn send(&mut self) -> Vec<u32> {
        let mut sent = Vec::new();
        while let Some(item) = self.dispatch.next(self.now, |_| false) {
            sent.push(*item);
        }
        sent
    }

    fn hear(&mut self, event: u8) -> Heard<u32> {
        self.dispatch.hear(&line(event, "accept"), self.now)
    }

    fn after(&mut self, seconds: u64) -> Expired<u32> {
        self.now += Duration::from_secs(seconds);
        self.dispatch.expire(self.now)
    }
}

fn accepted(item: u32) -> Heard<u32> {
    Heard::Answered(item, Action::Accept)
}

#[test]
fn r4_3_answers_come_in_any_order() {
    let mut bench = Bench::new(8);
    bench.add(&[(1, 10), (2, 20), (3, 30)]);
    assert_eq!(bench.send(), [10, 20, 30]);
    assert_eq!(bench.hear(3), accepted(30));
    assert_eq!(bench.hear(1), accepted(10));
    assert_eq!(bench.hear(1), Heard::Noise, "a second answer");
    assert_eq!(bench.hear(2), accepted(20));
    assert!(bench.dispatch.is_empty());
}

#[test]
fn r4_3_the_same_event_is_asked_about_once_at_a_time() {
    let mut bench = Bench::new(8);
    bench.add(&[(1, 10), (1, 11), (2, 20), (1, 12)]);
    assert_eq!(bench.send(), [10, 20]);
    assert_eq!(bench.hear(1), accepted(10));
    bench.add(&[(3, 30)]);
    assert_eq!(bench.send(), [11, 30], "and in the order they came");
    assert_eq!(bench.hear(1), accepted(11));
    assert_eq!(bench.send(), [12]);
}

#[test]
fn r4_3_no_more_are_out_than_allowed() {
    let mut bench = Bench::new(2);
    bench.add(&[(1, 10), (2, 20), (3, 30)]);
    assert_eq!(bench.send(), [10, 20]);
    assert_eq!(bench.hear(2), accepted(20));
    assert_eq!(bench.send(), [30]);
}

#[test]
fn r4_3_nobody_is_asked_for_askers_who_have_gone() {
    let mut bench = Bench::new(8);
    bench.add(&[(1, 10), (2, 20)]);
    assert_eq!(
        bench.dispatch.next(bench.now, |item| *item == 10),
        Some(&20)
    );
}

#[test]
fn r4_3_a_late_answer_belongs_to_nobody_else() {
    let mut bench = Bench::new(8);
    bench.add(&[(1, 10)]);
    bench.send();
    bench.now += TIME / 2;
    bench.add(&[(1, 11), (2, 20)]);
    bench.send();
    assert_eq!(bench.hear(2), accepted(20), "so it is not stuck");
    let expired = bench.after(5);
    assert_eq!((expired.items, expired.stuck), (vec![10], false));
    assert_eq!(
        bench.send(),
        [0_u32; 0],
        "the answer to the first may come yet"
    );
    assert_eq!(bench.hear(1), Heard::Late);
    assert_eq!(bench.send(), [11]);
    assert_eq!(bench.hear(1), accepted(11));
}

#[test]
fn r4_3_a_process_that_answers_nothing_is_stuck() {
    let mut bench = Bench::new(1);
    bench.add(&[(1, 10)]);
    bench.send();
    bench.now += TIME / 2;
    bench.add(&[(2, 20)]);
    let expired = bench.after(5);
    assert_eq!((expired.items, expired.stuck), (vec![10], true));
    assert_eq!(bench.dispatch.ended(true), [0_u32; 0]);
    assert_eq!(bench.send(), [20], "others are asked of the next process");
}

#[test]
fn r4_3_an_event_that_kills_the_process_fails_alone() {
    let mut bench = Bench::new(8);
    bench.add(&[(1, 10), (2, 20), (3, 30), (1, 11)]);
    bench.send();
    bench.add(&[(4, 40)]);
    assert_eq!(bench.dispatch.ended(true), [0_u32; 0]);
    assert_eq!(bench.send(), [10], "one by one");
    assert_eq!(bench.hear(1), accepted(10));
    assert_eq!(bench.send(), [20]);
    assert_eq!(bench.dispatch.ended(true), [20], "it was this one");
    assert_eq!(bench.send(), [30]);
    assert_eq!(bench.hear(3), accepted(30));
    assert_eq!(bench.send(), [11, 40], "and then as before");
}

#[test]
fn r4_3_a_restart_that_is_nobodys_fault_costs_nobody_a_try() {
    let mut bench = Bench::new(8);
    bench.add(&[(1, 10), (2, 20)]);
    for _ in 0..5 {
        assert_eq!(bench.send(), [10, 20]);
        assert_eq!(bench.dispatch.ended(false), [0_u32; 0]);
    }
}

#[test]
fn r4_3_nonsense_is_borne_for_a_while() {
    let mut bench = Bench::new(8);
    bench.add(&[(1, 10), (2, 20)]);
    bench.send();
    for _ in 0..NOISE {
        assert_eq!(bench.dispatch.hear(b"debug", bench.now), Heard::Noise);
    }
    assert_eq!(bench.hear(1), accepted(10));
    let maybe = bench.dispatch.hear(&line(2, "maybe"), bench.now);
    assert_eq!(maybe, Heard::Puzzled(20));
    for _ in 1..NOISE {
        bench.dispatch.hear(b"debug", bench.now);
    }
    assert!(!bench.dispatch.is_nonsense());
    assert_eq!(bench.hear(9), Heard::Noise, "nobody asked about this one");
    assert!(bench.dispatch.is_nonsense());
}

#[test]
fn r4_3_who_cannot_be_answered_in_time_does_not_wait() {
    let mut bench = Bench::new(8);
    bench.add(&[(1, 10)]);
    let until = bench.now + TIME;
    bench.now += Duration::from_secs(1);
    bench.add(&[(2, 20)]);
    assert_eq!(bench.dispatch.set_down(until), [10]);
    let early = bench.now - Duration::from_secs(1);
    assert_eq!(bench.dispatch.add(id(3), 30, early), Err(30));
    bench.add(&[(4, 40)]);
    bench.dispatch.set_up();
    assert_eq!(bench.send(), [20, 40]);
}

/// What happens to a dispatch.
#[derive(Debug, Clone)]
enum Step {
    Add(u8),
    Send,
    Hear(u8),
    Noise(Vec<u8>),
    Wait(u64),
    Ended(bool),
    Down(u64),
    Up,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => (0_u8..6).prop_map(Step::Add),
        6 => Just(Step::Send),
        6 => (0_u8..6).prop_map(Step::Hear),
        1 => prop::collection::vec(any::<u8>(), 0..20).prop_map(Step::Noise),
        3 => (0_u64..8).prop_map(Step::Wait),
        1 => any::<bool>().prop_map(Step::Ended),
        1 => (0_u64..15).prop_map(Step::Down),
        1 => Just(Step::Up),
    ];
    prop::collection::vec(step, 0..120)
}

proptest! {
    /// Whatever the process does, each question gets one answer, its own, or is given back once.
    #[test]
    fn r4_3_every_question_ends_once(steps in steps(), in_flight in 1_usize..5) {
        let mut bench = Bench::new(in_flight);
        // The event of each question, and those that are still open; those that the process has been sent.
        let (mut events, mut open): (Vec<u8>, Vec<u32>) = Default::default();
        let mut out: Vec<u32> = Vec::new();
        for step in steps {
            let mut ended = Vec::new();
            match step {
                Step::Add(event) => {
                    let item = u32::try_from(events.len()).unwrap();
                    events.push(event);
                    open.push(item);
                    ended.extend(bench.dispatch.add(id(event), item, bench.now).err());
                }
                Step::Send => {
                    out.extend(bench.send());
                    let mut distinct: Vec<u8> = out.iter().map(|item| events[*item as usize]).collect();
                    distinct.sort_unstable();
                    distinct.dedup();
                    prop_assert_eq!(distinct.len(), out.len(), "an event twice");
                    prop_assert!(out.len() <= in_flight);
                }
                Step::Hear(event) => match bench.hear(event) {
                    Heard::Answered(item, _) | Heard::Puzzled(item) => {
                        prop_assert_eq!(events[item as usize], event);
                        prop_assert!(out.contains(&item));
                        out.retain(|other| *other != item);
                        ended.push(item);
                    }
                    Heard::Late | Heard::Noise => {}
                },
                Step::Noise(line) => {
                    prop_assert_eq!(bench.dispatch.hear(&line, bench.now), Heard::Noise);
                }
                Step::Wait(seconds) => {
                    ended = bench.after(seconds).items;
                    out.retain(|item| !ended.contains(item));
                    prop_assert!(bench.dispatch.deadline().is_none_or(|next| next > bench.now));
                }
                Step::Ended(fault) => {
                    ended = bench.dispatch.ended(fault);
                    out.clear();
                }
                Step::Down(seconds) => {
                    let until = bench.now + Duration::from_secs(seconds);
                    out.extend(bench.send());
                    ended = bench.dispatch.ended(true);
                    out.clear();
                    ended.extend(bench.dispatch.set_down(until));
                }
                Step::Up => bench.dispatch.set_up(),
            }
            for item in ended {
                let place = open.iter().position(|other| *other == item);
                prop_assert!(place.is_some(), "ended twice");
                open.remove(place.unwrap());
            }
            prop_assert_eq!(bench.dispatch.is_empty(), open.is_empty());
        }
        bench.dispatch.set_up();
        bench.dispatch.ended(false);
        let mut rest = bench.after(11).items;
        rest.sort_unstable();
        prop_assert_eq!(rest, open);
    }
}
