//! Why access could not be changed or asked for.

/// Why access could not be changed or asked for; the texts are fit to be told to an admin.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AccessError {
    /// There is no role of this id.
    #[error("there is no role {0:?}")]
    NoRole(String),
    /// There is a role of this id already.
    #[error("there is a role {0:?} already")]
    RoleExists(String),
    /// There is no invite of this claim.
    #[error("there is no such invite")]
    NoInvite,
    /// The key has as many open invites as it may have.
    #[error("there are {0} open invites of this key already")]
    TooManyInvites(u64),
    /// The system has no random numbers to give.
    #[error("the system has no random numbers to give")]
    NoRandomness,
    /// The program ends, or has failed: the change may have been made or not.
    #[error("interrupted: look whether it has been done")]
    Interrupted,
    /// The database.
    #[error("records: {0}")]
    Records(#[from] stentor_sql::Error),
    /// A record that does not say what it should.
    #[error("records: {0}")]
    Damaged(String),
}

impl From<stentor_bus::BusError> for AccessError {
    /// What can go wrong where something is added to the log of the bus, which is in the same records.
    fn from(error: stentor_bus::BusError) -> Self {
        match error {
            stentor_bus::BusError::Records(error) => Self::Records(error),
            _ => Self::NoRandomness,
        }
    }
}
