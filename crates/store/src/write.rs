//! What goes into a store, and what becomes of it.

use std::sync::Arc;

use serde::Serialize;
use stentor_event::Event;

use crate::EventNumber;

/// One event on its way into the store.
#[derive(Debug, Clone)]
pub struct Submission {
    /// The event; its id has been recomputed and found right ([`Event::check_id`]).
    pub event: Event,
    /// Whether the signature is known to be right (a trusted dump, our own event); else the store verifies it, after
    /// the cheaper reasons for refusal (R1.3).
    pub verified: bool,
}

/// Whom a request to vanish (NIP-62) must name to concern this store.
#[derive(Debug, Clone, Default)]
pub struct RelayScope {
    /// The public URLs of this relay, normalised as by `stentor_event::normalize_relay_url`. Empty: only
    /// `ALL_RELAYS` concerns this store.
    pub urls: Arc<[String]>,
}

/// What became of a submitted event. When it is returned, what it says is durable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Stored under this number.
    Stored(EventNumber),
    /// An ephemeral event (NIP-01): verified, shown to the commit observer, not stored.
    Ephemeral,
    /// Already there.
    Duplicate,
    /// Not taken.
    Refused(Refusal),
}

/// Why an event was not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// A newer version of this replaceable or addressable event is stored (R1.4).
    #[error("a newer version is stored")]
    Superseded,
    /// Its author, or the recipient of the gift wrap, has asked for its deletion (NIP-09).
    #[error("deleted at its author's request")]
    Deleted,
    /// Its author has asked to vanish (NIP-62).
    #[error("its author has asked to vanish")]
    Vanished,
    /// It has expired (NIP-40).
    #[error("the event has expired")]
    Expired,
    /// The operator has banned this event or its author.
    #[error("banned by the operator")]
    Banned,
    /// The signature is wrong.
    #[error("the signature is wrong")]
    BadSignature,
    /// Kind 22242 and its like are never stored (NIP-42).
    #[error("events of this kind are not stored")]
    NeverStored,
    /// The store cannot write now; the text says why.
    #[error("{0}")]
    Unavailable(String),
}

/// Why an event left the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum Removal {
    /// A newer version took its place (NIP-01).
    Replaced = 1,
    /// Deleted at its author's or recipient's request (NIP-09).
    Deleted = 2,
    /// Expired (NIP-40).
    Expired = 3,
    /// Its author vanished (NIP-62).
    Vanished = 4,
    /// Removed by the operator or by retention.
    Dropped = 5,
}

impl Removal {
    /// The removal with this code, as written in the log.
    pub fn from_code(code: u8) -> Option<Self> {
        [
            Self::Replaced,
            Self::Deleted,
            Self::Expired,
            Self::Vanished,
            Self::Dropped,
        ]
        .into_iter()
        .find(|removal| *removal as u8 == code)
    }
}
