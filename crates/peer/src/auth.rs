//! Saying who we are (NIP-42).

use std::sync::{Arc, Weak};

use stentor_event::client_message;
use tokio::sync::{Mutex, watch};
use tokio::time::timeout;

use crate::config::AuthWhen;
use crate::error::{Ended, PeerError};
use crate::peer::{Inner, Peer};
use crate::signer::Signer;

/// AUTH events that are signed on one connection: a relay that asks for more is after signatures.
const MAX_SIGNED: u32 = 8;

/// Who signs, and what was signed.
pub(crate) struct Authentication {
    signer: Option<Arc<dyn Signer>>,
    /// The relay's URL as it was given to us, which is how it calls itself.
    url: String,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The challenge that the relay has accepted our answer to.
    accepted: Option<Arc<str>>,
    signed: u32,
}

impl Authentication {
    pub(crate) fn new(signer: Option<Arc<dyn Signer>>, url: &str) -> Self {
        Self {
            signer,
            url: url.to_owned(),
            state: Mutex::default(),
        }
    }
}

impl Peer {
    /// Whether a relay that wants to know who we are is told.
    pub(crate) fn may_authenticate(&self) -> bool {
        self.0.auth.signer.is_some() && self.0.config.auth != AuthWhen::Never
    }

    /// Answers the relay's challenge and waits until it accepts the answer. Waits for a challenge if there was none yet, and does
    /// nothing if the last one was answered already.
    ///
    /// # Errors
    /// [`PeerError::NoSigner`], [`PeerError::Signer`], [`PeerError::AuthRefused`], [`PeerError::Timeout`] and [`PeerError::Ended`].
    pub async fn authenticate(&self) -> Result<(), PeerError> {
        let auth = &self.0.auth;
        let signer = auth.signer.as_ref().ok_or(PeerError::NoSigner)?;
        let mut state = auth.state.lock().await;
        let challenge = self.challenge().await?;
        if state.accepted.as_ref() == Some(&challenge) {
            return Ok(());
        }
        if state.signed >= MAX_SIGNED {
            return Err(PeerError::AuthRefused("it asks too often".to_owned()));
        }
        state.signed += 1;
        let limit = self.0.config.answer_time();
        let event = timeout(limit, signer.sign_auth(&auth.url, &challenge))
            .await
            .map_err(|_| PeerError::Timeout)?
            .map_err(|error| PeerError::Signer(error.to_string()))?;
        let mut message = Vec::new();
        client_message::auth(&mut message, event.json());
        let pending = self.submit(event.id(), message, None).await?;
        let answer = pending.answer().await?;
        if !answer.accepted {
            return Err(PeerError::AuthRefused(answer.reason));
        }
        state.accepted = Some(challenge);
        Ok(())
    }

    /// The last challenge.
    async fn challenge(&self) -> Result<Arc<str>, PeerError> {
        let mut challenges = self.0.routes.challenge.subscribe();
        let routes = &self.0.routes;
        let some = challenges.wait_for(|challenge| challenge.is_some() || routes.ended().is_some());
        let found = timeout(self.0.config.answer_time(), some)
            .await
            .map_err(|_| PeerError::Timeout)?
            .map_err(|_| self.gone())?
            .clone();
        found.ok_or_else(|| self.gone())
    }
}

/// Answers each challenge as it comes, where the configuration says so. Never ends by itself.
pub(crate) async fn follow(
    handles: Weak<Inner>,
    mut challenges: watch::Receiver<Option<Arc<str>>>,
) -> Ended {
    while challenges.changed().await.is_ok() {
        let Some(inner) = handles.upgrade() else {
            break;
        };
        let peer = Peer(inner);
        if peer.0.config.auth == AuthWhen::Challenged
            && let Err(error) = peer.authenticate().await
        {
            tracing::debug!(%error, "a challenge was not answered");
        }
    }
    std::future::pending().await
}
