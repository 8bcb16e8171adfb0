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
/// A task that has failed is well again when it has run this long: longer than most services need to fail anew.
const PROVEN: Duration = Duration::from_secs(20);

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

    /// Starts a task. `run` makes its future, again after each failure; a future that ends with `Ok` is done for good. Without
    /// it the node is [degraded](Health::Degraded), until it has run for a while without failing.
    pub fn spawn<E, R>(
        &mut self,
        name: &'static str,
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
            let (mut wait, mut suspected) = (BACK_OFF.0, false);
            readiness.set(name, Health::Ok, None);
            while !stop.is_requested() {
                gauge!("stentor_task_running", "task" => name).set(1.0);
                let started = Instant::now();
                let proven = || readiness.set(name, Health::Ok, None);
                let ended = one_run(run(stop.clone()), suspected.then_some(proven)).await;
                gauge!("stentor_task_running", "task" => name).set(0.0);
                let Err(error) = ended else {
                    break;
                };
                if started.elapsed() >= STABLE {
                    wait = BACK_OFF.0;
                }
                suspected = true;
                failed(&readiness, name, error, wait);
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

/// Runs a task to its end, which is also that of whoever waits here. `proven` is called when it has lasted.
async fn one_run<E, R>(run: R, proven: Option<impl FnOnce()>) -> Result<(), String>
where
    E: Display + Send + 'static,
    R: Future<Output = Result<(), E>> + Send + 'static,
{
    // A task of its own, so that a panic ends nothing else; in a set, which takes it along when it is dropped.
    let mut task = JoinSet::new();
    task.spawn(run);
    let ended = match proven {
        None => task.join_next().await,
        Some(proven) => {
            tokio::select! {
                ended = task.join_next() => ended,
                () = sleep(PROVEN) => {
                    proven();
                    task.join_next().await
                }
            }
        }
    };
    match ended {
        Some(Ok(Ok(()))) | None => Ok(()),
        Some(Ok(Err(error))) => Err(error.to_string()),
        Some(Err(error)) => Err(error.to_string()),
    }
}

fn failed(readiness: &Readiness, name: &'static str, error: String, wait: Duration) {
    counter!("stentor_task_failures_total", "task" => name).increment(1);
    tracing::error!(
        task = name,
        error,
        "background task failed, restarting in {} ms",
        wait.as_millis()
    );
    readiness.set(name, Health::Degraded, Some(error));
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use tokio::sync::mpsc;

    use super::*;

    /// Fails at once so many times, then runs until it is stopped. Tells the readiness at the start of each run.
    fn failing(times: usize) -> (Readiness, Supervisor, mpsc::Receiver<Health>) {
        let readiness = Readiness::new();
        let mut supervisor = Supervisor::new(readiness.clone());
        let (told, tell) = mpsc::channel(64);
        let (mut runs, seen) = (0, readiness.clone());
        supervisor.spawn("worker", move |mut stop| {
            runs += 1;
            let (fails, told, seen) = (runs <= times, told.clone(), seen.clone());
            async move {
                let _ = told.send(seen.overall()).await;
                if fails {
                    return Err("broken");
                }
                stop.requested().await;
                Ok(())
            }
        });
        (readiness, supervisor, tell)
    }

    #[tokio::test(start_paused = true)]
    async fn p3_a_task_that_fails_again_and_again_is_never_called_well() {
        let (readiness, supervisor, mut tell) = failing(10);
        assert_eq!(
            tell.recv().await,
            Some(Health::Ok),
            "nothing speaks against it"
        );
        for _ in 0..10 {
            assert_eq!(tell.recv().await, Some(Health::Degraded));
        }
        // It has not proven itself yet.
        sleep(PROVEN - Duration::from_millis(1)).await;
        assert_eq!(readiness.overall(), Health::Degraded);
        sleep(Duration::from_millis(2)).await;
        assert_eq!(readiness.overall(), Health::Ok);
        assert!(supervisor.shutdown(Duration::from_secs(5)).await);
    }

    #[tokio::test(start_paused = true)]
    async fn a_panic_is_a_failure_like_others() {
        let readiness = Readiness::new();
        let mut supervisor = Supervisor::new(readiness.clone());
        supervisor.spawn("worker", |_| async {
            "no number".parse::<u8>().unwrap();
            Ok::<(), String>(())
        });
        sleep(Duration::from_millis(1)).await;
        assert_eq!(readiness.overall(), Health::Degraded);
    }

    #[tokio::test(start_paused = true)]
    async fn r8_3_a_task_that_does_not_end_is_cut_with_all_that_it_holds() {
        let mut supervisor = Supervisor::new(Readiness::new());
        let (held, mut gone) = mpsc::channel::<()>(1);
        let (begun, mut begin) = mpsc::channel(1);
        supervisor.spawn("stubborn", move |_| {
            let (held, begun) = (held.clone(), begun.clone());
            async move {
                let _held = held;
                let _ = begun.send(()).await;
                pending::<Result<(), String>>().await
            }
        });
        begin.recv().await.unwrap();
        assert!(!supervisor.shutdown(Duration::from_secs(5)).await);
        let all_dropped = timeout(Duration::from_secs(5), gone.recv()).await;
        assert_eq!(all_dropped, Ok(None));
    }
}
