//! Telling how a query is answered.

use std::sync::Arc;
use std::time::Instant;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use stentor_event::Viewer;
use stentor_store::{Budget, EventStore, Explanation, Query, ScanLimits};

use super::Workshop;
use crate::{clock, filters};

/// Most events of one filter that are fetched to measure the cost.
const CAP: u64 = 5_000;
/// Most rows that are looked at to measure the cost.
const ROWS: u64 = 20_000_000;
const SLICE: Budget = Budget {
    events: 512,
    bytes: 1024 * 1024,
    rows: 16_384,
};

/// A plan, and what it cost where it was run.
#[derive(Debug, Serialize, Deserialize)]
pub struct Explained {
    /// The plan, with the cost where it was run.
    pub plan: Value,
    /// What running it took.
    pub run: Option<Cost>,
}

/// What a query took.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Cost {
    /// Events returned.
    pub events: u64,
    /// Bytes of these.
    pub bytes: u64,
    /// Rows looked at.
    pub rows: u64,
    /// Microseconds to the first event.
    pub first_us: u64,
    /// Microseconds to the end.
    pub total_us: u64,
}

pub async fn run(workshop: &Workshop, texts: &[String], run: bool) -> anyhow::Result<Value> {
    let filters = Arc::from(filters::parse(texts)?);
    let limits = ScanLimits {
        cap: CAP,
        rows: ROWS,
    };
    let query = Query {
        filters,
        now: clock::now(),
        before: None,
        limits,
    };
    let (plan, cost) = if run {
        let (plan, cost) = measure(workshop, query).await?;
        (plan, Some(cost))
    } else {
        (workshop.store.explain(&query), None)
    };
    Ok(serde_json::to_value(Explained {
        plan: serde_json::to_value(plan)?,
        run: cost,
    })?)
}

async fn measure(workshop: &Workshop, query: Query) -> anyhow::Result<(Explanation, Cost)> {
    let viewer = Viewer::operator();
    let started = Instant::now();
    let elapsed = || u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX);
    let mut scan = workshop.store.scan(query);
    let mut cost = Cost::default();
    loop {
        let batch = scan.next(&viewer, SLICE).await?;
        if cost.events == 0 && !batch.events.is_empty() {
            cost.first_us = elapsed();
        }
        cost.events += batch.events.len() as u64;
        cost.bytes += batch
            .events
            .iter()
            .map(|event| event.json.len() as u64)
            .sum::<u64>();
        cost.rows += batch.rows;
        if batch.end.is_some() {
            cost.total_us = elapsed();
            return Ok((scan.explain(), cost));
        }
    }
}
