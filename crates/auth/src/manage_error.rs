//! Why keys, tenants or tickets could not be managed.

use crate::{ScopeError, TenantError};

/// Why a key, a tenant, a ticket or a token could not be made or changed. The texts are fit to be told to who asked, but for
/// [`Records`](Self::Records) and [`Damaged`](Self::Damaged), which are for the log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ManageError {
    /// There is no key of this id.
    #[error("there is no such key")]
    NoSuchKey,
    /// There is no tenant of this name, or it is disabled.
    #[error("there is no tenant {0}, or it is disabled")]
    NoSuchTenant(String),
    /// There is a tenant of this name already.
    #[error("there is a tenant {0} already")]
    TenantExists(String),
    /// The tenant that is there always cannot be disabled.
    #[error("the tenant default cannot be disabled")]
    DefaultTenant,
    /// The name of a tenant is none.
    #[error(transparent)]
    Tenant(#[from] TenantError),
    /// A scope that there is not.
    #[error(transparent)]
    Scope(#[from] ScopeError),
    /// The name of a key is empty, too long, or has control characters.
    #[error("a name has 1 to 100 characters, of which none is a control character")]
    Name,
    /// It would have ended before it began.
    #[error("it would have expired already")]
    Expired,
    /// There are as many as there may be.
    #[error("there are {most} {what} already, which is the most that there may be")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// How many there may be.
        most: u64,
    },
    /// Who asks has been let in with what cannot be passed on.
    #[error("this credential cannot be passed on")]
    NotForThis,
    /// The system has no random numbers to give.
    #[error("the system has no random numbers to give")]
    NoRandomness,
    /// A token could not be signed.
    #[error("the token could not be signed")]
    Signing,
    /// The database.
    #[error("records: {0}")]
    Records(#[from] stentor_sql::Error),
    /// A record that does not say what it should.
    #[error("records: {0}")]
    Damaged(String),
}

impl ManageError {
    /// Whether the fault is not in what was asked for: an answer of 503 or 500 rather than 400.
    pub const fn is_ours(&self) -> bool {
        matches!(
            self,
            Self::NoRandomness | Self::Signing | Self::Records(_) | Self::Damaged(_)
        )
    }
}
