//! What came of a check. Pure: what was not tested, or is not known, is `None`, and never false.

use std::net::IpAddr;
use std::sync::Arc;

use stentor_peer::Information;

use super::certificate::Tls;
use super::place::Place;
use super::policy::Policy;
use super::reason::Reason;
use super::write_test::Written;

/// What came of one visit to a relay.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Findings {
    /// Whether it is online.
    pub verdict: Verdict,
    /// What is known of its name.
    pub names: Option<Names>,
    /// Whether anything at its address took a connection. `None`: none was tried.
    pub reached: Option<bool>,
    /// When that was, if any did.
    pub reached_at: Option<tokio::time::Instant>,
    /// The address that was connected to; none behind a proxy.
    pub address: Option<IpAddr>,
    /// Where that is, by the operator's files.
    pub place: Place,
    /// TLS; none where the URL has none, or no handshake took place.
    pub tls: Option<Tls>,
    /// Milliseconds to connect and shake hands (TCP, TLS, WebSocket), without the look-up.
    pub open_ms: Option<u64>,
    /// Milliseconds from a question to its first answer.
    pub read_ms: Option<u64>,
    /// The policy by which it does not answer us.
    pub read_policy: Option<Policy>,
    /// Milliseconds from an event to its answer.
    pub write_ms: Option<u64>,
    /// What became of the event.
    pub written: Option<Written>,
    /// Whether it has asked who we are (NIP-42) on its own accord.
    pub challenged: Option<bool>,
    /// Its information document (NIP-11).
    pub information: Known<Arc<Information>>,
    /// The HTTP status of the answer to the question for the document.
    pub information_status: Option<u16>,
    /// The `Server` header of that answer.
    pub server: Option<String>,
}

/// Whether a relay is online.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It spoke Nostr.
    Online,
    /// It did not.
    Offline {
        /// Why.
        reason: Reason,
        /// The same in words, for people.
        detail: String,
    },
    /// The check says nothing of it.
    Untold(Untold),
}

/// Why a check says nothing of the relay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Untold {
    /// Our own network was down.
    OwnNetwork,
    /// No proxy is configured that leads to the relay's network.
    NoProxy,
}

impl Untold {
    /// Its word in the records, answers and metrics.
    pub const fn word(self) -> &'static str {
        match self {
            Self::OwnNetwork => "own_network",
            Self::NoProxy => "no_proxy",
        }
    }
}

impl Verdict {
    /// As the records have it.
    pub const fn online(&self) -> Option<bool> {
        match self {
            Self::Online => Some(true),
            Self::Offline { .. } => Some(false),
            Self::Untold(_) => None,
        }
    }
}

/// Something that a relay has, has not, or of which that is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Known<T> {
    /// It was not asked for, or there was no answer.
    Unknown,
    /// The relay has none.
    Absent,
    /// This.
    Present(T),
}

/// What name servers say of a relay's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Names {
    /// Its addresses, sorted.
    pub addresses: Vec<IpAddr>,
    /// Whether these are all of its IPv4 addresses, or it has none; else the name servers did not say.
    pub knows_v4: bool,
    /// The same of its IPv6 addresses.
    pub knows_v6: bool,
    /// The names that it stands for (CNAME).
    pub aliases: Vec<String>,
    /// Seconds for which that may be remembered.
    pub ttl: Option<u32>,
}

impl Findings {
    /// Those of a relay of which nothing is known but this.
    pub fn only(verdict: Verdict) -> Self {
        Self {
            verdict,
            names: None,
            reached: None,
            reached_at: None,
            address: None,
            place: Place::default(),
            tls: None,
            open_ms: None,
            read_ms: None,
            read_policy: None,
            write_ms: None,
            written: None,
            challenged: None,
            information: Known::Unknown,
            information_status: None,
            server: None,
        }
    }

    /// Those of a relay that is away, for this reason.
    pub fn offline(reason: Reason, detail: &str) -> Self {
        Self::only(Verdict::Offline {
            reason,
            detail: super::certificate::clipped(detail, 200),
        })
    }

    /// Whether nobody could be reached, so that it may rather be our own network that is down.
    pub fn is_unreached(&self) -> bool {
        let reason = match &self.verdict {
            Verdict::Offline { reason, .. } => Some(*reason),
            _ => None,
        };
        self.reached != Some(true)
            && matches!(reason, Some(Reason::Dns | Reason::Tcp | Reason::Timeout))
    }

    /// When the certificate ends, in Unix milliseconds.
    pub fn certificate_until_ms(&self) -> Option<u64> {
        let certificate = self.tls.as_ref()?.certificate.as_ref()?;
        Some(certificate.until.saturating_mul(1_000))
    }

    /// Whether the relay wants to know who its clients are: what it was seen to do before what its document says.
    pub fn auth_required(&self) -> Option<bool> {
        if self.read_policy == Some(Policy::AuthRequired) {
            return Some(true);
        }
        self.limitation(|limitation| limitation.auth_required)
    }

    /// Whether the relay wants to be paid, likewise.
    pub fn payment_required(&self) -> Option<bool> {
        let pays = Some(Written::Refused(Policy::Payment));
        if self.written == pays || self.read_policy == Some(Policy::Payment) {
            return Some(true);
        }
        self.limitation(|limitation| limitation.payment_required)
    }

    /// Whether only some may write, likewise.
    pub fn writes_restricted(&self) -> Option<bool> {
        match self.written {
            Some(Written::Refused(Policy::Restricted | Policy::Payment | Policy::AuthRequired)) => {
                Some(true)
            }
            Some(Written::Accepted) => Some(false),
            _ => self.limitation(|limitation| limitation.restricted_writes),
        }
    }

    fn limitation(
        &self,
        of: impl Fn(&stentor_event::nip11::Limitation) -> Option<bool>,
    ) -> Option<bool> {
        match &self.information {
            Known::Present(information) => information.document.limitation.as_ref().and_then(of),
            _ => None,
        }
    }
}
