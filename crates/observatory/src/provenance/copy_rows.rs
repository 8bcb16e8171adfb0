//! Rows of copies as they are worked on within one transaction.

use std::collections::{BTreeMap, BTreeSet};

use stentor_sql::{Error, Transaction};

use super::chunk::corrupt;
use super::copies::{self, Copies};
use crate::clock::{read, stored};
use crate::table::{for_rows, rows};

/// Rows of copies.
#[derive(Debug, Default)]
pub(super) struct CopyRows(BTreeMap<u64, copies::Row>);

impl CopyRows {
    /// Reads those in which these numbers are.
    pub fn read(
        tx: &mut Transaction<'_>,
        numbers: impl IntoIterator<Item = u64>,
    ) -> Result<Self, Error> {
        let parts: BTreeSet<u64> = numbers
            .into_iter()
            .map(|number| number >> copies::BITS)
            .collect();
        let found: Vec<(i64, Vec<u8>)> = tx.fetch_all(
            for_rows!(
                "SELECT part, copies FROM observatory_copies WHERE part IN (SELECT CAST(value ->> 0 AS BIGINT)",
                ")"
            ),
            (rows(parts.iter().map(|part| [stored(*part)])),),
        )?;
        let mut known: BTreeMap<u64, copies::Row> = parts
            .into_iter()
            .map(|part| (part, copies::Row::default()))
            .collect();
        for (part, bytes) in found {
            let row = copies::Row::decode(&bytes).ok_or_else(|| corrupt("copies"))?;
            known.insert(read(part), row);
        }
        Ok(Self(known))
    }

    /// Who holds the event of this number.
    pub fn get(&self, number: u64) -> Copies {
        let row = self.0.get(&(number >> copies::BITS));
        row.map(|row| row.get(number)).unwrap_or_default()
    }

    /// Says who does.
    pub fn set(&mut self, number: u64, copies: Copies) {
        self.0
            .entry(number >> copies::BITS)
            .or_default()
            .set(number, copies);
    }

    /// Writes those that changed.
    pub fn write(&self, tx: &mut Transaction<'_>) -> Result<(), Error> {
        for (part, row) in self.0.iter().filter(|(_, row)| row.changed) {
            tx.execute(
                "INSERT INTO observatory_copies (part, copies) VALUES (?, ?)
                 ON CONFLICT (part) DO UPDATE SET copies = excluded.copies",
                (stored(*part), row.encode()),
            )?;
        }
        Ok(())
    }
}
