//! Cursors that are good for one ticket's stream only.

use ring::hmac;

use crate::random;

/// What stands between a cursor and its mark. No cursor has it.
const MARK: char = '~';
/// Bytes of a mark: nobody guesses one of 128 bits.
const BYTES: usize = 16;

/// Marks the cursors that a ticket's stream is given, and knows them again. The key is the ticket's own and stays here: who has the
/// ticket cannot make a mark.
#[derive(Clone)]
pub struct Seal {
    key: hmac::Key,
    ticket: String,
}

impl Seal {
    pub(super) fn new(ticket: String, key: &[u8; 32]) -> Self {
        let key = hmac::Key::new(hmac::HMAC_SHA256, key);
        Self { key, ticket }
    }

    /// The text to hand out for a cursor: the cursor, `~`, and half of an HMAC-SHA-256 over ticket and cursor.
    pub fn seal(&self, cursor: &str) -> String {
        format!("{cursor}{MARK}{}", self.mark(cursor))
    }

    /// The cursor in a text that was handed out to this stream; `None` for all other texts.
    pub fn open<'a>(&self, text: &'a str) -> Option<&'a str> {
        let (cursor, mark) = text.rsplit_once(MARK)?;
        random::are_same(mark.as_bytes(), self.mark(cursor).as_bytes()).then_some(cursor)
    }

    fn mark(&self, cursor: &str) -> String {
        let mut context = hmac::Context::with_key(&self.key);
        context.update(self.ticket.as_bytes());
        context.update(b"\0");
        context.update(cursor.as_bytes());
        let tag = context.sign();
        random::text(tag.as_ref().get(..BYTES).unwrap_or_default())
    }
}

impl std::fmt::Debug for Seal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Seal({})", self.ticket)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn g2_1_a_cursor_is_known_again_by_its_own_stream_only(cursor in "[A-Za-z0-9_-]{0,60}", at in 0_usize..80) {
            let own = Seal::new("a".into(), &[1; 32]);
            let text = own.seal(&cursor);
            prop_assert_eq!(own.open(&text), Some(cursor.as_str()));
            prop_assert_eq!(Seal::new("b".into(), &[1; 32]).open(&text), None);
            prop_assert_eq!(Seal::new("a".into(), &[2; 32]).open(&text), None);
            prop_assert_eq!(own.open(&cursor), None);
            let mut changed = text.clone().into_bytes();
            let place = at % changed.len();
            changed[place] = if changed[place] == b'A' { b'B' } else { b'A' };
            prop_assert_eq!(own.open(std::str::from_utf8(&changed).unwrap()), None);
        }

        #[test]
        fn g2_1_any_text_is_opened_or_refused(text in "\\PC{0,80}") {
            prop_assert_eq!(Seal::new("a".into(), &[1; 32]).open(&text), None);
        }
    }
}
