//! An event that may still stand in the text that it was read from: whoever looks at it and does not keep it copies nothing.

use std::borrow::Cow;
use std::fmt;

use bytes::Bytes;

use crate::canonical::Shape;
use crate::error::EventError;
use crate::event::Event;
use crate::keys::{EventId, PublicKey};
use crate::parse;
use crate::scan::Scanner;
use crate::view::EventView;

/// An event in canonical form, borrowed where that is how it was written. Neither id nor signature are checked.
#[derive(Clone)]
pub struct CowEvent<'a> {
    json: Cow<'a, [u8]>,
    shape: Shape,
    keys: (EventId, PublicKey),
}

impl<'a> CowEvent<'a> {
    /// Reads an event from a longer text, refusing one of more than `max_bytes` in canonical form or `max_tags` tags; 0 is no limit.
    pub(crate) fn read(
        scanner: &mut Scanner<'a>,
        max_bytes: usize,
        max_tags: usize,
    ) -> Result<Self, EventError> {
        let parsed = parse::event(scanner)?;
        if max_bytes > 0 && parsed.json.len() > max_bytes {
            return Err(EventError::TooLarge(max_bytes));
        }
        if max_tags > 0 && parsed.tag_count > max_tags {
            return Err(EventError::TooManyTags(max_tags));
        }
        Ok(Self {
            json: parsed.json,
            shape: parsed.shape,
            keys: parsed.keys,
        })
    }

    /// A view with all accessors.
    #[inline]
    pub fn view(&self) -> EventView<'_> {
        EventView::new(&self.json, self.shape, &self.keys)
    }

    /// The event with bytes of its own.
    #[inline]
    pub fn into_owned(self) -> Event {
        let json = match self.json {
            Cow::Borrowed(json) => Bytes::copy_from_slice(json),
            Cow::Owned(json) => Bytes::from(json),
        };
        Event::of(json, self.shape, self.keys)
    }
}

impl PartialEq for CowEvent<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.json == other.json
    }
}

impl Eq for CowEvent<'_> {}

impl From<Event> for CowEvent<'static> {
    fn from(event: Event) -> Self {
        Self {
            shape: event.view().shape(),
            keys: (event.id(), event.pubkey()),
            json: Cow::Owned(event.json().to_vec()),
        }
    }
}

impl fmt::Debug for CowEvent<'_> {
    /// Never the content: what is private stays out of logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.view(), f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{EventBuilder, Kind, SecretKey, Timestamp};

    #[test]
    fn canonical_text_is_borrowed_and_any_other_is_rewritten() {
        let key = SecretKey::from_bytes([3; 32]).unwrap();
        let event = EventBuilder::new(Kind(1), Timestamp(5)).sign(&key);
        let spaced = [b" ", &event.json()[..1], b" ", &event.json()[1..]].concat();
        for (text, borrowed) in [(event.json().to_vec(), true), (spaced, false)] {
            let mut scanner = Scanner::checked(&text).unwrap();
            let read = CowEvent::read(&mut scanner, 0, 0).unwrap();
            assert_eq!(matches!(read.json, Cow::Borrowed(_)), borrowed);
            assert_eq!(read, CowEvent::from(event.clone()));
            assert_eq!(read.view().check_id(), Ok(()));
            assert_eq!(read.into_owned(), event);
        }
    }
}
