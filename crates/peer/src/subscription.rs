//! Subscriptions: REQ, EVENT, EOSE, CLOSED, CLOSE.

use std::sync::atomic::Ordering;
use std::sync::{Arc, OnceLock};

use futures_util::{Stream, stream};
use stentor_event::{Filter, client_message};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;

use crate::answer::{Incoming, Over, wants_auth};
use crate::error::{Ended, PeerError};
use crate::peer::{Peer, some, text};
use crate::routes::{Delivery, Item, Queued, Route};
use crate::sieve::{Filtering, Sieve};

/// An open subscription. Dropping it sends CLOSE.
///
/// Whoever does not take what comes holds up the whole connection, the answers to events included, until `stall_seconds` have passed:
/// take from the subscription in a task of its own, or do not wait for other answers meanwhile.
pub struct Subscription {
    peer: Peer,
    filters: Arc<[Filter]>,
    sieve: Option<Filtering>,
    line: Line,
    phase: Phase,
    stored: u64,
    authenticated: bool,
    /// Whether we have closed it.
    closed: bool,
    /// The place for our CLOSE; none when there is nothing to close.
    close: Option<mpsc::OwnedPermit<Message>>,
    _slot: OwnedSemaphorePermit,
}

/// One REQ. There is a second one when the relay wants to know who we are.
struct Line {
    id: u64,
    queue: mpsc::Receiver<Queued>,
    over: Arc<OnceLock<Over>>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Stored events are being sent.
    Stored,
    /// EOSE has come.
    Live,
    /// The relay wants to know who we are first.
    Refused,
    /// Nothing comes any more.
    Over,
}

impl Peer {
    /// Opens a subscription. If the relay answers that it wants to know who we are and there is a signer, that is done and the REQ
    /// sent once more.
    ///
    /// # Errors
    /// [`PeerError::NoFilters`], [`PeerError::TooManySubscriptions`] and [`PeerError::Ended`].
    pub async fn req(&self, filters: Vec<Filter>) -> Result<Subscription, PeerError> {
        self.subscribe(filters, None).await
    }

    /// As [`Peer::req`], for events that get through a sieve.
    ///
    /// # Errors
    /// Those of [`Peer::req`].
    pub async fn req_through(
        &self,
        filters: Vec<Filter>,
        sieve: Arc<dyn Sieve>,
    ) -> Result<Subscription, PeerError> {
        self.subscribe(filters, Some(Filtering::new(sieve))).await
    }

    async fn subscribe(
        &self,
        filters: Vec<Filter>,
        sieve: Option<Filtering>,
    ) -> Result<Subscription, PeerError> {
        some(&filters)?;
        let slot = self.slot()?;
        let outgoing = self.0.outgoing.clone();
        let close = outgoing.reserve_owned().await.map_err(|_| self.gone())?;
        let filters: Arc<[Filter]> = filters.into();
        let line = self.open_line(filters.clone(), sieve.clone())?;
        let subscription = Subscription {
            peer: self.clone(),
            filters,
            sieve,
            line,
            phase: Phase::Stored,
            stored: 0,
            authenticated: false,
            closed: false,
            close: Some(close),
            _slot: slot,
        };
        subscription.send().await?;
        Ok(subscription)
    }

    fn open_line(&self, filters: Arc<[Filter]>, sieve: Option<Filtering>) -> Result<Line, Ended> {
        let config = &self.0.config;
        let (sender, queue) = mpsc::channel(config.queue_events);
        let (id, over) = self.0.routes.open(|id| {
            let delivery = Delivery {
                id,
                filters,
                queue: sender,
                room: Arc::new(Semaphore::new(config.queue_bytes)),
                over: Arc::default(),
                sieve,
            };
            let over = delivery.over.clone();
            (Route::Events(Arc::new(delivery)), over)
        })?;
        Ok(Line { id, queue, over })
    }
}

impl Subscription {
    /// The next thing that comes, the last one being [`Incoming::Over`]; then `None`. Nothing is lost when the future is dropped.
    /// After [`Subscription::close`], what had come before it; then `None`.
    pub async fn next(&mut self) -> Option<Incoming> {
        loop {
            let received = match self.phase {
                Phase::Over => return None,
                Phase::Refused if self.closed => return self.finish(),
                Phase::Refused => {
                    if let Err(over) = self.reopen().await {
                        return Some(self.end(over));
                    }
                    continue;
                }
                Phase::Live => self.line.queue.recv().await,
                Phase::Stored => {
                    let limit = self.peer.0.config.answer_time();
                    let seen = self.seen();
                    match timeout(limit, self.line.queue.recv()).await {
                        Ok(received) => received,
                        // It has sent something, but nothing got through.
                        Err(_) if self.seen() != seen => continue,
                        Err(_) => return Some(self.end(Over::Silent)),
                    }
                }
            };
            match received {
                Some(queued) => return Some(self.take(queued.item)),
                None if self.is_to_authenticate() => self.phase = Phase::Refused,
                None => return self.finish(),
            }
        }
    }

    /// Closes the subscription (CLOSE) without waiting. What has come by then can still be taken, what comes later is dropped.
    pub fn close(&mut self) {
        self.closed = true;
        self.send_close();
    }

    /// The same as a stream.
    pub fn into_stream(self) -> impl Stream<Item = Incoming> {
        stream::unfold(self, |mut this| async {
            let incoming = this.next().await?;
            Some((incoming, this))
        })
    }

    fn take(&mut self, item: Item) -> Incoming {
        match item {
            Item::Eose(hint) => {
                self.phase = Phase::Live;
                Incoming::Eose(hint)
            }
            Item::Event(_) if self.phase == Phase::Stored && self.has_enough() => {
                self.end(Over::TooMany)
            }
            Item::Event(event) => {
                self.stored += u64::from(self.phase == Phase::Stored);
                Incoming::Event(event)
            }
        }
    }

    /// Events that did not get through the sieve.
    fn seen(&self) -> u64 {
        let sieve = self.sieve.as_ref();
        sieve.map_or(0, |sieve| sieve.seen.load(Ordering::Relaxed))
    }

    fn has_enough(&self) -> bool {
        let most = self.peer.0.config.stored_events;
        most > 0 && self.stored >= most
    }

    /// Nothing more comes on this line: the reason, unless it is that we have closed it.
    fn finish(&mut self) -> Option<Incoming> {
        match self.line.over.get().cloned() {
            None if self.closed => {
                self.phase = Phase::Over;
                None
            }
            over => Some(self.end(over.unwrap_or(Over::Ended(Ended::Local)))),
        }
    }

    fn end(&mut self, over: Over) -> Incoming {
        self.phase = Phase::Over;
        match &over {
            Over::Closed(_) | Over::Ended(_) => self.close = None,
            Over::Silent | Over::TooMany | Over::Stalled => self.send_close(),
        }
        Incoming::Over(over)
    }

    fn send_close(&mut self) {
        let id = self.line.id;
        self.peer.0.routes.remove(id);
        if let Some(place) = self.close.take() {
            place.send(text(Peer::message(id, client_message::close)));
        }
    }

    /// Whether the relay has closed the subscription to know who we are, and may know.
    fn is_to_authenticate(&self) -> bool {
        let wanted =
            matches!(self.line.over.get(), Some(Over::Closed(reason)) if wants_auth(reason));
        wanted && !self.closed && !self.authenticated && self.peer.may_authenticate()
    }

    /// Authenticates and sends the REQ again. Can be begun anew when it was dropped in the middle.
    async fn reopen(&mut self) -> Result<(), Over> {
        if let Err(error) = self.peer.authenticate().await {
            tracing::debug!(%error, "no authentication for a subscription");
            let refused = self.line.over.get().cloned();
            return Err(refused.unwrap_or(Over::Ended(Ended::Local)));
        }
        let peer = self.peer.clone();
        // First the place, then the number: nothing is given up half-way.
        let place = peer.0.outgoing.reserve().await;
        let place = place.map_err(|_| Over::Ended(peer.ended().unwrap_or(Ended::Local)))?;
        self.line = peer
            .open_line(self.filters.clone(), self.sieve.clone())
            .map_err(Over::Ended)?;
        place.send(text(self.message(self.line.id)));
        self.authenticated = true;
        self.phase = Phase::Stored;
        Ok(())
    }

    async fn send(&self) -> Result<(), PeerError> {
        self.peer.send_text(self.message(self.line.id)).await
    }

    fn message(&self, id: u64) -> Vec<u8> {
        Peer::message(id, |out, name| {
            client_message::req(out, name, &self.filters)
        })
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.send_close();
    }
}
