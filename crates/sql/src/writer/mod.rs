//! The one writer of an SQLite file.
//!
//! SQLite lets one connection write at a time, and a durable commit costs a sync of the disk. So one thread owns the
//! connection that writes; transactions wait for it in a bounded queue, and all that wait are joined into one commit, each in
//! its own savepoint. Nobody is told `Ok` before that commit is durable.

mod batch;
mod job;
mod queue;

use std::thread;

use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::sync::oneshot;

use self::batch::Committer;
use self::job::Write;
use self::queue::Queue;
use crate::connection::sqlite::SqliteAddress;
use crate::{DatabaseConfig, Error, Transaction, metrics};

/// See the module. When it is dropped, the thread ends after what is in the queue.
pub(crate) struct Writer {
    queue: Queue,
    thread: Mutex<Option<thread::JoinHandle<()>>>,
}

impl Writer {
    /// Opens the file and starts the thread.
    pub async fn open(
        address: SqliteAddress,
        config: &DatabaseConfig,
        runtime: Handle,
    ) -> Result<Self, Error> {
        let connection = address.writer().await?;
        let (queue, waiting) = Queue::new(config.queue, config.acquire());
        let committer = Committer::new(address, connection, waiting, config, runtime);
        let thread = thread::Builder::new()
            .name("sql-writer".into())
            .spawn(move || committer.run())
            .map_err(|error| Error::Unavailable(error.to_string()))?;
        Ok(Self {
            queue,
            thread: Mutex::new(Some(thread)),
        })
    }

    /// See [`Database::write`](crate::Database::write).
    pub async fn write<T, E, F>(&self, closure: F) -> Result<T, E>
    where
        F: Fn(&mut Transaction<'_>) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        let (answer, answered) = oneshot::channel();
        let job = Box::new(Write::new(closure, answer));
        self.queue.push(job).await.map_err(metrics::failed)?;
        match answered.await {
            Ok(result) => result,
            // The thread has ended without an answer.
            Err(_) => Err(Error::Closed.into()),
        }
    }

    /// Ends after what is in the queue.
    pub async fn close(&self) {
        self.queue.close();
        let Some(thread) = self.thread.lock().take() else {
            return;
        };
        let joined = tokio::task::spawn_blocking(move || thread.join()).await;
        if !matches!(joined, Ok(Ok(()))) {
            tracing::error!("the writer of the database has panicked");
        }
    }
}
