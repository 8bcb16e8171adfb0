//! The canonical layout of an event and where its parts stand.
//!
//! `{"id":"…","pubkey":"…","created_at":N,"kind":N,"tags":[…],"content":"…","sig":"…"}`

use std::sync::LazyLock;

use memchr::memmem::Finder;

pub(crate) const ID: &[u8] = b"{\"id\":\"";
pub(crate) const PUBKEY: &[u8] = b"\",\"pubkey\":\"";
pub(crate) const CREATED_AT: &[u8] = b"\",\"created_at\":";
pub(crate) const KIND: &[u8] = b",\"kind\":";
pub(crate) const TAGS: &[u8] = b",\"tags\":";
pub(crate) const CONTENT: &[u8] = b",\"content\":";
pub(crate) const SIG: &[u8] = b",\"sig\":\"";
pub(crate) const END: &[u8] = b"\"}";

/// Where the digits of `created_at` begin.
const CREATED_AT_START: usize = 162;
/// From the quote that closes the content to the end.
const AFTER_CONTENT: usize = 1 + 8 + 128 + 2;

/// What stands behind the last tag.
static AFTER_TAGS: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b"],\"content\":\""));

/// What is needed besides the bytes to read every part of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shape {
    pub(crate) created_at: u64,
    pub(crate) kind: u16,
    tags_start: u32,
    tags_end: u32,
}

impl Shape {
    /// `None` when the offsets do not fit, that is, beyond 4 GiB.
    pub(crate) fn new(
        created_at: u64,
        kind: u16,
        tags_start: usize,
        tags_end: usize,
    ) -> Option<Self> {
        Some(Self {
            created_at,
            kind,
            tags_start: u32::try_from(tags_start).ok()?,
            tags_end: u32::try_from(tags_end).ok()?,
        })
    }

    /// Finds the parts in canonical bytes; `None` when the layout is another.
    #[inline]
    pub(crate) fn of(json: &[u8]) -> Option<Self> {
        if !json.starts_with(ID)
            || json.get(71..83)? != PUBKEY
            || json.get(147..CREATED_AT_START)? != CREATED_AT
        {
            return None;
        }
        let (created_at, rest) = number(json.get(CREATED_AT_START..)?)?;
        let (kind, rest) = number(rest.strip_prefix(KIND)?)?;
        let rest = rest.strip_prefix(TAGS)?;
        let tags_start = json.len() - rest.len();
        // In well-formed tags these bytes cannot occur: a quote inside a string has a backslash before it, and after one that
        // opens or closes a string nothing but `,`, `]` or the string follows.
        let tags_end = tags_start + AFTER_TAGS.find(rest)? + 1;
        let after = json.len().checked_sub(AFTER_CONTENT)?;
        let sig = json.get(after + 1..)?;
        let proper = rest.starts_with(b"[")
            && after > tags_end + CONTENT.len()
            && json.get(after) == Some(&b'"')
            && sig.starts_with(SIG)
            && sig.ends_with(END);
        if proper {
            Self::new(created_at, u16::try_from(kind).ok()?, tags_start, tags_end)
        } else {
            None
        }
    }

    pub(crate) const fn tags_start(self) -> usize {
        self.tags_start as usize
    }

    pub(crate) const fn tags_end(self) -> usize {
        self.tags_end as usize
    }

    /// Where the content begins, behind its quote.
    pub(crate) const fn content_start(self) -> usize {
        self.tags_end() + CONTENT.len() + 1
    }

    /// Where the quote stands that closes the content.
    pub(crate) const fn content_end(json: &[u8]) -> usize {
        json.len().saturating_sub(AFTER_CONTENT)
    }
}

/// Reads digits; `None` when there are none or they exceed 64 bits.
#[inline]
fn number(text: &[u8]) -> Option<(u64, &[u8])> {
    let mut value: u64 = 0;
    let mut rest = text;
    while let Some((digit @ b'0'..=b'9', after)) = rest.split_first() {
        value = value
            .checked_mul(10)?
            .checked_add(u64::from(digit - b'0'))?;
        rest = after;
    }
    (rest.len() < text.len()).then_some((value, rest))
}

/// The parts of an event as they were received.
pub(crate) struct Parts<'a> {
    pub(crate) id: &'a [u8],
    pub(crate) pubkey: &'a [u8],
    pub(crate) created_at: &'a [u8],
    pub(crate) kind: &'a [u8],
    pub(crate) tags: &'a [u8],
    pub(crate) content: &'a [u8],
    pub(crate) sig: &'a [u8],
}

impl Parts<'_> {
    /// Writes the canonical form; the second value is the offset of the tags.
    pub(crate) fn write(&self) -> (Vec<u8>, usize) {
        let head = [
            ID,
            self.id,
            PUBKEY,
            self.pubkey,
            CREATED_AT,
            self.created_at,
            KIND,
            self.kind,
            TAGS,
        ];
        let tail = [
            self.tags,
            CONTENT,
            b"\"",
            self.content,
            b"\"",
            SIG,
            self.sig,
            END,
        ];
        let start = head.iter().map(|part| part.len()).sum::<usize>();
        let mut json =
            Vec::with_capacity(start + tail.iter().map(|part| part.len()).sum::<usize>());
        head.into_iter()
            .chain(tail)
            .for_each(|part| json.extend_from_slice(part));
        (json, start)
    }
}
