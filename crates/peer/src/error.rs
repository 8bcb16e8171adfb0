//! Why something did not work, and why a connection has ended.

use std::sync::Arc;

use stentor_net::dial::{DialError, Refusal};
use thiserror::Error;

use crate::config::ConfigError;

/// Why something did not work.
#[derive(Debug, Error)]
pub enum PeerError {
    /// The limits of the connection cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// No connection.
    #[error(transparent)]
    Dial(#[from] DialError),
    /// The other side does not answer as a WebSocket server does.
    #[error("no WebSocket there: {0}")]
    Handshake(String),
    /// The other side answers with another HTTP status than 101. Redirects are not followed.
    #[error("no WebSocket there: HTTP status {0}")]
    Status(u16),
    /// The connection has ended.
    #[error("the connection has ended: {0}")]
    Ended(#[from] Ended),
    /// The relay did not answer in time.
    #[error("no answer in time")]
    Timeout,
    /// The relay refuses what was asked for, in its own words.
    #[error("the relay refuses: {0}")]
    Refused(String),
    /// What the relay answers is not in the protocol.
    #[error("the relay does not keep to the protocol: {0}")]
    Protocol(String),
    /// As many subscriptions are open as the configuration allows.
    #[error("too many subscriptions on this connection")]
    TooManySubscriptions,
    /// A query needs at least one filter.
    #[error("a query without filters")]
    NoFilters,
    /// There is no signer to authenticate with.
    #[error("the relay wants to know who we are, and there is no signer")]
    NoSigner,
    /// The signer did not sign.
    #[error("the signer did not sign: {0}")]
    Signer(String),
    /// The relay does not accept our AUTH event.
    #[error("the relay refuses to authenticate us: {0}")]
    AuthRefused(String),
}

impl PeerError {
    /// Whether connecting again is of no use while address and configuration stay the same.
    #[must_use]
    pub const fn is_permanent(&self) -> bool {
        matches!(self, Self::Dial(DialError::Refused(_)) | Self::Config(_))
    }
}

impl From<Refusal> for PeerError {
    fn from(refusal: Refusal) -> Self {
        Self::Dial(refusal.into())
    }
}

/// Why a connection has ended.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Ended {
    /// All handles were dropped, or [`Peer::close`](crate::Peer::close) was called.
    #[error("closed by us")]
    Local,
    /// The relay has closed it: status code and reason, if it gave any.
    #[error("closed by the relay ({} {})", .0.unwrap_or_default(), .1)]
    Remote(Option<u16>, Arc<str>),
    /// Nothing came, not even an answer to a ping.
    #[error("the relay is silent")]
    Silent,
    /// The relay takes nothing.
    #[error("the relay does not read")]
    Stuck,
    /// A message longer than `message_bytes`.
    #[error("the relay sent a message that is too long")]
    TooLong,
    /// Too many messages that were malformed, forged or not asked for.
    #[error("the relay sent too much that is malformed, forged or not asked for")]
    Misbehaved,
    /// The connection broke, or what came was no WebSocket.
    #[error("broken: {0}")]
    Broken(Arc<str>),
}

impl Ended {
    /// A word for metrics.
    #[must_use]
    pub const fn label(&self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::Remote(..) => "remote",
            Self::Silent => "silent",
            Self::Stuck => "stuck",
            Self::TooLong => "too_long",
            Self::Misbehaved => "misbehaved",
            Self::Broken(_) => "broken",
        }
    }
}
