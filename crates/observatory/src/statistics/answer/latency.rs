//! How long events take to arrive at relays, from the buckets of `provenance::latency`.

use serde::Serialize;
use stentor_sql::{Database, Error};
use utoipa::ToSchema;

use crate::clock::read;
use crate::provenance::latency::{EARLY, LATE, middle};

/// Relays of one answer: each may have some 180 buckets.
const MOST: usize = 200;

/// How long events took to arrive at a relay, by their authors' times, of those that came on a live subscription. Authors' times are
/// whole seconds rounded down; quantiles are the middle of a bucket, 6.25 % off at most.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct RelayLatency {
    /// The relay's number.
    pub relay: i64,
    /// Its URL.
    pub url: String,
    /// Events that quantiles are of.
    pub events: u64,
    /// Half of the events came within so many milliseconds.
    pub p50_ms: Option<u64>,
    /// Of twenty events, nineteen came within so many milliseconds.
    pub p95_ms: Option<u64>,
    /// Events that came before their authors' time: a clock is wrong.
    pub early: u64,
    /// Events that were older than a day: somebody sent them anew.
    pub late: u64,
}

/// Latencies by relay, in the order of their numbers, from the one after `after` on; at most 200.
///
/// # Errors
/// Those of the records.
pub(crate) async fn latencies(
    records: &Database,
    after: i64,
    most: usize,
) -> Result<Vec<RelayLatency>, Error> {
    let rows: Vec<(i64, String, i64, i64)> = records
        .fetch_all(
            "SELECT l.relay, r.url, l.bucket, l.count FROM observatory_latency l JOIN observatory_relays r ON r.id = l.relay
             WHERE l.relay IN (SELECT DISTINCT relay FROM observatory_latency WHERE relay > ? ORDER BY relay LIMIT ?)
             ORDER BY l.relay, l.bucket",
            (after, most.min(MOST) as i64),
        )
        .await?;
    let mut relays = Vec::new();
    for rows in rows.chunk_by(|one, other| one.0 == other.0) {
        let Some((relay, url, ..)) = rows.first() else {
            continue;
        };
        let buckets: Vec<(i64, u64)> = rows.iter().map(|row| (row.2, read(row.3))).collect();
        relays.push(of_buckets(*relay, url, &buckets));
    }
    Ok(relays)
}

/// Makes an answer of ascending buckets.
fn of_buckets(relay: i64, url: &str, buckets: &[(i64, u64)]) -> RelayLatency {
    let count = |wanted: i64| {
        let found = buckets.iter().filter(|(bucket, _)| *bucket == wanted);
        found.map(|(_, count)| count).sum()
    };
    let times = buckets.iter().filter(|(bucket, _)| *bucket >= 0);
    let events: u64 = times.clone().map(|(_, count)| count).sum();
    let quantile = |percent: u64| {
        // The rank of the event asked for, from 1 on.
        let rank = (events * percent).div_ceil(100);
        let mut passed = 0;
        let mut times = times.clone();
        let found = times.find(|(_, count)| {
            passed += count;
            passed >= rank
        });
        found.map(|(bucket, _)| middle(*bucket))
    };
    RelayLatency {
        relay,
        url: url.to_owned(),
        events,
        p50_ms: quantile(50),
        p95_ms: quantile(95),
        early: count(EARLY),
        late: count(LATE),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::provenance::latency::bucket;

    proptest! {
        #[test]
        fn o4_1_quantiles_are_within_the_error_of_a_bucket(mut times in prop::collection::vec(0_u64..80_000_000, 1..200)) {
            let mut buckets: BTreeMap<i64, u64> = BTreeMap::new();
            for time in &times {
                *buckets.entry(bucket(*time, 0)).or_default() += 1;
            }
            let buckets: Vec<_> = buckets.into_iter().collect();
            let found = of_buckets(1, "", &buckets);
            times.sort_unstable();
            for (percent, found) in [(50, found.p50_ms), (95, found.p95_ms)] {
                let exact = times[(times.len() * percent).div_ceil(100) - 1];
                prop_assert!(found.unwrap().abs_diff(exact) * 16 <= exact, "{:?} for {}", found, exact);
            }
        }
    }

    #[test]
    fn o4_1_what_stands_apart_moves_no_quantile() {
        let found = of_buckets(1, "", &[(LATE, 9), (EARLY, 7), (5, 1)]);
        assert_eq!((found.late, found.early, found.events), (9, 7, 1));
        assert_eq!((found.p50_ms, found.p95_ms), (Some(5), Some(5)));
        assert_eq!(of_buckets(1, "", &[(LATE, 9)]).p50_ms, None);
    }
}
