//! Keeping the store in order.

use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, bail};
use serde_json::{Value, json};
use stentor_relay::retention::{Mode, Report};
use tokio::runtime::Handle;
use tokio::sync::watch;

use super::{Keeping, Link, Workshop};
use crate::{backup, clock};

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
        let progress = |done, total| told(&link.progress, &link.stop, done, total);
        let found = workshop.store.verify(signatures, &progress)?;
        let mut found = serde_json::to_value(found)?;
        if let Some(found) = found.as_object_mut() {
            found.insert("faults_of_records".to_owned(), json!(records));
        }
        Ok(found)
    })
    .await
}

pub async fn compact(workshop: Arc<Workshop>, percent: u64, link: Link) -> anyhow::Result<Value> {
    let Link { progress, stop, .. } = link;
    blocking(move || {
        let progress = |done, total| told(&progress, &stop, done, total);
        let won = Handle::current().block_on(workshop.store.compact(percent, &progress))?;
        Ok(json!({ "bytes_won": won }))
    })
    .await
}

pub async fn backup(workshop: &Workshop, to: PathBuf, link: Link) -> anyhow::Result<Value> {
    let progress = move |done, total| told(&link.progress, &link.stop, done, total);
    let Workshop {
        store,
        records,
        layout,
        observing,
        ..
    } = workshop;
    let archive = observing.archive(store.clone()).await?;
    let incomplete = format!("{} is not complete", to.display());
    let stores = backup::Stores {
        relay: store,
        archive,
    };
    let taken = backup::take(stores, records, layout, to, progress).await;
    taken.context(incomplete)
}

pub async fn retention(
    workshop: Arc<Workshop>,
    dry_run: bool,
    mut link: Link,
) -> anyhow::Result<Value> {
    let Keeping { keeper, config } = (workshop.retention)()?;
    let mode = if dry_run { Mode::DryRun } else { Mode::Remove };
    let progress = |rule: &Report| super::report(&link.progress, rule);
    let pass = keeper.pass(&config, clock::now(), mode, &progress);
    let rules = tokio::select! {
        rules = pass => rules?,
        _ = link.stop.wait_for(|stop| *stop) => bail!("ended early; what was removed stays removed"),
    };
    Ok(json!({ "dry_run": dry_run, "rules": rules }))
}

/// Tells how far the work has got, and whether whoever wants it still does.
fn told(
    progress: &watch::Sender<Value>,
    stop: &watch::Receiver<bool>,
    done: u64,
    total: u64,
) -> ControlFlow<()> {
    super::report(progress, &json!({ "done": done, "total": total }));
    match *stop.borrow() {
        true => ControlFlow::Break(()),
        false => ControlFlow::Continue(()),
    }
}

/// Work that reads or writes files for long, away from the threads that serve connections.
async fn blocking(
    work: impl FnOnce() -> anyhow::Result<Value> + Send + 'static,
) -> anyhow::Result<Value> {
    tokio::task::spawn_blocking(work).await?
}

#[cfg(test)]
mod tests {
    use stentor_event::{EventBuilder, Kind, SecretKey, Timestamp};
    use stentor_store::{EventStore, Submission};
    use tokio::sync::mpsc;

    use super::*;
    use crate::config::Config;
    use crate::control::{Job, run};
    use crate::layout::Layout;
    use crate::{access, clock};

    /// Whoever gave the job has gone, or pressed Ctrl-C.
    #[tokio::test]
    async fn p5_work_that_nobody_wants_any_more_ends() {
        let folder = tempfile::tempdir().unwrap();
        let (layout, config) = (Layout::new(folder.path()), Config::default());
        let options = access::options(&config).unwrap();
        let store = access::open_store(&layout.relay_store(), options).unwrap();
        let key = SecretKey::from_bytes([7; 32]).unwrap();
        let event = EventBuilder::new(Kind(1), Timestamp(1)).sign(&key);
        let submission = Submission {
            event,
            verified: true,
        };
        store.submit(vec![submission], clock::now()).await.unwrap();
        let workshop = Arc::new(access::workshop(store, &layout, &config));
        let jobs = [
            Job::Verify { signatures: false },
            Job::Backup {
                to: folder.path().join("copy"),
            },
        ];
        for job in jobs {
            let (_stop, stop) = watch::channel(true);
            let link = Link {
                input: None,
                output: mpsc::channel(1).0,
                progress: watch::channel(Value::Null).0,
                stop,
            };
            let error = run(Arc::clone(&workshop), job, link).await.unwrap_err();
            assert!(format!("{error:#}").contains("ended early"), "{error:#}");
        }
    }
}
