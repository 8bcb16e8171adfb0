//! Nostr events, filters, wire messages, ids, signatures and visibility: pure, no I/O, no clock.
//!
//! An [`Event`] owns its *canonical wire form*: one JSON object without white space between tokens and with the fields in a
//! fixed order, string tokens byte for byte as they were received. Everything else (tags, content, id, matching) is read from
//! these bytes through the borrowed [`EventView`] without allocating.
//!
//! Section numbers such as `R1.6` in the names of tests are those of `docs/points.md`.

mod address;
mod build;
mod canonical;
mod cow_event;
mod deletion;
mod error;
mod event;
mod filter;
mod hex;
pub mod hll;
mod id;
mod keys;
mod kind;
mod message;
pub mod nip11;
mod parse;
pub mod pow;
mod protected;
mod relay_url;
mod scan;
mod signature;
mod simd;
mod tag;
mod text;
mod timestamp;
pub mod vanish;
mod view;
mod visibility;

pub use address::Address;
pub use build::{EventBuilder, SecretKey, SecretKeyError, sign};
pub use cow_event::CowEvent;
pub use deletion::{DeletionTarget, deletion_targets};
pub use error::{EventError, SyntaxError};
pub use event::Event;
pub use filter::{Filter, FilterError, FilterLimits, TagFilter};
pub use keys::{EventId, PublicKey, Signature};
pub use kind::{Kind, KindClass};
pub use message::answer::{RelayMessage, RelayMessageError, parse_relay_message};
pub use message::client::{ClientMessage, parse_client_message};
pub use message::error::{MessageError, Verb};
pub use message::limits::ParseLimits;
pub use message::relay as relay_message;
pub use message::relay::EoseHint;
pub use message::request as client_message;
pub use message::subscription::SubscriptionId;
pub use protected::embeds_protected;
pub use relay_url::normalize_relay_url;
pub use tag::{IndexedTags, Tag, TagValues, Tags};
pub use text::{JsonStr, escape_into};
pub use timestamp::Timestamp;
pub use vanish::{VanishRelay, vanish_relays};
pub use view::EventView;
pub use visibility::{Admission, Viewer, VisibilityRules, admission, visible};

/// Lower-case hexadecimal, as the protocol writes ids, keys and signatures.
pub mod hexadecimal {
    pub use crate::hex::{decode, decode_array, encode, encode_into};
}
