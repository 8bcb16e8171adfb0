//! Who signs AUTH events (NIP-42).

use std::time::{SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use stentor_event::{Event, EventBuilder, Kind, SecretKey, Timestamp};
use thiserror::Error;

/// Signs AUTH events. It may ask somebody else, so it may take a while; it is given `answer_seconds`.
#[async_trait]
pub trait Signer: Send + Sync {
    /// An event of kind 22242 with a `relay` and a `challenge` tag of these values, or nothing if this relay is not to know.
    ///
    /// # Errors
    /// Why there is none.
    async fn sign_auth(&self, relay: &str, challenge: &str) -> Result<Event, SignerError>;
}

/// Why an event was not signed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct SignerError(pub String);

/// Signs with a key in memory, for every relay.
#[derive(Debug, Clone)]
pub struct KeySigner(pub SecretKey);

#[async_trait]
impl Signer for KeySigner {
    async fn sign_auth(&self, relay: &str, challenge: &str) -> Result<Event, SignerError> {
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_err(|error| SignerError(error.to_string()))?;
        Ok(EventBuilder::new(Kind::AUTH, Timestamp(now.as_secs()))
            .tag(["relay", relay])
            .tag(["challenge", challenge])
            .sign(&self.0))
    }
}
