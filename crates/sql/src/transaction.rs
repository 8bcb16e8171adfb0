//! What a transaction's closure works with.

use std::panic::{AssertUnwindSafe, catch_unwind};

use tokio::runtime::Handle;

use crate::config::Limits;
use crate::connection::Connection;
use crate::row::{FromRow, Row};
use crate::{Dialect, Error, Params, Sql, metrics};

/// An open transaction, in the closure of [`Database::write`](crate::Database::write) or
/// [`Database::read`](crate::Database::read). Its calls block: the closure runs on a thread where that hurts nobody else.
///
/// The first statement that the database refuses ends the transaction: all later ones return the same error, and it is
/// rolled back whatever the closure returns. (PostgreSQL works like that.) What may collide is written
/// `ON CONFLICT DO NOTHING`.
pub struct Transaction<'c> {
    connection: &'c mut Connection,
    runtime: &'c Handle,
    limits: Limits,
    failure: Option<Error>,
}

impl<'c> Transaction<'c> {
    pub(crate) fn new(connection: &'c mut Connection, runtime: &'c Handle, limits: Limits) -> Self {
        Self {
            connection,
            runtime,
            limits,
            failure: None,
        }
    }

    /// Which SQL the database reads, for callers that do different things.
    pub fn dialect(&self) -> Dialect {
        self.connection.dialect()
    }

    /// Executes a statement and returns the number of rows that an INSERT, UPDATE or DELETE concerned; for others, the
    /// number means nothing.
    ///
    /// # Errors
    /// What the database has against it.
    pub fn execute(&mut self, sql: impl Into<Sql>, params: impl Params) -> Result<u64, Error> {
        let (sql, values) = (sql.into(), params.into_values());
        let limits = self.limits;
        self.attempt(|connection, runtime| {
            runtime.block_on(connection.execute(&sql, &values, limits))
        })
    }

    /// All rows of an answer.
    ///
    /// # Errors
    /// [`Error::TooManyRows`] when there are more than the configuration allows; [`Error::Column`] when a row does not fit
    /// `T`; else what the database has against it.
    pub fn fetch_all<T: FromRow>(
        &mut self,
        sql: impl Into<Sql>,
        params: impl Params,
    ) -> Result<Vec<T>, Error> {
        let rows = self.rows(&sql.into(), params, self.limits)?;
        rows.into_iter().map(T::from_row).collect()
    }

    /// The row of an answer, if there is one.
    ///
    /// # Errors
    /// As [`fetch_all`](Self::fetch_all); [`Error::TooManyRows`] when there is more than one.
    pub fn fetch_optional<T: FromRow>(
        &mut self,
        sql: impl Into<Sql>,
        params: impl Params,
    ) -> Result<Option<T>, Error> {
        let limits = Limits {
            rows: 1,
            ..self.limits
        };
        let row = self.rows(&sql.into(), params, limits)?.pop();
        row.map(T::from_row).transpose()
    }

    /// The only row of an answer.
    ///
    /// # Errors
    /// As [`fetch_optional`](Self::fetch_optional); [`Error::NoRow`] when there is none.
    pub fn fetch_one<T: FromRow>(
        &mut self,
        sql: impl Into<Sql>,
        params: impl Params,
    ) -> Result<T, Error> {
        self.fetch_optional(sql, params)?.ok_or(Error::NoRow)
    }

    /// Runs a closure in it. `Ok` means that nothing speaks against committing.
    pub(crate) fn run<T, E, F>(&mut self, closure: &F) -> Result<T, E>
    where
        F: Fn(&mut Transaction<'_>) -> Result<T, E>,
        E: From<Error>,
    {
        // What the closure holds is only used by itself, and it may be run again from its beginning.
        let returned = catch_unwind(AssertUnwindSafe(|| closure(self)));
        match (returned, &self.failure) {
            (Err(_), _) => Err(metrics::failed(Error::Panicked).into()),
            (Ok(Ok(_)), Some(failure)) => Err(failure.clone().into()),
            (Ok(result), _) => result,
        }
    }

    /// Executes several statements without parameters.
    pub(crate) fn script(&mut self, text: &str) -> Result<(), Error> {
        let limits = self.limits;
        self.attempt(|connection, runtime| runtime.block_on(connection.script(text, limits)))
    }

    /// Gives the statements that follow more time.
    pub(crate) fn allow(&mut self, time: std::time::Duration) {
        self.limits.statement = time;
    }

    /// Why it must be rolled back, if it must.
    pub(crate) fn failure(&self) -> Option<&Error> {
        self.failure.as_ref()
    }

    fn rows(&mut self, sql: &Sql, params: impl Params, limits: Limits) -> Result<Vec<Row>, Error> {
        let values = params.into_values();
        self.attempt(|connection, runtime| runtime.block_on(connection.fetch(sql, &values, limits)))
    }

    fn attempt<T>(
        &mut self,
        statement: impl FnOnce(&mut Connection, &Handle) -> Result<T, Error>,
    ) -> Result<T, Error> {
        if let Some(failure) = &self.failure {
            return Err(failure.clone());
        }
        let result = statement(self.connection, self.runtime);
        result.map_err(|error| {
            self.failure = Some(error.clone());
            metrics::failed(error)
        })
    }
}
