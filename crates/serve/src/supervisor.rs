//! Background tasks that are restarted when they fail.

use std::fmt::Display;
use std::future::Future;
use std::time::Duration;

use metrics::{counter, gauge};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use crate::ops::{Health, Readiness};

/// First and longest wait before a restart.
const BACK_OFF: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(30));
/// A task that ran this long before it failed starts over with the first wait.
const STABLE: Duration = Duration::from_secs(60);

/// What a failing task means for readiness.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Importance {
    /// Nothing can be served without it: not ready until it runs again.
    Required,
    /// Something is missing without it: degraded.
    Optional,
}

/// Tells a task to end. Cloning shares it.
#[derive(Debug, Clone)]
pub struct Stop {
    stop: watch::Receiver<bool>,
}

impl Stop {
    /// Waits until the task is to end.
    pub async fn requested(&mut self) {
        // An error means that the supervisor is gone: the same.
        let _ = self.stop.wait_for(|stop| *stop).await;
    }

    /// Whether the task is to end.
    #[must_use]
    pub fn is_requested(&self) -> bool {
        *self.stop.borrow() || self.stop.has_changed().is_err()
    }
}

/// Runs named background tasks and reports them to [`Readiness`].
#[derive(Debug)]
pub struct Supervisor {
    readiness: Readiness,
    stop: watch::Sender<bool>,
    tasks: JoinSet<()>,
}

impl Supervisor {
    /// Without tasks.
    #[must_use]
    pub fn new(readiness: Readiness) -> Self {
        Self {
            readiness,
            stop: watch::Sender::new(false),
            tasks: JoinSet::new(),
        }
    }

    /// Starts a task. `run` makes its future, again after each failure; a future that ends with `Ok` is done for good.
    pub fn spawn<E, R>(
        &mut self,
        name: &'static str,
        importance: Importance,
        mut run: impl FnMut(Stop) -> R + Send + 'static,
    ) where
        E: Display + Send + 'static,
        R: Future<Output = Result<(), E>> + Send + 'static,
    {
        let (readiness, mut stop) = (
            self.readiness.clone(),
            Stop {
                stop: self.stop.subscribe(),
            },
        );
        self.tasks.spawn(async move {
            let mut wait = BACK_OFF.0;
            while !stop.is_requested() {
                readiness.set(name, Health::Ok, None);
                gauge!("stentor_task_running", "task" => name).set(1.0);
                let started = Instant::now();
                let ended = tokio::spawn(run(stop.clone())).await;
                gauge!("stentor_task_running", "task" => name).set(0.0);
                let error = match ended {
                    Ok(Ok(())) => break,
                    Ok(Err(error)) => error.to_string(),
                    Err(error) => error.to_string(),
                };
                if started.elapsed() >= STABLE {
                    wait = BACK_OFF.0;
                }
                failed(&readiness, name, importance, &error, wait);
                tokio::select! {
                    () = sleep(wait) => wait = (wait * 2).min(BACK_OFF.1),
                    () = stop.requested() => {}
                }
            }
            readiness.remove(name);
        });
    }

    /// Tells all tasks to end and waits for them, at most for `deadline`. `false`: some had to be cut.
    pub async fn shutdown(mut self, deadline: Duration) -> bool {
        self.stop.send_replace(true);
        let ended = timeout(deadline, async {
            while self.tasks.join_next().await.is_some() {}
        })
        .await
        .is_ok();
        self.tasks.shutdown().await;
        ended
    }
}

fn failed(
    readiness: &Readiness,
    name: &'static str,
    importance: Importance,
    error: &str,
    wait: Duration,
) {
    counter!("stentor_task_failures_total", "task" => name).increment(1);
    tracing::error!(
        task = name,
        error,
        "background task failed, restarting in {} ms",
        wait.as_millis()
    );
    let health = if importance == Importance::Required {
        Health::Starting
    } else {
        Health::Degraded
    };
    readiness.set(name, health, Some(error.to_owned()));
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_failing_task_is_restarted_and_reported() {
        let readiness = Readiness::new();
        let mut supervisor = Supervisor::new(readiness.clone());
        let (runs, (told, mut tell)) =
            (Arc::new(AtomicUsize::new(0)), tokio::sync::mpsc::channel(8));
        let seen = readiness.clone();
        supervisor.spawn("worker", Importance::Required, move |mut stop| {
            let (run, told, seen) = (
                runs.fetch_add(1, Ordering::SeqCst),
                told.clone(),
                seen.clone(),
            );
            async move {
                let _ = told.send((run, seen.overall())).await;
                if run < 3 {
                    return Err("broken");
                }
                stop.requested().await;
                Ok(())
            }
        });
        for expected in 0..4 {
            assert_eq!(tell.recv().await, Some((expected, Health::Ok)));
        }
        assert!(supervisor.shutdown(Duration::from_secs(5)).await);
        assert_eq!(readiness.overall(), Health::Ok);
    }
}
