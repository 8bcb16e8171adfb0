//! Mentions in events: the change feeds of the relay's store and of the archive are followed, each with a cursor (O1.1).
//!
//! The feed is read as somebody who has not authenticated: what private messages name is not ours to use.

use std::time::Duration;

use stentor_event::{Event, Viewer};
use stentor_store::{Change, EventStore, Seq};

use super::intake::{Intake, Mentions, Step};
use super::mentions::{MONITORED, mentions};
use crate::error::Error;
use crate::ground::Ground;
use crate::table::{self, Cursor};

/// Changes that are read at once.
const BATCH: usize = 256;
/// Changes without a mention after which the cursor is written all the same.
const UNWRITTEN: u64 = 10_000;
/// How long changes gather before they are read: one transaction for many events.
const GATHER: Duration = Duration::from_secs(1);

/// Follows a store for ever.
///
/// # Errors
/// Those of the records and of the store.
pub(super) async fn follow(
    ground: &Ground,
    intake: &Intake,
    store: &dyn EventStore,
    name: &str,
) -> Result<(), Error> {
    let mut news = store.follow();
    let mut reader = Reader::open(ground, intake, store, name).await?;
    loop {
        news.mark_unchanged();
        reader.read_on().await?;
        tokio::select! {
            changed = news.changed() => if changed.is_err() {
                // The store is closed: the node is about to end.
                std::future::pending::<()>().await;
            },
            () = ground.clock.sleep(ground.config.discover.interval()) => {}
        }
        ground.clock.sleep(GATHER).await;
    }
}

/// Reads the change feed of one store.
pub(super) struct Reader<'a> {
    ground: &'a Ground,
    intake: &'a Intake,
    store: &'a dyn EventStore,
    name: &'a str,
    viewer: Viewer,
    /// The last change that was read.
    at: u64,
    /// What the records say was read.
    written: Cursor,
}

impl<'a> Reader<'a> {
    /// Begins where the last one got to.
    ///
    /// # Errors
    /// Those of the records.
    pub async fn open(
        ground: &'a Ground,
        intake: &'a Intake,
        store: &'a dyn EventStore,
        name: &'a str,
    ) -> Result<Self, Error> {
        let written = table::cursor(&ground.records, name).await?;
        // A store that is behind its reader is another store than it was.
        let same = written.place <= store.last_seq().0;
        Ok(Self {
            ground,
            intake,
            store,
            name,
            viewer: Viewer::anonymous(ground.rules.clone()),
            at: if same { written.place } else { 0 },
            written,
        })
    }

    /// Reads up to the end that the feed has now.
    ///
    /// # Errors
    /// Those of the records and of the store.
    pub async fn read_on(&mut self) -> Result<(), Error> {
        let end = self.store.last_seq().0;
        while self.at < end {
            let now = self.ground.clock.now();
            let reading = self.store.changes(Seq(self.at), BATCH, &self.viewer, now);
            let changes = reading.await?;
            // What the store can tell nothing of any more is passed over.
            let passed = self.at.saturating_add(BATCH as u64).min(end);
            let last = changes.last().map_or(passed, |change| change.seq.0);
            self.take(&changes, last).await?;
        }
        Ok(())
    }

    async fn take(&mut self, changes: &[Change], last: u64) -> Result<(), Error> {
        let mut found = Mentions::default();
        for change in changes {
            let event = change.event.as_ref();
            if let Some(event) = event.filter(|event| !self.is_ours(event)) {
                gather(event, &mut found);
            }
            if found.are_enough() {
                self.write(std::mem::take(&mut found), change.seq.0).await?;
            }
        }
        self.at = last;
        if found.is_empty() && self.at.abs_diff(self.written.place) < UNWRITTEN {
            return Ok(());
        }
        self.write(found, last).await
    }

    /// What we publish of relays is what we have found.
    fn is_ours(&self, event: &Event) -> bool {
        event.kind() == MONITORED && event.pubkey() == self.ground.monitor_key.public_key()
    }

    async fn write(&mut self, found: Mentions, place: u64) -> Result<(), Error> {
        let step = Step {
            name: self.name.to_owned(),
            from: self.written.clone(),
            to: Cursor { place, note: None },
        };
        self.written = self.intake.take(found, step).await?;
        self.at = place;
        Ok(())
    }
}

fn gather(event: &Event, found: &mut Mentions) {
    let view = event.view();
    for (url, source) in mentions(&view) {
        found.add(url, source, || Some(view.id().to_string()));
    }
}
