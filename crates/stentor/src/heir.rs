//! Who may take the store next.
//!
//! While one node takes over from another, there is a moment at which nobody holds the store. The lock here says whose it is
//! then: a successor holds it alone from before its predecessor begins to end until it has the store itself; everybody else who
//! opens the store holds it together with others, for as long as opening takes.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;

use anyhow::Context;
use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use crate::layout::Layout;

/// The lock, held as long as this lives; the system lets go of it when the process ends, however it ends.
#[derive(Debug)]
pub struct Claim {
    _file: File,
}

impl Claim {
    /// The successor's: nobody else takes the store from here on. `None` when somebody is just about to.
    ///
    /// # Errors
    /// When the lock's file cannot be made.
    pub fn alone(layout: &Layout) -> anyhow::Result<Option<Self>> {
        Self::take(layout, FlockOperation::NonBlockingLockExclusive)
    }

    /// Anybody else's. `None` when the store is a successor's.
    ///
    /// # Errors
    /// When the lock's file cannot be made.
    pub fn shared(layout: &Layout) -> anyhow::Result<Option<Self>> {
        Self::take(layout, FlockOperation::NonBlockingLockShared)
    }

    fn take(layout: &Layout, how: FlockOperation) -> anyhow::Result<Option<Self>> {
        let path = layout.heir();
        let naming = || format!("cannot lock {}", path.display());
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .with_context(naming)?;
        match flock(&file, how) {
            Ok(()) => Ok(Some(Self { _file: file })),
            Err(Errno::WOULDBLOCK) => Ok(None),
            Err(error) => Err(error).with_context(naming),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r8_3_a_successor_is_alone_and_everybody_else_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let layout = Layout::new(folder.path());
        let (one, two) = (Claim::shared(&layout), Claim::shared(&layout));
        assert!(Claim::alone(&layout).unwrap().is_none());
        drop((one, two));
        let successor = Claim::alone(&layout).unwrap().unwrap();
        assert!(Claim::alone(&layout).unwrap().is_none());
        assert!(Claim::shared(&layout).unwrap().is_none());
        drop(successor);
        assert!(Claim::shared(&layout).unwrap().is_some());
    }
}
