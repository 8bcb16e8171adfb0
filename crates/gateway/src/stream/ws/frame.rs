//! The frames of the WebSocket (G3.2): one JSON object each, `op` says what it is. Pure.
//!
//! What a client sends has an answer: `subscribed`, `unsubscribed`, `pong`, or `error`, with the `ref` of the request if it had one.

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::asked::Query;

/// Bytes of a subscription's name, and of a `ref`.
const LONGEST: usize = 64;

/// What a client sends.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Frame<'a> {
    op: String,
    #[serde(default)]
    id: Option<String>,
    #[serde(default, rename = "ref")]
    reference: Option<String>,
    #[serde(default)]
    types: Vec<String>,
    #[serde(default)]
    subject: Vec<String>,
    #[serde(default, borrow)]
    filter: Option<&'a RawValue>,
    #[serde(default)]
    since: Option<String>,
    #[serde(default)]
    cursor: Option<String>,
    #[serde(default)]
    coalesce: bool,
}

/// What a client asks for.
#[derive(Debug, Clone)]
pub(crate) enum Request {
    /// To be given what this query says, under a name.
    Subscribe {
        /// The name.
        id: String,
        /// What is wanted.
        query: Query,
    },
    /// Not to be given it any more.
    Unsubscribe {
        /// The name.
        id: String,
    },
    /// Whether anybody is there.
    Ping,
}

/// A request with the client's own mark, which the answer carries.
#[derive(Debug, Clone)]
pub(crate) struct Marked {
    pub reference: Option<String>,
    pub request: Request,
}

/// Why a frame is none: a code for programs, and words for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    pub reference: Option<String>,
    pub code: &'static str,
    pub detail: String,
}

impl Fault {
    pub fn new(reference: Option<&str>, code: &'static str, detail: impl ToString) -> Self {
        Self {
            reference: reference.map(str::to_owned),
            code,
            detail: detail.to_string(),
        }
    }
}

/// Reads a frame.
pub(crate) fn parse(text: &str) -> Result<Marked, Fault> {
    let frame: Frame<'_> =
        serde_json::from_str(text).map_err(|error| Fault::new(None, "malformed", error))?;
    let mark = frame.reference.as_deref();
    let wrong = |detail: &str| Fault::new(mark, "malformed", detail);
    if mark.is_some_and(|mark| mark.len() > LONGEST) {
        return Err(Fault::new(None, "malformed", "ref has at most 64 bytes"));
    }
    let named = |id: &Option<String>| {
        let id = id.clone().filter(|id| (1..=LONGEST).contains(&id.len()));
        id.ok_or_else(|| wrong("id has 1 to 64 bytes"))
    };
    let request = match frame.op.as_str() {
        "ping" => Request::Ping,
        "unsubscribe" => Request::Unsubscribe {
            id: named(&frame.id)?,
        },
        "subscribe" => Request::Subscribe {
            id: named(&frame.id)?,
            query: query(&frame, frame.since.clone()),
        },
        "resume" => {
            let cursor = frame.cursor.clone();
            let cursor = cursor.ok_or_else(|| wrong("resume needs a cursor"))?;
            Request::Subscribe {
                id: named(&frame.id)?,
                query: query(&frame, Some(cursor)),
            }
        }
        _ => return Err(wrong("op is subscribe, resume, unsubscribe or ping")),
    };
    Ok(Marked {
        reference: frame.reference,
        request,
    })
}

fn query(frame: &Frame<'_>, since: Option<String>) -> Query {
    Query {
        types: frame.types.join(","),
        subject: frame.subject.join(","),
        filter: frame.filter.map(|filter| filter.get().to_owned()),
        since,
        coalesce: frame.coalesce,
        ..Query::default()
    }
}

/// What the server sends about something else than an envelope.
pub(super) fn told(op: &str, reference: Option<&str>, fields: Value) -> String {
    let mut frame = json!({ "op": op });
    if let (Some(frame), Value::Object(fields)) = (frame.as_object_mut(), fields) {
        frame.extend(fields);
        if let Some(reference) = reference {
            frame.insert("ref".into(), reference.into());
        }
    }
    frame.to_string()
}

/// An envelope for a subscription.
pub(super) fn event(id: &str, cursor: &str, envelope: &str) -> String {
    let id = Value::from(id);
    format!(r#"{{"op":"event","id":{id},"cursor":"{cursor}","event":{envelope}}}"#)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn g3_2_requests_are_read() {
        let text = r#"{"op":"subscribe","id":"a","ref":"7","types":["nostr","job"],"filter":{"kinds":[1]},"since":"now"}"#;
        let marked = parse(text).unwrap();
        assert_eq!(marked.reference.as_deref(), Some("7"));
        let Request::Subscribe { id, query } = marked.request else {
            panic!("not a subscription");
        };
        assert_eq!((id.as_str(), query.types.as_str()), ("a", "nostr,job"));
        assert_eq!(query.filter.as_deref(), Some(r#"{"kinds":[1]}"#));
        assert_eq!(query.since.as_deref(), Some("now"));
        let resumed = parse(r#"{"op":"resume","id":"a","cursor":"xyz"}"#).unwrap();
        let Request::Subscribe { query, .. } = resumed.request else {
            panic!("not a subscription");
        };
        assert_eq!(query.since.as_deref(), Some("xyz"));
        assert!(matches!(
            parse(r#"{"op":"ping"}"#).unwrap().request,
            Request::Ping
        ));
    }

    #[test]
    fn g3_2_what_is_wrong_with_a_frame_is_said_with_its_mark() {
        for (text, mark) in [
            ("", None),
            ("[]", None),
            (r#"{"op":"nonsense","ref":"1"}"#, Some("1")),
            (r#"{"op":"subscribe","ref":"2"}"#, Some("2")),
            (r#"{"op":"subscribe","id":"","ref":"3"}"#, Some("3")),
            (r#"{"op":"resume","id":"a","ref":"4"}"#, Some("4")),
            (r#"{"op":"ping","unknown":1}"#, None),
        ] {
            let fault = parse(text).unwrap_err();
            assert_eq!(fault.code, "malformed", "{text}");
            assert_eq!(fault.reference.as_deref(), mark, "{text}");
        }
        let long = "x".repeat(65);
        assert!(parse(&format!(r#"{{"op":"unsubscribe","id":"{long}"}}"#)).is_err());
        assert!(parse(&format!(r#"{{"op":"ping","ref":"{long}"}}"#)).is_err());
    }

    #[test]
    fn g3_2_frames_are_json_whatever_the_names() {
        let text = event("a\"b", "cur", r#"{"id":"1"}"#);
        let value: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(value["id"], "a\"b");
        assert_eq!(value["event"]["id"], "1");
        let text = told("error", Some("r\""), json!({ "code": "x" }));
        let value: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(
            (&value["op"], &value["ref"]),
            (&json!("error"), &json!("r\""))
        );
    }

    proptest! {
        #[test]
        fn g3_2_no_frame_is_too_strange(text in ".{0,200}") {
            let _ = parse(&text);
        }
    }
}
