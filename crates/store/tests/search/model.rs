//! Search against the naive model: every event looked at with the same question, on random events and operations.

use std::collections::BTreeSet;

use proptest::prelude::*;
use stentor_event::{Event, EventId, Viewer};
use stentor_store::EventStore;

use super::house::{House, SetUp};
use crate::common::make::{Alice, Bob, Carol, Person, anonymous, deletion, draft};
use crate::common::subject::NOW;

const PEOPLE: [Person; 3] = [Alice, Bob, Carol];
const WORDS: [&str; 8] = [
    "one",
    "two",
    "Tree",
    "café",
    "東京",
    "東京都民",
    "gm🤙",
    "a.b",
];

/// What happens.
#[derive(Debug, Clone)]
enum Step {
    Store {
        person: usize,
        kind: u16,
        at: u64,
        words: Vec<usize>,
        tag: u8,
        expires: bool,
        warned: bool,
    },
    Delete(usize),
    Remove(usize),
    Purge,
    Restart,
}

fn step() -> impl Strategy<Value = Step> {
    let words = prop::collection::vec(0..WORDS.len(), 0..5);
    let kind =
        prop_oneof![4 => Just(1_u16), 1 => Just(0), 2 => Just(30_023), 1 => Just(4), 1 => Just(7)];
    let store = (
        0..3_usize,
        kind,
        0..40_u64,
        words,
        0..3_u8,
        prop::bool::weighted(0.1),
        prop::bool::weighted(0.2),
    );
    let store = store.prop_map(
        |(person, kind, at, words, tag, expires, warned)| Step::Store {
            person,
            kind,
            at,
            words,
            tag,
            expires,
            warned,
        },
    );
    prop_oneof![
        20 => store,
        2 => any::<usize>().prop_map(Step::Delete),
        1 => any::<usize>().prop_map(Step::Remove),
        1 => Just(Step::Purge),
        1 => Just(Step::Restart),
    ]
}

fn question() -> impl Strategy<Value = String> {
    let words = prop::collection::vec(0..WORDS.len(), 0..3).prop_map(|words| {
        words
            .into_iter()
            .map(|word| WORDS[word])
            .collect::<Vec<_>>()
            .join(" ")
    });
    let extra = prop_oneof![6 => Just(""), 1 => Just(" nsfw:false"), 1 => Just(" x:y"), 1 => Just(" language:ja")];
    let quoted = prop::bool::weighted(0.2);
    let fields = prop_oneof![
        3 => Just(String::new()),
        1 => Just(r#","kinds":[1]"#.to_owned()),
        1 => Just(r#","kinds":[0,4,30023]"#.to_owned()),
        1 => (0..3_usize).prop_map(|person| format!(r#","authors":["{}"]"#, PEOPLE[person].hex())),
        1 => (0..3_u8).prop_map(|tag| format!(r##","#t":["{tag}"]"##)),
        1 => (0..40_u64).prop_map(|at| format!(r#","since":{at}"#)),
        1 => (0..40_u64).prop_map(|at| format!(r#","until":{at},"since":5"#)),
    ];
    (words, extra, quoted, fields).prop_map(|(words, extra, quoted, fields)| {
        let words = if quoted && !words.is_empty() {
            format!("\"{words}\"")
        } else {
            words
        };
        format!(
            r#"{{"search":{}{fields}}}"#,
            serde_json::json!(format!("{words}{extra}"))
        )
    })
}

fn event(step: &Step) -> Event {
    let Step::Store {
        person,
        kind,
        at,
        words,
        tag,
        expires,
        warned,
    } = step
    else {
        unreachable!()
    };
    let words: Vec<&str> = words.iter().map(|word| WORDS[*word]).collect();
    let text = words.join(" ");
    let content = if *kind == 0 {
        serde_json::json!({"name": text, "about": words.first()}).to_string()
    } else {
        text
    };
    let tag = tag.to_string();
    let mut draft = draft(PEOPLE[*person], *kind, *at)
        .tag("t", &tag)
        .tag("d", &tag)
        .content(&content);
    if *expires {
        draft = draft.expiring(NOW + 50);
    }
    if *warned {
        draft = draft.tag("content-warning", "");
    }
    draft.sign()
}

/// The ids of events.
pub fn ids(events: &[Event]) -> BTreeSet<EventId> {
    events.iter().map(Event::id).collect()
}

async fn play(steps: &[Step], questions: &[String], commit_changes: u64) {
    let mut set_up = SetUp::default();
    set_up.options.commit_changes = commit_changes;
    let mut house = House::with(set_up).await;
    let mut events: Vec<Event> = Vec::new();
    let mut now = NOW;
    for step in steps {
        match step {
            Step::Store { .. } => {
                let event = event(step);
                house.submit(std::slice::from_ref(&event)).await;
                events.push(event);
            }
            Step::Delete(which) if !events.is_empty() => {
                let target = &events[which % events.len()];
                let author = PEOPLE
                    .into_iter()
                    .find(|person| person.key() == target.pubkey())
                    .unwrap();
                house.submit(&[deletion(author, 100, &[target])]).await;
            }
            Step::Remove(which) if !events.is_empty() => {
                let id = events[which % events.len()].id();
                house.store.remove(&[id]).await.unwrap();
            }
            Step::Purge => {
                now = NOW + 50;
                house
                    .store
                    .purge(stentor_event::Timestamp(now))
                    .await
                    .unwrap();
            }
            Step::Restart => house = house.restart(|_, _| {}).await,
            _ => {}
        }
    }
    for question in questions {
        for viewer in [anonymous(), Alice.viewer()] {
            ask(&house, question, &viewer, now).await;
        }
    }
    drop(house.leave().await);
}

/// One question, in every way in which it can be asked.
async fn ask(house: &House, question: &str, viewer: &Viewer, now: u64) {
    let wanted = house.naive(question, viewer, now).await;
    let found = house.scan(&[question], viewer, None, now).await.unwrap();
    assert_eq!(ids(&found), ids(&wanted), "{question}");
    assert_eq!(found.len(), wanted.len(), "nothing twice: {question}");
    for pair in found.windows(2) {
        if pair[0].view().content() == pair[1].view().content() && pair[0].kind() == pair[1].kind()
        {
            let place = |event: &Event| (std::cmp::Reverse(event.created_at()), event.id());
            assert!(
                place(&pair[0]) < place(&pair[1]),
                "alike, so the newer first: {question}"
            );
        }
    }
    let limited = question.replacen('{', r#"{"limit":3,"#, 1);
    let first: Vec<EventId> = house
        .scan(&[&limited], viewer, None, now)
        .await
        .unwrap()
        .iter()
        .map(Event::id)
        .collect();
    let all: Vec<EventId> = found.iter().map(Event::id).collect();
    assert_eq!(
        first,
        all[..all.len().min(3)],
        "the limit comes last: {question}"
    );
    if now == NOW {
        let counted = house.count(&[question], viewer).await;
        assert_eq!(
            (counted.count, counted.approximate),
            (wanted.len() as u64, false),
            "{question}"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, max_shrink_iters: 200, ..ProptestConfig::default() })]

    #[test]
    fn r6_search_finds_what_looking_at_every_event_finds(
        steps in prop::collection::vec(step(), 1..80),
        questions in prop::collection::vec(question(), 12),
        commit_changes in prop_oneof![Just(5_u64), Just(1_000)],
    ) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        runtime.block_on(play(&steps, &questions, commit_changes));
    }
}
