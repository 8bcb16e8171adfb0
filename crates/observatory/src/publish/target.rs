//! A relay that is published to.

use std::sync::Arc;
use std::time::Duration;

use futures_util::{StreamExt, stream};
use stentor_net::dial::Trust;
use stentor_net::retry::Backoff;
use stentor_peer::{KeySigner, OkAnswer, Peer, PeerError, Signer};
use tokio::sync::watch;

use super::table::{self, Published};
use super::{metrics, service};
use crate::budget::Class;
use crate::error::Error;
use crate::ground::Ground;
use crate::relay_url::RelayUrl;
use crate::table::cursor;

/// Events that are read at once.
const BATCH: u32 = 64;
/// Events that are on their way at once.
const WINDOW: usize = 16;
/// How long a connection is kept without anything to send.
const QUIET: Duration = Duration::from_secs(300);
/// First and longest wait after a failure.
const BACK_OFF: (Duration, Duration) = (Duration::from_secs(2), Duration::from_secs(3_600));

/// How a connection to a target went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Went {
    /// All was sent, or the connection ended by itself.
    Well,
    /// It did not answer, or asks for patience.
    Away,
    /// It takes nothing.
    Refused,
}

/// Sends what is published to one relay, until it is dropped.
///
/// Not by a [`stentor_peer::Link`], which would wait with a connection's place in the budget in its hands.
pub(super) async fn run(
    ground: Arc<Ground>,
    url: RelayUrl,
    mut news: watch::Receiver<u64>,
) -> Result<(), Error> {
    let mut backoff = Backoff::new(BACK_OFF.0, BACK_OFF.1);
    loop {
        service::network(&ground).await;
        news.mark_unchanged();
        let reader = cursor(&ground.records, &table::reader(url.as_str())).await?;
        let mut target = Target {
            ground: &ground,
            url: &url,
            place: reader.place,
        };
        if target.measure().await? == 0 {
            // There is a sender as long as this is polled.
            let _ = news.changed().await;
            continue;
        }
        let went = target.visit(&mut news).await?;
        metrics::connected(url.as_str(), false);
        if went == Went::Well {
            backoff.reset();
        }
        metrics::refusing(url.as_str(), went == Went::Refused);
        let wait = backoff.next(getrandom::u64().unwrap_or(u64::MAX));
        ground.clock.sleep(wait.max(Duration::from_secs(1))).await;
    }
}

struct Target<'a> {
    ground: &'a Ground,
    url: &'a RelayUrl,
    place: u64,
}

impl Target<'_> {
    /// How much waits for it.
    async fn measure(&self) -> Result<u64, Error> {
        let since_ms = service::oldest_ms(self.ground);
        let count = table::count_behind(&self.ground.records, self.place, since_ms).await?;
        metrics::waiting(self.url.as_str(), count);
        Ok(count)
    }

    /// Connects, and sends while there is something.
    async fn visit(&mut self, news: &mut watch::Receiver<u64>) -> Result<Went, Error> {
        let ground = self.ground;
        let network = self.url.network();
        let _permit = ground.budget.permit(network, Class::Common).await;
        let signer: Arc<dyn Signer> = Arc::new(KeySigner(ground.monitor_key.clone()));
        let (config, trust) = (ground.peer.clone(), Trust::Stranger);
        let url = self.url.as_str();
        match Peer::connect(&ground.dialer, url, trust, config, Some(signer)).await {
            Ok(peer) => {
                metrics::connected(url, true);
                self.serve(&peer, news).await
            }
            Err(error) => {
                tracing::debug!(relay = url, %error, "a relay that is published to is away");
                Ok(match error.is_permanent() {
                    true => Went::Refused,
                    false => Went::Away,
                })
            }
        }
    }

    async fn serve(&mut self, peer: &Peer, news: &mut watch::Receiver<u64>) -> Result<Went, Error> {
        let mut went = Went::Away;
        loop {
            // One that hangs up before anything was sent has not gone well, else it would be connected to without a pause.
            if peer.ended().is_some() {
                return Ok(went);
            }
            if !service::is_network_up(self.ground) {
                return Ok(Went::Well);
            }
            news.mark_unchanged();
            let since_ms = service::oldest_ms(self.ground);
            let batch = table::behind(&self.ground.records, self.place, since_ms, BATCH).await?;
            if batch.is_empty() {
                if tokio::time::timeout(QUIET, news.changed()).await.is_err() {
                    peer.close().await;
                    return Ok(Went::Well);
                }
                continue;
            }
            let answers = send(peer, &batch).await;
            let settled = settle(&answers);
            settled.count(self.url.as_str());
            if let Some(place) = settled.place {
                self.place = place;
                let (records, now_ms) = (&self.ground.records, self.ground.clock.now_ms());
                table::got_to(records, self.url.as_str(), place, now_ms).await?;
            }
            self.measure().await?;
            metrics::refusing(self.url.as_str(), settled.went == Went::Refused);
            if settled.went != Went::Well {
                peer.close().await;
                return Ok(settled.went);
            }
            went = Went::Well;
        }
    }
}

/// What became of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// The relay has it.
    Accepted,
    /// The relay will not have this one, whenever it is sent.
    Unfit,
    /// The relay takes nothing from us.
    Refused,
    /// The relay wants it later.
    Postponed,
    /// The relay did not answer.
    Unanswered,
}

/// Sends a batch, several at once; the fate of each, in order.
async fn send(peer: &Peer, batch: &[Published]) -> Vec<(u64, Fate)> {
    let answers: Vec<_> = batch.iter().map(|one| send_one(peer, one)).collect();
    stream::iter(answers).buffered(WINDOW).collect().await
}

async fn send_one(peer: &Peer, published: &Published) -> (u64, Fate) {
    let answer = peer.publish(&published.event).await;
    (published.place, fate(answer))
}

/// What an answer means (NIP-01's words).
fn fate(answer: Result<OkAnswer, PeerError>) -> Fate {
    let answer = match answer {
        Ok(answer) => answer,
        Err(PeerError::AuthRefused(_) | PeerError::NoSigner) => return Fate::Refused,
        Err(_) => return Fate::Unanswered,
    };
    match (answer.accepted, answer.prefix()) {
        (true, _) | (false, Some("duplicate")) => Fate::Accepted,
        // What it already has is newer; or there is something about this one event.
        (false, Some("invalid" | "replaced" | "deleted")) => Fate::Unfit,
        (false, Some("rate-limited" | "error")) => Fate::Postponed,
        (false, _) => Fate::Refused,
    }
}

/// What follows from the fates of a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Settled {
    /// How far the target has got, if further.
    place: Option<u64>,
    went: Went,
    fates: Vec<Fate>,
}

/// A target gets past what it has answered for good. If it refuses all, or wants the rest later, it stays where it is and is asked
/// again: by then there may be newer ones in their place.
fn settle(fates: &[(u64, Fate)]) -> Settled {
    let is_later = |fate: Fate| matches!(fate, Fate::Postponed | Fate::Unanswered);
    let answered = fates.iter().take_while(|(_, fate)| !is_later(*fate));
    let answered: Vec<&(u64, Fate)> = answered.collect();
    let any = |wanted: Fate| answered.iter().any(|(_, fate)| *fate == wanted);
    let refuses = any(Fate::Refused) && !any(Fate::Accepted);
    let place = answered.last().map(|(place, _)| *place);
    Settled {
        place: place.filter(|_| !refuses),
        went: match answered.len() < fates.len() {
            _ if refuses => Went::Refused,
            true => Went::Away,
            false => Went::Well,
        },
        fates: fates.iter().map(|(_, fate)| *fate).collect(),
    }
}

impl Settled {
    fn count(&self, target: &str) {
        for (fate, outcome) in [
            (Fate::Accepted, "accepted"),
            (Fate::Unfit, "refused"),
            (Fate::Refused, "refused"),
            (Fate::Postponed, "postponed"),
            (Fate::Unanswered, "unanswered"),
        ] {
            let count = self.fates.iter().filter(|one| **one == fate).count();
            metrics::published(target, outcome, count as u64);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settled(fates: &[Fate]) -> (Option<u64>, Went) {
        let fates: Vec<(u64, Fate)> = (11..).zip(fates.iter().copied()).collect();
        let settled = settle(&fates);
        (settled.place, settled.went)
    }

    #[test]
    fn o2_5_a_target_gets_past_what_it_has_answered() {
        use Fate::{Accepted, Postponed, Refused, Unanswered, Unfit};
        assert_eq!(settled(&[Accepted, Accepted]), (Some(12), Went::Well));
        assert_eq!(settled(&[Accepted, Refused]), (Some(12), Went::Well));
        assert_eq!(settled(&[Unfit]), (Some(11), Went::Well));
        assert_eq!(settled(&[Refused, Refused]), (None, Went::Refused));
        assert_eq!(settled(&[Refused, Postponed]), (None, Went::Refused));
        for later in [Postponed, Unanswered] {
            assert_eq!(
                settled(&[Accepted, later, Accepted]),
                (Some(11), Went::Away)
            );
            assert_eq!(settled(&[later, Accepted]), (None, Went::Away));
        }
        assert_eq!(settled(&[]), (None, Went::Well));
    }

    #[test]
    fn o2_5_answers_are_read_by_their_words() {
        let answer = |accepted, reason: &str| {
            fate(Ok(OkAnswer {
                accepted,
                reason: reason.to_owned(),
            }))
        };
        assert_eq!(answer(true, ""), Fate::Accepted);
        assert_eq!(answer(false, "duplicate: have it"), Fate::Accepted);
        assert_eq!(answer(false, "invalid: too large"), Fate::Unfit);
        assert_eq!(answer(false, "rate-limited: slow down"), Fate::Postponed);
        assert_eq!(answer(false, "restricted: members only"), Fate::Refused);
        assert_eq!(answer(false, "no"), Fate::Refused);
        assert_eq!(fate(Err(PeerError::Timeout)), Fate::Unanswered);
        let refused = PeerError::AuthRefused(String::new());
        assert_eq!(fate(Err(refused)), Fate::Refused);
    }
}
