//! Writing events out.

use std::sync::Arc;

use anyhow::bail;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use stentor_event::{Filter, Viewer};
use stentor_store::{Budget, EventStore, Query, ScanLimits};

use super::{ExportJob, Link, Workshop};
use crate::{clock, filters};

/// What one slice of the scan may do: large, as nobody waits for the first event.
const SLICE: Budget = Budget {
    events: 4_096,
    bytes: 512 * 1024,
    rows: 65_536,
};

/// How far an export has got, and in the end what it did.
#[derive(Debug, Default, Clone, Serialize, Deserialize)]
pub struct Exported {
    /// Events written.
    pub events: u64,
    /// Bytes of these lines, before compression.
    pub bytes: u64,
}

pub async fn run(workshop: &Workshop, job: &ExportJob, link: Link) -> anyhow::Result<Value> {
    let mut filters = filters::parse(&job.filters)?;
    if filters.is_empty() {
        filters.push(Filter::default());
    }
    let limits = ScanLimits { cap: 0, rows: 0 };
    let mut scan = workshop.store.scan(Query {
        filters: Arc::from(filters),
        now: clock::now(),
        before: None,
        limits,
    });
    let viewer = Viewer::operator();
    let mut done = Exported::default();
    loop {
        if link.stopped() {
            bail!("stopped after {} events", done.events);
        }
        let batch = scan.next(&viewer, SLICE).await?;
        let mut lines =
            Vec::with_capacity(batch.events.iter().map(|event| event.json.len() + 1).sum());
        for event in &batch.events {
            lines.extend_from_slice(&event.json);
            lines.push(b'\n');
        }
        done.events += batch.events.len() as u64;
        done.bytes += lines.len() as u64;
        if !lines.is_empty() && link.output.send(lines).await.is_err() {
            bail!("whoever asked for the export has gone away");
        }
        link.report(&done);
        if batch.end.is_some() {
            return Ok(serde_json::to_value(done)?);
        }
    }
}
