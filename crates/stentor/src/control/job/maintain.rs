//! Keeping the store in order.

use std::path::PathBuf;
use std::sync::Arc;

use serde_json::{Value, json};
use tokio::runtime::Handle;
use tokio::sync::watch;

use super::{Link, Workshop};
use crate::backup;

pub async fn verify(
    workshop: Arc<Workshop>,
    signatures: bool,
    link: Link,
) -> anyhow::Result<Value> {
    blocking(move || {
        let found = workshop.store.verify(signatures, &|done, total| {
            report(&link.progress, done, total)
        })?;
        Ok(serde_json::to_value(found)?)
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

pub async fn backup(workshop: Arc<Workshop>, to: PathBuf, link: Link) -> anyhow::Result<Value> {
    blocking(move || {
        let progress = |done, total| report(&link.progress, done, total);
        backup::take(&workshop.store, &workshop.layout, &to, &progress)
    })
    .await
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
