//! Why a synchronisation ends early.

use stentor_peer::{Ended, Over, PeerError};
use stentor_store::StoreError;

/// Why a synchronisation, or a mirror's connection, ends early.
#[derive(Debug, thiserror::Error)]
pub enum SyncError {
    /// The connection, or the other relay.
    #[error(transparent)]
    Peer(PeerError),
    /// The other relay does not let us.
    #[error("the relay refuses: {0}")]
    Refused(String),
    /// The other relay does not keep to the protocol.
    #[error("the relay does not keep to the protocol: {0}")]
    Protocol(String),
    /// The other relay does not come to the end of an answer: the seconds it was given.
    #[error("the relay did not come to the end of an answer in {0} seconds")]
    Endless(u64),
    /// Our store.
    #[error("our store: {0}")]
    Store(#[from] StoreError),
    /// Our store cannot write now.
    #[error("our store cannot write: {0}")]
    Unavailable(String),
    /// Our records.
    #[error("our records: {0}")]
    Records(#[from] stentor_sql::Error),
    /// A filter that cannot be synchronised.
    #[error("{0}")]
    Filter(&'static str),
}

impl SyncError {
    /// Whether connecting again may help.
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Peer(error) => {
                let refused = matches!(
                    error,
                    PeerError::AuthRefused(_)
                        | PeerError::NoSigner
                        | PeerError::Ended(Ended::Misbehaved)
                );
                !error.is_permanent() && !refused
            }
            _ => false,
        }
    }
}

impl From<PeerError> for SyncError {
    fn from(error: PeerError) -> Self {
        match error {
            PeerError::Protocol(fault) => Self::Protocol(fault),
            other => Self::Peer(other),
        }
    }
}

impl From<Over> for SyncError {
    fn from(over: Over) -> Self {
        match over {
            Over::Closed(reason) => Self::Refused(reason),
            Over::Silent => PeerError::Timeout.into(),
            Over::TooMany => Self::Protocol("more events than were asked for".to_owned()),
            Over::Stalled => Self::Protocol("our side was too slow for it".to_owned()),
            Over::Ended(ended) => PeerError::from(ended).into(),
        }
    }
}
