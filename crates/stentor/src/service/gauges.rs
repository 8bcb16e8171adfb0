//! Figures of the store and the process for the metrics, measured now and then.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use metrics::gauge;
use stentor_store::embedded::Store;
use stentor_store::search::Search;
use stentor_store::{EventStore, Statistics};

use super::process;

/// Time between two measurements.
pub const EVERY: Duration = Duration::from_secs(15);

/// Measures once. Reads the sizes of files, so it is no work for a thread that serves connections.
pub fn measure(store: &Arc<Store>, search: Option<&Search>, data: &Path) {
    process::measure(data);
    set(&store.statistics());
    if let Some(search) = search {
        set_lag("search", search.lag());
    }
}

#[allow(clippy::cast_precision_loss)]
fn set_lag(reader: &str, lag: u64) {
    gauge!("stentor_store_feed_lag", "reader" => reader.to_owned()).set(lag as f64);
}

// Figures for a graph: what a float cannot tell apart, nobody sees.
#[allow(clippy::cast_precision_loss)]
fn set(figures: &Statistics) {
    gauge!("stentor_store_events").set(figures.events as f64);
    gauge!("stentor_store_feed_position").set(figures.last_seq as f64);
    gauge!("stentor_store_runs").set(figures.runs as f64);
    gauge!("stentor_store_unflushed_events").set(figures.unflushed as f64);
    gauge!("stentor_store_dead_bytes").set(figures.dead_bytes as f64);
    for (reader, position) in &figures.readers {
        set_lag(reader, figures.last_seq.saturating_sub(*position));
    }
    for (part, bytes) in &figures.disk_bytes {
        gauge!("stentor_store_bytes", "part" => part.clone()).set(*bytes as f64);
    }
}
