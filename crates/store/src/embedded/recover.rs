//! Opening a store: what is derived is loaded as of the checkpoint, and the log's tail is read again.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize};

use arc_swap::ArcSwap;
use bytes::Bytes;
use parking_lot::Mutex;
use stentor_event::{Event, PublicKey};

use super::core::{Core, run_folder};
use super::counters::{Counted, Counters};
use super::files::{self, corrupt, failing};
use super::key::KeyMaker;
use super::log::{Address, HEADER, Log, RecordKind, Replayed, Segment, Tail, Writer, replay};
use super::manifest::{Manifest, Position};
use super::options::Options;
use super::pending::entry;
use super::run::{Entry, Run, build};
use super::state::{Place, Placed, State, gone};
use super::table::Table;
use crate::StoreError;

/// Events of the log's tail that are indexed together.
const PART: usize = 8_192;

/// Opens or creates the store in this folder, whose lock the caller holds.
pub fn recover(folder: &Path, options: Options) -> Result<(Arc<Core>, Writer), StoreError> {
    let manifest = manifest(folder, &options)?;
    let runs = open_runs(folder, &manifest)?;
    let log = Arc::new(Log::open(&folder.join("log"), options.segment_bytes())?);
    let core = Core {
        folder: folder.to_path_buf(),
        scope: ArcSwap::from_pointee(options.scope.clone()),
        options,
        log: log.clone(),
        locator: Table::open(&folder.join("locator"))?,
        feed: Table::open(&folder.join("feed"))?,
        keys: KeyMaker::new(manifest.secret),
        state: ArcSwap::from_pointee(State {
            runs,
            end: manifest.checkpoint,
        }),
        replacing: Mutex::new(()),
        counters: Mutex::new(Counters::default()),
        purged: AtomicU64::new(0),
        coming: AtomicUsize::new(0),
        cursors: Mutex::new(manifest.cursors.clone()),
        manifest: Mutex::new(manifest),
    };
    // Whoever made these files was perhaps killed before they were sure to be there after a power cut.
    files::sync_dir(folder)?;
    super::compaction::finish_moving(&core)?;
    let tail = replay_tail(&core)?;
    if tail.torn > 0 {
        tracing::warn!(
            bytes = tail.torn,
            "cut off an unfinished commit at the end of the log"
        );
    }
    count_events(&core);
    let writer = Writer::open(log, &tail)?;
    Ok((Arc::new(core), writer))
}

fn manifest(folder: &Path, options: &Options) -> Result<Manifest, StoreError> {
    if let Some(manifest) = Manifest::read(folder)? {
        manifest.check_keep(folder, options.keep)?;
        return Ok(manifest);
    }
    let mut secret = [0; 16];
    getrandom::fill(&mut secret).map_err(|e| {
        failing("getting random bytes for", folder)(std::io::Error::other(e.to_string()))
    })?;
    let secret = u128::from_le_bytes(secret);
    let manifest = Manifest::empty(options.keep, ((secret >> 64) as u64, secret as u64));
    manifest.write(folder)?;
    Ok(manifest)
}

/// Opens the runs of the manifest, and removes files that are not in it.
fn open_runs(folder: &Path, manifest: &Manifest) -> Result<Vec<Placed>, StoreError> {
    let folder = run_folder(folder);
    files::create_dir(&folder)?;
    for entry in std::fs::read_dir(&folder).map_err(failing("reading", &folder))? {
        let path = entry.map_err(failing("reading", &folder))?.path();
        let name = path
            .file_name()
            .and_then(|name| name.to_str())
            .unwrap_or_default();
        if !manifest.runs.iter().any(|run| run == name) {
            files::remove(&path)?;
        }
    }
    let open = |name: &String| {
        let run = Arc::new(Run::open(&folder.join(name))?);
        Ok(Placed {
            run,
            until: manifest.checkpoint,
        })
    };
    manifest.runs.iter().map(open).collect()
}

/// Reads what was committed after the checkpoint.
fn replay_tail(core: &Core) -> Result<Tail, StoreError> {
    let start = core.state.load().end;
    let mut tail = TailIndex {
        core,
        end: start,
        entries: Vec::new(),
        first: start.next_number,
    };
    let from = start.address.map(Address::unpack);
    let found = replay(&core.log, from, |batch| tail.take(batch))?;
    tail.build()?;
    Ok(found)
}

struct TailIndex<'a> {
    core: &'a Core,
    end: Position,
    entries: Vec<Entry>,
    first: u64,
}

impl TailIndex<'_> {
    fn take(&mut self, batch: Replayed<'_>) -> Result<(), StoreError> {
        let mut seq = batch.first_seq;
        if seq != self.end.next_seq {
            let what = format!("position {} of the feed expected", self.end.next_seq);
            return Err(self.damaged(batch.start, &format!("{what}, {seq} found")));
        }
        for (address, record) in &batch.records {
            let number = record.number;
            let (code, place, time) = match record.kind {
                RecordKind::Added => {
                    self.add(number, record.body, *address)?;
                    (0, address.pack(), batch.time_ms)
                }
                RecordKind::Removed => {
                    if number >= self.end.next_number {
                        return Err(self.damaged(*address, "an event leaves that never came"));
                    }
                    let cause = record.removal().map_or(0, |gone| gone.cause as u64);
                    (cause, gone(seq), address.pack())
                }
                RecordKind::Cursor => {
                    let reader = String::from_utf8_lossy(record.body).into_owned();
                    self.core.cursors.lock().insert(reader, number);
                    continue;
                }
                RecordKind::Erased => {
                    self.count(number, *address)?;
                    (0, 0, batch.time_ms)
                }
                RecordKind::Commit => continue,
            };
            self.core.locator.ensure(number)?;
            self.core.feed.ensure(2 * seq + 1)?;
            self.core.locator.set(number, place);
            self.core.feed.set(2 * seq, (code << 56) | number);
            self.core.feed.set(2 * seq + 1, time);
            seq += 1;
        }
        self.end.next_seq = seq;
        self.end.address = Some(batch.end.pack());
        if self.entries.len() >= PART {
            self.build()?;
        }
        Ok(())
    }

    fn add(&mut self, number: u64, json: &[u8], address: Address) -> Result<(), StoreError> {
        self.count(number, address)?;
        let event = Event::from_canonical(Bytes::copy_from_slice(json))
            .map_err(|error| self.damaged(address, &error.to_string()))?;
        let keys = self.core.keys.keys_of(&event.view());
        self.entries.push(entry(&event, number, keys));
        Ok(())
    }

    /// Takes the next event number.
    fn count(&mut self, number: u64, address: Address) -> Result<(), StoreError> {
        let expected = self.end.next_number;
        if number != expected {
            let what = format!("event number {expected} expected, {number} found");
            return Err(self.damaged(address, &what));
        }
        self.end.next_number = number + 1;
        Ok(())
    }

    fn damaged(&self, address: Address, what: &str) -> StoreError {
        let path = Segment::path(&self.core.log.folder, address.segment);
        corrupt(&path, u64::from(address.offset), what)
    }

    /// Makes a run of what came together.
    fn build(&mut self) -> Result<(), StoreError> {
        let numbers = self.first..self.end.next_number;
        self.first = numbers.end;
        let image = build(std::mem::take(&mut self.entries), numbers.clone())
            .map_err(failing("building an index run in", &self.core.folder))?;
        let end = self.end;
        self.core.replace_state(|state| {
            if !numbers.is_empty() {
                state.runs.push(Placed {
                    run: Arc::new(Run::new(image, None)),
                    until: end,
                });
            }
            state.end = end;
        });
        Ok(())
    }
}

/// Counts the events that are there, by kind and by segment.
fn count_events(core: &Core) {
    let snapshot = core.snapshot();
    let mut counters = core.counters.lock();
    for placed in &snapshot.state.runs {
        for row in placed.run.image().rows() {
            if let Place::At(address) = snapshot.place(row.number) {
                counters.added(&Counted {
                    kind: row.kind,
                    author: PublicKey([0; 32]),
                    keys: &[],
                    segment: address.segment,
                    bytes: u64::from(row.length) + HEADER as u64,
                });
            }
        }
    }
}
