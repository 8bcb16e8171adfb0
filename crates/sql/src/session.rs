//! A closure's transaction on a connection of the pool: reading on both databases, writing on PostgreSQL.

use std::time::Duration;

use rand::Rng;
use tokio::runtime::Handle;

use crate::config::Limits;
use crate::connection::Connection;
use crate::pool::{Lease, Pool};
use crate::{Dialect, Error, Transaction, metrics};

/// Longest wait before another attempt.
const LONGEST_WAIT: Duration = Duration::from_millis(200);

/// What a transaction may see and do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// All of its queries see the database at one moment.
    Read,
    /// As if no other were there.
    Write,
    /// Each statement sees what was committed before it; for waiting for a lock first.
    Migrate,
}

impl Mode {
    fn begin(self, dialect: Dialect) -> &'static str {
        match (dialect, self) {
            (Dialect::Sqlite, _) => "BEGIN",
            (Dialect::Postgres, Self::Read) => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
            (Dialect::Postgres, Self::Write) => "BEGIN ISOLATION LEVEL SERIALIZABLE READ WRITE",
            (Dialect::Postgres, Self::Migrate) => "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE",
        }
    }
}

/// What became of an attempt.
enum Attempt<T, E> {
    /// It is over.
    Over(Result<T, E>),
    /// It conflicted with others and can be made again.
    Again,
}

/// Runs closures in transactions.
#[derive(Clone)]
pub(crate) struct Sessions {
    pub pool: Pool,
    pub runtime: Handle,
    pub limits: Limits,
    pub attempts: u32,
}

impl Sessions {
    /// Runs the closure until it does not conflict with others, as often as is allowed.
    pub async fn run<T, E, F>(&self, mode: Mode, mut closure: F) -> Result<T, E>
    where
        F: Fn(&mut Transaction<'_>) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        for attempt in 1..=self.attempts {
            let lease = self.begun(mode).await.map_err(metrics::failed)?;
            let (runtime, limits) = (self.runtime.clone(), self.limits);
            let task = tokio::task::spawn_blocking(move || {
                let outcome = attempted(lease, &runtime, limits, &closure);
                (outcome, closure)
            });
            // Not run at all: the runtime is shutting down.
            let (outcome, same) = task.await.map_err(|_| Error::Closed)?;
            if let Attempt::Over(result) = outcome {
                return result;
            }
            closure = same;
            metrics::retried();
            tokio::time::sleep(pause(attempt)).await;
        }
        Err(metrics::failed(Error::Conflict).into())
    }

    /// A connection with a transaction begun on it.
    async fn begun(&self, mode: Mode) -> Result<Lease, Error> {
        let begin = mode.begin(self.pool.address().dialect());
        let mut lease = self.pool.lease().await?;
        match lease.connection().script(begin, self.limits).await {
            Ok(()) => Ok(lease),
            Err(Error::Unavailable(_)) if lease.used => {
                let mut lease = self.pool.fresh(lease).await?;
                lease.connection().script(begin, self.limits).await?;
                Ok(lease)
            }
            Err(error) => Err(error),
        }
    }
}

/// Longer each time, and never twice the same, so that those who met do not meet again.
fn pause(attempt: u32) -> Duration {
    let most = Duration::from_millis(1 << attempt.min(10)).min(LONGEST_WAIT);
    most.mul_f64(rand::rng().random_range(0.1..1.0))
}

/// One attempt, on a thread that may block. The connection is given back when nothing is left open on it.
fn attempted<T, E, F>(
    mut lease: Lease,
    runtime: &Handle,
    limits: Limits,
    closure: &F,
) -> Attempt<T, E>
where
    F: Fn(&mut Transaction<'_>) -> Result<T, E>,
    E: From<Error>,
{
    let connection = lease.connection();
    let mut transaction = Transaction::new(connection, runtime, limits);
    let result = transaction.run(closure);
    let conflicted = transaction.failure() == Some(&Error::Conflict);
    let (end, result) = ended(connection, runtime, limits, result, conflicted);
    if end.is_ok() {
        lease.give_back();
    }
    result
}

/// Commits or rolls back.
fn ended<T, E: From<Error>>(
    connection: &mut Connection,
    runtime: &Handle,
    limits: Limits,
    result: Result<T, E>,
    conflicted: bool,
) -> (Result<(), Error>, Attempt<T, E>) {
    if result.is_err() {
        // When this fails, the connection is not used again, and the server rolls back.
        let end = runtime.block_on(connection.script("ROLLBACK", limits));
        let attempt = match conflicted {
            true => Attempt::Again,
            false => Attempt::Over(result),
        };
        return (end, attempt);
    }
    let end = runtime.block_on(connection.script("COMMIT", limits));
    let end = end.map_err(metrics::failed);
    let attempt = match &end {
        Ok(()) => Attempt::Over(result),
        Err(Error::Conflict) => Attempt::Again,
        Err(Error::Unavailable(why)) => Attempt::Over(Err(Error::Uncertain(why.clone()).into())),
        Err(error) => Attempt::Over(Err(error.clone().into())),
    };
    (end, attempt)
}
