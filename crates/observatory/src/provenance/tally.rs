//! What a change of pairs adds up to in the tables of counts, written once at its end.

use std::collections::BTreeMap;

use stentor_sql::{Error, Transaction};

use super::copies::Copies;
use crate::table::{for_rows, rows};

/// Differences to the counts.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// By relay: events, and events that nobody else holds.
    relays: BTreeMap<i64, [i64; 2]>,
    /// Events by the number of their copies.
    replication: BTreeMap<i64, i64>,
    /// Pairs by relay and bucket.
    latency: BTreeMap<(i64, i64), i64>,
}

impl Tally {
    /// This relay holds so many more events.
    pub fn events(&mut self, relay: i64, more: i64) {
        self.relays.entry(relay).or_default()[0] += more;
    }

    /// An event whose copies were these has those now.
    pub fn copies(&mut self, before: Copies, after: Copies) {
        for (copies, sign) in [(before, -1), (after, 1)] {
            let count = match copies {
                Copies::None | Copies::Gone => continue,
                Copies::One(relay) => {
                    self.relays.entry(relay).or_default()[1] += sign;
                    1
                }
                Copies::Many(count) => i64::from(count),
            };
            *self.replication.entry(count).or_default() += sign;
        }
    }

    /// An event came from this relay in the time of this bucket.
    pub fn latency(&mut self, relay: i64, bucket: i64) {
        *self.latency.entry((relay, bucket)).or_default() += 1;
    }

    /// Adds it to the counts.
    pub fn write(self, tx: &mut Transaction<'_>) -> Result<(), Error> {
        let relays = self.relays.into_iter();
        let relays = relays.filter(|(_, changes)| *changes != [0, 0]);
        let relays: Vec<_> = relays
            .map(|(relay, [events, exclusive])| [relay, events, exclusive])
            .collect();
        if !relays.is_empty() {
            tx.execute(
                for_rows!(
                    "INSERT INTO observatory_relay_counts (relay, events, exclusive)
                     SELECT CAST(value ->> 0 AS BIGINT), CAST(value ->> 1 AS BIGINT), CAST(value ->> 2 AS BIGINT)",
                    "WHERE true ON CONFLICT (relay) DO UPDATE SET
                     events = observatory_relay_counts.events + excluded.events,
                     exclusive = observatory_relay_counts.exclusive + excluded.exclusive"
                ),
                (rows(relays),),
            )?;
        }
        let copies = self
            .replication
            .into_iter()
            .map(|(count, more)| [count, more]);
        let copies: Vec<_> = copies.filter(|[_, more]| *more != 0).collect();
        if !copies.is_empty() {
            tx.execute(
                for_rows!(
                    "INSERT INTO observatory_replication (copies, events)
                     SELECT CAST(value ->> 0 AS BIGINT), CAST(value ->> 1 AS BIGINT)",
                    "WHERE true ON CONFLICT (copies) DO UPDATE SET
                     events = observatory_replication.events + excluded.events"
                ),
                (rows(copies),),
            )?;
        }
        if !self.latency.is_empty() {
            let latency = self.latency.into_iter();
            let latency = latency.map(|((relay, bucket), count)| [relay, bucket, count]);
            tx.execute(
                for_rows!(
                    "INSERT INTO observatory_latency (relay, bucket, count)
                     SELECT CAST(value ->> 0 AS BIGINT), CAST(value ->> 1 AS BIGINT), CAST(value ->> 2 AS BIGINT)",
                    "WHERE true ON CONFLICT (relay, bucket) DO UPDATE SET
                     count = observatory_latency.count + excluded.count"
                ),
                (rows(latency),),
            )?;
        }
        Ok(())
    }
}
