//! The id of an event (NIP-01, R1.2).

use std::io::Write;

use memchr::memchr;
use ring::digest::{Context, Digest, SHA256, digest};
use smallvec::SmallVec;

use crate::error::EventError;
use crate::keys::EventId;
use crate::text::{Control, JsonStr, escape_with};
use crate::view::EventView;

impl EventView<'_> {
    /// Whether the id is the hash of the event. Where control characters without a short escape occur, NIP-01 wants them verbatim
    /// and common clients hash them as `\u00xx`: an id that matches either is valid.
    ///
    /// # Errors
    /// [`EventError::IdMismatch`].
    pub fn check_id(&self) -> Result<(), EventError> {
        let id = self.id();
        let (tags, content) = (self.tags_raw(), self.content_raw().raw());
        let valid = if spelled_canonically(tags) && spelled_canonically(content) {
            hash(
                self.pubkey_hex(),
                self.created_at().0,
                self.kind().0,
                tags,
                content,
            ) == id
        } else {
            self.hash_respelled(Control::Escaped) == id
                || self.hash_respelled(Control::Verbatim) == id
        };
        if valid {
            Ok(())
        } else {
            Err(EventError::IdMismatch)
        }
    }

    fn hash_respelled(&self, control: Control) -> EventId {
        let mut text = head(self.pubkey_hex(), self.created_at().0, self.kind().0).to_vec();
        text.push(b'[');
        for (index, tag) in self.tags().enumerate() {
            text.extend_from_slice(if index == 0 { b"[" } else { b",[" });
            for (index, string) in tag.iter().enumerate() {
                text.extend_from_slice(if index == 0 { b"\"" } else { b",\"" });
                respell(string, control, &mut text);
                text.push(b'"');
            }
            text.push(b']');
        }
        text.extend_from_slice(b"],\"");
        respell(self.content_raw(), control, &mut text);
        text.extend_from_slice(b"\"]");
        event_id(&digest(&SHA256, &text))
    }
}

/// The id of an event whose `tags` and `content` (without its quotes) are spelled as NIP-01 serialises them: hashed as they are.
pub(crate) fn hash(
    pubkey_hex: &[u8],
    created_at: u64,
    kind: u16,
    tags: &[u8],
    content: &[u8],
) -> EventId {
    let mut context = Context::new(&SHA256);
    context.update(&head(pubkey_hex, created_at, kind));
    context.update(tags);
    context.update(b",\"");
    context.update(content);
    context.update(b"\"]");
    event_id(&context.finish())
}

/// `[0,"<pubkey>",<created_at>,<kind>,`
fn head(pubkey_hex: &[u8], created_at: u64, kind: u16) -> SmallVec<[u8; 128]> {
    let mut head = SmallVec::new();
    head.extend_from_slice(b"[0,\"");
    head.extend_from_slice(pubkey_hex);
    // Writing to memory does not fail.
    let _ = write!(head, "\",{created_at},{kind},");
    head
}

fn event_id(digest: &Digest) -> EventId {
    EventId(digest.as_ref().try_into().unwrap_or([0; 32]))
}

fn respell(string: JsonStr<'_>, control: Control, out: &mut Vec<u8>) {
    string.pieces(|piece| {
        escape_with(piece, control, out);
        true
    });
}

/// Whether `text` (well-formed JSON) has only the escapes that NIP-01 prescribes.
fn spelled_canonically(text: &[u8]) -> bool {
    let mut rest = text;
    while let Some(at) = memchr(b'\\', rest) {
        match rest.get(at + 1) {
            Some(b'u' | b'/') => return false,
            _ => rest = rest.get(at + 2..).unwrap_or_default(),
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Event, EventBuilder, Kind, SecretKey, Timestamp};

    /// The event with the id that belongs to `text` as content under both ways of writing control characters.
    fn event(content_json: &str, control: Control) -> Event {
        let pubkey = "ab".repeat(32);
        let json = |id: &str| {
            format!(
                "{{\"id\":\"{id}\",\"pubkey\":\"{pubkey}\",\"created_at\":7,\"kind\":1,\"tags\":[[\"t\",\"{content_json}\"]],\
                 \"content\":\"{content_json}\",\"sig\":\"{}\"}}",
                "00".repeat(64)
            )
        };
        let unsigned = Event::parse(json(&"00".repeat(32)).as_bytes()).unwrap();
        let id = unsigned.view().hash_respelled(control).to_string();
        Event::parse(json(&id).as_bytes()).unwrap()
    }

    #[test]
    fn r1_2_the_id_is_the_hash_of_nip_01s_serialisation() {
        let event = event(r#"a\"b\\c\nd\r\t\b\fe"#, Control::Escaped);
        let text = format!(
            r#"[0,"{}",7,1,[["t","a\"b\\c\nd\r\t\b\fe"]],"a\"b\\c\nd\r\t\b\fe"]"#,
            "ab".repeat(32)
        );
        assert_eq!(event.id(), event_id(&digest(&SHA256, text.as_bytes())));
        assert_eq!(event.check_id(), Ok(()));
    }

    #[test]
    fn r1_2_any_spelling_of_the_text_gives_the_same_id() {
        let plain = event(r#"é😀/\n\"x"#, Control::Escaped);
        for spelling in [
            r#"\u00e9\ud83d\ude00\/\u000a\u0022x"#,
            r#"\u00E9\uD83D\uDE00/\n\"\u0078"#,
        ] {
            let text = String::from_utf8(plain.json().to_vec())
                .unwrap()
                .replace(r#"é😀/\n\"x"#, spelling);
            let other = Event::parse(text.as_bytes()).unwrap();
            assert_eq!(other.check_id(), Ok(()));
            assert_eq!(other.json(), text.as_bytes(), "the spelling is kept");
        }
    }

    #[test]
    fn r1_2_control_characters_verbatim_or_escaped() {
        for text in [r"\u001b[0m", r"a\u0000b\n", r"\u001F\/"] {
            let (verbatim, escaped) = (
                event(text, Control::Verbatim),
                event(text, Control::Escaped),
            );
            assert_ne!(verbatim.id(), escaped.id());
            assert_eq!(verbatim.check_id(), Ok(()));
            assert_eq!(escaped.check_id(), Ok(()));
        }
    }

    #[test]
    fn r1_2_any_change_makes_the_id_wrong() {
        let key = SecretKey::from_bytes([3; 32]).unwrap();
        let event = EventBuilder::new(Kind(1), Timestamp(1))
            .tag(["t", "a"])
            .content("b")
            .sign(&key);
        let text = String::from_utf8(event.json().to_vec()).unwrap();
        for (old, new) in [
            ("\"created_at\":1,", "\"created_at\":2,"),
            ("\"kind\":1,", "\"kind\":2,"),
            ("[[\"t\",\"a\"]]", "[[\"t\",\"c\"]]"),
            ("[[\"t\",\"a\"]]", "[]"),
            ("\"content\":\"b\"", "\"content\":\"\\u0000\""),
        ] {
            let changed = Event::parse(text.replace(old, new).as_bytes()).unwrap();
            assert_ne!(changed, event);
            assert_eq!(changed.check_id(), Err(EventError::IdMismatch));
        }
    }
}
