//! Long jobs of a running node, as everybody who may can follow and cancel them (G1.6).
//!
//! What goes wrong with telling of a job does not keep it from being done.

use std::pin::pin;
use std::sync::Arc;

use serde_json::Value;
use stentor_auth::Tenant;
use stentor_bus::BusError;
use stentor_bus::jobs::{Handle, JobKind, Reason};
use stentor_store::StoreError;
use tokio::sync::watch;
use tracing::warn;

use super::{Job, Link, ObserveJob, Workshop};

/// Whose the jobs of the shell are.
const OWNER: &str = "shell";

/// Does a job, and tells of it if it is a long one.
///
/// # Errors
/// What kept the job from being done.
pub async fn run(workshop: Arc<Workshop>, job: Job, link: Link) -> anyhow::Result<Value> {
    let Some((jobs, kind)) = workshop.jobs.clone().zip(kind(&job)) else {
        return super::run(workshop, job, link).await;
    };
    let tenant = Tenant::default();
    match jobs.queue(kind, tenant.as_str(), OWNER).await {
        Ok(handle) => track(handle, workshop, job, link).await,
        Err(error) => {
            warn!(%error, "a job cannot be followed");
            super::run(workshop, job, link).await
        }
    }
}

const fn kind(job: &Job) -> Option<JobKind> {
    match job {
        Job::Import(_) | Job::Observe(ObserveJob::Import { .. }) => Some(JobKind::Import),
        Job::Export(_) | Job::Observe(ObserveJob::Export { .. }) => Some(JobKind::Export),
        Job::Sync(_) => Some(JobKind::Sync),
        Job::Backup { .. } => Some(JobKind::Backup),
        Job::RebuildSearch => Some(JobKind::Reindex),
        Job::Compact { .. } => Some(JobKind::Compaction),
        Job::Verify { .. } => Some(JobKind::Verification),
        Job::Retention { dry_run: false } => Some(JobKind::Retention),
        _ => None,
    }
}

async fn track(
    mut handle: Handle,
    workshop: Arc<Workshop>,
    job: Job,
    mut link: Link,
) -> anyhow::Result<Value> {
    let (stop, stopped) = watch::channel(false);
    let mut given_up = std::mem::replace(&mut link.stop, stopped);
    let mut cancelled = handle.stopped();
    let mut progress = link.progress.subscribe();
    let mut done = pin!(super::run(workshop, job, link));
    told(handle.started().await);
    let mut why = Reason::Internal;
    let result = loop {
        let going = !*stop.borrow();
        tokio::select! {
            result = &mut done => break result,
            true = asked_for(&mut cancelled), if going => {
                why = Reason::Cancelled;
                stop.send_replace(true);
            }
            true = asked_for(&mut given_up), if going => {
                why = Reason::Interrupted;
                stop.send_replace(true);
            }
            Ok(()) = progress.changed() => {
                let percent = percent(&progress.borrow_and_update());
                if let Some(percent) = percent {
                    told(handle.progress(percent).await);
                }
            }
        }
    };
    let stopped = *stop.borrow();
    match &result {
        Ok(_) if !stopped => told(handle.completed().await),
        Ok(_) => told(handle.failed(why, None).await),
        Err(_) if stopped => told(handle.failed(why, None).await),
        Err(error) => told(
            handle
                .failed(reason(error), Some(format!("{error:#}")))
                .await,
        ),
    }
    result
}

/// Waits until the end is asked for; `false` when nobody is left who could.
async fn asked_for(wish: &mut watch::Receiver<bool>) -> bool {
    wish.wait_for(|asked| *asked).await.is_ok()
}

/// The category of what went wrong.
fn reason(error: &anyhow::Error) -> Reason {
    let is_storage = error.chain().any(|cause| {
        cause.is::<StoreError>() || cause.is::<stentor_sql::Error>() || cause.is::<std::io::Error>()
    });
    if is_storage {
        Reason::Storage
    } else {
        Reason::Internal
    }
}

/// How far a job has got, if it says so.
fn percent(progress: &Value) -> Option<u8> {
    let done = progress.get("done")?.as_u64()?;
    let total = progress.get("total")?.as_u64().filter(|total| *total > 0)?;
    u8::try_from(u128::from(done.min(total)) * 100 / u128::from(total)).ok()
}

fn told(result: Result<(), BusError>) {
    if let Err(error) = result {
        warn!(%error, "how it is with a job is not written down");
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn g1_6_percents_are_of_what_is_to_be_done() {
        assert_eq!(percent(&json!({ "done": 1, "total": 3 })), Some(33));
        assert_eq!(percent(&json!({ "done": 5, "total": 3 })), Some(100));
        assert_eq!(
            percent(&json!({ "done": u64::MAX, "total": u64::MAX })),
            Some(100)
        );
        for unknown in [json!({}), json!({ "done": 1, "total": 0 }), json!(null)] {
            assert_eq!(percent(&unknown), None);
        }
    }

    #[test]
    fn g2_4_errors_become_categories() {
        let error = anyhow::Error::new(StoreError::Closed).context("importing");
        assert_eq!(reason(&error), Reason::Storage);
        assert_eq!(reason(&anyhow::anyhow!("else")), Reason::Internal);
    }
}
