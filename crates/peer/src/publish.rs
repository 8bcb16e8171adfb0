//! Events to the relay: EVENT and OK.

use stentor_event::{Event, EventId, client_message};
use tokio::sync::{OwnedSemaphorePermit, oneshot};
use tokio::time::timeout;

use crate::answer::{OkAnswer, wants_auth};
use crate::error::PeerError;
use crate::metrics;
use crate::peer::Peer;

/// An event that was sent. Dropping this gives up waiting for the answer.
pub struct Pending {
    peer: Peer,
    id: EventId,
    answer: oneshot::Receiver<OkAnswer>,
    _place: Option<OwnedSemaphorePermit>,
}

impl Peer {
    /// Sends an event and waits for the answer. If the relay wants to know who we are first and there is a signer, that is done and
    /// the event sent once more.
    ///
    /// # Errors
    /// [`PeerError::Timeout`] and [`PeerError::Ended`]. That the relay does not accept the event is an answer.
    pub async fn publish(&self, event: &Event) -> Result<OkAnswer, PeerError> {
        let answer = self.send(event).await?.answer().await?;
        if !answer.accepted && wants_auth(&answer.reason) && self.may_authenticate() {
            self.authenticate().await?;
            return self.send(event).await?.answer().await;
        }
        Ok(answer)
    }

    /// Sends an event without waiting for the answer, so that many are on their way at once; waits while `window` are. The answer is
    /// as it comes: nothing is done about `auth-required`.
    ///
    /// # Errors
    /// [`PeerError::Ended`].
    pub async fn send(&self, event: &Event) -> Result<Pending, PeerError> {
        let window = self.0.window.clone();
        let place = window.acquire_owned().await.map_err(|_| self.gone())?;
        let mut message = Vec::with_capacity(event.json().len() + 16);
        client_message::event(&mut message, event.json());
        self.submit(event.id(), message, Some(place)).await
    }

    /// Sends a message that is answered with OK.
    pub(crate) async fn submit(
        &self,
        id: EventId,
        message: Vec<u8>,
        place: Option<OwnedSemaphorePermit>,
    ) -> Result<Pending, PeerError> {
        let pending = Pending {
            peer: self.clone(),
            id,
            answer: self.0.routes.wait(id)?,
            _place: place,
        };
        self.send_text(message).await?;
        Ok(pending)
    }
}

impl Pending {
    /// The event.
    #[must_use]
    pub const fn id(&self) -> EventId {
        self.id
    }

    /// Waits for the answer, for `answer_seconds` from now on.
    ///
    /// # Errors
    /// [`PeerError::Timeout`] and [`PeerError::Ended`].
    pub async fn answer(mut self) -> Result<OkAnswer, PeerError> {
        let limit = self.peer.0.config.answer_time();
        match timeout(limit, &mut self.answer).await {
            Ok(Ok(answer)) => {
                metrics::answered(answer.accepted);
                Ok(answer)
            }
            Ok(Err(_)) => Err(self.peer.gone()),
            Err(_) => Err(PeerError::Timeout),
        }
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        self.answer.close();
        self.peer.0.routes.forget(&self.id);
    }
}
