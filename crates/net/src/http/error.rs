//! Why there is no answer.

use thiserror::Error;

use crate::dial::{DialError, Failure, Refusal};

/// Why a request got no answer that can be used.
#[derive(Debug, Error)]
pub enum HttpError {
    /// No connection.
    #[error(transparent)]
    Dial(#[from] DialError),
    /// The URL or a header cannot be sent.
    #[error("not a request that can be sent: {0}")]
    Request(#[from] http::Error),
    /// The other side does not speak HTTP, or hung up.
    #[error("no answer: {0}")]
    Exchange(#[from] hyper::Error),
    /// What is to be sent cannot be read.
    #[error("cannot read what is to be sent: {0}")]
    Body(std::io::Error),
    /// The answer's body has more bytes than this.
    #[error("the answer is larger than {0} bytes")]
    TooLarge(usize),
    /// It took longer than the request allows.
    #[error("took too long")]
    Timeout,
}

impl HttpError {
    /// Whether trying again is of no use while URL and configuration stay the same.
    #[must_use]
    pub const fn is_permanent(&self) -> bool {
        matches!(self, Self::Dial(DialError::Refused(_)) | Self::Request(_))
    }

    /// A word for metrics.
    #[must_use]
    pub const fn label(&self) -> &'static str {
        match self {
            Self::Dial(error) => error.label(),
            Self::Request(_) => "refused",
            Self::Exchange(_) => "exchange",
            Self::Body(_) => "body",
            Self::TooLarge(_) => "too_large",
            Self::Timeout => "timeout",
        }
    }
}

impl From<Refusal> for HttpError {
    fn from(refusal: Refusal) -> Self {
        Self::Dial(refusal.into())
    }
}

impl From<Failure> for HttpError {
    fn from(failure: Failure) -> Self {
        Self::Dial(failure.into())
    }
}
