//! Follows what leaves the archive's store, so that nothing that has left is taken for known.

use std::time::Duration;

use stentor_event::Viewer;
use stentor_store::ChangeKind;
use tokio::time::timeout;

use super::Intake;
use crate::error::Error;

/// Entries of the change feed read at once.
const ENTRIES: usize = 512;
/// How long a change is waited for before the feed is looked at anyway.
const LOOK: Duration = Duration::from_secs(60);

impl Intake {
    /// Follows the feed from now on: nothing is known from before. Never ends but by an error.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn follow_removals(&self) -> Result<(), Error> {
        let store = &self.ground.archive;
        let viewer = Viewer::operator();
        let mut news = store.follow();
        let mut after = store.last_seq();
        loop {
            let now = self.ground.clock.now();
            let changes = store.changes(after, ENTRIES, &viewer, now).await?;
            if changes.is_empty() {
                // An error would say that the store is being closed, which others tell.
                let _ = timeout(LOOK, news.changed()).await;
                continue;
            }
            for change in changes {
                after = change.seq;
                if let (ChangeKind::Removed(_), Some(id)) = (change.kind, &change.id) {
                    self.known.removed(id, change.number.0);
                }
            }
        }
    }
}
