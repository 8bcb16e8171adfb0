//! Whatever is encoded arrives: the encoder against a parser to the letter of the standard.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod common;

use common::events::{Dispatched, Parser};
use proptest::prelude::*;
use stentor_serve::sse::{EncodeError, Event, Events};

/// Texts in which everything comes up that the format knows.
fn text() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        3 => any::<char>().prop_map(|char| char.to_string()),
        4 => proptest::sample::select(vec![
            "\r", "\n", "\r\n", "\0", ":", " ", "data: ", "id: 1", "retry: 5", "event: x", "\u{feff}", "ü",
        ])
        .prop_map(str::to_owned),
    ];
    proptest::collection::vec(part, 0..20).prop_map(|parts| parts.concat())
}

/// As a client sees its line ends.
fn received(data: &str) -> String {
    data.replace("\r\n", "\n").replace('\r', "\n")
}

proptest! {
    #[test]
    fn g3_1_any_event_arrives_or_is_refused(
        events in proptest::collection::vec((proptest::option::of(text()), proptest::option::of(text()), text()), 1..5),
        comment in text(),
    ) {
        let (mut encoded, mut parser, mut expected) = (Events::new(), Parser::default(), Vec::new());
        let mut last = String::new();
        for (id, name, data) in &events {
            encoded.comment(&comment);
            let before = encoded.len();
            let event = Event { id: id.as_deref(), name: name.as_deref(), data };
            let bad_id = id.as_ref().is_some_and(|id| id.contains(['\r', '\n', '\0']));
            let bad_name = name.as_ref().is_some_and(|name| name.is_empty() || name.contains(['\r', '\n']));
            match encoded.event(&event).err() {
                Some(EncodeError::Id) => prop_assert!(bad_id),
                Some(EncodeError::Name) => prop_assert!(bad_name),
                None => {
                    prop_assert!(!bad_id && !bad_name);
                    last = id.clone().unwrap_or(last);
                    expected.push(Dispatched {
                        id: last.clone(),
                        name: name.clone().unwrap_or_else(|| "message".to_owned()),
                        data: received(data),
                    });
                    continue;
                }
            }
            prop_assert_eq!(encoded.len(), before, "nothing of it is written");
        }
        parser.feed(encoded.as_bytes());
        prop_assert!(parser.is_at_rest());
        prop_assert_eq!(parser.retry, None);
        prop_assert_eq!(parser.last_id, last);
        prop_assert_eq!(parser.events, expected);
    }

    #[test]
    fn hints_are_whole_milliseconds(nanos in 0_u64..1_000_000_000_000_000) {
        let (mut encoded, mut parser) = (Events::new(), Parser::default());
        encoded.retry(std::time::Duration::from_nanos(nanos));
        parser.feed(encoded.as_bytes());
        prop_assert_eq!(parser.retry, Some(nanos / 1_000_000));
        prop_assert!(parser.events.is_empty() && parser.is_at_rest());
    }
}
