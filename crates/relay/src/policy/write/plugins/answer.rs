//! What a plugin answers: strfry's output message, one line of JSON. The text comes from outside and is trusted in nothing.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::Value;
use stentor_event::EventId;

/// What a plugin says about an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Answer {
    /// The event.
    pub(super) id: EventId,
    /// What is to be done with it; `None`: something that the protocol does not know.
    pub(super) action: Option<Action>,
}

/// What is to be done with an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Action {
    /// It is taken.
    Accept,
    /// It is refused with this message, which may be empty.
    Reject(String),
    /// It is answered as if it had been taken, and thrown away.
    ShadowReject,
}

/// The fields that are read; others are passed over.
#[derive(Deserialize)]
struct Written<'a> {
    #[serde(borrow)]
    id: Cow<'a, str>,
    #[serde(default, borrow)]
    action: Cow<'a, str>,
    #[serde(default)]
    msg: Value,
}

/// Reads a line. `None`: it is no answer about an event.
pub(super) fn parse(line: &[u8]) -> Option<Answer> {
    let written: Written<'_> = serde_json::from_slice(line).ok()?;
    let id = EventId::from_hex(written.id.as_bytes())?;
    let message = written.msg.as_str().unwrap_or_default();
    let action = match &*written.action {
        "accept" => Some(Action::Accept),
        "reject" => Some(Action::Reject(message.to_owned())),
        "shadowReject" => Some(Action::ShadowReject),
        _ => None,
    };
    Some(Answer { id, action })
}

/// The reason that the client is told for a message: the message itself when it begins with a word and a colon, as
/// NIP-01 wants it, and else with `blocked:` before it.
pub(super) fn reason(message: &str) -> Cow<'static, str> {
    let message = message.trim();
    if message.is_empty() {
        return "blocked: not wanted here".into();
    }
    if has_prefix(message) {
        return message.to_owned().into();
    }
    format!("blocked: {message}").into()
}

/// Whether it begins with a prefix of NIP-01: a single word and a colon.
fn has_prefix(message: &str) -> bool {
    message.split_once(':').is_some_and(|(word, rest)| {
        let letters = |byte: u8| byte.is_ascii_lowercase() || byte == b'-';
        !word.is_empty() && word.bytes().all(letters) && (rest.is_empty() || rest.starts_with(' '))
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ID: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    fn action(rest: &str) -> Option<Action> {
        let answer = parse(format!(r#"{{"id":"{ID}"{rest}}}"#).as_bytes()).unwrap();
        assert_eq!(answer.id.to_string(), ID);
        answer.action
    }

    #[test]
    fn r4_3_answers_are_those_of_strfry() {
        assert_eq!(action(r#","action":"accept""#), Some(Action::Accept));
        assert_eq!(
            action(r#","msg":"","action":"accept""#),
            Some(Action::Accept)
        );
        assert_eq!(
            action(r#","action":"reject","msg":"blocked: no""#),
            Some(Action::Reject("blocked: no".into()))
        );
        assert_eq!(
            action(r#","action":"shadowReject","msg":"x","more":[{}]"#),
            Some(Action::ShadowReject)
        );
        for silent in ["", r#","msg":null"#, r#","msg":7"#] {
            let said = action(&format!(r#","action":"reject"{silent}"#));
            assert_eq!(said, Some(Action::Reject(String::new())), "{silent}");
        }
    }

    #[test]
    fn r4_3_an_unknown_action_still_names_its_event() {
        for rest in ["", r#","action":"Accept""#, r#","action":"""#] {
            assert_eq!(action(rest), None, "{rest}");
        }
    }

    #[test]
    fn r4_3_what_is_no_answer_is_told_apart() {
        for line in [
            &b""[..],
            b"{",
            b"starting up",
            b"[]",
            b"{}",
            br#"{"action":"accept"}"#,
            br#"{"id":7,"action":"accept"}"#,
            br#"{"id":"abc","action":"accept"}"#,
            b"\xff\xfe{}",
        ] {
            assert_eq!(parse(line), None, "{}", String::from_utf8_lossy(line));
        }
        let twice = format!(r#"{{"id":"{ID}","action":"accept","action":"reject"}}"#);
        assert_eq!(parse(twice.as_bytes()), None);
        let deep = format!(
            r#"{{"id":"{ID}","action":"accept","msg":{}"#,
            "[".repeat(8_000)
        );
        assert_eq!(parse(deep.as_bytes()), None);
    }

    #[test]
    fn r4_3_reasons_have_a_prefix() {
        for (message, told) in [
            ("blocked: not on the list", "blocked: not on the list"),
            ("rate-limited: slow down", "rate-limited: slow down"),
            ("pow: 20 bits", "pow: 20 bits"),
            ("not on the list", "blocked: not on the list"),
            ("Sorry: no", "blocked: Sorry: no"),
            ("two words: no", "blocked: two words: no"),
            (
                "https://example.com says no",
                "blocked: https://example.com says no",
            ),
            (": no", "blocked: : no"),
            ("", "blocked: not wanted here"),
            (" \n", "blocked: not wanted here"),
        ] {
            assert_eq!(reason(message), told);
        }
    }

    proptest! {
        #[test]
        fn r4_3_any_line_is_read_without_harm(line in prop::collection::vec(any::<u8>(), 0..300)) {
            prop_assert!(parse(&line).is_none() || std::str::from_utf8(&line).is_ok());
        }

        #[test]
        fn r4_3_any_message_becomes_a_reason_with_a_prefix(message in "\\PC{0,40}") {
            prop_assert!(has_prefix(&reason(&message)));
        }
    }
}
