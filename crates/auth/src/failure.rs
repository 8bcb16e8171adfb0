//! Why somebody was not let in.

use std::time::Duration;

use crate::nip98::{Blame, HttpAuthError};

/// Why a request has no principal.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AuthFailure {
    /// Nothing was shown: 401, or a public principal where there is one.
    #[error("a credential is needed")]
    Missing,
    /// What was shown is not good: 401.
    #[error("{category}")]
    Invalid {
        /// What is wrong with it; fit to be told to the client.
        category: Category,
        /// Its public id as far as it is known, for the audit. Never what was shown.
        credential: Option<String>,
    },
    /// Whether it is good cannot be told now: 503 with `Retry-After`.
    #[error("whether the credential is good cannot be told at the moment")]
    Unavailable {
        /// After how long it may be tried again.
        retry_after: Duration,
    },
}

/// What is wrong with a credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Category {
    /// Not of a form that is known here.
    #[error("the credential has a form that is not known here")]
    Malformed,
    /// No such key, token or ticket.
    #[error("the credential is not known")]
    Unknown,
    /// The secret or the signature is wrong.
    #[error("the credential is not genuine")]
    Forged,
    /// Its time is over.
    #[error("the credential has expired")]
    Expired,
    /// Its time has not come.
    #[error("the credential is not valid yet")]
    NotYet,
    /// It was revoked.
    #[error("the credential was revoked")]
    Revoked,
    /// It was issued by somebody who is not trusted here.
    #[error("the issuer is not trusted here")]
    Issuer,
    /// It was issued for somebody else.
    #[error("the credential is for another audience")]
    Audience,
    /// It is signed in a way that its key is not for.
    #[error("the algorithm is not that of the key")]
    Algorithm,
    /// It names a key that its issuer does not have.
    #[error("the issuer has no such key")]
    UnknownKey,
    /// It lacks what it must say, or says it wrongly.
    #[error("a claim is missing or wrong")]
    Claims,
    /// Its tenant does not exist or is disabled.
    #[error("the tenant is not known or is disabled")]
    Tenant,
    /// It is good for one use, and has been used.
    #[error("the credential has been used")]
    Used,
    /// A ticket that was not used in time.
    #[error("the ticket was not used in time")]
    Late,
    /// A ticket for another surface.
    #[error("the ticket is for another surface")]
    Surface,
    /// A `Last-Event-ID` that this ticket's stream has not been given.
    #[error("the Last-Event-ID is not one of this stream")]
    Position,
    /// It does not belong to this request: another URL, method or body.
    #[error("the credential is for another request")]
    Request,
}

impl Category {
    /// A word for metrics and the audit.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::Unknown => "unknown",
            Self::Forged => "forged",
            Self::Expired => "expired",
            Self::NotYet => "not_yet",
            Self::Revoked => "revoked",
            Self::Issuer => "issuer",
            Self::Audience => "audience",
            Self::Algorithm => "algorithm",
            Self::UnknownKey => "unknown_key",
            Self::Claims => "claims",
            Self::Tenant => "tenant",
            Self::Used => "used",
            Self::Late => "late",
            Self::Surface => "surface",
            Self::Position => "position",
            Self::Request => "request",
        }
    }
}

/// When to ask again where nothing better is known.
const RETRY: Duration = Duration::from_secs(2);

impl AuthFailure {
    /// Not good, and of unknown origin.
    pub(crate) const fn invalid(category: Category) -> Self {
        Self::Invalid {
            category,
            credential: None,
        }
    }

    /// Not good, with the public id of what was shown.
    pub(crate) fn of(category: Category, credential: String) -> Self {
        Self::Invalid {
            category,
            credential: Some(credential),
        }
    }

    /// Not to be told now.
    pub(crate) const fn unavailable() -> Self {
        Self::Unavailable { retry_after: RETRY }
    }

    /// A word for metrics and the audit.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Invalid { category, .. } => category.as_str(),
            Self::Unavailable { .. } => "unavailable",
        }
    }
}

impl From<HttpAuthError> for AuthFailure {
    fn from(error: HttpAuthError) -> Self {
        let category = match error {
            _ if error.blame() == Blame::Server => return Self::unavailable(),
            HttpAuthError::Time => Category::Expired,
            HttpAuthError::Url
            | HttpAuthError::Method
            | HttpAuthError::NoPayload
            | HttpAuthError::Payload => Category::Request,
            HttpAuthError::Id | HttpAuthError::Signature => Category::Forged,
            HttpAuthError::Used => Category::Used,
            _ => Category::Malformed,
        };
        Self::invalid(category)
    }
}
