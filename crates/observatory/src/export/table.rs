//! The tables of an export: their columns, in both forms. `docs/research.md` describes them for readers.

use std::borrow::Cow;

/// What is in a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// So many bytes; in JSON lower-case hex.
    Bytes(u16),
    /// A text.
    Text,
    /// JSON; in JSON itself, not its text.
    Json,
    /// An integer of 32 bits.
    Short,
    /// An integer of 64 bits.
    Long,
    /// A floating-point number of 64 bits.
    Real,
    /// True or false.
    Truth,
}

/// A column.
#[derive(Debug, Clone, Copy)]
pub(super) struct Column {
    /// Its name.
    pub name: &'static str,
    /// What is in it.
    pub kind: Kind,
    /// Whether it may be empty.
    pub optional: bool,
    /// Whether values come often, so that a dictionary of them is worth it.
    pub repeats: bool,
}

/// A value.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Cell<'a> {
    /// None.
    Empty,
    /// Bytes of the length of the column.
    Bytes(&'a [u8]),
    /// A text, or JSON.
    Text(Cow<'a, str>),
    /// An integer of 32 bits.
    Short(i32),
    /// An integer of 64 bits.
    Long(i64),
    /// A floating-point number.
    Real(f64),
    /// True or false.
    Truth(bool),
}

/// A table.
pub(super) type Table = &'static [Column];

const fn of(name: &'static str, kind: Kind) -> Column {
    Column {
        name,
        kind,
        optional: false,
        repeats: false,
    }
}

const fn repeated(name: &'static str, kind: Kind) -> Column {
    Column {
        repeats: true,
        ..of(name, kind)
    }
}

const fn maybe(name: &'static str, kind: Kind) -> Column {
    Column {
        optional: true,
        ..repeated(name, kind)
    }
}

/// Events, as they were signed.
pub(super) const EVENTS: Table = &[
    of("id", Kind::Bytes(32)),
    repeated("pubkey", Kind::Bytes(32)),
    of("created_at", Kind::Long),
    repeated("kind", Kind::Short),
    of("tags", Kind::Json),
    of("content", Kind::Text),
    of("sig", Kind::Bytes(64)),
];

/// Who holds which event.
pub(super) const PROVENANCE: Table = &[
    repeated("event_id", Kind::Bytes(32)),
    repeated("relay", Kind::Text),
    of("first_seen_ms", Kind::Long),
    repeated("how", Kind::Text),
];

/// Relays and candidates.
pub(super) const RELAYS: Table = &[
    of("url", Kind::Text),
    repeated("network", Kind::Text),
    repeated("state", Kind::Text),
    repeated("status", Kind::Text),
    of("found_ms", Kind::Long),
    repeated("found_by", Kind::Text),
    maybe("proven_ms", Kind::Long),
    maybe("checked_ms", Kind::Long),
    maybe("seen_ms", Kind::Long),
    maybe("reason", Kind::Text),
    maybe("open_ms", Kind::Long),
    maybe("read_ms", Kind::Long),
    maybe("write_ms", Kind::Long),
    maybe("name", Kind::Text),
    maybe("software", Kind::Text),
    maybe("version", Kind::Text),
    maybe("auth_required", Kind::Truth),
    maybe("payment_required", Kind::Truth),
    maybe("writes_restricted", Kind::Truth),
    maybe("negentropy", Kind::Truth),
    maybe("asn", Kind::Long),
    maybe("country", Kind::Text),
    maybe("geohash", Kind::Text),
    maybe("uptime_day", Kind::Real),
    maybe("uptime_week", Kind::Real),
    maybe("uptime_month", Kind::Real),
    maybe("uptime_quarter", Kind::Real),
    maybe("events", Kind::Long),
    maybe("exclusive", Kind::Long),
];

/// What relays were asked about, and what came of it.
pub(super) const COVERAGE: Table = &[
    repeated("relay", Kind::Text),
    repeated("filter", Kind::Json),
    of("since", Kind::Long),
    of("until", Kind::Long),
    repeated("state", Kind::Text),
    maybe("reason", Kind::Text),
    maybe("method", Kind::Text),
    of("events", Kind::Long),
    of("at_ms", Kind::Long),
];
