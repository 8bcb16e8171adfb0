//! A batch of records on its way into the log.

use super::record::{Commit, Record, RecordKind, commit_body};

/// Records that are committed together.
#[derive(Default)]
pub struct BatchBuffer {
    bytes: Vec<u8>,
    records: u32,
}

impl BatchBuffer {
    /// Adds a record; returns where it will stand, from the start of the batch.
    pub fn push(&mut self, kind: RecordKind, number: u64, body: &[u8]) -> u32 {
        let at = self.bytes.len() as u32;
        Record::write(&mut self.bytes, kind, number, body);
        self.records += 1;
        at
    }

    /// Adds the commit record.
    pub fn close(&mut self, first_seq: u64, time_ms: u64) {
        let body = commit_body(Commit {
            time_ms,
            records: self.records,
            bytes: self.bytes.len() as u32,
        });
        Record::write(&mut self.bytes, RecordKind::Commit, first_seq, &body);
    }

    /// The bytes so far.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Whether there is no record yet.
    pub fn is_empty(&self) -> bool {
        self.records == 0
    }

    /// Forgets everything, keeping the memory up to a size.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.bytes.shrink_to(8 << 20);
        self.records = 0;
    }
}
