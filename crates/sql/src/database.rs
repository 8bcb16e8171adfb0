//! The database, as other crates see it.

use std::sync::Arc;
use std::time::Instant;

use tokio::runtime::Handle;

use crate::config::Limits;
use crate::connection::postgres_address::PostgresAddress;
use crate::connection::sqlite::SqliteAddress;
use crate::migrate;
use crate::pool::{Address, Pool};
use crate::row::{FromRow, Row};
use crate::session::{Mode, Sessions};
use crate::writer::Writer;
use crate::{DatabaseConfig, Dialect, Error, Migrations, Params, Sql, Transaction, Value, metrics};

/// An open database. Clones share it.
#[derive(Clone)]
pub struct Database {
    inner: Arc<Inner>,
}

struct Inner {
    sessions: Sessions,
    /// SQLite's.
    writer: Option<Writer>,
    address: Address,
}

impl std::fmt::Debug for Database {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Database")
            .field("dialect", &self.dialect())
            .finish_non_exhaustive()
    }
}

impl Database {
    /// Opens the SQLite file, and makes it if there is none; or connects to PostgreSQL. To be called within a tokio runtime,
    /// which must live as long as the database is used.
    ///
    /// # Errors
    /// [`Error::Config`] for values that cannot be used; [`Error::Unavailable`] when the file cannot be opened or the server
    /// not reached.
    pub async fn open(config: &DatabaseConfig) -> Result<Self, Error> {
        config.check()?;
        let runtime = Handle::current();
        let address = match PostgresAddress::of(config)? {
            Some(address) => Address::Postgres(Box::new(address)),
            None => Address::Sqlite(SqliteAddress::new(config)),
        };
        let writer = match &address {
            Address::Sqlite(address) => {
                Some(Writer::open(address.clone(), config, runtime.clone()).await?)
            }
            Address::Postgres(_) => None,
        };
        let pool = Pool::new(address.clone(), config.connections, config.acquire());
        let sessions = Sessions {
            pool,
            runtime,
            limits: config.limits(),
            attempts: config.attempts,
        };
        let inner = Arc::new(Inner {
            sessions,
            writer,
            address,
        });
        let database = Self { inner };
        database.health().await?;
        Ok(database)
    }

    /// Which database it is.
    pub fn dialect(&self) -> Dialect {
        self.inner.address.dialect()
    }

    pub(crate) fn address(&self) -> &Address {
        &self.inner.address
    }

    /// Brings the tables of a role up to date. Nodes that start at once do it one after the other.
    ///
    /// # Errors
    /// [`Error::Migration`] when the tables were made by a newer program or by steps that have changed; nothing is touched
    /// then. Else what the database has against a step, of which nothing remains; the steps before it do.
    pub async fn migrate(&self, migrations: &Migrations) -> Result<(), Error> {
        migrations.check()?;
        let migrations = *migrations;
        loop {
            let step = move |tx: &mut Transaction<'_>| migrate::apply_next(tx, &migrations);
            match self.transact(Mode::Migrate, step).await? {
                Some(step) => tracing::info!(
                    role = migrations.role,
                    version = step.version,
                    name = step.name,
                    "migrated"
                ),
                None => return Ok(()),
            }
        }
    }

    /// Runs a transaction that may write. `Ok` means that it is durable.
    ///
    /// The closure may be run more than once: after a conflict with another transaction (PostgreSQL), or when the commit that
    /// it was joined to failed because of another (SQLite). Only its last run leaves a trace. It runs on a thread on which it
    /// may block, but on SQLite all other writers wait for it: it should do nothing but what needs the transaction. An `Err`
    /// rolls back. When the returned future is dropped, the transaction may or may not take place.
    ///
    /// # Errors
    /// What the closure returns; or what the database has against it.
    pub async fn write<T, E, F>(&self, closure: F) -> Result<T, E>
    where
        F: Fn(&mut Transaction<'_>) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        let start = Instant::now();
        let result = self.transact(Mode::Write, closure).await;
        metrics::answered(result.is_ok(), start.elapsed());
        result
    }

    async fn transact<T, E, F>(&self, mode: Mode, closure: F) -> Result<T, E>
    where
        F: Fn(&mut Transaction<'_>) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        match &self.inner.writer {
            Some(writer) => writer.write(closure).await,
            None => self.inner.sessions.run(mode, closure).await,
        }
    }

    /// Runs several queries that all see the database at one moment. Writing fails with [`Error::ReadOnly`].
    ///
    /// # Errors
    /// What the closure returns; or what the database has against it.
    pub async fn read<T, E, F>(&self, closure: F) -> Result<T, E>
    where
        F: Fn(&mut Transaction<'_>) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        self.inner.sessions.run(Mode::Read, closure).await
    }

    /// All rows of an answer. Only for reading: anything else fails with [`Error::ReadOnly`].
    ///
    /// # Errors
    /// [`Error::TooManyRows`] when there are more than the configuration allows; [`Error::Column`] when a row does not fit
    /// `T`; else what the database has against it.
    pub async fn fetch_all<T: FromRow>(
        &self,
        sql: impl Into<Sql>,
        params: impl Params,
    ) -> Result<Vec<T>, Error> {
        let limits = self.inner.sessions.limits;
        let rows = self.rows(sql.into(), params.into_values(), limits).await?;
        rows.into_iter().map(T::from_row).collect()
    }

    /// The row of an answer, if there is one. Only for reading.
    ///
    /// # Errors
    /// As [`fetch_all`](Self::fetch_all); [`Error::TooManyRows`] when there is more than one.
    pub async fn fetch_optional<T: FromRow>(
        &self,
        sql: impl Into<Sql>,
        params: impl Params,
    ) -> Result<Option<T>, Error> {
        let limits = Limits {
            rows: 1,
            ..self.inner.sessions.limits
        };
        let mut rows = self.rows(sql.into(), params.into_values(), limits).await?;
        rows.pop().map(T::from_row).transpose()
    }

    /// The only row of an answer. Only for reading.
    ///
    /// # Errors
    /// As [`fetch_optional`](Self::fetch_optional); [`Error::NoRow`] when there is none.
    pub async fn fetch_one<T: FromRow>(
        &self,
        sql: impl Into<Sql>,
        params: impl Params,
    ) -> Result<T, Error> {
        self.fetch_optional(sql, params).await?.ok_or(Error::NoRow)
    }

    async fn rows(&self, sql: Sql, values: Vec<Value>, limits: Limits) -> Result<Vec<Row>, Error> {
        let rows = self.attempted_rows(&sql, &values, limits).await;
        rows.map_err(metrics::failed)
    }

    /// Reads on a connection of the pool; once more on a fresh one when the first has died meanwhile.
    async fn attempted_rows(
        &self,
        sql: &Sql,
        values: &[Value],
        limits: Limits,
    ) -> Result<Vec<Row>, Error> {
        let pool = &self.inner.sessions.pool;
        let mut lease = pool.lease().await?;
        let mut result = lease.connection().fetch(sql, values, limits).await;
        if matches!(result, Err(Error::Unavailable(_))) && lease.used {
            lease = pool.fresh(lease).await?;
            result = lease.connection().fetch(sql, values, limits).await;
        }
        lease.give_back();
        result
    }

    /// Whether it can be read and written now, for readiness. Answers in bounded time.
    ///
    /// # Errors
    /// What is wrong; [`Error::Unavailable`] for a server that only copies another.
    pub async fn health(&self) -> Result<(), Error> {
        if let Some(writer) = &self.inner.writer {
            // Takes part in a commit; writes nothing, so nothing is synced for it.
            writer.write(|_| Ok::<_, Error>(())).await?;
            let _: (i64,) = self.fetch_one("SELECT 1", ()).await?;
            return Ok(());
        }
        let (copies,): (bool,) = self.fetch_one("SELECT pg_is_in_recovery()", ()).await?;
        match copies {
            true => Err(Error::Unavailable("the server only copies another".into())),
            false => Ok(()),
        }
    }

    /// Ends after what was handed in: waits for the transactions in the queue, then closes the connections. Later calls get
    /// [`Error::Closed`].
    pub async fn close(&self) {
        if let Some(writer) = &self.inner.writer {
            writer.close().await;
        }
        self.inner.sessions.pool.close().await;
    }
}
