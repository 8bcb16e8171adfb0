//! The messages of a reconciliation (NIP-77). What is in them is not looked at here.

use stentor_event::{Filter, client_message};
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;

use crate::count::Open;
use crate::error::PeerError;
use crate::peer::{Peer, text};
use crate::routes::Route;

/// Answers that may wait: the one to our last message, and an error after it.
const WAITING: usize = 2;

/// An open reconciliation. Dropping it sends NEG-CLOSE.
pub struct Reconciliation {
    answers: mpsc::Receiver<Result<Vec<u8>, String>>,
    /// The place for our NEG-CLOSE; none when there is nothing to close.
    close: Option<mpsc::OwnedPermit<Message>>,
    open: Open,
}

impl Peer {
    /// Opens a reconciliation with its first message. Relays without NIP-77 answer with a NOTICE or not at all: look at `supported_nips`
    /// before, and at [`Peer::notices`] after a [`PeerError::Timeout`].
    ///
    /// # Errors
    /// [`PeerError::TooManySubscriptions`] and [`PeerError::Ended`].
    pub async fn neg_open(
        &self,
        filter: &Filter,
        message: &[u8],
    ) -> Result<Reconciliation, PeerError> {
        let slot = self.slot()?;
        let outgoing = self.0.outgoing.clone();
        let close = outgoing.reserve_owned().await.map_err(|_| self.gone())?;
        let (sender, answers) = mpsc::channel(WAITING);
        let (id, ()) = self
            .0
            .routes
            .open(|_| (Route::Reconciliation(sender), ()))?;
        let reconciliation = Reconciliation {
            answers,
            close: Some(close),
            open: Open::new(self, id, slot),
        };
        let open = |out: &mut Vec<u8>, name: &_| {
            client_message::neg_open(out, name, filter, message);
        };
        self.send_text(Self::message(id, open)).await?;
        Ok(reconciliation)
    }
}

impl Reconciliation {
    /// Sends the next message (NEG-MSG).
    ///
    /// # Errors
    /// [`PeerError::Ended`].
    pub async fn send(&self, message: &[u8]) -> Result<(), PeerError> {
        let write = |out: &mut Vec<u8>, name: &_| client_message::neg_msg(out, name, message);
        let message = Peer::message(self.open.id, write);
        self.open.peer.send_text(message).await
    }

    /// Waits for the relay's next message, for at most `answer_seconds`. Nothing is lost when the future is dropped.
    ///
    /// # Errors
    /// [`PeerError::Refused`] with the reason of a NEG-ERR; such as `auth-required: …` ([`Peer::authenticate`], then open it anew) or
    /// `blocked: …` for too large a query. [`PeerError::Timeout`], [`PeerError::Ended`].
    pub async fn answer(&mut self) -> Result<Vec<u8>, PeerError> {
        let limit = self.open.peer.0.config.answer_time();
        match timeout(limit, self.answers.recv()).await {
            Ok(Some(Ok(message))) => Ok(message),
            Ok(Some(Err(reason))) => {
                self.close = None;
                Err(PeerError::Refused(reason))
            }
            Ok(None) => Err(self.open.peer.gone()),
            Err(_) => Err(PeerError::Timeout),
        }
    }
}

impl Drop for Reconciliation {
    fn drop(&mut self) {
        if let Some(place) = self.close.take() {
            let close = Peer::message(self.open.id, client_message::neg_close);
            place.send(text(close));
        }
    }
}
