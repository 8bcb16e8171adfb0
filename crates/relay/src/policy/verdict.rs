//! What a rule says of an event.

use std::borrow::Cow;

use crate::metrics::EventOutcome;

/// What a rule says of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Nothing against it.
    Pass,
    /// It is not taken.
    Refuse(Rejection),
    /// It is answered as if it had been taken, and thrown away.
    Shadow,
    /// It is taken, and somebody should look at it; the text says why.
    Review(Cow<'static, str>),
    /// That takes a while: ask again, with [`ask`](super::write::WriteRule::ask).
    Ask,
}

/// Why an event is not taken: a text with its NIP-01 prefix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Rejection {
    pub(crate) reason: Cow<'static, str>,
    pub(crate) outcome: EventOutcome,
}

impl Rejection {
    pub(crate) fn new(outcome: EventOutcome, reason: impl Into<Cow<'static, str>>) -> Self {
        Self {
            reason: reason.into(),
            outcome,
        }
    }

    /// Against a rule of the relay.
    pub(crate) fn refused(reason: impl Into<Cow<'static, str>>) -> Self {
        Self::new(EventOutcome::Refused, reason)
    }

    /// Not what an event must be.
    pub(crate) fn invalid(reason: impl Into<Cow<'static, str>>) -> Self {
        Self::new(EventOutcome::Invalid, reason)
    }
}

impl Verdict {
    /// Not taken, as it is against a rule of the relay; the reason has its NIP-01 prefix.
    pub(crate) fn refuse(reason: impl Into<Cow<'static, str>>) -> Self {
        Self::Refuse(Rejection::refused(reason))
    }

    /// Not taken, as it is not what an event must be.
    pub(crate) fn invalid(reason: impl Into<Cow<'static, str>>) -> Self {
        Self::Refuse(Rejection::invalid(reason))
    }
}
