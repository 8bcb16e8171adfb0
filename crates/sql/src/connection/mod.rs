//! A connection to either database, behind one interface.

pub(crate) mod postgres;
mod postgres_error;
pub(crate) mod sqlite;
mod sqlite_error;

use futures_util::{Stream, TryStreamExt};

use crate::config::Limits;
use crate::row::Row;
use crate::{Dialect, Error, Sql, Value};

/// A connection. Beside its transaction, it is as good as new after each call, unless it is no more [usable](Self::usable).
pub(crate) enum Connection {
    Sqlite(Box<sqlite::SqliteLink>),
    Postgres(Box<postgres::PostgresLink>),
}

impl Connection {
    /// Which SQL it reads.
    pub fn dialect(&self) -> Dialect {
        match self {
            Self::Sqlite(_) => Dialect::Sqlite,
            Self::Postgres(_) => Dialect::Postgres,
        }
    }

    /// Whether it can be used again.
    pub fn usable(&self) -> bool {
        match self {
            Self::Sqlite(link) => link.usable,
            Self::Postgres(link) => link.usable,
        }
    }

    /// The rows of an answer.
    pub async fn fetch(
        &mut self,
        sql: &Sql,
        values: &[Value],
        limits: Limits,
    ) -> Result<Vec<Row>, Error> {
        match self {
            Self::Sqlite(link) => link.fetch(sql, values, limits).await,
            Self::Postgres(link) => link.fetch(sql, values, limits).await,
        }
    }

    /// How many rows were inserted, updated or deleted.
    pub async fn execute(
        &mut self,
        sql: &Sql,
        values: &[Value],
        limits: Limits,
    ) -> Result<u64, Error> {
        match self {
            Self::Sqlite(link) => link.execute(sql, values, limits).await,
            Self::Postgres(link) => link.execute(sql, values, limits).await,
        }
    }

    /// Several statements without parameters.
    pub async fn script(&mut self, text: &str, limits: Limits) -> Result<(), Error> {
        match self {
            Self::Sqlite(link) => link.script(text, limits).await,
            Self::Postgres(link) => link.script(text, limits).await,
        }
    }

    /// Says goodbye.
    pub async fn close(self) {
        match self {
            Self::Sqlite(link) => link.close().await,
            Self::Postgres(link) => link.close().await,
        }
    }
}

/// Refuses a wrong number of parameters: SQLite would take missing ones for NULL.
fn check_count(taken: usize, given: usize) -> Result<(), Error> {
    if taken == given {
        return Ok(());
    }
    Err(Error::statement(format!(
        "it takes {taken} parameters, {given} were given"
    )))
}

/// Gathers rows as long as there are not too many.
async fn gather<R>(
    mut stream: impl Stream<Item = Result<R, sqlx::Error>> + Unpin,
    most: usize,
    fault: impl Fn(sqlx::Error) -> Error,
    read: impl Fn(&R) -> Result<Vec<Value>, Error>,
    names: impl Fn(&R) -> Vec<String>,
) -> Result<Vec<Row>, Error> {
    let mut rows: Vec<Row> = Vec::new();
    let mut columns: Option<std::sync::Arc<[String]>> = None;
    while let Some(found) = stream.try_next().await.map_err(&fault)? {
        if rows.len() >= most {
            return Err(Error::TooManyRows { allowed: most });
        }
        let columns = columns.get_or_insert_with(|| names(&found).into());
        rows.push(Row::new(columns.clone(), read(&found)?));
    }
    Ok(rows)
}
