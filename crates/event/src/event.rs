//! An event that owns its canonical bytes.

use std::borrow::Cow;
use std::fmt;

use bytes::Bytes;

use crate::canonical::Shape;
use crate::cow_event::CowEvent;
use crate::error::EventError;
use crate::keys::{EventId, PublicKey, Signature};
use crate::kind::Kind;
use crate::scan::Scanner;
use crate::timestamp::Timestamp;
use crate::view::EventView;

/// An event in canonical wire form, cheap to clone:
///
/// `{"id":"…","pubkey":"…","created_at":N,"kind":N,"tags":[…],"content":"…","sig":"…"}`
///
/// Fixed field order, no white space between tokens, string tokens byte for byte as received. The hex of the id is always at bytes
/// 7 to 71 and that of the author at 83 to 147. Two events are equal when their canonical bytes are.
#[derive(Clone)]
pub struct Event {
    json: Bytes,
    shape: Shape,
    keys: (EventId, PublicKey),
}

impl Event {
    /// Parses one JSON object strictly (R1.1) and brings it into canonical form. Neither id nor signature are checked.
    ///
    /// # Errors
    /// What is wrong with the text, fit to be told to a client.
    pub fn parse(json: &[u8]) -> Result<Self, EventError> {
        let mut scanner = Scanner::checked(json)?;
        let event = CowEvent::read(&mut scanner, 0, 0)?;
        scanner.end()?;
        Ok(event.into_owned())
    }

    /// As [`Event::parse`], refusing events of more than `max_bytes` in canonical form or `max_tags` tags; 0 is no limit.
    ///
    /// # Errors
    /// As [`Event::parse`], [`EventError::TooLarge`] and [`EventError::TooManyTags`].
    pub fn parse_within(
        json: &[u8],
        max_bytes: usize,
        max_tags: usize,
    ) -> Result<Self, EventError> {
        let mut scanner = Scanner::checked(json)?;
        let event = CowEvent::read(&mut scanner, max_bytes, max_tags)?;
        scanner.end()?;
        Ok(event.into_owned())
    }

    /// Of parts that belong together.
    pub(crate) const fn of(json: Bytes, shape: Shape, keys: (EventId, PublicKey)) -> Self {
        Self { json, shape, keys }
    }

    /// Takes bytes that are known to be canonical, such as those of a store. Finds offsets only: the contents are not checked
    /// again.
    ///
    /// # Errors
    /// [`EventError::NotCanonical`] when the layout is not that of an event.
    pub fn from_canonical(json: Bytes) -> Result<Self, EventError> {
        let view = EventView::from_canonical(&json)?;
        let keys = (view.id(), view.pubkey());
        let shape = view.shape();
        Ok(Self { json, shape, keys })
    }

    /// The canonical JSON.
    #[inline]
    pub const fn json(&self) -> &Bytes {
        &self.json
    }

    /// A view with all accessors.
    #[inline]
    pub fn view(&self) -> EventView<'_> {
        EventView::new(&self.json, self.shape, &self.keys)
    }

    /// The event id.
    #[inline]
    pub const fn id(&self) -> EventId {
        self.keys.0
    }

    /// The author.
    #[inline]
    pub const fn pubkey(&self) -> PublicKey {
        self.keys.1
    }

    /// When the author says that it was made.
    #[inline]
    pub const fn created_at(&self) -> Timestamp {
        Timestamp(self.shape.created_at)
    }

    /// The kind.
    #[inline]
    pub const fn kind(&self) -> Kind {
        Kind(self.shape.kind)
    }

    /// The signature.
    pub fn sig(&self) -> Signature {
        self.view().sig()
    }

    /// Whether the id is the hash of the event (R1.2).
    ///
    /// # Errors
    /// [`EventError::IdMismatch`].
    pub fn check_id(&self) -> Result<(), EventError> {
        self.view().check_id()
    }

    /// Whether the signature is the author's over the id. The id itself is not checked.
    ///
    /// # Errors
    /// [`EventError::PublicKey`] and [`EventError::Signature`].
    pub fn verify_signature(&self) -> Result<(), EventError> {
        self.view().verify_signature()
    }

    /// See [`EventView::identifier`].
    pub fn identifier(&self) -> Option<Cow<'_, [u8]>> {
        self.view().identifier()
    }

    /// See [`EventView::expiration`].
    pub fn expiration(&self) -> Option<Timestamp> {
        self.view().expiration()
    }

    /// See [`EventView::is_protected`].
    pub fn is_protected(&self) -> bool {
        self.view().is_protected()
    }

    /// See [`EventView::difficulty`].
    pub fn difficulty(&self) -> u8 {
        self.view().difficulty()
    }
}

impl PartialEq for Event {
    fn eq(&self, other: &Self) -> bool {
        self.json == other.json
    }
}

impl Eq for Event {}

impl fmt::Debug for Event {
    /// Never the content: what is private stays out of logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.view(), f)
    }
}
