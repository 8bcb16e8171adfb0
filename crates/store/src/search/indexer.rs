//! The thread that keeps the index: it follows the change feed of the store.
//!
//! What it adds and deletes becomes durable together with the position in the feed that it has come to. So a crash at any
//! point loses at most the work since the last commit, and doubles nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use stentor_event::{Timestamp, Viewer};
use tokio::runtime::Handle;
use tokio::sync::oneshot;

use super::error::SearchError;
use super::folder::{self, Opened};
use super::position::Mark;
use super::service::{Progress, Search};
use crate::{Change, ChangeKind, Seq};

/// Entries of the feed that are read at once.
const READ: usize = 500;
/// Nothing has expired for the index: whoever searches decides for when. What the store purges leaves the index too.
const FOREVER: Timestamp = Timestamp(0);
/// Lag from which on catching up is worth a word in the log.
const WORTH_TELLING: u64 = 10_000;
/// Time between two such words.
const TELL_EVERY: Duration = Duration::from_secs(10);
/// How much the thread stands back for others, as `nice` counts. The threads that it starts inherit it.
const NICENESS: i32 = 10;

/// Tells the thread to end when nobody waits for it any more.
struct Abandon<'a> {
    search: &'a Search,
    abandoned: Arc<AtomicBool>,
}

impl Drop for Abandon<'_> {
    fn drop(&mut self) {
        self.abandoned.store(true, Ordering::Release);
        self.search.signals.hurry();
    }
}

impl Search {
    /// Opens the index, or makes it, and keeps it up to date, until [`Search::stop`] or until it is dropped. Opening reads
    /// the whole index once; searches are refused meanwhile.
    ///
    /// # Errors
    /// When the index cannot be written, such as on a full disk. It can be run again.
    pub async fn run(self: &Arc<Self>) -> Result<(), SearchError> {
        let abandoned = Arc::new(AtomicBool::new(false));
        let _waiting = Abandon {
            search: self,
            abandoned: Arc::clone(&abandoned),
        };
        let (search, runtime) = (Arc::clone(self), Handle::current());
        let (tell, told) = oneshot::channel();
        std::thread::Builder::new()
            .name("search-index".into())
            .spawn(move || {
                let result = keep(&search, &runtime, &abandoned);
                // Who hears of the end may open the store again at once: it must not be held from here any more.
                drop(search);
                let _ = tell.send(result);
            })
            .map_err(|error| SearchError::Index(format!("starting a thread: {error}")))?;
        told.await
            .unwrap_or_else(|_| Err(SearchError::Index("the indexing thread died".into())))
    }

    /// Whether the index is being kept now, by [`Search::run`].
    pub fn is_kept(&self) -> bool {
        self.writing.is_locked()
    }

    /// Has [`Search::run`] end, for good.
    pub fn stop(&self) {
        self.signals.stop();
    }

    /// Makes the index anew from the store, while [`Search::run`] runs. Returns when it has everything that was stored before
    /// the call. `progress` is told entries of the feed done, and their number.
    pub async fn rebuild(&self, progress: &(dyn Fn(u64, u64) + Sync)) {
        let generation = self.signals.rebuild();
        let end = self.store.last_seq();
        let mut changes = self.progress.subscribe();
        loop {
            let now = *changes.borrow_and_update();
            if now.generation >= generation {
                progress(now.seq.0.min(end.0), end.0);
                if now.seq >= end {
                    return;
                }
            }
            if changes.changed().await.is_err() {
                return;
            }
        }
    }

    /// Shows searches what was committed.
    fn publish(&self, opened: &Opened, generation: u64) {
        let (searcher, seq) = (opened.reader.searcher(), opened.position.seq);
        metrics::gauge!("stentor_search_documents").set(searcher.num_docs() as f64);
        metrics::gauge!("stentor_search_segments").set(searcher.segment_readers().len() as f64);
        metrics::gauge!("stentor_search_position").set(seq as f64);
        self.view.store(Some(Arc::new(searcher)));
        self.progress.send_replace(Progress {
            generation,
            seq: Seq(seq),
        });
        let lag = self.lag();
        metrics::gauge!("stentor_store_feed_lag", "reader" => "search").set(lag as f64);
    }
}

/// The life of the thread.
fn keep(search: &Search, runtime: &Handle, abandoned: &AtomicBool) -> Result<(), SearchError> {
    let _only = search.writing.lock();
    stand_back();
    let (kinds, memory) = (search.rules.kinds(), search.options.memory_bytes);
    let open = folder::open(
        &search.folder,
        &search.fields,
        memory,
        search.store.as_ref(),
        kinds,
    );
    let mut opened = runtime.block_on(open)?;
    let mut generation = search.progress().generation;
    search.publish(&opened, generation);
    let mut journey = Journey::new(search.lag());
    loop {
        let wishes = search.signals.wishes();
        if wishes.stop || abandoned.load(Ordering::Acquire) {
            return Ok(());
        }
        if wishes.rebuilds > generation {
            drop(opened);
            search.view.store(None);
            opened = folder::make(&search.folder, &search.fields, memory, kinds)?;
            generation = wishes.rebuilds;
            search.publish(&opened, generation);
            journey = Journey::new(search.lag());
        }
        let begun = Instant::now();
        if runtime.block_on(follow(search, &mut opened))? {
            opened.commit()?;
            metrics::histogram!("stentor_search_commit_seconds")
                .record(begun.elapsed().as_secs_f64());
            search.publish(&opened, generation);
        }
        journey.tell(&opened, search.lag());
        if search.lag() < READ as u64 {
            search
                .signals
                .wait(begun, search.options.commit_every, generation);
        }
    }
}

/// Brings what the feed has since the last time into the index, up to what one commit takes. Tells whether there was
/// anything.
async fn follow(search: &Search, opened: &mut Opened) -> Result<bool, SearchError> {
    let begin = opened.position.seq;
    let mut bytes = 0;
    loop {
        let done = opened.position.seq - begin;
        let enough = done >= search.options.commit_changes || bytes >= search.options.memory_bytes;
        let end = search.store.last_seq();
        if enough || opened.position.seq >= end.0 || search.signals.wishes().stop {
            return Ok(done > 0);
        }
        let after = Seq(opened.position.seq);
        let changes = search
            .store
            .changes(after, READ, &Viewer::operator(), FOREVER)
            .await?;
        for change in &changes {
            bytes += take(search, opened, change)?;
        }
        // Entries that the store cannot show any more are of events that are gone.
        let passed = changes
            .last()
            .map_or(end.0.min(after.0 + READ as u64), |change| change.seq.0);
        opened.position.seq = passed;
        opened.position.mark = changes.last().map(Mark::of);
    }
}

/// Takes one entry of the feed in; returns the bytes of text that wait to be written for it.
fn take(search: &Search, opened: &Opened, change: &Change) -> Result<usize, SearchError> {
    if change.kind != ChangeKind::Added {
        opened
            .writer
            .delete_term(search.fields.number_term(change.number));
        return Ok(0);
    }
    let Some(event) = change
        .event
        .as_ref()
        .filter(|event| search.rules.covers(event.kind()))
    else {
        return Ok(0);
    };
    let document = search.fields.document(change.number, &event.view());
    opened.writer.add_document(document)?;
    Ok(event.json().len())
}

/// What the log is told of catching up.
struct Journey {
    far: bool,
    told: Instant,
}

impl Journey {
    fn new(lag: u64) -> Self {
        let far = lag >= WORTH_TELLING;
        if far {
            tracing::info!(entries = lag, "the search index is catching up");
        }
        Self {
            far,
            told: Instant::now(),
        }
    }

    fn tell(&mut self, opened: &Opened, lag: u64) {
        if !self.far {
            return;
        }
        if lag < WORTH_TELLING {
            self.far = false;
            tracing::info!(
                position = opened.position.seq,
                "the search index has caught up"
            );
        } else if self.told.elapsed() >= TELL_EVERY {
            self.told = Instant::now();
            tracing::info!(
                position = opened.position.seq,
                behind = lag,
                "the search index is catching up"
            );
        }
    }
}

/// Leaves the processors to those who serve clients.
fn stand_back() {
    if let Err(error) = rustix::process::setpriority_process(None, NICENESS) {
        tracing::debug!(%error, "the indexing thread keeps its priority");
    }
}
