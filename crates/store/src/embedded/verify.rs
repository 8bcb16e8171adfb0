//! `db verify`: reads everything and compares what is derived with the log.

use hashbrown::HashSet;
use stentor_event::{Event, EventView};

use super::core::Core;
use super::log::{Address, Record, RecordKind, SEGMENT_HEADER};
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
    progress: &dyn Fn(u64, u64),
) -> Result<Verification, StoreError> {
    let snapshot = core.snapshot();
    let mut check = Check {
        core,
        snapshot: &snapshot,
        signatures,
        found: Verification::default(),
        seen: HashSet::new(),
    };
    check.log(progress)?;
    check.runs();
    Ok(check.found)
}

struct Check<'a> {
    core: &'a Core,
    snapshot: &'a Snapshot,
    signatures: bool,
    found: Verification,
    seen: HashSet<u64>,
}

impl Check<'_> {
    fn log(&mut self, progress: &dyn Fn(u64, u64)) -> Result<(), StoreError> {
        let segments = self.core.log.segments();
        let total = self.core.log.disk_bytes();
        let mut done = 0;
        for segment in segments.values() {
            let content = segment.content()?;
            let mut at = SEGMENT_HEADER;
            while let Some(record) = content.get(at..).and_then(Record::read) {
                self.record(
                    &record,
                    Address {
                        segment: segment.id,
                        offset: at as u32,
                    },
                );
                at += record.length();
            }
            let rest = content.get(at..).unwrap_or_default();
            let growing = self
                .snapshot
                .state
                .end
                .address
                .is_some_and(|end| Address::unpack(end).segment == segment.id);
            if !growing && rest.iter().any(|byte| *byte != 0) {
                self.found
                    .fault(|| format!("{} is damaged at byte {at}", segment.path.display()));
            }
            done += content.len() as u64;
            progress(done, total);
        }
        Ok(())
    }

    fn record(&mut self, record: &Record<'_>, address: Address) {
        self.found.records += 1;
        if record.kind != RecordKind::Added || record.number >= self.snapshot.state.end.next_number
        {
            return;
        }
        match self.snapshot.place(record.number) {
            Place::At(place) if place == address => self.event(record),
            Place::At(place) => {
                let at_home = self.core.log.event(place, record.number).is_some();
                if !at_home {
                    self.found.fault(|| {
                        format!(
                            "event {} is not where the locator says ({place:?})",
                            record.number
                        )
                    });
                }
            }
            Place::Gone(_) => {}
            Place::Unknown => self
                .found
                .fault(|| format!("event {} is not in the locator", record.number)),
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
