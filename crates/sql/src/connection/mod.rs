//! A connection to either database, behind one interface.

pub(crate) mod postgres;
pub(crate) mod postgres_address;
mod postgres_error;
pub(crate) mod sqlite;
mod sqlite_error;

use futures_util::future::BoxFuture;
use futures_util::{Stream, TryStreamExt};
use sqlx::Either;

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
    // Boxed, as the next two: inside of the futures of callers, the compiler could not tell that those of sqlx are `Send`.
    pub fn fetch<'f>(
        &'f mut self,
        sql: &'f Sql,
        values: &'f [Value],
        limits: Limits,
    ) -> BoxFuture<'f, Result<Vec<Row>, Error>> {
        match self {
            Self::Sqlite(link) => Box::pin(link.fetch(sql, values, limits)),
            Self::Postgres(link) => Box::pin(link.fetch(sql, values, limits)),
        }
    }

    /// How many rows were inserted, updated or deleted.
    pub fn execute<'f>(
        &'f mut self,
        sql: &'f Sql,
        values: &'f [Value],
        limits: Limits,
    ) -> BoxFuture<'f, Result<u64, Error>> {
        match self {
            Self::Sqlite(link) => Box::pin(link.execute(sql, values, limits)),
            Self::Postgres(link) => Box::pin(link.execute(sql, values, limits)),
        }
    }

    /// Several statements without parameters.
    pub fn script<'f>(
        &'f mut self,
        text: &'f str,
        limits: Limits,
    ) -> BoxFuture<'f, Result<(), Error>> {
        match self {
            Self::Sqlite(link) => Box::pin(link.script(text, limits)),
            Self::Postgres(link) => Box::pin(link.script(text, limits)),
        }
    }

    /// Says goodbye.
    pub fn close(self) -> BoxFuture<'static, ()> {
        match self {
            Self::Sqlite(link) => Box::pin(link.close()),
            Self::Postgres(link) => Box::pin(link.close()),
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
///
/// An answer is only one when its end is told: when the thread of an SQLite connection dies, the rows just cease.
async fn gather<R, D>(
    mut stream: impl Stream<Item = Result<Either<D, R>, sqlx::Error>> + Unpin,
    most: usize,
    fault: impl Fn(sqlx::Error) -> Error,
    read: impl Fn(&R) -> Result<Vec<Value>, Error>,
    names: impl Fn(&R) -> Vec<String>,
) -> Result<Vec<Row>, Error> {
    let mut rows: Vec<Row> = Vec::new();
    let mut columns: Option<std::sync::Arc<[String]>> = None;
    let mut ended = false;
    while let Some(found) = stream.try_next().await.map_err(&fault)? {
        let found = match found {
            Either::Left(_) => {
                ended = true;
                continue;
            }
            Either::Right(found) => found,
        };
        if rows.len() >= most {
            return Err(Error::TooManyRows { allowed: most });
        }
        let columns = columns.get_or_insert_with(|| names(&found).into());
        rows.push(Row::new(columns.clone(), read(&found)?));
    }
    match ended {
        true => Ok(rows),
        false => Err(Error::Unavailable("the answer has no end".into())),
    }
}
