//! Counts (NIP-45).

use stentor_event::{Filter, client_message};
use tokio::sync::{OwnedSemaphorePermit, oneshot};
use tokio::time::timeout;

use crate::answer::{Counted, wants_auth};
use crate::error::PeerError;
use crate::peer::{Peer, some};
use crate::routes::Route;

impl Peer {
    /// Asks how many events match. If the relay wants to know who we are first and there is a signer, that is done and the question
    /// asked once more.
    ///
    /// # Errors
    /// [`PeerError::Refused`] when the relay does not count, and what keeps an answer from coming.
    pub async fn count(&self, filters: &[Filter]) -> Result<Counted, PeerError> {
        some(filters)?;
        match self.count_once(filters).await {
            Err(PeerError::Refused(reason)) if wants_auth(&reason) && self.may_authenticate() => {
                self.authenticate().await?;
                self.count_once(filters).await
            }
            answer => answer,
        }
    }

    async fn count_once(&self, filters: &[Filter]) -> Result<Counted, PeerError> {
        let slot = self.slot()?;
        let (sender, answer) = oneshot::channel();
        let (id, ()) = self.0.routes.open(|_| (Route::Count(sender), ()))?;
        let open = Open::new(self, id, slot);
        let ask = |out: &mut Vec<u8>, name: &_| client_message::count(out, name, filters);
        self.send_text(Self::message(open.id, ask)).await?;
        match timeout(self.0.config.answer_time(), answer).await {
            Ok(Ok(answer)) => answer.map_err(PeerError::Refused),
            Ok(Err(_)) => Err(self.gone()),
            Err(_) => Err(PeerError::Timeout),
        }
    }
}

/// A number that somebody waits for, and a place among the subscriptions; both are given back when this is dropped.
pub(crate) struct Open {
    pub peer: Peer,
    pub id: u64,
    _slot: OwnedSemaphorePermit,
}

impl Open {
    pub(crate) fn new(peer: &Peer, id: u64, slot: OwnedSemaphorePermit) -> Self {
        let peer = peer.clone();
        Self {
            peer,
            id,
            _slot: slot,
        }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.peer.0.routes.remove(self.id);
    }
}
