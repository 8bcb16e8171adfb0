//! What benchmarks measure: parts of services, without their surroundings. Behind the feature `measure`.

use std::path::Path;
use std::sync::Arc;

use stentor_sql::{Database, DatabaseConfig, Error};
use stentor_store::Change;

use crate::provenance::{How, Pair, credit};
use crate::schema;
use crate::statistics;
use crate::table::RelayId;

/// Pairs of one relay, as they come.
#[derive(Debug, Clone, Copy)]
pub struct Pairs {
    /// The relay.
    pub relay: i64,
    /// The number of the first event.
    pub first: u64,
    /// From one number to the next.
    pub step: u64,
    /// How many.
    pub count: u64,
    /// Whether they come on a live subscription.
    pub live: bool,
}

impl Pairs {
    fn all(self) -> Vec<Pair> {
        let pair = |place: u64| {
            let number = self.first + place * self.step;
            // As events arrive: some tens of milliseconds from one to the next, made within the ten seconds before.
            let seen_ms = 1_700_000_000_000 + number * 40 + number % 7;
            Pair {
                number,
                relay: RelayId(self.relay),
                seen_ms,
                created_ms: (seen_ms - number.wrapping_mul(7_919) % 10_000) / 1_000 * 1_000,
                how: if self.live { How::Live } else { How::Fetched },
            }
        };
        (0..self.count).map(pair).collect()
    }
}

/// Records of an observatory.
#[derive(Debug, Clone)]
pub struct Records(Database);

impl Records {
    /// Empty ones in this folder.
    ///
    /// # Errors
    /// Those of the records.
    pub async fn open(folder: &Path) -> Result<Self, Error> {
        let config = DatabaseConfig {
            path: folder.join("records.sqlite"),
            ..DatabaseConfig::default()
        };
        let records = Database::open(&config).await?;
        records.migrate(&schema::MIGRATIONS).await?;
        Ok(Self(records))
    }

    /// Takes pairs down, each group as one settlement, all of them in one transaction, so that little of the time is that of the
    /// disk. Returns how many were new.
    ///
    /// # Errors
    /// Those of the records.
    pub async fn credit(&self, groups: &[Pairs]) -> Result<u64, Error> {
        let groups: Vec<Vec<Pair>> = groups.iter().map(|group| group.all()).collect();
        let credited = self.0.write(move |tx| {
            let mut new = 0;
            for group in &groups {
                new += credit(tx, group)?;
            }
            Ok(new)
        });
        credited.await
    }

    /// Counts a batch of the archive's feed that begins after this place.
    ///
    /// # Errors
    /// Those of the records.
    pub async fn count(&self, after: u64, changes: &[Change]) -> Result<(), Error> {
        let batch = Arc::new(statistics::Batch::of(changes));
        let last = changes.last().map_or(after, |change| change.seq.0);
        let span = statistics::Span { after, last };
        self.0
            .write(move |tx| statistics::apply(tx, &batch, &[], span, 1_700_000_000_000))
            .await
    }
}
