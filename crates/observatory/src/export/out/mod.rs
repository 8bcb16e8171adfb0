//! Writing an export.

mod before;
mod days;
mod events;
mod files;
mod lists;
mod pairs;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use stentor_event::{Filter, Kind, Timestamp, Viewer};
use stentor_store::{Query, ScanLimits};
use tokio::sync::watch;

use self::files::There;
use super::manifest::{Manifest, Selection};
use super::name::{Day, Format, LAST_DAY};
use super::place::{Place, Scratch};
use crate::error::Error;
use crate::ground::Ground;
use crate::role::Observatory;

/// What is to be exported.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wish {
    /// Which events.
    pub selection: Selection,
    /// In which form.
    pub format: Format,
    /// Whether with who holds what.
    pub provenance: bool,
}

/// How far an export has got, and in the end what it did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Exported {
    /// Events that were dealt with: written, or found to be there.
    pub done: u64,
    /// Events that there were when it began.
    pub total: u64,
    /// Events that were written.
    pub events: u64,
    /// Pairs of an event and a relay that were written.
    pub pairs: u64,
    /// Files that were written, and their bytes.
    pub files: u64,
    /// Bytes of these.
    pub bytes: u64,
    /// Files that had not changed.
    pub kept: u64,
    /// Files that are no longer a part of it, and were removed.
    pub removed: u64,
    /// The SHA-256 of the manifest, in hex, which names the export. Without it the export is not finished.
    pub manifest: Option<String>,
    /// Whether it was ended early.
    pub stopped: bool,
}

impl Observatory {
    /// Writes the archive, or what is wished of it, to a place. What is there of an earlier export is kept where it has not changed,
    /// also of one that was ended early. The store is read as events come and go: what changes meanwhile may be in it or not.
    ///
    /// Ends early, without a manifest if anything had changed, when `stop` becomes true.
    ///
    /// # Errors
    /// [`Error`]: the place, the store, or the records; a wish that cannot be fulfilled.
    pub async fn export(
        &self,
        wish: Wish,
        place: &Place,
        stop: &watch::Receiver<bool>,
        report: impl Fn(&Exported) + Send + Sync,
    ) -> Result<Exported, Error> {
        let part_bytes = self.ground.config.export.part_megabytes << 20;
        run(&self.ground, (wish, part_bytes), place, (stop, &report)).await
    }

    /// The place of this name, by this configuration.
    ///
    /// # Errors
    /// Those of [`Place::new`].
    pub fn place(&self, name: &str) -> Result<Place, Error> {
        let ground = &self.ground;
        Place::new(name, &ground.config.export, &ground.folder, &ground.dialer)
    }
}

/// Is told how far an export is.
type Report<'a> = dyn Fn(&Exported) + Send + Sync + 'a;

pub(super) async fn run(
    ground: &Arc<Ground>,
    (wish, part_bytes): (Wish, u64),
    place: &Place,
    (stop, report): (&watch::Receiver<bool>, &Report<'_>),
) -> Result<Exported, Error> {
    let wish = checked(wish)?;
    let scratch = place.prepare().await?;
    let there = There::look(place).await?;
    let new = Manifest {
        made_with: concat!("stentor ", env!("CARGO_PKG_VERSION")).to_owned(),
        format: wish.format,
        selection: wish.selection.clone(),
        provenance: wish.provenance,
        files: BTreeMap::new(),
    };
    let mut export = Export {
        ground: ground.clone(),
        wish,
        part_bytes,
        place,
        scratch,
        there,
        new,
        done: Exported::default(),
        stop,
        report,
    };
    export.done.total = export.count().await?;
    match export.run().await {
        Err(Ended::Stopped) => {
            export.remember().await?;
            export.done.stopped = true;
            Ok(export.done)
        }
        Err(Ended::Failed(error)) => Err(error),
        Ok(()) => Ok(export.done),
    }
}

/// A wish that can be fulfilled, in its one form.
fn checked(mut wish: Wish) -> Result<Wish, Error> {
    let selection = &mut wish.selection;
    selection.kinds.sort_unstable();
    selection.kinds.dedup();
    let (since, until) = (selection.since, selection.until);
    if since.zip(until).is_some_and(|(since, until)| since > until) {
        return Err(Error::Invalid("--since is after --until".into()));
    }
    Ok(wish)
}

/// Why an export has ended before its end.
#[derive(Debug)]
enum Ended {
    Stopped,
    Failed(Error),
}

impl<E: Into<Error>> From<E> for Ended {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

/// An export under way.
struct Export<'a> {
    ground: Arc<Ground>,
    wish: Wish,
    part_bytes: u64,
    place: &'a Place,
    scratch: Scratch,
    there: There,
    new: Manifest,
    done: Exported,
    stop: &'a watch::Receiver<bool>,
    report: &'a Report<'a>,
}

impl Export<'_> {
    async fn run(&mut self) -> Result<(), Ended> {
        self.events().await?;
        if self.wish.provenance {
            self.provenance().await?;
        }
        self.lists().await?;
        self.remove_old().await?;
        Ok(self.state().await?)
    }

    /// The filter of what is exported, between these seconds.
    fn filter(&self, since: u64, until: u64) -> Filter {
        let selection = &self.wish.selection;
        let kinds = selection.kinds.iter().map(|kind| Kind(*kind)).collect();
        let last = Day(LAST_DAY).end();
        Filter {
            kinds: (!selection.kinds.is_empty()).then_some(kinds),
            since: Some(Timestamp(since.max(selection.since.unwrap_or(0)))),
            until: Some(Timestamp(
                until.min(selection.until.unwrap_or(last)).min(last),
            )),
            ..Filter::default()
        }
    }

    async fn count(&self) -> Result<u64, Error> {
        let query = Query {
            filters: Arc::from([self.filter(0, u64::MAX)]),
            now: self.ground.clock.now(),
            before: None,
            limits: ScanLimits { cap: 0, rows: 0 },
        };
        let count = self
            .ground
            .archive
            .count(&query, &Viewer::operator())
            .await?;
        Ok(count.count)
    }

    /// Ends the export when that is wished.
    fn going_on(&self) -> Result<(), Ended> {
        match *self.stop.borrow() {
            true => Err(Ended::Stopped),
            false => Ok(()),
        }
    }

    fn tell(&self) {
        (self.report)(&self.done);
    }
}

/// Does work with a file away from the threads that answer.
async fn aside<T: Send + 'static>(
    work: impl FnOnce() -> std::io::Result<T> + Send + 'static,
) -> Result<T, Error> {
    let failed = |problem: String| Error::Invalid(format!("writing a file: {problem}"));
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done.map_err(|error| failed(error.to_string())),
        Err(error) => Err(failed(error.to_string())),
    }
}
