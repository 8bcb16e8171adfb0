//! Why an AUTH was not accepted.

/// The texts are fit to be sent to the client, behind a prefix of NIP-01.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AuthError {
    /// Not an event of kind 22242.
    #[error("an AUTH event has kind 22242")]
    Kind,
    /// No `challenge` tag with the challenge of this connection.
    #[error("the challenge tag is not the challenge of this connection")]
    Challenge,
    /// No `relay` tag that names this relay.
    #[error("the relay tag does not name this relay")]
    Relay,
    /// `created_at` is more than ten minutes away from now.
    #[error("created_at is more than ten minutes away from the relay's clock")]
    Time,
    /// The id is not that of the event.
    #[error("the id is not the hash of the event")]
    Id,
    /// The signature is wrong.
    #[error("the signature is wrong")]
    Signature,
    /// The connection is authenticated with as many keys as the relay allows.
    #[error("too many keys on this connection")]
    TooManyKeys,
}
