//! How large the logs are and how far back they reach, for the metrics (G7).
//!
//! * `stentor_bus_log_entries{log}`: positions that are kept, `nostr` or `records`;
//! * `stentor_bus_log_first{log}`, `stentor_bus_log_last{log}`: the first and the last of them;
//! * `stentor_bus_log_bytes`: bytes of the log of the records, about (that of Nostr is the store's feed);
//! * `stentor_bus_oldest_seconds{log}`: the age of the oldest entry: older cursors are told to resynchronise. 0 for an empty log;
//! * `stentor_bus_lag`: changes of the store that live readers have not been offered yet;
//! * `stentor_bus_readers`, `stentor_bus_errors_total`, `stentor_bus_ephemeral_dropped_total`.

use metrics::gauge;

use crate::bus::{Shared, now_ms};
use crate::{BusError, Log, feed, oldest, outbox};

/// Measures both logs.
pub(crate) async fn logs(shared: &Shared) -> Result<(), BusError> {
    let store = shared.store.as_ref();
    let (before, last) = (oldest::oldest_change(shared).await?.seq, store.last_seq().0);
    let change = feed::change_at(store, before + 1).await?;
    log(
        "nostr",
        before + 1,
        last,
        change.map(|one| one.committed_ms),
    );
    let extent = outbox::extent(&shared.database).await?;
    let kept = outbox::kept(&shared.database).await?;
    log("records", extent.first, extent.last, kept.oldest_ms);
    gauge!("stentor_bus_log_bytes").set(kept.bytes as f64);
    Ok(())
}

fn log(name: &'static str, first: u64, last: u64, oldest_ms: Option<u64>) {
    let entries = (last + 1).saturating_sub(first);
    let age_ms = oldest_ms.map_or(0, |oldest| now_ms().saturating_sub(oldest));
    gauge!("stentor_bus_log_entries", "log" => name).set(entries as f64);
    gauge!("stentor_bus_log_first", "log" => name).set(first as f64);
    gauge!("stentor_bus_log_last", "log" => name).set(last as f64);
    gauge!("stentor_bus_oldest_seconds", "log" => name).set(age_ms as f64 / 1_000.0);
}

/// How far live readers are behind the store.
pub(crate) fn lag(shared: &Shared) {
    let behind = match shared.hub.live() {
        // For nobody nothing is read.
        0 => 0,
        _ => {
            let read_to = shared.hub.end(Log::Nostr).seq;
            shared.store.last_seq().0.saturating_sub(read_to)
        }
    };
    gauge!("stentor_bus_lag").set(behind as f64);
}
