//! The rows of the webhooks, read and written within transactions.

pub(crate) mod attempts;
pub(crate) mod deliveries;
pub(crate) mod endpoints;

use uuid::Uuid;

/// Databases have no unsigned integers.
pub(crate) fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

pub(crate) fn unsigned(value: i64) -> u64 {
    u64::try_from(value).unwrap_or_default()
}

/// An id as it is kept.
pub(crate) fn bytes(id: Uuid) -> Vec<u8> {
    id.as_bytes().to_vec()
}

/// An id as it was kept.
pub(crate) fn uuid(bytes: &[u8]) -> Uuid {
    Uuid::from_slice(bytes).unwrap_or_default()
}
