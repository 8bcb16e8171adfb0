//! Transactions joined into one commit.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use tokio::runtime::Handle;

use super::job::Job;
use super::queue::Waiting;
use crate::config::Limits;
use crate::connection::Connection;
use crate::connection::sqlite::{SqliteAddress, SqliteLink};
use crate::{DatabaseConfig, Error, Transaction, metrics};

/// The file's lock is taken at once: taken later, it could be refused after work was done.
const BEGIN: &str = "BEGIN IMMEDIATE; SAVEPOINT one";
/// Keeps one transaction and begins the next.
const NEXT: &str = "RELEASE one; SAVEPOINT one";
/// Undoes one transaction; its savepoint remains, for the next.
const UNDO: &str = "ROLLBACK TO one";
/// With all savepoints in it.
const COMMIT: &str = "COMMIT";
const ROLLBACK: &str = "ROLLBACK";

/// What the thread of the writer works with.
pub struct Committer {
    address: SqliteAddress,
    /// `None` after damage to it, until the next commit.
    link: Option<Connection>,
    runtime: Handle,
    limits: Limits,
    waiting: Waiting,
    /// To be run again, before what waits.
    again: VecDeque<Box<dyn Job>>,
    /// So many of these are committed each alone.
    alone: usize,
    joined: usize,
    linger: Duration,
}

/// Transactions of a commit that was begun.
#[derive(Default)]
struct Batch {
    /// Their changes are in the commit.
    kept: Vec<Box<dyn Job>>,
    /// Undone. They are answered with the others: what made them fail may have been a change of one of these.
    undone: Vec<Box<dyn Job>>,
}

/// What became of a transaction within a commit.
enum Fate {
    Kept,
    Undone,
    /// SQLite has rolled back the whole commit because of it.
    AllLost,
}

impl Committer {
    pub fn new(
        address: SqliteAddress,
        link: SqliteLink,
        waiting: Waiting,
        config: &DatabaseConfig,
        runtime: Handle,
    ) -> Self {
        Self {
            address,
            link: Some(Connection::Sqlite(Box::new(link))),
            runtime,
            limits: config.limits(),
            waiting,
            again: VecDeque::new(),
            alone: 0,
            joined: config.joined,
            linger: Duration::from_micros(config.linger_us),
        }
    }

    /// Until the queue is closed and empty.
    pub fn run(mut self) {
        while let Some(first) = self.first() {
            self.commit(first);
        }
        if let Some(link) = self.link.take() {
            self.runtime.block_on(link.close());
        }
    }

    fn first(&mut self) -> Option<Box<dyn Job>> {
        self.again.pop_front().or_else(|| self.waiting.next())
    }

    /// One commit: this transaction, and those that wait.
    fn commit(&mut self, first: Box<dyn Job>) {
        let start = Instant::now();
        let most = if self.alone > 0 { 1 } else { self.joined };
        self.alone = self.alone.saturating_sub(1);
        let mut link = match self.begun() {
            Ok(link) => link,
            Err(error) => return self.refuse(first, most, &error),
        };
        let mut batch = Batch::default();
        let mut next = Some(first);
        let mut clean = true;
        while let Some(mut job) = next {
            if job.is_abandoned() {
                next = self.more(&batch, most, start);
                continue;
            }
            match self.run_one(&mut link, job.as_mut(), clean) {
                Fate::Kept => {
                    batch.kept.push(job);
                    clean = false;
                }
                Fate::Undone => {
                    batch.undone.push(job);
                    clean = true;
                }
                Fate::AllLost => {
                    job.answer();
                    return self.repeat(link, batch, None);
                }
            }
            next = self.more(&batch, most, start);
        }
        match self.control(&mut link, COMMIT) {
            Ok(()) => {
                if !batch.kept.is_empty() {
                    metrics::committed(batch.kept.len(), start.elapsed());
                }
                batch.answer();
                self.keep(link);
            }
            Err(error) => self.repeat(link, batch, Some(error)),
        }
    }

    /// A connection with a commit begun on it.
    fn begun(&mut self) -> Result<Connection, Error> {
        let mut link = match self.link.take() {
            Some(link) => link,
            None => {
                let link = self.runtime.block_on(self.address.writer())?;
                Connection::Sqlite(Box::new(link))
            }
        };
        match self.control(&mut link, BEGIN) {
            Ok(()) => Ok(link),
            Err(error) => {
                self.roll_back(link);
                Err(error)
            }
        }
    }

    /// Another transaction for this commit, if there is room and one waits or comes in time.
    fn more(&mut self, batch: &Batch, most: usize, start: Instant) -> Option<Box<dyn Job>> {
        if batch.kept.len() + batch.undone.len() >= most {
            return None;
        }
        let again = self.again.pop_front();
        again.or_else(|| {
            let linger = self.linger.saturating_sub(start.elapsed());
            let now = self.waiting.next_within(Duration::ZERO);
            now.or_else(|| self.waiting.next_within(linger))
        })
    }

    fn run_one(&self, link: &mut Connection, job: &mut dyn Job, clean: bool) -> Fate {
        if !clean && let Err(error) = self.control(link, NEXT) {
            job.fail(error);
            return Fate::AllLost;
        }
        let mut transaction = Transaction::new(link, &self.runtime, self.limits);
        if job.run(&mut transaction) {
            return Fate::Kept;
        }
        // There is nothing to go back to when SQLite has rolled back everything, as it does for a full disk, a failing one,
        // and a statement that was interrupted.
        match self.control(link, UNDO) {
            Ok(()) => Fate::Undone,
            Err(_) => Fate::AllLost,
        }
    }

    /// After a commit that failed. Who is alone in it gets the error; several are run again, each alone if it was the commit
    /// itself that failed, for nobody knows because of which.
    fn repeat(&mut self, link: Connection, mut batch: Batch, error: Option<Error>) {
        self.roll_back(link);
        let count = batch.kept.len() + batch.undone.len();
        match error {
            Some(error) if count <= 1 => {
                batch
                    .kept
                    .iter_mut()
                    .for_each(|job| job.fail(error.clone()));
                batch.answer();
            }
            error => {
                if error.is_some() {
                    self.alone += count;
                }
                (0..count).for_each(|_| metrics::retried());
                for job in batch.kept.into_iter().chain(batch.undone).rev() {
                    self.again.push_front(job);
                }
            }
        }
    }

    /// No commit could be begun: neither for this one nor for those that wait.
    fn refuse(&mut self, first: Box<dyn Job>, most: usize, error: &Error) {
        let mut next = Some(first);
        let mut count = 0;
        while let Some(mut job) = next {
            job.fail(error.clone());
            job.answer();
            count += 1;
            next = match count < most {
                true => self.again.pop_front(),
                false => None,
            };
            if next.is_none() && count < most {
                next = self.waiting.next_within(Duration::ZERO);
            }
        }
    }

    /// Ends what may be open.
    fn roll_back(&mut self, mut link: Connection) {
        // Refused when nothing is open, which is what is wanted.
        let _ = self.control(&mut link, ROLLBACK);
        self.keep(link);
    }

    fn keep(&mut self, link: Connection) {
        if link.usable() {
            self.link = Some(link);
        }
    }

    fn control(&self, link: &mut Connection, text: &'static str) -> Result<(), Error> {
        match link {
            Connection::Sqlite(link) => self.runtime.block_on(link.control(text)),
            Connection::Postgres(_) => Err(Error::Unsupported("only SQLite has a writer")),
        }
    }
}

impl Batch {
    fn answer(self) {
        for job in self.kept.into_iter().chain(self.undone) {
            job.answer();
        }
    }
}
