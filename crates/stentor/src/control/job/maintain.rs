//! Keeping the store in order.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, bail};
use serde_json::{Value, json};
use stentor_event::Timestamp;
use stentor_relay::retention::{Mode, Report};
use tokio::runtime::Handle;
use tokio::sync::watch;

use super::{Keeping, Link, Workshop};
use crate::backup;

pub async fn verify(
    workshop: Arc<Workshop>,
    signatures: bool,
    link: Link,
) -> anyhow::Result<Value> {
    let records = match workshop.records.existing().await? {
        Some(access) => {
            let found = access.records().integrity().await;
            found.context("reading the records")?.unwrap_or_default()
        }
        None => Vec::new(),
    };
    blocking(move || {
        let found = workshop.store.verify(signatures, &|done, total| {
            report(&link.progress, done, total)
        })?;
        let mut found = serde_json::to_value(found)?;
        if let Some(found) = found.as_object_mut() {
            found.insert("faults_of_records".to_owned(), json!(records));
        }
        Ok(found)
    })
    .await
}

pub async fn compact(workshop: Arc<Workshop>, percent: u64, link: Link) -> anyhow::Result<Value> {
    blocking(move || {
        let progress = |done, total| report(&link.progress, done, total);
        let won = Handle::current().block_on(workshop.store.compact(percent, &progress))?;
        Ok(json!({ "bytes_won": won }))
    })
    .await
}

pub async fn backup(workshop: &Workshop, to: PathBuf, link: Link) -> anyhow::Result<Value> {
    let progress = move |done, total| report(&link.progress, done, total);
    let Workshop {
        store,
        records,
        layout,
        ..
    } = workshop;
    backup::take(store, records, layout, to, progress).await
}

pub async fn retention(
    workshop: Arc<Workshop>,
    dry_run: bool,
    mut link: Link,
) -> anyhow::Result<Value> {
    let Keeping { keeper, config } = (workshop.retention)()?;
    let mode = if dry_run { Mode::DryRun } else { Mode::Remove };
    let progress = |rule: &Report| super::report(&link.progress, rule);
    let pass = keeper.pass(&config, now(), mode, &progress);
    let rules = tokio::select! {
        rules = pass => rules?,
        _ = link.stop.wait_for(|stop| *stop) => bail!("ended early; what was removed stays removed"),
    };
    Ok(json!({ "dry_run": dry_run, "rules": rules }))
}

fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    Timestamp(since.map_or(0, |since| since.as_secs()))
}

fn report(progress: &watch::Sender<Value>, done: u64, total: u64) {
    super::report(progress, &json!({ "done": done, "total": total }));
}

/// Work that reads or writes files for long, away from the threads that serve connections.
async fn blocking(
    work: impl FnOnce() -> anyhow::Result<Value> + Send + 'static,
) -> anyhow::Result<Value> {
    tokio::task::spawn_blocking(work).await?
}
