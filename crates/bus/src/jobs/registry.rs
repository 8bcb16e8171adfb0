//! The jobs of all nodes on one database.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};
use uuid::Uuid;

use super::{Handle, Job, JobKind, Reason, Status, table};
use crate::bus::{Bus, now_ms};
use crate::envelope::new_id;
use crate::outbox::append;
use crate::{BusError, EventType};

/// How often it is looked for what other nodes ask for.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Looks between two times of forgetting.
const LOOKS: u32 = 600;
/// Jobs that have ended and are remembered.
const REMEMBERED: u64 = 10_000;

/// Which jobs are asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    /// Those of this tenant.
    pub tenant: String,
    /// Those of this owner only.
    pub owner: Option<String>,
    /// Those that were given before this one.
    pub before: Option<Uuid>,
    /// At most so many.
    pub limit: u32,
}

/// The jobs. Cloning shares it.
#[derive(Clone)]
pub struct Jobs {
    pub(super) bus: Bus,
    node: Arc<str>,
    /// The jobs that this node works on, and how to tell them to end.
    pub(super) here: Arc<Mutex<HashMap<Uuid, watch::Sender<bool>>>>,
}

impl Jobs {
    /// The jobs of a bus, for the node of this name, which no other node on the database has. What an earlier process under
    /// the name has left unfinished is failed.
    ///
    /// # Errors
    /// What the records have against it.
    pub async fn open(bus: Bus, node: &str) -> Result<Self, BusError> {
        let jobs = Self {
            bus,
            node: node.into(),
            here: Arc::default(),
        };
        jobs.fail_left_over().await?;
        Ok(jobs)
    }

    /// A new job, which waits for its turn.
    ///
    /// # Errors
    /// What the records have against it.
    pub async fn queue(
        &self,
        kind: JobKind,
        tenant: &str,
        owner: &str,
    ) -> Result<Handle, BusError> {
        let created_ms = now_ms();
        let job = Job {
            id: new_id(created_ms).map_err(|_| BusError::NoRandomness)?,
            kind,
            tenant: tenant.to_owned(),
            owner: owner.to_owned(),
            status: Status::Queued,
            percent: 0,
            reason: None,
            created_ms,
            ended_ms: None,
        };
        let (row, node) = (job.clone(), Arc::clone(&self.node));
        let queued = self.bus.shared.database.write(move |tx| {
            table::insert(tx, &row, &node)?;
            append(tx, &[row.draft(EventType::JobQueued)], created_ms)
        });
        queued.await?;
        self.bus.wake();
        let (stop, stopped) = watch::channel(false);
        self.here.lock().insert(job.id, stop);
        metrics::gauge!("stentor_jobs_running").set(self.here.lock().len() as f64);
        Ok(Handle::new(self.clone(), job, stopped))
    }

    /// A job.
    ///
    /// # Errors
    /// What the records have against it.
    pub async fn get(&self, id: Uuid) -> Result<Option<Job>, BusError> {
        let read = move |tx: &mut stentor_sql::Transaction<'_>| Ok(table::by_id(tx, id)?);
        self.bus.shared.database.read(read).await
    }

    /// Jobs of a tenant, the newest first.
    ///
    /// # Errors
    /// What the records have against it.
    pub async fn list(&self, query: Query) -> Result<Vec<Job>, BusError> {
        let read = move |tx: &mut stentor_sql::Transaction<'_>| Ok(table::list(tx, &query)?);
        self.bus.shared.database.read(read).await
    }

    /// Asks for the end of a job, on whatever node it is worked on. Whether there is one that has not ended: it ends by itself,
    /// soon.
    ///
    /// # Errors
    /// What the records have against it.
    pub async fn cancel(&self, id: Uuid) -> Result<bool, BusError> {
        let database = &self.bus.shared.database;
        let asked = database.write(move |tx| Ok::<_, BusError>(table::ask_to_end(tx, id)?));
        let asked = asked.await?;
        self.tell_to_end(id);
        Ok(asked)
    }

    /// Looks for what other nodes ask for, and forgets jobs that ended long ago, until the future is dropped.
    pub async fn run(&self) {
        let mut ticks = interval(LOOK_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            if let Err(error) = self.forget().await {
                tracing::warn!(%error, "old jobs cannot be forgotten");
            }
            for _ in 0..LOOKS {
                ticks.tick().await;
                if let Err(error) = self.look().await {
                    tracing::debug!(%error, "it cannot be read which jobs are to end");
                }
            }
        }
    }

    /// Looks once for what other nodes ask for.
    ///
    /// # Errors
    /// What the records have against it.
    pub async fn look(&self) -> Result<(), BusError> {
        if self.here.lock().is_empty() {
            return Ok(());
        }
        let database = &self.bus.shared.database;
        let asked: Vec<(Vec<u8>,)> = database
            .fetch_all(table::ASKED_TO_END, (self.node.to_string(),))
            .await?;
        for (id,) in asked {
            self.tell_to_end(Uuid::from_slice(&id).unwrap_or_default());
        }
        Ok(())
    }

    fn tell_to_end(&self, id: Uuid) {
        if let Some(stop) = self.here.lock().get(&id) {
            stop.send_replace(true);
        }
    }

    /// Forgets jobs that ended longer ago than the log is kept, and the oldest beyond ten thousand. Returns how many.
    ///
    /// # Errors
    /// What the records have against it.
    pub async fn forget(&self) -> Result<u64, BusError> {
        let shared = &self.bus.shared;
        let before_ms = shared.config.kept_from(now_ms());
        let database = &shared.database;
        let forgotten =
            database.write(move |tx| Ok::<_, BusError>(table::forget(tx, before_ms, REMEMBERED)?));
        forgotten.await
    }

    async fn fail_left_over(&self) -> Result<(), BusError> {
        let (node, now) = (Arc::clone(&self.node), now_ms());
        let failed = self.bus.shared.database.write(move |tx| {
            let left = table::unfinished(tx, &node)?;
            for job in &left {
                let failed = job.failed(Reason::Interrupted, now);
                table::update(tx, &failed)?;
                append(tx, &[failed.draft(EventType::JobFailed)], now)?;
            }
            Ok::<_, BusError>(left.len())
        });
        let left = failed.await?;
        if left > 0 {
            tracing::warn!(jobs = left, "jobs of an earlier process did not end");
            self.bus.wake();
        }
        Ok(())
    }
}
