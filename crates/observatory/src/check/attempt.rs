//! One visit to a relay (O2.1): names, connection, TLS, WebSocket, a question, an event, the document.
//!
//! A relay is online if it speaks Nostr: an event, EOSE, CLOSED, AUTH or NOTICE after a REQ. Everything else is done only with a relay
//! that does, and tells more of it without changing that.

use std::sync::Arc;
use std::time::{Duration, Instant};

use stentor_event::{Filter, Kind};
use stentor_net::dial::{DialError, Failure, Family, Look, Lookup, Refusal, Target, Trust};
use stentor_net::http::{Response, StatusCode, header};
use stentor_peer::{AuthWhen, Dropped, Incoming, Information, Over, Peer, ask_information};
use tokio::time::timeout;

use super::certificate::{Tls, clipped};
use super::findings::{Findings, Known, Names, Untold, Verdict};
use super::place::Places;
use super::policy::Policy;
use super::reason::Reason;
use super::write_test;
use crate::ground::Ground;

/// Addresses and names of a look-up that are kept.
const MOST_ADDRESSES: usize = 32;
const MOST_ALIASES: usize = 8;
/// Characters of the `Server` header.
const MOST_SERVER: usize = 128;
/// Bytes of a document that is kept. One that is larger is not known.
const MOST_DOCUMENT: usize = 64 * 1024;
/// What a visit may take, once connected, beside what its answers may: further connections.
const CONNECTING: Duration = Duration::from_secs(60);
/// Answers that a visit waits for, at most: handshake, question, event, its return, document; and one more.
const ANSWERS: u32 = 6;

/// Visits relays.
pub(super) struct Visitor {
    pub ground: Arc<Ground>,
    pub places: Arc<Places>,
}

impl Visitor {
    /// Visits the relay at a URL once, in bounded time: connections have their own from their turn on, and waiting for that turn says
    /// nothing of the relay. Takes no permit.
    pub async fn visit(&self, url: &str) -> Findings {
        let dialer = &self.ground.dialer;
        let target = match dialer.admit(url, Family::Relay, Trust::Stranger) {
            Ok(target) => target,
            Err(Refusal::NoProxy(_)) => return Findings::only(Verdict::Untold(Untold::NoProxy)),
            Err(refusal) => return Findings::offline(Reason::Refused, &refusal.to_string()),
        };
        match dialer.look(&target).await {
            Ok(look) => self.talk_in_time(&target, look).await,
            Err(error) => self.unconnected(&target, &error).await,
        }
    }

    fn answer_time(&self) -> Duration {
        Duration::from_secs(self.ground.config.check.answer_seconds)
    }

    /// What can be said of a relay without a connection.
    async fn unconnected(&self, target: &Target, error: &DialError) -> Findings {
        if let DialError::Failed(Failure::Proxy(_)) = error {
            // That is ours.
            tracing::debug!(%error, "a relay was not visited");
            return Findings::only(Verdict::Untold(Untold::OwnNetwork));
        }
        let reason = Reason::of_dial(error);
        let mut findings = Findings::offline(reason, &error.to_string());
        match error {
            DialError::Refused(_) => {}
            DialError::Failed(Failure::Tls(_)) => {
                findings.reached = Some(true);
                findings.reached_at = Some(tokio::time::Instant::now());
                // A certificate that does not stand up can be read nevertheless.
                let facts = self.ground.dialer.look_tls(target).await.ok();
                findings.tls = facts.as_ref().map(Tls::of);
            }
            DialError::Failed(_) => findings.reached = Some(false),
        }
        findings
    }

    async fn talk_in_time(&self, target: &Target, look: Look) -> Findings {
        let (limit, connected) = (
            CONNECTING + self.answer_time() * ANSWERS,
            tokio::time::Instant::now(),
        );
        timeout(limit, self.talk(target, look))
            .await
            .unwrap_or_else(|_| {
                let mut findings = Findings::offline(Reason::Timeout, "the visit took too long");
                findings.reached = Some(true);
                findings.reached_at = Some(connected);
                findings
            })
    }

    async fn talk(&self, target: &Target, look: Look) -> Findings {
        let mut findings = Findings::only(Verdict::Online);
        findings.reached = Some(true);
        findings.reached_at = Some(tokio::time::Instant::now());
        findings.names = look.lookup.map(names);
        findings.address = look.remote.map(|remote| remote.ip());
        findings.place = findings
            .address
            .map(|address| self.places.of(address))
            .unwrap_or_default();
        findings.tls = look.tls.as_ref().map(Tls::of);
        let shaking = Instant::now();
        let peer = match Peer::over_stream(look.stream, target, self.peer_config(), None).await {
            Ok(peer) => peer,
            Err(error) => {
                let away = Findings::offline(Reason::of_peer(&error), &error.to_string());
                findings.verdict = away.verdict;
                return findings;
            }
        };
        let tls = look.tls.map_or(Duration::ZERO, |tls| tls.took);
        findings.open_ms = Some(millis(look.connect + tls + shaking.elapsed()));
        self.converse(&peer, &mut findings).await;
        peer.close().await;
        if findings.verdict == Verdict::Online {
            self.ask_document(target, &mut findings).await;
        }
        findings
    }

    fn peer_config(&self) -> stentor_peer::Config {
        let seconds = self.ground.config.check.answer_seconds;
        stentor_peer::Config {
            answer_seconds: seconds,
            handshake_seconds: seconds,
            auth: AuthWhen::Never,
            ..self.ground.peer.clone()
        }
    }

    async fn converse(&self, peer: &Peer, findings: &mut Findings) {
        let mut notices = peer.notices();
        let answer = read(peer, self.answer_time()).await;
        findings.challenged = Some(peer.challenged());
        match answer {
            Answer::Read(took) => findings.read_ms = Some(millis(took)),
            Answer::Closed(words) => findings.read_policy = Policy::of(&words),
            Answer::None(over) => {
                let drops = peer.drops();
                let events = [Dropped::Filter, Dropped::Id, Dropped::Signature];
                let sent_events = events.into_iter().any(|reason| drops.of(reason) > 0);
                if !peer.challenged() && !sent_events && notices.try_recv().is_err() {
                    let detail = match &over {
                        Over::Ended(ended) => ended.to_string(),
                        _ => "no answer to a REQ".to_owned(),
                    };
                    findings.verdict = Findings::offline(Reason::of_over(&over), &detail).verdict;
                    return;
                }
                if peer.challenged() {
                    findings.read_policy = Some(Policy::AuthRequired);
                }
            }
        }
        let test = self.ground.config.check.write;
        let (key, now) = (&self.ground.monitor_key, self.ground.clock.now());
        if let Some((written, took)) =
            write_test::write(peer, test, key, now, self.answer_time()).await
        {
            (findings.written, findings.write_ms) = (Some(written), took);
        }
    }

    async fn ask_document(&self, target: &Target, findings: &mut Findings) {
        let asked = ask_information(&self.ground.dialer, target.url(), Trust::Stranger);
        let Ok(Ok(response)) = timeout(self.answer_time(), asked).await else {
            return;
        };
        let server = response.headers.get(header::SERVER);
        let server =
            server.map(|value| clipped(&String::from_utf8_lossy(value.as_bytes()), MOST_SERVER));
        findings.server = server.filter(|server| !server.is_empty());
        findings.information_status = Some(response.status.as_u16());
        findings.information = document(&response);
    }
}

/// What an answer to the question for the document means. What may pass is no sign that there is none.
pub(crate) fn document(response: &Response) -> Known<Arc<Information>> {
    if response.body.len() > MOST_DOCUMENT {
        return Known::Unknown;
    }
    match Information::of(response) {
        Ok(information) => Known::Present(Arc::new(information)),
        Err(_) if response.status.is_server_error() => Known::Unknown,
        Err(_) if response.status == StatusCode::TOO_MANY_REQUESTS => Known::Unknown,
        Err(_) => Known::Absent,
    }
}

fn names(lookup: Lookup) -> Names {
    let (mut addresses, mut aliases) = (lookup.addresses, lookup.aliases);
    // Name servers change their order with every answer.
    addresses.sort_unstable();
    addresses.dedup();
    addresses.truncate(MOST_ADDRESSES);
    aliases.truncate(MOST_ALIASES);
    Names {
        addresses,
        knows_v4: lookup.knows_v4,
        knows_v6: lookup.knows_v6,
        aliases,
        ttl: lookup.ttl,
    }
}

/// What came of a question.
enum Answer {
    /// An event, or the word that there is none, after this time.
    Read(Duration),
    /// The relay does not answer it, in its own words.
    Closed(String),
    /// Nothing.
    None(Over),
}

/// Asks for the newest note.
async fn read(peer: &Peer, limit: Duration) -> Answer {
    let filter = Filter {
        kinds: Some(vec![Kind::NOTE]),
        limit: Some(1),
        ..Filter::default()
    };
    let start = Instant::now();
    let asked = async {
        let mut subscription = peer.req(vec![filter]).await.ok()?;
        subscription.next().await
    };
    match timeout(limit, asked).await {
        Ok(Some(Incoming::Event(_) | Incoming::Eose(_))) => Answer::Read(start.elapsed()),
        Ok(Some(Incoming::Over(Over::Closed(words)))) => Answer::Closed(words),
        Ok(Some(Incoming::Over(over))) => Answer::None(over),
        Ok(None) => Answer::None(peer.ended().map_or(Over::Silent, Over::Ended)),
        Err(_) => Answer::None(Over::Silent),
    }
}

/// Milliseconds, rounded.
pub(super) fn millis(time: Duration) -> u64 {
    u64::try_from((time.as_micros() + 500) / 1_000).unwrap_or(u64::MAX)
}
