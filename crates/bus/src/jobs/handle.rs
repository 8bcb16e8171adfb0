//! A job, for whoever works on it.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;
use uuid::Uuid;

use super::{Job, Jobs, Reason, Status, table};
use crate::bus::now_ms;
use crate::outbox::{Draft, append};
use crate::{BusError, EventType};

/// Least time between two words about how far it has got.
const TELL_EVERY: Duration = Duration::from_secs(1);

/// Holds a job. Dropped before its end, the job has failed.
pub struct Handle {
    jobs: Jobs,
    job: Job,
    stopped: watch::Receiver<bool>,
    told: Option<Instant>,
}

impl Handle {
    pub(super) const fn new(jobs: Jobs, job: Job, stopped: watch::Receiver<bool>) -> Self {
        Self {
            jobs,
            job,
            stopped,
            told: None,
        }
    }

    /// The job's id.
    pub const fn id(&self) -> Uuid {
        self.job.id
    }

    /// Becomes true when somebody asks for the end of the job.
    pub fn stopped(&self) -> watch::Receiver<bool> {
        self.stopped.clone()
    }

    /// The work begins.
    ///
    /// # Errors
    /// What the records have against it.
    pub async fn started(&mut self) -> Result<(), BusError> {
        self.job.status = Status::Running;
        self.tell(EventType::JobStarted).await
    }

    /// The work has got so far, in percent. Told once a second at most, and only when it is further than before.
    ///
    /// # Errors
    /// What the records have against it.
    pub async fn progress(&mut self, percent: u8) -> Result<(), BusError> {
        let percent = percent.min(100);
        let due = self.told.is_none_or(|told| told.elapsed() >= TELL_EVERY);
        if percent <= self.job.percent || !due {
            return Ok(());
        }
        self.job.percent = percent;
        self.told = Some(Instant::now());
        self.tell(EventType::JobProgress).await
    }

    /// The work is done.
    ///
    /// # Errors
    /// What the records have against it; then it is not known that the job has ended, and it counts as failed later.
    pub async fn completed(mut self) -> Result<(), BusError> {
        let done = Job {
            status: Status::Completed,
            percent: 100,
            ended_ms: Some(now_ms()),
            ..self.job.clone()
        };
        let draft = done.draft(EventType::JobCompleted);
        self.end(done, draft).await
    }

    /// The work cannot be done, or not to the end. What exactly is wrong, readers with a right to details are told.
    ///
    /// # Errors
    /// As [`Handle::completed`].
    pub async fn failed(mut self, reason: Reason, detail: Option<String>) -> Result<(), BusError> {
        let failed = self.job.failed(reason, now_ms());
        let draft = Draft {
            detail: detail.map(serde_json::Value::from),
            ..failed.draft(EventType::JobFailed)
        };
        self.end(failed, draft).await
    }

    async fn end(&mut self, job: Job, draft: Draft) -> Result<(), BusError> {
        write(&self.jobs, &job, draft).await?;
        self.job = job;
        Ok(())
    }

    async fn tell(&self, event_type: EventType) -> Result<(), BusError> {
        write(&self.jobs, &self.job, self.job.draft(event_type)).await
    }
}

/// Writes how it is, with the envelope that says so.
async fn write(jobs: &Jobs, job: &Job, draft: Draft) -> Result<(), BusError> {
    let job = job.clone();
    let written = jobs.bus.shared.database.write(move |tx| {
        if table::update(tx, &job)? {
            append(tx, std::slice::from_ref(&draft), now_ms())?;
        }
        Ok::<_, BusError>(())
    });
    written.await?;
    jobs.bus.wake();
    Ok(())
}

impl Drop for Handle {
    fn drop(&mut self) {
        let mut here = self.jobs.here.lock();
        here.remove(&self.job.id);
        metrics::gauge!("stentor_jobs_running").set(here.len() as f64);
        drop(here);
        if self.job.status.is_end() {
            return;
        }
        // Where there is no runtime any more, the next start does it.
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            return;
        };
        let failed = self.job.failed(Reason::Interrupted, now_ms());
        let jobs = self.jobs.clone();
        let draft = failed.draft(EventType::JobFailed);
        runtime.spawn(async move {
            if let Err(error) = write(&jobs, &failed, draft).await {
                tracing::warn!(%error, job = %failed.id, "the end of a job is not written down");
            }
        });
    }
}
