//! Why a relay is offline (O2.3). Pure.

use std::borrow::Cow;

use stentor_net::dial::{DialError, Failure};
use stentor_peer::{Ended, Over, PeerError};

/// Why a relay is offline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Reason {
    /// Its name could not be looked up.
    Dns,
    /// None of its addresses takes a connection, or the proxy to its network has no way to it.
    Tcp,
    /// No TLS with it, or a certificate that does not stand up.
    Tls,
    /// It answers with this HTTP status, and does not become a WebSocket.
    Http(u16),
    /// It hangs up, or what it says is not in the protocol.
    Protocol,
    /// A connection takes too long.
    Timeout,
    /// Our own guard does not let us connect there.
    Refused,
    /// It takes the connection, and answers nothing.
    Mute,
}

impl Reason {
    /// The word in the records and answers.
    pub fn word(self) -> Cow<'static, str> {
        match self {
            Self::Http(status) => format!("http_{status}").into(),
            other => other.label().into(),
        }
    }

    /// The word in metrics: all HTTP statuses have one.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Dns => "dns",
            Self::Tcp => "tcp",
            Self::Tls => "tls",
            Self::Http(_) => "http",
            Self::Protocol => "protocol",
            Self::Timeout => "timeout",
            Self::Refused => "refused",
            Self::Mute => "mute",
        }
    }

    /// Whether it may have passed a moment later.
    pub const fn may_pass(self) -> bool {
        match self {
            Self::Refused => false,
            Self::Http(status) => status == 429 || status >= 500,
            _ => true,
        }
    }

    /// Why a dial did not lead to a connection.
    pub fn of_dial(error: &DialError) -> Self {
        match error {
            DialError::Refused(_) => Self::Refused,
            DialError::Failed(Failure::Lookup(_)) => Self::Dns,
            // Of a proxy of ours that does not answer a visit makes no reason: it says nothing of the relay.
            DialError::Failed(Failure::Connect(_) | Failure::Proxy(_)) => Self::Tcp,
            DialError::Failed(Failure::Tls(_)) => Self::Tls,
            DialError::Failed(Failure::Timeout) => Self::Timeout,
        }
    }

    /// Why a connection did not become a conversation.
    pub fn of_peer(error: &PeerError) -> Self {
        match error {
            PeerError::Dial(error) => Self::of_dial(error),
            PeerError::Status(status) => Self::Http(*status),
            PeerError::Timeout => Self::Timeout,
            PeerError::Ended(ended) => Self::of_end(ended),
            _ => Self::Protocol,
        }
    }

    /// Why a subscription was over without a word of Nostr.
    pub fn of_over(over: &Over) -> Self {
        match over {
            Over::Silent | Over::Stalled => Self::Mute,
            Over::Ended(ended) => Self::of_end(ended),
            Over::Closed(_) | Over::TooMany => Self::Protocol,
        }
    }

    const fn of_end(ended: &Ended) -> Self {
        match ended {
            Ended::Silent | Ended::Stuck => Self::Mute,
            _ => Self::Protocol,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn o2_3_each_reason_has_a_word_of_its_own() {
        let all = [
            Reason::Dns,
            Reason::Tcp,
            Reason::Tls,
            Reason::Http(503),
            Reason::Http(404),
            Reason::Protocol,
            Reason::Timeout,
            Reason::Refused,
            Reason::Mute,
        ];
        let words: std::collections::BTreeSet<_> = all.iter().map(|reason| reason.word()).collect();
        assert_eq!(words.len(), all.len());
        assert_eq!(Reason::Http(503).word(), "http_503");
    }

    #[test]
    fn o2_3_what_stays_is_not_tried_again() {
        assert!(!Reason::Refused.may_pass() && !Reason::Http(404).may_pass());
        assert!(!Reason::Http(200).may_pass() && Reason::Http(503).may_pass());
        assert!(Reason::Http(429).may_pass() && Reason::Timeout.may_pass());
    }
}
