//! Filters against a naive matcher over `serde_json` values.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)] // outside of test functions, too

use proptest::prelude::*;
use serde_json::{Map, Value, json};
use stentor_event::{Event, EventBuilder, Filter, Kind, SecretKey, Timestamp};

/// Few values, so that matches happen.
fn value() -> impl Strategy<Value = String> {
    prop_oneof![
        Just(String::new()),
        Just("a".to_owned()),
        Just("A".to_owned()),
        Just("a\"\n\\".to_owned()),
        Just("é😀".to_owned()),
        Just("ab".repeat(32)),
        Just("AB".repeat(32)),
        (0_u8..3).prop_map(key),
    ]
}

fn key(number: u8) -> String {
    SecretKey::from_bytes([number + 1; 32])
        .unwrap()
        .public_key()
        .to_string()
}

fn letter() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["e", "p", "t", "T", "d"])
}

fn event() -> impl Strategy<Value = Event> {
    let name = prop_oneof![4 => letter(), 1 => Just("tt"), 1 => Just("-"), 1 => Just("")];
    let tag = (name, prop::collection::vec(value(), 0..3)).prop_map(|(name, values)| {
        std::iter::once(name.to_owned())
            .chain(values)
            .collect::<Vec<_>>()
    });
    (
        0_u16..4,
        0_u64..5,
        prop::collection::vec(tag, 0..6),
        0_u8..3,
    )
        .prop_map(|(kind, at, tags, author)| {
            let key = SecretKey::from_bytes([author + 1; 32]).unwrap();
            tags.into_iter()
                .fold(
                    EventBuilder::new(Kind(kind), Timestamp(at)),
                    EventBuilder::tag,
                )
                .sign(&key)
        })
}

/// A filter; `"<id>"` stands for the id of the event.
fn filter() -> impl Strategy<Value = Value> {
    let maybe = |strategy: BoxedStrategy<Value>| prop::option::of(strategy);
    let values = |choice: BoxedStrategy<Value>, most: usize| {
        prop::collection::vec(choice, 0..most)
            .prop_map(Value::from)
            .boxed()
    };
    let ids = prop_oneof![Just(json!("<id>")), value().prop_map(Value::from)].boxed();
    let tags = prop::collection::btree_map(
        letter(),
        values(value().prop_map(Value::from).boxed(), 4),
        0..3,
    );
    (
        maybe(values(ids, 4)),
        maybe(values(
            (0_u8..4).prop_map(|number| json!(key(number))).boxed(),
            80,
        )),
        maybe(values((0_u16..4).prop_map(Value::from).boxed(), 4)),
        tags,
        maybe((0_u64..5).prop_map(Value::from).boxed()),
        maybe((0_u64..5).prop_map(Value::from).boxed()),
        maybe((0_u64..5).prop_map(Value::from).boxed()),
    )
        .prop_map(|(ids, authors, kinds, tags, since, until, limit)| {
            let fields = [
                ("ids", ids),
                ("authors", authors),
                ("kinds", kinds),
                ("since", since),
                ("until", until),
                ("limit", limit),
            ];
            let plain = fields
                .into_iter()
                .filter_map(|(name, value)| Some((name.to_owned(), value?)));
            let tags = tags
                .into_iter()
                .map(|(letter, values)| (format!("#{letter}"), values));
            Value::Object(plain.chain(tags).collect::<Map<_, _>>())
        })
}

fn naive(filter: &Value, event: &Value) -> bool {
    filter
        .as_object()
        .unwrap()
        .iter()
        .all(|(name, wanted)| match name.as_str() {
            "ids" => contains(wanted, &event["id"]),
            "authors" => contains(wanted, &event["pubkey"]),
            "kinds" => contains(wanted, &event["kind"]),
            "since" => wanted.as_u64() <= event["created_at"].as_u64(),
            "until" => wanted.as_u64() >= event["created_at"].as_u64(),
            "limit" => true,
            tag => event["tags"].as_array().unwrap().iter().any(|values| {
                let value = values.get(1).filter(|_| values[0] == tag[1..]);
                value.is_some_and(|value| {
                    contains(wanted, value) && (!matches!(tag, "#e" | "#p") || is_key(value))
                })
            }),
        })
}

fn contains(list: &Value, value: &Value) -> bool {
    list.as_array().unwrap().contains(value)
}

fn is_key(value: &Value) -> bool {
    let text = value.as_str().unwrap();
    text.len() == 64
        && text
            .bytes()
            .all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

proptest! {
    #[test]
    fn r1_6_matching_agrees_with_a_naive_matcher(event in event(), filter in filter()) {
        let text = filter.to_string().replace("<id>", &event.id().to_string());
        let filter: Value = serde_json::from_str(&text).unwrap();
        let value: Value = serde_json::from_slice(event.json()).unwrap();
        let parsed = Filter::parse(text.as_bytes()).unwrap();
        prop_assert_eq!(parsed.matches(&event.view()), naive(&filter, &value), "{} {}", text, value);
        if parsed.matches_nothing() {
            prop_assert!(!parsed.matches(&event.view()));
        }
    }

    #[test]
    fn r1_6_filters_round_trip(filter in filter()) {
        let parsed = Filter::parse(filter.to_string().as_bytes()).unwrap();
        let again = Filter::parse(parsed.to_json().as_bytes()).unwrap();
        prop_assert_eq!(&again, &parsed);
        let pretty = serde_json::to_string_pretty(&filter).unwrap();
        prop_assert_eq!(&Filter::parse(pretty.as_bytes()).unwrap(), &parsed);
    }
}
