//! What a plugin is asked: strfry's input message, one line of JSON.

use serde_json::Value;
use stentor_event::{Event, PublicKey, Timestamp};

use super::super::{Asked, Source};

/// What is asked about an event.
#[derive(Debug, Clone)]
pub(super) struct Question {
    pub(super) event: Event,
    pub(super) source: Source,
    /// The key that the client has proven.
    pub(super) authed: Option<PublicKey>,
    /// When the event came.
    pub(super) received: Timestamp,
}

impl Question {
    /// Appends the message and its line feed, its keys in the order in which strfry writes them. The event is canonical
    /// JSON and so has no line feed of its own.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        out.push(b'{');
        if let Some(key) = self.authed {
            out.extend_from_slice(format!(r#""authed":"{key}","#).as_bytes());
        }
        out.extend_from_slice(br#""event":"#);
        out.extend_from_slice(self.event.json());
        let rest = format!(
            r#","receivedAt":{},"sourceInfo":{},"sourceType":"{}","type":"new"}}"#,
            self.received.0,
            Value::from(&*self.source.info()),
            self.source.kind().as_str(),
        );
        out.extend_from_slice(rest.as_bytes());
        out.push(b'\n');
    }
}

impl From<&Asked> for Question {
    fn from(asked: &Asked) -> Self {
        Self {
            event: asked.event.clone(),
            source: asked.source.clone(),
            authed: asked.authed,
            received: asked.now,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use stentor_event::{EventBuilder, Kind, SecretKey};

    use super::*;

    fn written(source: Source, authed: bool) -> Value {
        let key = SecretKey::from_bytes([7; 32]).unwrap();
        let event = EventBuilder::new(Kind(1), Timestamp(5))
            .content("two\nlines, \u{2028} and \"quotes\"")
            .sign(&key);
        let question = Question {
            event: event.clone(),
            source,
            authed: authed.then(|| key.public_key()),
            received: Timestamp(1_700_000_000),
        };
        let mut out = b"before\n".to_vec();
        question.write(&mut out);
        let lines: Vec<&[u8]> = out.split(|byte| *byte == b'\n').collect();
        assert_eq!((lines.len(), lines[2]), (3, &b""[..]), "one line more");
        let value: Value = serde_json::from_slice(lines[1]).unwrap();
        let whole: Value = serde_json::from_slice(event.json()).unwrap();
        assert_eq!(value["event"], whole);
        value
    }

    #[test]
    fn r4_3_a_question_is_what_strfry_asks() {
        let question = written(Source::Client("127.0.0.1".parse().unwrap()), false);
        assert_eq!(question["type"], "new");
        assert_eq!(question["receivedAt"], 1_700_000_000);
        assert_eq!(question["sourceType"], "IP4");
        assert_eq!(question["sourceInfo"], "127.0.0.1");
        assert_eq!(question.get("authed"), None);
        let proven = written(Source::Client("2001:db8::1".parse().unwrap()), true);
        assert_eq!(proven["sourceType"], "IP6");
        assert_eq!(proven["sourceInfo"], "2001:db8::1");
        assert_eq!(proven["authed"], proven["event"]["pubkey"]);
    }

    #[test]
    fn r4_3_no_event_can_forge_a_second_line() {
        let key = SecretKey::from_bytes([7; 32]).unwrap();
        let event = EventBuilder::new(Kind(1), Timestamp(5))
            .content("a\nb")
            .sign(&key);
        let json = String::from_utf8(event.json().to_vec()).unwrap();
        assert!(Event::parse(json.as_bytes()).is_ok());
        for raw in ["a\nb", "a\rb"] {
            let forged = json.replace("a\\nb", raw);
            assert!(Event::parse(forged.as_bytes()).is_err());
        }
    }

    #[test]
    fn r4_3_every_source_has_its_type() {
        for (source, kind, info) in [
            (
                Source::Client("::ffff:192.0.2.1".parse().unwrap()),
                "IP4",
                "192.0.2.1",
            ),
            (
                Source::Import("notes.jsonl".into()),
                "Import",
                "notes.jsonl",
            ),
            (
                Source::Stream("wss://a.example/\"\n".into()),
                "Stream",
                "wss://a.example/\"\n",
            ),
            (
                Source::Sync("wss://a.example/".into()),
                "Sync",
                "wss://a.example/",
            ),
            (Source::Stored, "Stored", ""),
        ] {
            let question = written(source, false);
            assert_eq!(question["sourceType"], json!(kind));
            assert_eq!(question["sourceInfo"], json!(info));
        }
    }
}
