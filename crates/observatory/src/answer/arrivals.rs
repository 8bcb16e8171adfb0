//! The relays that most events came from live, and how long these took.

use stentor_sql::{Database, Error};

use crate::statistics::answer::{RelayLatency, latencies};

/// Relays that are told, at most: each is a statement.
const MOST: usize = 50;

/// Latencies of the relays that most events came from live, by the author's time, in this order; at most 50. Relays whose events all
/// came too early or too late to tell come last.
///
/// # Errors
/// Those of the records.
pub(crate) async fn arrivals(records: &Database, most: usize) -> Result<Vec<RelayLatency>, Error> {
    let relays: Vec<(i64,)> = records
        .fetch_all(
            "SELECT l.relay FROM observatory_latency l JOIN observatory_relays r ON r.id = l.relay GROUP BY l.relay
             ORDER BY SUM(CASE WHEN l.bucket >= 0 THEN l.count ELSE 0 END) DESC, l.relay LIMIT ?",
            (most.min(MOST) as i64,),
        )
        .await?;
    let mut found = Vec::with_capacity(relays.len());
    for (relay,) in relays {
        // The first one behind the number before it.
        found.extend(latencies(records, relay - 1, 1).await?);
    }
    Ok(found)
}
