//! Telling of long work, and being told to end it.

use std::ops::ControlFlow;

use crate::StoreError;

/// Is told how much of how much is done, and says whether to go on.
pub type Progress<'a> = &'a dyn Fn(u64, u64) -> ControlFlow<()>;

/// Tells it.
pub(super) fn told(progress: Progress<'_>, done: u64, total: u64) -> Result<(), StoreError> {
    match progress(done, total) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(()) => Err(StoreError::Interrupted),
    }
}
