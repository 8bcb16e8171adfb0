//! `db verify`: reads everything and compares what is derived with the log.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::Arc;

use hashbrown::HashSet;
use stentor_event::{Event, EventView};

use super::core::Core;
use super::feed::{NUMBER, removal_record};
use super::log::{Address, Record, RecordKind, Replayed, SEGMENT_HEADER, Segment, walk};
use super::manifest::Position;
use super::progress::{Progress, told};
use super::run::leading;
use super::state::{Place, Snapshot};
use crate::StoreError;

/// Most findings that are listed; all are counted.
const LISTED: usize = 100;

/// What a verification found.
#[derive(Debug, Clone, Default, serde::Serialize)]
pub struct Verification {
    /// Records of the log that were read.
    pub records: u64,
    /// Events that are there.
    pub events: u64,
    /// Signatures that were verified.
    pub signatures: u64,
    /// How many faults there are.
    pub faults: u64,
    /// The first of them, in words.
    pub listed: Vec<String>,
}

impl Verification {
    fn fault(&mut self, what: impl FnOnce() -> String) {
        self.faults += 1;
        if self.listed.len() < LISTED {
            self.listed.push(what());
        }
    }
}

/// Verifies the store as of now. `signatures`: also every event's signature. `progress` is told the bytes of the log that
/// were read and their total.
pub fn verify(
    core: &Core,
    signatures: bool,
    progress: Progress<'_>,
) -> Result<Verification, StoreError> {
    let snapshot = core.snapshot();
    let mut check = Check {
        core,
        snapshot: &snapshot,
        signatures,
        found: Verification::default(),
        seen: HashSet::new(),
        next: Position::START,
    };
    check.log(progress)?;
    check.ends();
    check.runs();
    Ok(check.found)
}

struct Check<'a> {
    core: &'a Core,
    snapshot: &'a Snapshot,
    signatures: bool,
    found: Verification,
    seen: HashSet<u64>,
    /// What the next record must be.
    next: Position,
}

impl Check<'_> {
    fn log(&mut self, progress: Progress<'_>) -> Result<(), StoreError> {
        let all = self.core.log.segments();
        // While a segment is being replaced by its copy, both are there.
        let segments: BTreeMap<u32, &Arc<Segment>> = all
            .values()
            .map(|segment| (segment.order, segment))
            .collect();
        let total = segments
            .values()
            .filter_map(|s| self.committed(s))
            .map(<[u8]>::len)
            .sum::<usize>();
        let mut done = 0;
        for segment in segments.values() {
            let Some(content) = self.committed(segment) else {
                continue;
            };
            let end = walk(segment, content, SEGMENT_HEADER, &mut |batch| {
                self.batch(&batch);
                Ok(())
            })?;
            if end < content.len() {
                let path = segment.path.display();
                self.found
                    .fault(|| format!("{path} is damaged at byte {end}"));
            }
            done += content.len();
            told(progress, done as u64, total as u64)?;
        }
        Ok(())
    }

    /// What of a segment was committed when the snapshot was taken. What lies behind may be cut off at any time.
    fn committed<'a>(&self, segment: &'a Segment) -> Option<&'a [u8]> {
        let end = Address::unpack(self.snapshot.state.end.address?);
        let content = segment.content().ok()?;
        match segment.order.cmp(&end.segment) {
            Ordering::Less => Some(content),
            Ordering::Equal if segment.is_copy() => Some(content),
            Ordering::Equal => content.get(..end.offset as usize),
            Ordering::Greater => None,
        }
    }

    fn batch(&mut self, batch: &Replayed<'_>) {
        if batch.first_seq != self.next.next_seq {
            let (expected, found) = (self.next.next_seq, batch.first_seq);
            self.found
                .fault(|| format!("position {expected} of the feed expected, {found} found"));
        }
        let mut seq = batch.first_seq;
        for (address, record) in &batch.records {
            self.found.records += 1;
            match record.kind {
                RecordKind::Added | RecordKind::Erased => {
                    self.number(record.number);
                    self.entry(seq, record.number, batch.time_ms);
                    self.came(record, *address);
                }
                RecordKind::Removed => self.left(seq, record),
                RecordKind::Cursor | RecordKind::Commit => continue,
            }
            seq += 1;
        }
        self.next.next_seq = seq;
    }

    fn number(&mut self, number: u64) {
        if number != self.next.next_number {
            let expected = self.next.next_number;
            self.found
                .fault(|| format!("event number {expected} expected, {number} found"));
        }
        self.next.next_number = number + 1;
    }

    /// The feed's entry for an event that came.
    fn entry(&mut self, seq: u64, number: u64, time_ms: u64) {
        let words = [self.core.feed.get(2 * seq), self.core.feed.get(2 * seq + 1)];
        if words != [number, time_ms] {
            self.found
                .fault(|| format!("position {seq} of the feed does not name event {number}"));
        }
    }

    /// An event that came, perhaps without its body.
    fn came(&mut self, record: &Record<'_>, address: Address) {
        let number = record.number;
        match self.snapshot.place(number) {
            Place::At(place) if record.kind == RecordKind::Added => {
                let here = place == address
                    || self
                        .snapshot
                        .event(self.core, number)
                        .is_some_and(|json| json == record.body);
                if here {
                    self.event(record);
                } else if self.snapshot.is_there(number) {
                    self.found.fault(|| {
                        format!("event {number} is not where the locator says ({place:?})")
                    });
                }
            }
            Place::Gone(seq) => {
                let later = seq >= self.snapshot.state.end.next_seq;
                let word = self.core.feed.get(2 * seq);
                if !later && (word == number || word & NUMBER != number) {
                    self.found
                        .fault(|| format!("event {number} is gone, but did not leave at {seq}"));
                }
            }
            place => self
                .found
                .fault(|| format!("event {number} is {place:?} in the locator")),
        }
    }

    /// A removal: that the feed names its record, and the locator its position.
    fn left(&mut self, seq: u64, record: &Record<'_>) {
        let number = record.number;
        let code = record.removal().map_or(0, |gone| gone.cause as u64);
        let named = removal_record(self.core, seq);
        let same = named == record.removal();
        if !same || self.core.feed.get(2 * seq) != (code << 56) | number {
            self.found.fault(|| {
                format!("position {seq} of the feed does not name the removal of {number}")
            });
        }
        if self.snapshot.place(number) != Place::Gone(seq) {
            self.found
                .fault(|| format!("event {number} left at {seq}, but not in the locator"));
        }
    }

    /// That nothing is missing at the end.
    fn ends(&mut self) {
        let end = self.snapshot.state.end;
        let numbers = (self.next.next_number, end.next_number);
        let seqs = (self.next.next_seq, end.next_seq);
        if numbers.0 != numbers.1 || seqs.0 != seqs.1 {
            self.found.fault(|| {
                format!(
                    "the log ends with event {} and position {} of the feed, not with {} and {}",
                    numbers.0, seqs.0, numbers.1, seqs.1
                )
            });
        }
    }

    fn event(&mut self, record: &Record<'_>) {
        let number = record.number;
        self.found.events += 1;
        self.seen.insert(number);
        let Ok(event) = Event::from_canonical(bytes::Bytes::copy_from_slice(record.body)) else {
            return self
                .found
                .fault(|| format!("event {number} cannot be read"));
        };
        if event.check_id().is_err() {
            self.found
                .fault(|| format!("event {number} does not have the id that it claims"));
        }
        if self.signatures {
            self.found.signatures += 1;
            if event.verify_signature().is_err() {
                self.found
                    .fault(|| format!("event {number} has a wrong signature"));
            }
        }
        self.index(&event.view(), number);
    }

    /// Whether an event is found by its id and under all its keys.
    fn index(&mut self, event: &EventView<'_>, number: u64) {
        let runs = &self.snapshot.state.runs;
        let Some(placed) = runs
            .iter()
            .find(|placed| placed.run.numbers().contains(&number))
        else {
            return self
                .found
                .fault(|| format!("event {number} is in no index run"));
        };
        let run = &placed.run;
        let is_it = |rank: &&u32| run.row(**rank).is_some_and(|row| row.number == number);
        if !run
            .ranks_of_id(leading(&event.id().0))
            .iter()
            .any(|rank| is_it(&rank))
        {
            self.found
                .fault(|| format!("event {number} is not found by its id"));
        }
        for key in self.core.keys.keys_of(event) {
            let order = super::run::Row::new(event, number).order();
            let wanted = run.rank_at(order);
            if run.postings(key).binary_search(&wanted).is_err() {
                self.found
                    .fault(|| format!("event {number} is not found under {key:?}"));
            }
        }
    }

    /// The runs themselves: their checksums, and that they name nothing that the log does not hold.
    fn runs(&mut self) {
        for placed in &self.snapshot.state.runs {
            let image = placed.run.image();
            if !image.in_memory() && !image.intact() {
                self.found
                    .fault(|| format!("{:?} does not hold what was written", placed.run.path()));
            }
            let sorted = image.rows().is_sorted_by(|a, b| a.order() < b.order());
            if !sorted {
                self.found
                    .fault(|| format!("{:?} is out of order", placed.run.path()));
            }
            for row in image.rows() {
                if self.snapshot.is_there(row.number) && !self.seen.contains(&row.number) {
                    self.found.fault(|| {
                        format!("event {} is in the index but not in the log", row.number)
                    });
                }
            }
        }
    }
}
