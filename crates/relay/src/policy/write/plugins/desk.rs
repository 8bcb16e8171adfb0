//! Where questions to one plugin are put, and how many may wait.

use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use parking_lot::Mutex;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot, watch};
use tokio::task::JoinHandle;

use super::answer::Action;
use super::figures::Figures;
use super::files::{self, Files};
use super::question::Question;
use super::worker::Worker;
use super::{Failure, Outcome};
use crate::config::Plugin;

/// Where questions to one plugin are put. When it is dropped, its processes answer what they have been asked, and end.
pub(super) struct Desk {
    plugin: Arc<Plugin>,
    workers: OnceLock<Workers>,
    /// Places for questions that wait.
    places: Arc<Semaphore>,
    /// Those of them that are not for clients: an import must not take the places of all others.
    others: Semaphore,
    /// Which worker has which author.
    shares: RandomState,
    figures: Arc<Figures>,
}

/// The tasks that have the processes.
struct Workers {
    inboxes: Vec<mpsc::Sender<Ticket>>,
    /// Tells them to end. When it is dropped, they do too.
    stop: watch::Sender<bool>,
    tasks: Mutex<Vec<JoinHandle<()>>>,
}

/// A question whose asker waits.
pub(super) struct Ticket {
    pub(super) question: Question,
    /// When it was put.
    pub(super) came: Instant,
    asker: oneshot::Sender<Outcome>,
    place: Place,
}

/// A place among those that wait.
struct Place {
    _permit: OwnedSemaphorePermit,
    figures: Arc<Figures>,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.figures.waits_no_more();
    }
}

impl Ticket {
    /// Whether the asker has gone.
    pub(super) fn is_abandoned(&self) -> bool {
        self.asker.is_closed()
    }

    /// Gives the answer.
    pub(super) fn answer(self, action: Action) {
        self.place.figures.answered(&action, self.came.elapsed());
        self.end(Ok(action));
    }

    /// Says that there is none.
    pub(super) fn fail(self, failure: Failure) {
        self.end(Err(failure));
    }

    fn end(self, outcome: Outcome) {
        // First, so that the asker finds it free.
        drop(self.place);
        // It may wait no longer.
        let _ = self.asker.send(outcome);
    }
}

impl Desk {
    /// For a plugin. Its processes run as soon as a runtime does.
    pub(super) fn new(plugin: &Plugin) -> Self {
        Self {
            plugin: Arc::new(plugin.clone()),
            workers: OnceLock::new(),
            places: Arc::new(Semaphore::new(plugin.waiting)),
            others: Semaphore::new((plugin.waiting / 2).max(1)),
            shares: RandomState::new(),
            figures: Arc::new(Figures::new(&plugin.name)),
        }
    }

    /// Starts the processes, if that has not been done.
    pub(super) fn start(&self) {
        self.workers();
    }

    fn workers(&self) -> &Workers {
        self.workers.get_or_init(|| {
            let (changes, changed) = watch::channel(());
            tokio::spawn(files::watch(Files::new(&self.plugin), changes));
            let (stop, stopped) = watch::channel(false);
            let worker = || {
                let (sender, inbox) = mpsc::channel(self.plugin.waiting);
                let (plugin, figures) = (Arc::clone(&self.plugin), Arc::clone(&self.figures));
                let signs = (stopped.clone(), changed.clone());
                let worker = Worker::new(plugin, inbox, signs, figures);
                (sender, tokio::spawn(worker.run()))
            };
            let (inboxes, tasks) = std::iter::repeat_with(worker)
                .take(self.plugin.workers)
                .unzip();
            Workers {
                inboxes,
                stop,
                tasks: Mutex::new(tasks),
            }
        })
    }

    /// Ends the processes when they have answered what they have been asked, and waits for that: at most for the time
    /// limit of a question and some seconds.
    pub(super) async fn end(&self) {
        let Some(workers) = self.workers.get() else {
            return;
        };
        workers.stop.send_replace(true);
        let tasks = std::mem::take(&mut *workers.tasks.lock());
        for task in tasks {
            // It has nothing to say.
            let _ = task.await;
        }
    }

    /// Asks. A client's question fails at once when too many wait; any other waits for its turn.
    pub(super) async fn ask(&self, question: Question) -> Outcome {
        let turn = if question.source.kind().is_client() {
            None
        } else {
            self.others.acquire().await.ok()
        };
        let outcome = self.put(question).await;
        drop(turn);
        if let Err(failure) = outcome {
            self.figures.failed(failure);
        }
        outcome
    }

    async fn put(&self, question: Question) -> Outcome {
        self.figures.asked();
        let permit = Arc::clone(&self.places).try_acquire_owned();
        let permit = permit.map_err(|_| Failure::Full)?;
        self.figures.waits();
        let (asker, answer) = oneshot::channel();
        let workers = &self.workers().inboxes;
        let share = self.shares.hash_one(question.event.pubkey()) % workers.len().max(1) as u64;
        let worker = usize::try_from(share)
            .ok()
            .and_then(|share| workers.get(share));
        let ticket = Ticket {
            question,
            came: Instant::now(),
            asker,
            place: Place {
                _permit: permit,
                figures: Arc::clone(&self.figures),
            },
        };
        // There is room for as many as there are places.
        worker
            .ok_or(Failure::Ended)?
            .try_send(ticket)
            .map_err(|error| match error {
                TrySendError::Full(_) => Failure::Full,
                TrySendError::Closed(_) => Failure::Ended,
            })?;
        answer.await.unwrap_or(Err(Failure::Ended))
    }
}
