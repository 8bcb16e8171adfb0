//! A borrowed event: its canonical bytes and where things stand in them.

use std::borrow::Cow;
use std::fmt;
use std::sync::LazyLock;

use memchr::memmem::Finder;

use crate::canonical::Shape;
use crate::error::EventError;
use crate::hex;
use crate::keys::{EventId, PublicKey, Signature};
use crate::kind::Kind;
use crate::tag::{IndexedTags, Tags};
use crate::text::JsonStr;
use crate::timestamp::Timestamp;

/// How the tag of NIP-40 begins.
static EXPIRATION: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(br#"["expiration""#));
/// How the tag of NIP-70 begins.
static PROTECTED: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(br#"["-""#));

/// A view over the canonical bytes of an event. Copying it copies a few words.
#[derive(Clone, Copy)]
pub struct EventView<'a> {
    json: &'a [u8],
    shape: Shape,
    keys: Option<&'a (EventId, PublicKey)>,
}

impl<'a> EventView<'a> {
    /// Looks at bytes that are known to be the canonical form of an event, such as those of a store. Finds offsets only: the
    /// contents are not checked again.
    ///
    /// # Errors
    /// [`EventError::NotCanonical`] when the layout is not that of an event.
    #[inline]
    pub fn from_canonical(json: &'a [u8]) -> Result<Self, EventError> {
        let shape = Shape::of(json).ok_or(EventError::NotCanonical)?;
        Ok(Self {
            json,
            shape,
            keys: None,
        })
    }

    /// Id and author of an event in canonical form, which stand at fixed places: no other byte is looked at.
    #[inline]
    pub fn identity(json: &[u8]) -> Option<(EventId, PublicKey)> {
        let id = hex::decode_array(json.get(7..71)?)?;
        let author = hex::decode_array(json.get(83..147)?)?;
        Some((EventId(id), PublicKey(author)))
    }

    #[inline]
    pub(crate) const fn new(json: &'a [u8], shape: Shape, keys: &'a (EventId, PublicKey)) -> Self {
        Self {
            json,
            shape,
            keys: Some(keys),
        }
    }

    #[inline]
    pub(crate) const fn shape(&self) -> Shape {
        self.shape
    }

    #[inline]
    fn bytes(&self, from: usize, to: usize) -> &'a [u8] {
        self.json.get(from..to).unwrap_or_default()
    }

    /// The canonical JSON.
    #[inline]
    pub const fn json(&self) -> &'a [u8] {
        self.json
    }

    /// The event id.
    #[inline]
    pub fn id(&self) -> EventId {
        match self.keys {
            Some((id, _)) => *id,
            None => EventId(hex::decode_trusted(self.bytes(7, 71))),
        }
    }

    /// The author.
    #[inline]
    pub fn pubkey(&self) -> PublicKey {
        match self.keys {
            Some((_, pubkey)) => *pubkey,
            None => PublicKey(hex::decode_trusted(self.bytes(83, 147))),
        }
    }

    /// The author as it is written, 64 hex digits.
    #[inline]
    pub fn pubkey_hex(&self) -> &'a [u8] {
        self.bytes(83, 147)
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
        let end = self.json.len().saturating_sub(2);
        Signature(hex::decode_trusted(
            self.bytes(end.saturating_sub(128), end),
        ))
    }

    /// The tags in order.
    #[inline]
    pub fn tags(&self) -> Tags<'a> {
        Tags::new(self.tags_raw())
    }

    /// Letter and first value of each tag that filters can ask for, in order. Much faster than looking through [`Self::tags`].
    #[inline]
    pub fn indexed_tags(&self) -> IndexedTags<'a> {
        IndexedTags::new(self.tags_raw())
    }

    /// The text of the `tags` array with its brackets.
    #[inline]
    pub fn tags_raw(&self) -> &'a [u8] {
        self.bytes(self.shape.tags_start(), self.shape.tags_end())
    }

    /// The content as it is written, between the quotes.
    #[inline]
    pub fn content_raw(&self) -> JsonStr<'a> {
        JsonStr::new(self.bytes(self.shape.content_start(), Shape::content_end(self.json)))
    }

    /// The content in UTF-8; borrowed when nothing in it is escaped.
    pub fn content(&self) -> Cow<'a, [u8]> {
        self.content_raw().unescape()
    }

    /// The first value of the first tag called `name`, empty when it has none.
    pub fn tag_value(&self, name: &[u8]) -> Option<JsonStr<'a>> {
        let tag = self.tags().find(|tag| tag.name().is(name))?;
        Some(tag.value().unwrap_or(JsonStr::new(b"")))
    }

    /// What tells addressable events of one author and kind apart: the value of the first `d` tag, empty when there is none.
    /// `None` for kinds that are not addressable.
    pub fn identifier(&self) -> Option<Cow<'a, [u8]>> {
        if !self.kind().is_addressable() {
            return None;
        }
        Some(
            self.tag_value(b"d")
                .map_or(Cow::Borrowed(&[][..]), JsonStr::unescape),
        )
    }

    /// When the event ends by itself (NIP-40). A value that is not an unsigned integer is no expiration.
    pub fn expiration(&self) -> Option<Timestamp> {
        if !self.may_have_tag(&EXPIRATION) {
            return None;
        }
        let value = self.tag_value(b"expiration")?.unescape();
        if value.is_empty() || !value.iter().all(u8::is_ascii_digit) {
            return None;
        }
        std::str::from_utf8(&value)
            .ok()?
            .parse()
            .ok()
            .map(Timestamp)
    }

    /// Whether only its author may publish it (NIP-70).
    pub fn is_protected(&self) -> bool {
        self.may_have_tag(&PROTECTED) && self.tags().any(|tag| tag.name().is(b"-"))
    }

    /// Whether there may be a tag that begins like this, which most events do not have: searching the text is much faster
    /// than going through the tags. In the canonical form there is one way to write a name.
    fn may_have_tag(&self, beginning: &Finder<'_>) -> bool {
        beginning.find(self.tags_raw()).is_some()
    }

    /// Leading zero bits of the id (NIP-13), at most 255.
    pub fn difficulty(&self) -> u8 {
        crate::pow::difficulty(&self.id())
    }

    /// Whether `key` is the value of a `p` tag.
    pub fn names(&self, key: &PublicKey) -> bool {
        self.tagged_keys().any(|tagged| tagged == *key)
    }

    /// The keys in `p` tags; values that are not a key are left out.
    pub fn tagged_keys(&self) -> impl Iterator<Item = PublicKey> + use<'a> {
        let mut tags = self.indexed_tags();
        std::iter::from_fn(move || tags.next_of(b'p'))
            .filter_map(|value| PublicKey::from_hex(&value.unescape()))
    }
}

impl fmt::Debug for EventView<'_> {
    /// Never the content: what is private stays out of logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Event(kind {} at {}, id {})",
            self.kind(),
            self.created_at(),
            self.id()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Event, EventBuilder, SecretKey};

    fn event(kind: u16, tags: &[&[&str]]) -> Event {
        let builder = EventBuilder::new(Kind(kind), Timestamp(5));
        let builder = tags
            .iter()
            .fold(builder, |builder, tag| builder.tag(tag.iter().copied()));
        builder
            .content("secret \"words\"")
            .sign(&SecretKey::from_bytes([3; 32]).unwrap())
    }

    #[test]
    fn stored_bytes_give_the_same_event() {
        let event = event(
            1,
            &[
                &["e", "\"],\"content\":\""],
                &["],", "content"],
                &["d", "x"],
            ],
        );
        let (view, stored) = (
            event.view(),
            EventView::from_canonical(event.json()).unwrap(),
        );
        assert_eq!(
            (view.id(), view.pubkey(), view.sig().0),
            (stored.id(), stored.pubkey(), stored.sig().0)
        );
        assert_eq!(
            (view.created_at(), view.kind()),
            (stored.created_at(), stored.kind())
        );
        assert_eq!(
            (view.tags_raw(), view.content()),
            (stored.tags_raw(), stored.content())
        );
        assert_eq!(stored.json(), event.json());
        assert_eq!(Event::from_canonical(event.json().clone()).unwrap(), event);
        assert_eq!(
            (stored.check_id(), stored.verify_signature()),
            (Ok(()), Ok(()))
        );
    }

    #[test]
    fn other_bytes_are_not_canonical() {
        let event = event(1, &[]);
        let json = event.json();
        for end in 0..json.len() {
            assert_eq!(
                EventView::from_canonical(&json[..end]).err(),
                Some(EventError::NotCanonical)
            );
        }
        let mut longer = json.to_vec();
        longer.push(b' ');
        assert!(EventView::from_canonical(&longer).is_err());
    }

    #[test]
    fn r1_4_the_first_d_tag_identifies_addressable_events() {
        let identifier = |kind, tags: &[&[&str]]| {
            event(kind, tags)
                .identifier()
                .map(|value| value.into_owned())
        };
        assert_eq!(
            identifier(30_023, &[&["e", "1"], &["d", "a"], &["d", "b"]]),
            Some(b"a".to_vec())
        );
        assert_eq!(identifier(30_023, &[]), Some(Vec::new()));
        assert_eq!(identifier(30_023, &[&["d"]]), Some(Vec::new()));
        assert_eq!(identifier(1, &[&["d", "a"]]), None);
        assert_eq!(identifier(0, &[&["d", "a"]]), None);
    }

    #[test]
    fn r1_10_expiration_is_an_unsigned_integer() {
        let expiration = |value: &str| {
            event(1, &[&["expiration", value]])
                .expiration()
                .map(|time| time.0)
        };
        assert_eq!(expiration("1600000000"), Some(1_600_000_000));
        for bad in [
            "",
            "+5",
            "-5",
            "5.0",
            "1e3",
            " 5",
            "soon",
            "99999999999999999999",
        ] {
            assert_eq!(expiration(bad), None, "{bad}");
        }
        assert_eq!(event(1, &[&["expiration"]]).expiration(), None);
        assert_eq!(event(1, &[]).expiration(), None);
    }

    #[test]
    fn r1_12_the_dash_protects() {
        assert!(event(1, &[&["-"]]).is_protected());
        assert!(event(1, &[&["e", "1"], &["-", "x"]]).is_protected());
        assert!(!event(1, &[&["--"], &["e", "-"]]).is_protected());
    }

    #[test]
    fn r2_1_tagged_keys_are_those_of_p() {
        let (key, other) = (PublicKey([0xab; 32]), PublicKey([0xcd; 32]));
        let event = event(
            4,
            &[
                &["p", &key.to_string()],
                &["P", &other.to_string()],
                &["p", "x"],
                &["p"],
            ],
        );
        assert_eq!(event.view().tagged_keys().collect::<Vec<_>>(), [key]);
        assert!(event.view().names(&key) && !event.view().names(&other));
    }

    #[test]
    fn debug_output_hides_the_content() {
        let event = event(1, &[&["x", "secret"]]);
        assert!(!format!("{event:?} {:?}", event.view()).contains("secret"));
    }
}
