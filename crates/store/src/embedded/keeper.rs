//! The keepers of the index: merging runs in memory, writing them to files, merging the files.
//!
//! Two threads, so that the many small runs of busy moments are merged while a large file is being written.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crossbeam_channel::{Receiver, Sender};
use parking_lot::Mutex;

use super::compaction;
use super::core::Core;
use super::disk::DiskFile;
use super::files::{self, failing};
use super::manifest::Position;
use super::mmap;
use super::progress::{Progress, told};
use super::run::{Image, MergeTarget, Run, merge, merged_length};
use super::state::{Placed, Snapshot};
use super::watch::{Act, act};
use crate::StoreError;

/// A run is merged with its newer neighbours when it is at most this many times as large as they are together. So the
/// sizes of what remains grow at least by this factor, and there are few runs.
const FACTOR: usize = 2;

/// Events in a run beyond which it is not merged any more.
const LARGEST: usize = 4 << 20;

/// See the module.
pub struct Keeper {
    core: Arc<Core>,
    /// Runs below this event number are being written to a file. Locked while runs in memory are merged.
    flushing: Mutex<u64>,
    /// Held by who writes files: one at a time.
    working: Mutex<()>,
    /// Set when no new work is to be begun.
    closing: AtomicBool,
}

impl Keeper {
    /// For this store.
    pub fn new(core: Arc<Core>) -> Self {
        Self {
            core,
            flushing: Mutex::new(0),
            working: Mutex::new(()),
            closing: AtomicBool::new(false),
        }
    }

    /// Ends the loops after what they are at.
    pub fn close(&self) {
        self.closing.store(true, Ordering::Release);
    }

    /// Merges in memory whenever there was a commit; wakes the flusher when enough has come together.
    pub fn run_memory(&self, commits: &Receiver<()>, flusher: &Sender<()>) {
        while commits.recv().is_ok() && !self.closing.load(Ordering::Acquire) {
            while self.merge_memory() {}
            if self.in_memory() >= self.core.options.flush_events {
                let _ = flusher.try_send(());
            }
        }
    }

    /// Writes to files whenever it is woken.
    pub fn run_flush(&self, wakes: &Receiver<()>) {
        while wakes.recv().is_ok() && !self.closing.load(Ordering::Acquire) {
            let work = || {
                self.flush()?;
                self.merge_files()?;
                self.compact_one()
            };
            if let Err(error) = work() {
                tracing::error!(%error, "writing the index");
                metrics::counter!("stentor_store_index_failures_total").increment(1);
            }
        }
    }

    /// Events whose index is in memory only.
    pub fn in_memory(&self) -> usize {
        let state = self.core.state.load();
        state
            .runs
            .iter()
            .filter(|placed| placed.run.image().in_memory())
            .map(|placed| placed.run.len())
            .sum()
    }

    /// Merges the newest runs in memory, if their sizes call for it.
    pub fn merge_memory(&self) -> bool {
        let flushing = self.flushing.lock();
        let state = self.core.state.load_full();
        let own = |placed: &&Placed| {
            placed.run.image().in_memory() && placed.run.numbers().start >= *flushing
        };
        let candidates: Vec<Placed> = state.runs.iter().filter(own).cloned().collect();
        let chosen = neighbours(&candidates, usize::MAX);
        if chosen.len() < 2 {
            return false;
        }
        match self.merged(chosen, None) {
            Ok(run) => self.put(chosen, run),
            Err(error) => {
                tracing::error!(%error, "merging the index in memory");
                false
            }
        }
    }

    /// Writes what is in memory to a file, and moves the checkpoint.
    pub fn flush(&self) -> Result<(), StoreError> {
        let _working = self.working.lock();
        let chosen: Vec<Placed> = {
            let mut flushing = self.flushing.lock();
            let state = self.core.state.load_full();
            *flushing = state.end.next_number;
            state
                .runs
                .iter()
                .filter(|placed| placed.run.image().in_memory())
                .cloned()
                .collect()
        };
        if !chosen.is_empty() {
            let path = self.new_run_path()?;
            let run = self.merged(&chosen, Some(&path))?;
            self.put(&chosen, run);
        }
        self.checkpoint()
    }

    /// Merges files, if their sizes call for it.
    pub fn merge_files(&self) -> Result<(), StoreError> {
        while !self.closing.load(Ordering::Acquire) {
            let _working = self.working.lock();
            let files = self.files();
            let chosen = neighbours(&files, LARGEST);
            if chosen.len() < 2 {
                return Ok(());
            }
            self.merge_chosen(chosen)?;
        }
        Ok(())
    }

    /// Merges all files into as few as possible, leaving out what is gone.
    fn merge_all_files(&self) -> Result<(), StoreError> {
        let _working = self.working.lock();
        let files = self.files();
        if files.is_empty() {
            Ok(())
        } else {
            self.merge_chosen(&files)
        }
    }

    /// Compacts the worst segment of the log, if one is due. One at a time, so that it never takes long.
    fn compact_one(&self) -> Result<(), StoreError> {
        let _working = self.working.lock();
        compaction::resume(&self.core)?;
        match compaction::due(&self.core, compaction::DUE_PERCENT).first() {
            Some(segment) => compaction::compact(&self.core, segment).map(drop),
            None => Ok(()),
        }
    }

    /// Compacts every segment of which at least this share is gone, and merges the index into one run.
    pub fn compact(&self, percent: u64, progress: Progress<'_>) -> Result<u64, StoreError> {
        self.flush()?;
        let mut won = 0;
        {
            let _working = self.working.lock();
            compaction::resume(&self.core)?;
            let due = compaction::due(&self.core, percent);
            for (done, segment) in (1u64..).zip(&due) {
                won += compaction::compact(&self.core, segment)?;
                told(progress, done, due.len() as u64)?;
            }
        }
        self.merge_all_files()?;
        Ok(won)
    }

    fn merge_chosen(&self, chosen: &[Placed]) -> Result<(), StoreError> {
        let path = self.new_run_path()?;
        let run = self.merged(chosen, Some(&path))?;
        self.put(chosen, run);
        self.checkpoint()?;
        for old in chosen.iter().filter_map(|placed| placed.run.path()) {
            files::remove(old)?;
        }
        Ok(())
    }

    fn files(&self) -> Vec<Placed> {
        let state = self.core.state.load_full();
        state
            .runs
            .iter()
            .filter(|placed| !placed.run.image().in_memory())
            .cloned()
            .collect()
    }

    fn new_run_path(&self) -> Result<std::path::PathBuf, StoreError> {
        let mut number = 0;
        self.core.update_manifest(|manifest| {
            number = manifest.next_run;
            manifest.next_run += 1;
        })?;
        Ok(self.core.run_folder().join(format!("{number:010}.run")))
    }

    /// The merged run, in memory or in this file.
    fn merged(&self, chosen: &[Placed], path: Option<&Path>) -> Result<Run, StoreError> {
        let started = std::time::Instant::now();
        let runs: Vec<&Run> = chosen.iter().map(|placed| placed.run.as_ref()).collect();
        let snapshot = Snapshot::take(&self.core);
        let alive = |number| snapshot.is_there(number);
        let Some(path) = path else {
            let image = merge(&runs, MergeTarget::Heap, alive)
                .map_err(failing("merging", &self.core.folder))?;
            return Ok(Run::new(image, None));
        };
        let temporary = files::temporary(path);
        let image = merge_into(&temporary, &runs, alive)
            .inspect_err(|_| drop(files::remove(&temporary)))?;
        files::publish(&temporary, path)?;
        metrics::histogram!("stentor_store_index_write_seconds")
            .record(started.elapsed().as_secs_f64());
        Ok(Run::new(image, Some(path.to_path_buf())))
    }

    /// Puts a merged run in the place of those that it was made of.
    fn put(&self, old: &[Placed], run: Run) -> bool {
        let Some(until) = old.last().map(|placed| placed.until) else {
            return false;
        };
        let merged = Placed {
            run: Arc::new(run),
            until,
        };
        let is_old = |placed: &Placed| old.iter().any(|old| Arc::ptr_eq(&old.run, &placed.run));
        self.core.replace_state(|state| {
            let at = state
                .runs
                .iter()
                .position(is_old)
                .unwrap_or(state.runs.len());
            state.runs.retain(|placed| !is_old(placed));
            state.runs.insert(at, merged);
        });
        true
    }

    /// Makes the derived files durable and notes in the manifest up to where they contain the log.
    fn checkpoint(&self) -> Result<(), StoreError> {
        let state = self.core.state.load_full();
        let in_files: Vec<&Placed> = state
            .runs
            .iter()
            .take_while(|placed| !placed.run.image().in_memory())
            .collect();
        let until = match in_files.last() {
            _ if in_files.len() == state.runs.len() => state.end,
            Some(placed) => placed.until,
            None => Position::START,
        };
        let names: Vec<String> = in_files
            .iter()
            .filter_map(|placed| placed.run.path()?.file_name()?.to_str().map(str::to_owned))
            .collect();
        self.core.locator.sync()?;
        self.core.feed.sync()?;
        let cursors = self.core.cursors.lock().clone();
        self.core.update_manifest(|manifest| {
            manifest.checkpoint = until;
            manifest.runs = names;
            manifest.cursors = cursors;
        })
    }
}

/// Merges runs into a new file, durably but for its name.
fn merge_into(
    path: &Path,
    runs: &[&Run],
    alive: impl Fn(u64) -> bool,
) -> Result<Image, StoreError> {
    let file = DiskFile::create(path)?;
    let length = merged_length(runs);
    file.reserve(0, length as u64)?;
    let map = mmap::map_new(file.file(), length).map_err(failing("mapping", path))?;
    let image = merge(runs, MergeTarget::File(map), alive).map_err(failing("writing", path))?;
    let noted = Act::Write {
        offset: 0,
        bytes: image.bytes(),
    };
    act(path, noted, || Ok(())).map_err(failing("writing", path))?;
    file.sync()?;
    Ok(image)
}

/// The newest runs that are to be merged: each older one that is not much larger than all newer ones together.
fn neighbours(runs: &[Placed], largest: usize) -> &[Placed] {
    let mut from = runs.len().saturating_sub(1);
    let mut total = runs.last().map_or(0, |placed| placed.run.len());
    while let Some(older) = from.checked_sub(1).and_then(|at| runs.get(at)) {
        let length = older.run.len();
        if length > total.saturating_mul(FACTOR).max(1) || total + length > largest {
            break;
        }
        total += length;
        from -= 1;
    }
    runs.get(from..).unwrap_or_default()
}
