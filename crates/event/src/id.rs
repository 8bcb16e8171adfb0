//! The id of an event (NIP-01, R1.2).

use memchr::memchr;
use sha2::{Digest, Sha256};

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
        let valid = if spelled_canonically(self.tags_raw())
            && spelled_canonically(self.content_raw().raw())
        {
            self.hash_as_written() == id
        } else {
            self.hash_rewritten(Control::Escaped) == id
                || self.hash_rewritten(Control::Verbatim) == id
        };
        if valid {
            Ok(())
        } else {
            Err(EventError::IdMismatch)
        }
    }

    /// `[0,"<pubkey>",<created_at>,<kind>,`
    fn head(&self) -> Vec<u8> {
        let mut head = Vec::with_capacity(128);
        head.extend_from_slice(b"[0,\"");
        head.extend_from_slice(self.pubkey_hex());
        head.extend_from_slice(format!("\",{},{},", self.created_at(), self.kind()).as_bytes());
        head
    }

    /// Every string is spelled as NIP-01 serialises it, so the bytes can be hashed as they are.
    fn hash_as_written(&self) -> EventId {
        let mut hasher = Sha256::new();
        hasher.update(self.head());
        hasher.update(self.tags_raw());
        hasher.update(b",\"");
        hasher.update(self.content_raw().raw());
        hasher.update(b"\"]");
        EventId(hasher.finalize().into())
    }

    fn hash_rewritten(&self, control: Control) -> EventId {
        let mut text = self.head();
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
        EventId(Sha256::digest(&text).into())
    }
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

/// The id of an event with these parts: the hash of NIP-01's serialisation, `tags` and `content` already in JSON.
pub(crate) fn hash(
    pubkey_hex: &[u8],
    created_at: u64,
    kind: u16,
    tags: &[u8],
    content: &[u8],
) -> EventId {
    let mut hasher = Sha256::new();
    hasher.update(b"[0,\"");
    hasher.update(pubkey_hex);
    hasher.update(format!("\",{created_at},{kind},"));
    hasher.update(tags);
    hasher.update(b",\"");
    hasher.update(content);
    hasher.update(b"\"]");
    EventId(hasher.finalize().into())
}
