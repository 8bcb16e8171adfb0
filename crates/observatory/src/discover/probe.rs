//! Whether there is a relay behind a URL: it is asked for one event, and only an answer in Nostr's own words counts (O1.3).

use std::borrow::Cow;
use std::time::Duration;

use stentor_event::{Filter, Kind};
use stentor_net::dial::{DialError, Dialer, Failure as NoDial, Family, Refusal, Trust};
use stentor_peer::{AuthWhen, Config, Ended, Incoming, Over, Peer, PeerError};
use tokio::sync::broadcast::error::RecvError;
use tokio::time::timeout;

use crate::check::clipped;
use crate::relay_url::RelayUrl;

/// The most characters of a failure's words.
const MAX_WORDS: usize = 200;

/// By what a candidate has shown that it speaks Nostr.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Evidence {
    /// An event that was asked for, whose id and signature are right.
    Event,
    /// The end of stored events.
    Eose,
    /// The refusal of what was asked for.
    Closed,
    /// Words for people.
    Notice,
    /// The question who we are.
    Auth,
}

impl Evidence {
    /// The word of the message, as the records keep it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Event => "EVENT",
            Self::Eose => "EOSE",
            Self::Closed => "CLOSED",
            Self::Notice => "NOTICE",
            Self::Auth => "AUTH",
        }
    }
}

/// Why a candidate has not shown that it is a relay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Failure {
    /// A word: `dns`, `tcp`, `tls`, `proxy`, `timeout`, `http_…` with the status, `protocol`, `closed`, `mute`, `refused`, `no_proxy`,
    /// `full`.
    pub reason: Cow<'static, str>,
    /// The same in more words, for people.
    pub detail: String,
    /// Whether it stays like this as long as the configuration does.
    pub lasting: bool,
}

impl Failure {
    /// With this reason, and these words for people.
    pub fn new(reason: impl Into<Cow<'static, str>>, detail: &impl ToString) -> Self {
        Self {
            reason: reason.into(),
            // It may be the relay's own words, with what not every database takes.
            detail: clipped(&detail.to_string(), MAX_WORDS),
            lasting: false,
        }
    }

    fn lasting(self) -> Self {
        Self {
            lasting: true,
            ..self
        }
    }

    /// The reason for metrics: without the status.
    pub fn label(&self) -> &str {
        self.reason
            .split('_')
            .next()
            .filter(|word| *word == "http")
            .unwrap_or(&self.reason)
    }
}

/// What is kept of the words with which a candidate hangs up.
pub(crate) fn kept(words: &str) -> String {
    let ended = Ended::Remote(None, words.into());
    hung_up(&ended).detail
}

/// Judges a URL without a packet.
///
/// # Errors
/// Why it may not be dialled.
pub(super) fn judge(dialer: &Dialer, url: &RelayUrl) -> Result<(), Failure> {
    let admitted = dialer.admit(url.as_str(), Family::Relay, Trust::Stranger);
    admitted.map(|_| ()).map_err(|refusal| refused(&refusal))
}

/// Connects, asks, and waits for an answer for `answer_time`.
///
/// # Errors
/// What came instead of one.
pub(super) async fn probe(
    dialer: &Dialer,
    url: &RelayUrl,
    limits: &Config,
    answer_time: Duration,
) -> Result<Evidence, Failure> {
    let limits = narrowed(limits, answer_time);
    let connecting = Peer::connect(dialer, url.as_str(), Trust::Stranger, limits, None);
    let peer = connecting.await.map_err(|error| failed(&error))?;
    let heard = timeout(answer_time, ask(&peer)).await;
    let heard = heard.unwrap_or_else(|_| Err(mute()));
    // Who asks who we are and says no more speaks Nostr, too.
    heard.or_else(|failure| match peer.challenged() {
        true => Ok(Evidence::Auth),
        false => Err(failure),
    })
}

/// The limits of a connection that is for one question.
fn narrowed(limits: &Config, answer_time: Duration) -> Config {
    let seconds = answer_time.as_secs().max(1);
    Config {
        queue_events: 1,
        subscriptions: 1,
        answer_seconds: seconds,
        handshake_seconds: limits.handshake_seconds.min(seconds),
        faults: 20,
        stored_events: 0,
        verify: true,
        auth: AuthWhen::Never,
        ..limits.clone()
    }
}

async fn ask(peer: &Peer) -> Result<Evidence, Failure> {
    let mut notices = peer.notices();
    let filter = Filter {
        kinds: Some(vec![Kind::NOTE]),
        limit: Some(1),
        ..Filter::default()
    };
    let subscription = peer.req(vec![filter]).await;
    let mut subscription = subscription.map_err(|error| failed(&error))?;
    let noticed = async {
        // Whoever misses notices has had some.
        while let Err(RecvError::Closed) = notices.recv().await {
            std::future::pending::<()>().await;
        }
    };
    tokio::select! {
        biased;
        incoming = subscription.next() => answered(incoming),
        () = noticed => Ok(Evidence::Notice),
    }
}

fn answered(incoming: Option<Incoming>) -> Result<Evidence, Failure> {
    match incoming {
        Some(Incoming::Event(_)) => Ok(Evidence::Event),
        Some(Incoming::Eose(_)) => Ok(Evidence::Eose),
        Some(Incoming::Over(Over::Closed(_))) => Ok(Evidence::Closed),
        Some(Incoming::Over(Over::Ended(ended))) => Err(hung_up(&ended)),
        Some(Incoming::Over(Over::Silent | Over::TooMany | Over::Stalled)) | None => Err(mute()),
    }
}

fn mute() -> Failure {
    Failure::new("mute", &"no answer to a request in time")
}

fn hung_up(ended: &Ended) -> Failure {
    let reason = match ended {
        Ended::Local | Ended::Remote(..) => "closed",
        Ended::Silent | Ended::Stuck => "mute",
        Ended::TooLong | Ended::Misbehaved | Ended::Broken(_) => "protocol",
    };
    Failure::new(reason, ended)
}

fn failed(error: &PeerError) -> Failure {
    match error {
        PeerError::Dial(DialError::Refused(refusal)) => refused(refusal),
        PeerError::Dial(DialError::Failed(failure)) => Failure::new(not_dialled(failure), error),
        PeerError::Timeout => Failure::new("timeout", error),
        PeerError::Ended(ended) => hung_up(ended),
        PeerError::Status(status) => Failure::new(format!("http_{status}"), error),
        _ => Failure::new("protocol", error),
    }
}

const fn not_dialled(failure: &NoDial) -> &'static str {
    match failure {
        NoDial::Lookup(_) => "dns",
        NoDial::Connect(_) => "tcp",
        NoDial::Proxy(_) => "proxy",
        NoDial::Tls(_) => "tls",
        NoDial::Timeout => "timeout",
    }
}

/// A name that leads inside may lead elsewhere tomorrow. What the URL itself says stays.
fn refused(refusal: &Refusal) -> Failure {
    match refusal {
        Refusal::NoProxy(_) => Failure::new("no_proxy", refusal).lasting(),
        Refusal::LeadsInside(_) => Failure::new("refused", refusal),
        _ => Failure::new("refused", refusal).lasting(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn o1_3_why_there_is_no_relay_is_said_in_a_word() {
        let page = failed(&PeerError::Status(502));
        assert_eq!((&*page.reason, page.label()), ("http_502", "http"));
        let other = failed(&PeerError::Handshake("what was that?".into()));
        assert_eq!((&*other.reason, other.label()), ("protocol", "protocol"));
        let word = |failure: NoDial| failed(&PeerError::Dial(failure.into())).reason;
        assert_eq!(word(NoDial::Lookup("x".into())), "dns");
        assert_eq!(word(NoDial::Timeout), "timeout");
        let inside = Refusal::LeadsInside(stentor_net::dial::address::class([10, 0, 0, 1].into()));
        assert!(!refused(&inside).lasting);
        assert!(refused(&Refusal::Port(22)).lasting);
        let long = Failure::new("tls", &"x".repeat(1_000));
        assert_eq!(long.detail.len(), MAX_WORDS);
    }
}
