//! The store as others see it: its threads, and the trait over them.

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;

use crossbeam_channel::{Sender, bounded, unbounded};
use parking_lot::{Mutex, RwLock};
use stentor_event::{Event, EventId, Filter, PublicKey, Timestamp, Viewer};
use tokio::sync::{Semaphore, oneshot, watch};

use super::backup::{Moment, forget_derived};
use super::batch::WriteBatch;
use super::committer::{Committer, Job};
use super::core::Core;
use super::facts::Facts;
use super::files::{self, failing};
use super::first_look::{FirstLook, first_look};
use super::keeper::Keeper;
use super::lock::Lock;
use super::manifest::Manifest;
use super::options::Options;
use super::pending::Pending;
use super::progress::Progress;
use super::recover::recover;
use super::scan::{Outlines, UnionScan};
use super::verifier::{CHUNK, Verifier};
use super::verify::Verification;
use super::{count, feed, fetch, numbers, verify};
use crate::observers::Observers;
use crate::query::BoxFuture;
use crate::{
    Change, CommitObserver, Count, EventNumber, EventStore, Explanation, Outcome, OutlineQuery,
    OutlineScan, PartyTag, Query, RelayScope, Removal, Scan, Seq, Statistics, StoreError,
    StoredEvent, Submission,
};

/// The embedded engine; see [the module](super).
pub struct Store {
    core: Arc<Core>,
    keeper: Arc<Keeper>,
    jobs: Sender<Job>,
    verifier: RwLock<Option<Verifier>>,
    /// Bounds the events that wait for their commit.
    waiting: Semaphore,
    observers: Observers,
    threads: Mutex<Vec<JoinHandle<()>>>,
    _lock: Lock,
}

impl Store {
    /// Opens the store in this folder, or makes one there.
    pub fn open(folder: &Path, options: Options) -> Result<Self, StoreError> {
        files::create_dir(folder)?;
        let lock = Lock::take(folder)?;
        let (core, writer) = recover(folder, options)?;
        let end = core.state.load().end.next_seq.saturating_sub(1);
        let observers = Observers::new(Seq(end));
        let keeper = Arc::new(Keeper::new(core.clone()));
        // Bounded by the number of events that may wait.
        let (jobs, committed) = unbounded();
        let verifier = Verifier::start(core.options.verifiers, &jobs)
            .map_err(failing("starting threads for", folder))?;
        let (wake_memory, memory) = bounded(1);
        let (wake_flush, flush) = bounded(1);
        let committer = Committer::new(core.clone(), writer, observers.clone(), wake_memory);
        let mut threads = Vec::new();
        let mut spawn = |name: &str, work: Box<dyn FnOnce() + Send>| {
            let thread = std::thread::Builder::new()
                .name(name.to_owned())
                .spawn(work);
            thread
                .map(|thread| threads.push(thread))
                .map_err(failing("starting threads for", folder))
        };
        spawn("commit", Box::new(move || committer.run(&committed)))?;
        let own = keeper.clone();
        spawn(
            "index-memory",
            Box::new(move || own.run_memory(&memory, &wake_flush)),
        )?;
        let own = keeper.clone();
        spawn("index-files", Box::new(move || own.run_flush(&flush)))?;
        let waiting = Semaphore::new(core.options.waiting_events.max(1));
        Ok(Self {
            core,
            keeper,
            jobs,
            verifier: RwLock::new(Some(verifier)),
            waiting,
            observers,
            threads: Mutex::new(threads),
            _lock: lock,
        })
    }

    /// Whether the store in this folder, if there is one, is of this program's format and made for the same use. Needs no
    /// lock: it can be asked while another process holds the store, and changes nothing.
    pub fn check(folder: &Path, options: &Options) -> Result<(), StoreError> {
        match Manifest::read(folder)? {
            Some(manifest) => manifest.check_keep(folder, options.keep),
            None => Ok(()),
        }
    }

    /// Changes whom a request to vanish (NIP-62) must name; it concerns what is submitted from now on.
    pub fn set_scope(&self, scope: RelayScope) {
        self.core.scope.store(Arc::new(scope));
    }

    /// Removes the events that have expired (NIP-40). Returns how many there were.
    pub async fn purge(&self, now: Timestamp) -> Result<u64, StoreError> {
        let before = self.core.purged.load(Ordering::Acquire);
        let from = before.saturating_sub(count::PURGE_SLACK);
        let snapshot = self.core.snapshot();
        let runs = snapshot.state.runs.iter();
        let expired = runs.flat_map(|placed| placed.run.expiring(from, now.0));
        let numbers: Vec<u64> = expired
            .filter(|number| snapshot.is_there(*number))
            .collect();
        let count = if numbers.is_empty() {
            0
        } else {
            self.ask(|reply| Job::Drop(numbers, Removal::Expired, reply))
                .await?
        };
        // When it changed meanwhile, an event has come that expires earlier; see `Committer::publish`.
        let (to, order) = (before.max(now.0), Ordering::AcqRel);
        let _ = self
            .core
            .purged
            .compare_exchange(before, to, order, Ordering::Relaxed);
        Ok(count)
    }

    /// Writes the index of what was committed so far to files, so that opening the store again is quick.
    pub fn flush(&self) -> Result<(), StoreError> {
        self.keeper.flush()
    }

    /// Reads everything and compares; see [`Verification`]. `signatures`: also every signature. `progress` is told the
    /// bytes of the log that were read, and their total; it may [end it early](StoreError::Interrupted).
    pub fn verify(
        &self,
        signatures: bool,
        progress: Progress<'_>,
    ) -> Result<Verification, StoreError> {
        verify::verify(&self.core, signatures, progress)
    }

    /// Gives back what belongs to events that are gone, wherever that is at least `percent` of a log segment, and
    /// merges the index. Returns the bytes won. `progress` is told the segments done, and their number; it may
    /// [end it early](StoreError::Interrupted): what was given back until then stays so.
    pub async fn compact(
        &self,
        percent: u64,
        progress: &(dyn Fn(u64, u64) -> ControlFlow<()> + Sync),
    ) -> Result<u64, StoreError> {
        self.ask(Job::Seal).await?;
        self.keeper.compact(percent, progress)
    }

    /// Copies the store as of now into an empty or new folder, while it serves. The copy is a store, which builds its
    /// index when it is opened. `progress` is told the bytes copied, and their total; it may
    /// [end it early](StoreError::Interrupted).
    pub fn backup(&self, to: &Path, progress: Progress<'_>) -> Result<(), StoreError> {
        self.moment().copy(to, progress)
    }

    /// The store as of now, to be copied.
    pub fn moment(&self) -> Moment {
        Moment::now(&self.core)
    }

    /// Opens a store after removing all that is derived, which is built anew from the log.
    pub fn reindex(folder: &Path, options: Options) -> Result<Self, StoreError> {
        forget_derived(folder)?;
        let store = Self::open(folder, options)?;
        store.flush()?;
        Ok(store)
    }

    async fn ask(
        &self,
        job: impl FnOnce(oneshot::Sender<Result<u64, StoreError>>) -> Job,
    ) -> Result<u64, StoreError> {
        let (reply, answer) = oneshot::channel();
        self.jobs.send(job(reply)).map_err(|_| StoreError::Closed)?;
        answer.await.map_err(|_| StoreError::Closed)?
    }

    /// Looks at what speaks against each event, without verifying signatures and without holding up commits.
    fn first_looks(
        &self,
        batch: &[Submission],
        now: Timestamp,
    ) -> Vec<(FirstLook, Option<Outcome>)> {
        let snapshot = self.core.snapshot();
        let pending = Pending::default();
        let facts = Facts::new(&self.core, &snapshot, &pending);
        let look = |submission: &Submission| first_look(&facts, submission, now);
        batch.iter().map(look).collect()
    }

    async fn submit_batch(
        &self,
        batch: Vec<Submission>,
        now: Timestamp,
    ) -> Result<Vec<Outcome>, StoreError> {
        let (looks, decided): (Vec<_>, Vec<_>) = self.first_looks(&batch, now).into_iter().unzip();
        if decided.iter().all(Option::is_some) {
            return Ok(decided.into_iter().flatten().collect());
        }
        let places = batch.len().min(self.core.options.waiting_events.max(1)) as u32;
        let _waiting = self
            .waiting
            .acquire_many(places)
            .await
            .map_err(|_| StoreError::Closed)?;
        let to_verify = (0u32..)
            .zip(batch.iter().zip(&decided))
            .filter(|(_, (submission, decided))| !submission.verified && decided.is_none())
            .map(|(place, _)| place)
            .collect();
        let events: Vec<Event> = batch
            .into_iter()
            .map(|submission| submission.event)
            .collect();
        let (batch, outcomes) = WriteBatch::new(events, now, looks, to_verify, CHUNK);
        self.hand_over(Arc::new(batch))?;
        outcomes.await.map_err(|_| StoreError::Closed)
    }

    fn hand_over(&self, batch: Arc<WriteBatch>) -> Result<(), StoreError> {
        let verifier = self.verifier.read();
        let verifier = verifier.as_ref().ok_or(StoreError::Closed)?;
        self.core.coming.fetch_add(1, Ordering::Relaxed);
        if batch.to_verify.is_empty() {
            return self
                .jobs
                .send(Job::Write(batch))
                .map_err(|_| StoreError::Closed);
        }
        verifier.submit(&batch);
        Ok(())
    }

    /// Stops the threads after what was handed in, and writes the index to files.
    fn shut_down(&self) -> Result<(), StoreError> {
        let Some(verifier) = self.verifier.write().take() else {
            return Ok(());
        };
        verifier.finish();
        self.keeper.close();
        // Cannot fail: the committer only ends after this.
        let _ = self.jobs.send(Job::Close);
        for thread in self.threads.lock().drain(..) {
            let _ = thread.join();
        }
        self.keeper.flush()
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        if let Err(error) = self.shut_down() {
            tracing::error!(%error, "closing the store");
        }
    }
}

impl EventStore for Store {
    fn submit(
        &self,
        batch: Vec<Submission>,
        now: Timestamp,
    ) -> BoxFuture<'_, Result<Vec<Outcome>, StoreError>> {
        Box::pin(self.submit_batch(batch, now))
    }

    fn next_number(&self) -> EventNumber {
        EventNumber(self.core.state.load().end.next_number)
    }

    fn scan(&self, query: Query) -> Box<dyn Scan> {
        Box::new(UnionScan::new(self.core.clone(), query))
    }

    fn outline(&self, query: OutlineQuery) -> Box<dyn OutlineScan> {
        Box::new(Outlines::new(self.core.clone(), &query))
    }

    fn fetch<'a>(
        &'a self,
        numbers: &'a [EventNumber],
        through: &'a Filter,
        viewer: &'a Viewer,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<Vec<StoredEvent>, StoreError>> {
        let events = fetch::fetch(&self.core, numbers, through, viewer, now);
        Box::pin(std::future::ready(Ok(events)))
    }

    fn numbers<'a>(
        &'a self,
        ids: &'a [EventId],
    ) -> BoxFuture<'a, Result<Vec<Option<EventNumber>>, StoreError>> {
        let numbers = numbers::numbers(&self.core, ids);
        Box::pin(std::future::ready(Ok(numbers)))
    }

    fn count<'a>(
        &'a self,
        query: &'a Query,
        viewer: &'a Viewer,
    ) -> BoxFuture<'a, Result<Count, StoreError>> {
        self.count_while(query, viewer, &|| true)
    }

    fn count_while<'a>(
        &'a self,
        query: &'a Query,
        viewer: &'a Viewer,
        wanted: &'a (dyn Fn() -> bool + Send + Sync),
    ) -> BoxFuture<'a, Result<Count, StoreError>> {
        let count = count::count(&self.core, query, viewer, wanted);
        Box::pin(std::future::ready(count))
    }

    fn explain(&self, query: &Query) -> Explanation {
        UnionScan::new(self.core.clone(), query.clone()).explain()
    }

    fn changes<'a>(
        &'a self,
        after: Seq,
        limit: usize,
        viewer: &'a Viewer,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<Vec<Change>, StoreError>> {
        let changes = feed::changes(&self.core, after, limit, viewer, now);
        Box::pin(std::future::ready(Ok(changes)))
    }

    fn party_tag(&self, key: &PublicKey) -> PartyTag {
        self.core.keys.party(key)
    }

    fn last_seq(&self) -> Seq {
        Seq(self.core.state.load().end.next_seq.saturating_sub(1))
    }

    fn cursor(&self, reader: &str) -> Option<Seq> {
        self.core.cursors.lock().get(reader).copied().map(Seq)
    }

    fn set_cursor<'a>(
        &'a self,
        reader: &'a str,
        seq: Seq,
    ) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async move {
            let reader = reader.to_owned();
            self.ask(|reply| Job::Cursor(reader, seq.0, reply))
                .await
                .map(drop)
        })
    }

    fn remove<'a>(&'a self, ids: &'a [EventId]) -> BoxFuture<'a, Result<u64, StoreError>> {
        Box::pin(self.ask(|reply| Job::Remove(ids.to_vec(), reply)))
    }

    fn statistics(&self) -> Statistics {
        super::statistics::statistics(&self.core)
    }

    fn close(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(std::future::ready(self.shut_down()))
    }

    fn follow(&self) -> watch::Receiver<Seq> {
        self.observers.follow()
    }

    fn observe(&self, observer: Arc<dyn CommitObserver>) {
        self.observers.add(&observer);
    }
}
