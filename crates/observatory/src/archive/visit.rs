//! A relay that is being asked: its connection, which may have to be made anew, and questions to it one at a time.

use std::sync::Arc;
use std::time::Duration;

use stentor_event::{EventId, Filter};
use stentor_net::dial::Trust;
use stentor_peer::{
    AuthWhen, Config as PeerConfig, Dropped, Ended, Incoming, KeySigner, Over, Peer, PeerError,
    Signer,
};
use tokio::time::{Instant, timeout_at};

use super::answer_sieve::{AnswerSieve, Passed};
use super::intake::{Basket, Intake, Taken};
use super::walk::{Answer, End};
use crate::error::Error;
use crate::ground::Ground;
use crate::provenance::How;
use crate::relay_url::RelayUrl;
use crate::table::RelayId;

/// Events that may come beyond what is asked for before that is too much.
const MARGIN: u64 = 1_000;
/// How long one answer may take, however it trickles.
const ANSWER_TIME: Duration = Duration::from_secs(300);
/// Bytes of events in the queue of one subscription.
const QUEUE_BYTES: usize = 1 << 20;

/// What came of a question.
#[derive(Debug)]
pub(super) enum Heard {
    /// An answer, perhaps without an end.
    Answer(Answer),
    /// The relay has closed the question, in its own words.
    Closed(String),
    /// It was left over how much of what it sends is forged, malformed, or not asked for.
    Misbehaved,
}

/// See the module.
pub(super) struct Visit {
    /// The relay.
    pub relay: RelayId,
    /// The connection.
    pub peer: Peer,
    /// When the turn is over.
    pub until: Instant,
    /// Ids of the events of the last answer.
    pub ids: Vec<EventId>,
    url: RelayUrl,
    intake: Arc<Intake>,
    ground: Arc<Ground>,
    basket: Basket,
}

/// How the archive connects to a relay: signatures are left to the store, and who we are is told to those only that the operator named.
pub(super) async fn connect(ground: &Ground, url: &RelayUrl) -> Result<Peer, PeerError> {
    let (config, signer) = manner(ground, url);
    Peer::connect(
        &ground.dialer,
        url.as_str(),
        Trust::Stranger,
        config,
        signer,
    )
    .await
}

/// See [`connect`].
pub(super) fn manner(ground: &Ground, url: &RelayUrl) -> (PeerConfig, Option<Arc<dyn Signer>>) {
    let may_know = is_named(&ground.config.archive.auth, url);
    let key = || Arc::new(KeySigner(ground.archive_key.clone())) as Arc<dyn Signer>;
    let config = PeerConfig {
        verify: false,
        auth: if may_know {
            AuthWhen::Required
        } else {
            AuthWhen::Never
        },
        queue_bytes: ground.peer.queue_bytes.min(QUEUE_BYTES),
        ..ground.peer.clone()
    };
    (config, may_know.then(key))
}

/// Whether a list of URLs in the configuration, in any spelling, has this one.
pub(crate) fn is_named(list: &[String], url: &RelayUrl) -> bool {
    list.iter()
        .any(|one| RelayUrl::parse(one).is_ok_and(|one| one == *url))
}

impl Visit {
    /// Connects.
    ///
    /// # Errors
    /// Those of [`Peer::connect`].
    pub async fn begin(
        intake: &Arc<Intake>,
        relay: RelayId,
        url: RelayUrl,
        until: Instant,
    ) -> Result<Self, PeerError> {
        let ground = intake.ground.clone();
        let peer = connect(&ground, &url).await?;
        Ok(Self {
            relay,
            peer,
            until,
            ids: Vec::new(),
            url,
            ground,
            basket: Basket::new(intake.clone(), relay, How::Fetched),
            intake: intake.clone(),
        })
    }

    /// The way into the store, and all else.
    pub fn ground(&self) -> &Arc<Ground> {
        &self.ground
    }

    /// Whether the turn is over.
    pub fn is_late(&self) -> bool {
        Instant::now() >= self.until
    }

    /// Makes the connection anew if it has ended; whether that was so.
    ///
    /// # Errors
    /// Those of [`Peer::connect`].
    pub async fn mend(&mut self) -> Result<bool, PeerError> {
        if self.peer.ended().is_none() {
            return Ok(false);
        }
        self.peer = connect(&self.ground, &self.url).await?;
        Ok(true)
    }

    /// What became of the events since the last time that this was asked.
    pub fn taken(&mut self) -> Taken {
        self.basket.taken()
    }

    /// Asks, and has the events taken in as they come.
    ///
    /// # Errors
    /// Those of the archive's store. What the relay does is no error.
    pub async fn ask(&mut self, filter: Filter) -> Result<Heard, Error> {
        let drops = |peer: &Peer| {
            let drops = peer.drops();
            [
                drops.of(Dropped::Filter),
                drops.of(Dropped::Malformed) + drops.of(Dropped::Id),
                drops.of(Dropped::Unasked),
            ]
        };
        let before = drops(&self.peer);
        let asked = filter.ids.as_ref().map(|ids| ids.len() as u64);
        let most = asked.or(filter.limit).unwrap_or(0).saturating_add(MARGIN);
        let from = (self.relay, How::Fetched);
        let sieve = Arc::new(AnswerSieve::new(self.intake.clone(), from, most));
        let over = self.listen(filter, &sieve).await?;
        let Passed { marks, ids, copies } = sieve.passed();
        self.ids = ids;
        self.basket.add_copies(copies);
        self.basket.flush().await?;
        let forged = self.basket.forged();
        (0..forged).for_each(|_| self.peer.report(Dropped::Signature));
        let [foreign, noise, stray] = drops(&self.peer);
        let end = match over {
            Listened::End(end) => end,
            Listened::Closed(words) => return Ok(Heard::Closed(words)),
            Listened::Misbehaved => return Ok(Heard::Misbehaved),
        };
        let [foreign_before, noise_before, stray_before] = before;
        Ok(Heard::Answer(Answer {
            marks,
            foreign: foreign - foreign_before,
            noise: noise - noise_before,
            stray: stray - stray_before,
            end,
        }))
    }

    async fn listen(
        &mut self,
        filter: Filter,
        sieve: &Arc<AnswerSieve>,
    ) -> Result<Listened, Error> {
        let limit = Instant::now() + ANSWER_TIME;
        let asked = self.peer.req_through(vec![filter], sieve.clone()).await;
        let mut subscription = match asked {
            Ok(subscription) => subscription,
            Err(_) => return Ok(self.cut()),
        };
        loop {
            let Ok(next) = timeout_at(limit, subscription.next()).await else {
                return Ok(Listened::End(End::Silent));
            };
            match next {
                Some(Incoming::Event(event)) => self.basket.put(event).await?,
                Some(Incoming::Eose(hint)) => return Ok(Listened::End(End::Eose(hint))),
                Some(Incoming::Over(over)) => {
                    return Ok(match over {
                        Over::Closed(words) => Listened::Closed(words),
                        Over::Silent | Over::Stalled => Listened::End(End::Silent),
                        Over::TooMany => Listened::End(End::TooMany),
                        Over::Ended(_) => self.cut(),
                    });
                }
                None => return Ok(self.cut()),
            }
        }
    }

    fn cut(&self) -> Listened {
        match self.peer.ended() {
            Some(Ended::TooLong) => Listened::End(End::TooLong),
            Some(Ended::Misbehaved) => Listened::Misbehaved,
            _ => Listened::End(End::Cut),
        }
    }
}

/// How a question ended.
enum Listened {
    End(End),
    Closed(String),
    Misbehaved,
}
