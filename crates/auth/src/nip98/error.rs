//! Why an HTTP request was not believed.

/// The texts are fit to be told to the client; none holds anything of the token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HttpAuthError {
    /// The header is not `Nostr` and base64, or too long.
    #[error("the Authorization header is not 'Nostr' followed by an event in base64")]
    Header,
    /// What is encoded is no event.
    #[error("the Authorization header does not hold an event of Nostr")]
    Event,
    /// Not an event of kind 27235.
    #[error("a token has kind 27235")]
    Kind,
    /// `created_at` is more than a minute away from now.
    #[error("created_at is more than 60 seconds away from the server's clock")]
    Time,
    /// A tag that there may be one of is there twice.
    #[error("a token has one u tag, one method tag and at most one payload tag")]
    Tags,
    /// The `u` tag does not name what was asked for.
    #[error("the u tag is not the absolute URL of this request")]
    Url,
    /// The `method` tag is not the method of the request.
    #[error("the method tag is not the method of this request")]
    Method,
    /// The `payload` tag is missing where it is required.
    #[error("a payload tag with the SHA-256 of the body is required here")]
    NoPayload,
    /// The `payload` tag is not the hash of the body.
    #[error("the payload tag is not the SHA-256 of the body in lower-case hex")]
    Payload,
    /// The id is not that of the event.
    #[error("the id is not the hash of the event")]
    Id,
    /// The signature is wrong.
    #[error("the signature is wrong")]
    Signature,
    /// The token was used before.
    #[error(
        "this token has been used: each is good for one request. Two requests that are equal, made within one second, need tokens that differ in their content"
    )]
    Used,
    /// There is no room to remember another token.
    #[error("too many tokens are in use, try again in a minute")]
    Full,
    /// What remembers the used tokens does not answer.
    #[error("whether this token has been used cannot be told at the moment, try again")]
    Unavailable,
}

/// Whose fault a refusal is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blame {
    /// The token is not right: 401.
    Client,
    /// The token may be right, the server cannot take it now: 503 with `Retry-After`.
    Server,
}

impl HttpAuthError {
    /// Whose fault it is.
    pub const fn blame(&self) -> Blame {
        match self {
            Self::Full | Self::Unavailable => Blame::Server,
            _ => Blame::Client,
        }
    }
}
