//! Each token is good for one request.

use std::pin::Pin;

use stentor_event::Timestamp;

use super::{HttpAuthError, Token};

/// The boxed future of [`ReplayGuard`].
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What remembers which tokens have been used, for all nodes that share their work.
pub trait ReplayGuard: Send + Sync {
    /// Uses a token up: of any number of calls with the same [`Token::id`], however close together and on whatever node, one
    /// succeeds. A guard may forget the token after [`Token::expires_at`].
    ///
    /// # Errors
    /// [`HttpAuthError::Used`], [`HttpAuthError::Full`], [`HttpAuthError::Unavailable`] and [`HttpAuthError::Time`]. Whatever the
    /// error, the request must be refused.
    fn use_up<'a>(
        &'a self,
        token: &'a Token,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<(), HttpAuthError>>;
}
