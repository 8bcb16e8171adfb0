//! Messages of relays against a reference made with `serde_json`, on random messages and on damaged ones.

#![allow(clippy::unwrap_used)] // outside of test functions, too

use proptest::prelude::*;
use serde::de::IgnoredAny;
use serde_json::{Value, json};
use stentor_event::{
    EoseHint, Event, EventBuilder, Kind, ParseLimits, RelayMessage, SecretKey, Timestamp,
    parse_relay_message,
};

fn event(content: &str) -> Event {
    EventBuilder::new(Kind::NOTE, Timestamp(7))
        .content(content)
        .sign(&SecretKey::from_bytes([3; 32]).unwrap())
}

/// A message as a relay may write it, with elements that nobody knows, and what it says.
fn message() -> impl Strategy<Value = (Value, RelayMessage<'static>)> {
    let text = || prop_oneof!["\\PC{0,12}", "[\"\\\\\n\u{0}a\u{e9}]{0,8}"];
    (0..9_u8, text(), text(), any::<u64>(), any::<bool>()).prop_map(
        |(verb, sub, reason, number, flag)| {
            let (name, why) = (sub.clone().into(), reason.clone().into());
            let id = event("").id();
            match verb {
                0 => {
                    let event = event(&reason);
                    let value: Value = serde_json::from_slice(event.json()).unwrap();
                    (
                        json!(["EVENT", sub, value]),
                        RelayMessage::Event {
                            sub: name,
                            event: event.into(),
                        },
                    )
                }
                1 => (
                    json!(["OK", id.to_string(), flag, reason]),
                    RelayMessage::Ok {
                        id,
                        accepted: flag,
                        reason: why,
                    },
                ),
                2 => {
                    let (hint, word) = if flag {
                        (EoseHint::More, "more")
                    } else {
                        (EoseHint::Finish, "finish")
                    };
                    (
                        json!(["EOSE", sub, [number, word]]),
                        RelayMessage::Eose {
                            sub: name,
                            hint: Some(hint),
                        },
                    )
                }
                3 => (
                    json!(["CLOSED", sub, reason]),
                    RelayMessage::Closed {
                        sub: name,
                        reason: why,
                    },
                ),
                4 => (json!(["NOTICE", reason]), RelayMessage::Notice(why)),
                5 => (json!(["AUTH", reason]), RelayMessage::Auth(why)),
                6 => (
                    json!(["COUNT", sub, {"approximate": flag, "count": number, "hll": reason}]),
                    RelayMessage::Count {
                        sub: name,
                        count: number,
                        approximate: flag,
                        registers: None,
                    },
                ),
                7 => {
                    let message = number.to_be_bytes().to_vec();
                    let hex = stentor_event::hexadecimal::encode(&message);
                    (
                        json!(["NEG-MSG", sub, hex]),
                        RelayMessage::NegMsg { sub: name, message },
                    )
                }
                _ => (
                    json!(["NEG-ERR", sub, reason]),
                    RelayMessage::NegErr {
                        sub: name,
                        reason: why,
                    },
                ),
            }
        },
    )
}

proptest! {
    #[test]
    fn every_message_is_read_as_it_was_meant((value, expected) in message(), more: bool, spaced: bool) {
        let mut value = value;
        // After these, a further element would be one with a meaning.
        if more {
            value.as_array_mut().unwrap().push(json!({"later": [1, "]"]}));
        }
        let text = if spaced { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) }.unwrap();
        prop_assert_eq!(parse_relay_message(&text, &ParseLimits::NONE), Ok(expected));
    }

    #[test]
    fn damage_is_noticed_or_harmless((value, _) in message(), at: prop::sample::Index, byte: u8, cut: bool) {
        let mut text = serde_json::to_vec(&value).unwrap();
        let at = at.index(text.len());
        if cut {
            text.truncate(at);
        } else if let Some(place) = text.get_mut(at) {
            *place = byte;
        }
        let read = parse_relay_message(&text, &ParseLimits::NONE);
        if read.is_ok() {
            // A number may be larger than a `Value` can hold, and be good JSON.
            prop_assert!(serde_json::from_slice::<Vec<IgnoredAny>>(&text).is_ok());
        }
        prop_assert!(!cut || read.is_err());
    }

    #[test]
    fn no_bytes_are_too_strange(bytes: Vec<u8>) {
        let _ = parse_relay_message(&bytes, &ParseLimits::default());
    }
}
