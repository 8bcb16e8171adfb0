//! Why a message is refused, and how to say so.

use std::fmt;

use thiserror::Error;

use super::relay;
use super::subscription::SubscriptionId;
use crate::error::{EventError, SyntaxError};
use crate::filter::FilterError;
use crate::keys::EventId;

/// The first element of a client's message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verb {
    /// `EVENT`
    Event,
    /// `REQ`
    Req,
    /// `CLOSE`
    Close,
    /// `AUTH`
    Auth,
    /// `COUNT`
    Count,
    /// `NEG-OPEN`
    NegOpen,
    /// `NEG-MSG`
    NegMsg,
    /// `NEG-CLOSE`
    NegClose,
}

impl Verb {
    /// The word on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Event => "EVENT",
            Self::Req => "REQ",
            Self::Close => "CLOSE",
            Self::Auth => "AUTH",
            Self::Count => "COUNT",
            Self::NegOpen => "NEG-OPEN",
            Self::NegMsg => "NEG-MSG",
            Self::NegClose => "NEG-CLOSE",
        }
    }
}

impl fmt::Display for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why a client's message is refused. Its text has no NIP-01 prefix: see [`MessageError::reason`].
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum MessageError {
    /// Not well-formed JSON, and it cannot be said what it was about.
    #[error("malformed message: {0}")]
    Malformed(#[from] SyntaxError),
    /// Not an array that begins with a string.
    #[error("a message is a JSON array that begins with a verb")]
    NotAMessage,
    /// The event of an `EVENT` or `AUTH` is not valid.
    #[error("{error}")]
    Event {
        /// The verb.
        verb: Verb,
        /// The event's id if it can be read.
        id: Option<EventId>,
        /// What is wrong with the event.
        error: EventError,
    },
    /// The subscription id is missing, not a string, empty or too long.
    #[error("{verb} needs a subscription id of 1 to {max} characters")]
    SubscriptionId {
        /// The verb.
        verb: Verb,
        /// How many characters are allowed.
        max: usize,
    },
    /// A filter is refused.
    #[error("{error}")]
    Filter {
        /// The verb.
        verb: Verb,
        /// The subscription.
        sub: SubscriptionId,
        /// What is wrong with the filter.
        error: FilterError,
    },
    /// There is no filter.
    #[error("{verb} needs at least one filter")]
    NoFilters {
        /// The verb.
        verb: Verb,
        /// The subscription.
        sub: SubscriptionId,
    },
    /// There are more filters than allowed.
    #[error("more than {max} filters")]
    TooManyFilters {
        /// The verb.
        verb: Verb,
        /// The subscription.
        sub: SubscriptionId,
        /// How many are allowed.
        max: usize,
    },
    /// The binary part of a negentropy message is not hex.
    #[error("{verb} needs a message in hex")]
    Binary {
        /// The verb.
        verb: Verb,
        /// The reconciliation.
        sub: SubscriptionId,
    },
}

impl MessageError {
    /// The text for the client, with its NIP-01 prefix.
    pub fn reason(&self) -> String {
        let prefix = match self {
            Self::Filter { error, .. } => error.prefix(),
            _ => "invalid",
        };
        format!("{prefix}: {self}")
    }

    /// The event that the answer is about.
    pub const fn event_id(&self) -> Option<EventId> {
        match self {
            Self::Event { id, .. } => *id,
            _ => None,
        }
    }

    /// The subscription that the answer is about.
    pub const fn subscription(&self) -> Option<&SubscriptionId> {
        match self {
            Self::Filter { sub, .. }
            | Self::NoFilters { sub, .. }
            | Self::TooManyFilters { sub, .. }
            | Self::Binary { sub, .. } => Some(sub),
            _ => None,
        }
    }

    /// The verb, when the message got so far.
    pub const fn verb(&self) -> Option<Verb> {
        match self {
            Self::Event { verb, .. }
            | Self::SubscriptionId { verb, .. }
            | Self::Filter { verb, .. }
            | Self::NoFilters { verb, .. }
            | Self::TooManyFilters { verb, .. }
            | Self::Binary { verb, .. } => Some(*verb),
            Self::Malformed(_) | Self::NotAMessage => None,
        }
    }

    /// Writes the answer: `OK` false, `CLOSED`, `NEG-ERR`, or `NOTICE` when it cannot be said what it is about.
    pub fn write_answer(&self, out: &mut Vec<u8>) {
        let reason = self.reason();
        match (self.event_id(), self.subscription(), self.verb()) {
            (Some(id), ..) => relay::ok(out, &id, false, &reason),
            (_, Some(sub), Some(Verb::NegOpen | Verb::NegMsg | Verb::NegClose)) => {
                relay::neg_err(out, sub, &reason, None)
            }
            (_, Some(sub), _) => relay::closed(out, sub, &reason),
            _ => relay::notice(out, &reason),
        }
    }
}
