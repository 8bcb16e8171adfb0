//! Parsing against a reference made with `serde_json`, on random events and on damaged ones.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)] // outside of test functions, too

use std::collections::BTreeSet;
use std::fmt;

use proptest::prelude::*;
use serde_json::{Value, json};
use stentor_event::{
    Event, EventBuilder, EventView, Filter, Kind, ParseLimits, SecretKey, Timestamp,
    deletion_targets, embeds_protected, parse_client_message, pow, vanish_relays,
};

/// Strings with everything that JSON escapes, and short names that tags have.
fn string() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-zA-Z\\-]",
        "\\PC{0,20}",
        prop::collection::vec(
            prop_oneof![
                Just('"'),
                Just('\\'),
                Just('/'),
                Just('['),
                Just(']'),
                Just(','),
                Just('\n'),
                Just('😀'),
                Just('é'),
                prop::char::range('\0', '\u{20}'),
                any::<char>(),
            ],
            0..40
        )
        .prop_map(|characters| characters.into_iter().collect()),
    ]
}

fn tags() -> impl Strategy<Value = Vec<Vec<String>>> {
    prop::collection::vec(prop::collection::vec(string(), 1..4), 0..6)
}

/// A signed event together with the values that went into it.
fn event() -> impl Strategy<Value = (Event, Value)> {
    (any::<u16>(), 0..=i64::MAX as u64, tags(), string(), 1_u8..5).prop_map(|(kind, at, tags, content, key)| {
        let key = SecretKey::from_bytes([key; 32]).unwrap();
        let event = tags
            .iter()
            .fold(EventBuilder::new(Kind(kind), Timestamp(at)), |builder, tag| builder.tag(tag.clone()))
            .content(content.clone())
            .sign(&key);
        let value = json!({
            "id": event.id().to_string(), "pubkey": event.pubkey().to_string(), "created_at": at, "kind": kind, "tags": tags,
            "content": content, "sig": event.sig().to_string(),
        });
        (event, value)
    })
}

/// Another spelling of the same JSON: characters of strings as `\u` escapes where `pick` says so.
fn respell(text: &str, pick: &[bool]) -> String {
    let mut pick = pick.iter().cycle();
    let mut in_content = false;
    let mut out = String::new();
    for character in text.chars() {
        if !character.is_ascii() {
            in_content = *pick.next().unwrap();
        }
        if in_content && !character.is_ascii() {
            let mut units = [0; 2];
            for unit in character.encode_utf16(&mut units) {
                out.push_str(&format!("\\u{unit:04X}"));
            }
        } else {
            out.push(character);
        }
    }
    out
}

/// What a strict reader built on `serde_json` makes of a text.
struct Reference;

impl<'de> serde::Deserialize<'de> for Reference {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Reference)
    }
}

impl<'de> serde::de::Visitor<'de> for Reference {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an event")
    }

    fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Self, A::Error> {
        use serde::de::Error;
        let hex = |text: &str, digits| {
            text.len() == digits
                && text
                    .bytes()
                    .all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
        };
        let mut seen = BTreeSet::new();
        while let Some(key) = map.next_key::<String>()? {
            let valid = match key.as_str() {
                // Borrowed: an escape in them is an error.
                "id" | "pubkey" => hex(map.next_value::<&str>()?, 64),
                "sig" => hex(map.next_value::<&str>()?, 128),
                "created_at" => i64::try_from(map.next_value::<u64>()?).is_ok(),
                "kind" => {
                    map.next_value::<u16>()?;
                    true
                }
                "tags" => map
                    .next_value::<Vec<Vec<String>>>()?
                    .iter()
                    .all(|tag| !tag.is_empty()),
                "content" => {
                    map.next_value::<String>()?;
                    true
                }
                _ => {
                    map.next_value::<Value>()?;
                    true
                }
            };
            if !valid || !seen.insert(key) {
                return Err(A::Error::custom("not strict"));
            }
        }
        let needed = [
            "id",
            "pubkey",
            "created_at",
            "kind",
            "tags",
            "content",
            "sig",
        ];
        if needed.iter().all(|name| seen.contains(*name)) {
            Ok(Reference)
        } else {
            Err(A::Error::custom("missing"))
        }
    }
}

/// Uses everything that can be read from a view; nothing of it may panic, whatever the bytes are.
fn exercise(view: &EventView<'_>) {
    let _ = (
        view.id(),
        view.pubkey(),
        view.sig(),
        view.content(),
        view.identifier(),
        view.expiration(),
        view.is_protected(),
    );
    let _ = (
        view.difficulty(),
        pow::committed_target(view),
        embeds_protected(view),
        view.check_id(),
        view.verify_signature(),
    );
    let _ = (
        view.tags().count(),
        view.indexed_tags().count(),
        view.tagged_keys().count(),
    );
    let _ = (deletion_targets(view).count(), vanish_relays(view).count());
    for tag in view.tags() {
        let _ = (
            tag.name(),
            tag.single_letter(),
            tag.iter()
                .map(|string| string.to_text().len())
                .sum::<usize>(),
        );
    }
    let filter = Filter::parse(b"{\"#e\":[\"\"],\"#t\":[\"a\",\"b\"]}").unwrap();
    let _ = filter.matches(view);
}

#[derive(Clone, Debug)]
enum Damage {
    Insert(usize, Vec<u8>),
    Remove(usize, usize),
    Swap(usize, usize),
}

fn damage() -> impl Strategy<Value = Damage> {
    let pieces: Vec<&[u8]> = vec![
        b"\"",
        b"\\",
        b"{",
        b"}",
        b"[",
        b"]",
        b",",
        b":",
        b" ",
        b"\n",
        b"0",
        b"1",
        b"-",
        b".",
        b"e",
        b"null",
        b"true",
        b"\\u0041",
        b"\\ud83d",
        b"\\ude00",
        b"\0",
        b"\x1f",
        b"\xff",
        b"\xc3\xa9",
        b"\"x\":1,",
        b"\"kind\":1,",
        b"[\"a\"],",
        b"[],",
        b"\\/",
        b"a",
        b"F",
        b"\\u0000",
    ];
    prop_oneof![
        (any::<usize>(), prop::sample::select(pieces))
            .prop_map(|(at, piece)| Damage::Insert(at, piece.to_vec())),
        (any::<usize>(), 1_usize..4).prop_map(|(at, count)| Damage::Remove(at, count)),
        (any::<usize>(), any::<usize>()).prop_map(|(at, with)| Damage::Swap(at, with)),
    ]
}

fn damaged(mut text: Vec<u8>, damages: &[Damage]) -> Vec<u8> {
    for damage in damages {
        let length = text.len().max(1);
        match damage {
            Damage::Insert(at, piece) => {
                let at = at % length;
                text.splice(at..at, piece.iter().copied());
            }
            Damage::Remove(at, count) => {
                let at = at % length;
                let end = text.len().min(at + count);
                text.drain(at..end);
            }
            Damage::Swap(at, with) => text.swap(at % length, with % length),
        }
    }
    text
}

fn agrees(text: &[u8]) -> Result<(), TestCaseError> {
    let reference = serde_json::from_slice::<Reference>(text).map(drop);
    if reference
        .as_ref()
        .is_err_and(|error| error.to_string().contains("number out of range"))
    {
        return Ok(()); // any number is well-formed in a field that is not looked at
    }
    let parsed = Event::parse(text);
    let shown = String::from_utf8_lossy(text);
    prop_assert_eq!(
        parsed.is_ok(),
        reference.is_ok(),
        "{:?} {:?} {}",
        parsed,
        reference,
        shown
    );
    if let Ok(event) = parsed {
        prop_assert_eq!(&Event::parse(event.json()).unwrap(), &event);
        let (old, new): (Value, Value) = (
            serde_json::from_slice(text).unwrap(),
            serde_json::from_slice(event.json()).unwrap(),
        );
        for (name, value) in new.as_object().unwrap() {
            prop_assert_eq!(Some(value), old.get(name));
        }
    }
    Ok(())
}

proptest! {
    #[test]
    fn r1_1_parse_and_serialise_round_trip((event, value) in event(), pick in prop::collection::vec(any::<bool>(), 1..8)) {
        for text in [
            value.to_string(),
            serde_json::to_string_pretty(&value).unwrap(),
            respell(&value.to_string(), &pick),
        ] {
            let parsed = Event::parse(text.as_bytes()).unwrap();
            prop_assert_eq!(parsed.check_id(), Ok(()));
            prop_assert_eq!(serde_json::from_slice::<Value>(parsed.json()).unwrap(), value.clone());
            prop_assert_eq!(&Event::from_canonical(parsed.json().clone()).unwrap(), &parsed);
            let tags: Vec<Vec<String>> =
                parsed.view().tags().map(|tag| tag.iter().map(|string| string.to_text().into_owned()).collect()).collect();
            prop_assert_eq!(json!(tags), value["tags"].clone());
            prop_assert_eq!(json!(String::from_utf8(parsed.view().content().into_owned()).unwrap()), value["content"].clone());
            let slow: Vec<_> = parsed.view().tags().filter_map(|tag| tag.single_letter()).collect();
            let view = parsed.view();
            let fast: Vec<_> = view.indexed_tags().map(|(letter, text)| (letter, text.unescape())).collect();
            prop_assert_eq!(slow, fast);
        }
        prop_assert_eq!(event.json().to_vec(), value_in_order(&value).into_bytes());
    }

    #[test]
    fn r1_1_validity_agrees_with_serde_json((_, value) in event(), damages in prop::collection::vec(damage(), 0..4)) {
        agrees(&damaged(value.to_string().into_bytes(), &damages))?;
        agrees(&damaged(value_in_order(&value).into_bytes(), &damages))?;
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = (Event::parse(&bytes), Filter::parse(&bytes), EventView::from_canonical(&bytes).is_ok());
        let _ = parse_client_message(&bytes, &ParseLimits::default());
    }

    #[test]
    fn damaged_messages_never_panic((event, _) in event(), damages in prop::collection::vec(damage(), 0..6)) {
        let event = String::from_utf8(event.json().to_vec()).unwrap();
        for text in [
            format!("[\"EVENT\",{event}]"),
            format!("[\"REQ\",\"a\",{{\"kinds\":[1],\"#t\":[\"x\"],\"ids\":[\"{}\"],\"since\":1}}]", "0".repeat(64)),
            "[\"NEG-OPEN\",\"a\",{},\"6100\"]".to_owned(),
        ] {
            let text = damaged(text.into_bytes(), &damages);
            if let Err(error) = parse_client_message(&text, &ParseLimits::default()) {
                let mut answer = Vec::new();
                error.write_answer(&mut answer);
                prop_assert!(serde_json::from_slice::<Vec<Value>>(&answer).is_ok());
            } else {
                // Not values: numbers of any size are well-formed where nobody looks at them.
                prop_assert!(serde_json::from_slice::<Vec<serde::de::IgnoredAny>>(&text).is_ok());
            }
        }
    }

    #[test]
    fn damaged_stored_bytes_never_panic((event, _) in event(), damages in prop::collection::vec(damage(), 0..6)) {
        let text = damaged(event.json().to_vec(), &damages);
        if let Ok(view) = EventView::from_canonical(&text) {
            exercise(&view);
        }
        exercise(&event.view());
    }
}

/// The canonical form by `serde_json`.
fn value_in_order(value: &Value) -> String {
    let names = [
        "id",
        "pubkey",
        "created_at",
        "kind",
        "tags",
        "content",
        "sig",
    ];
    let members: Vec<String> = names
        .iter()
        .map(|name| format!("\"{name}\":{}", value[*name]))
        .collect();
    format!("{{{}}}", members.join(","))
}
