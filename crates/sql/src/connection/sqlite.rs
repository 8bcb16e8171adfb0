//! A connection to the SQLite file.

use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use futures_util::{Stream, TryStreamExt};
use sqlx::query::Query;
use sqlx::sqlite::{
    Sqlite, SqliteArguments, SqliteConnectOptions, SqliteConnection, SqliteJournalMode,
    SqliteQueryResult, SqliteRow, SqliteSynchronous,
};
use sqlx::{
    Arguments, Column, ConnectOptions, Connection as _, Decode, Either, Executor, Row as _,
    TypeInfo, ValueRef,
};

use super::{check_count, gather, sqlite_error};
use crate::config::Limits;
use crate::placeholder::rewrite;
use crate::row::Row;
use crate::{DatabaseConfig, Dialect, Error, Sql, Value};

/// Instructions of SQLite's machine between two looks at the clock: some 10 µs.
const INSTRUCTIONS: i32 = 2_000;
/// Pages in the write-ahead log before they are moved into the file: 16 MiB.
const CHECKPOINT_PAGES: &str = "4000";
/// Bytes of the write-ahead log kept on the disk when it is empty.
const LOG_BYTES: &str = "67108864";

/// How to reach the file.
#[derive(Debug, Clone)]
pub(crate) struct SqliteAddress {
    path: PathBuf,
    busy: Duration,
}

impl SqliteAddress {
    pub fn new(config: &DatabaseConfig) -> Self {
        Self {
            path: config.path.clone(),
            busy: config.busy(),
        }
    }

    fn options(&self) -> SqliteConnectOptions {
        SqliteConnectOptions::new()
            .filename(&self.path)
            .busy_timeout(self.busy)
            .foreign_keys(true)
            .disable_statement_logging()
    }

    /// The connection that writes. It makes the file if there is none.
    pub async fn writer(&self) -> Result<SqliteLink, Error> {
        make_private(&self.path).map_err(|error| Error::Unavailable(error.to_string()))?;
        let options = self
            .options()
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .pragma("wal_autocheckpoint", CHECKPOINT_PAGES)
            .pragma("journal_size_limit", LOG_BYTES);
        SqliteLink::connect(&options).await
    }

    /// A connection that reads.
    pub async fn reader(&self) -> Result<SqliteLink, Error> {
        SqliteLink::connect(&self.options().pragma("query_only", "ON")).await
    }

    /// A connection that reads this file and may write others.
    pub async fn copier(&self) -> Result<SqliteLink, Error> {
        SqliteLink::connect(&self.options()).await
    }
}

/// As good as no limit, for work on the whole file: it takes as long as it takes, and holds up nobody.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30 * 86_400);

/// Makes an empty file that only its owner can read, unless there is one. SQLite gives the files beside it the same rights.
pub(crate) fn make_private(path: &Path) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true).mode(0o600);
    match options.open(path) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

/// A connection, with the clock that ends statements that take too long.
pub(crate) struct SqliteLink {
    inner: SqliteConnection,
    deadline: Arc<Deadline>,
    pub(super) usable: bool,
}

impl SqliteLink {
    async fn connect(options: &SqliteConnectOptions) -> Result<Self, Error> {
        let mut inner = options.connect().await.map_err(sqlite_error::opening)?;
        let deadline = Arc::new(Deadline::new());
        let watched = deadline.clone();
        let mut handle = inner.lock_handle().await.map_err(sqlite_error::typed)?;
        handle.set_progress_handler(INSTRUCTIONS, move || !watched.is_over());
        drop(handle);
        Ok(Self {
            inner,
            deadline,
            usable: true,
        })
    }

    pub async fn fetch(
        &mut self,
        sql: &Sql,
        values: &[Value],
        limits: Limits,
    ) -> Result<Vec<Row>, Error> {
        let query = query(sql, values)?;
        self.deadline.set(limits.statement);
        let stream = self.inner.fetch_many(query);
        let result = gather(stream, limits.rows, sqlite_error::typed, read, names).await;
        self.done(result)
    }

    pub async fn execute(
        &mut self,
        sql: &Sql,
        values: &[Value],
        limits: Limits,
    ) -> Result<u64, Error> {
        let query = query(sql, values)?;
        self.deadline.set(limits.statement);
        let result = executed(self.inner.fetch_many(query), 1).await;
        self.done(result)
    }

    pub async fn script(&mut self, text: &str, limits: Limits) -> Result<(), Error> {
        self.deadline.set(limits.statement);
        let result = self.inner.execute(sqlx::raw_sql(text)).await;
        self.done(result.map(drop).map_err(sqlite_error::typed))
    }

    /// Begins, ends or divides a transaction. No time is set: a commit is not given up half way.
    pub async fn control(&mut self, text: &'static str) -> Result<(), Error> {
        let statements = text.split(';').count();
        let result = executed(self.inner.fetch_many(sqlx::query(text)), statements).await;
        self.done(result.map(drop))
    }

    pub async fn close(self) {
        if let Err(error) = self.inner.close().await {
            tracing::warn!(%error, "closing the database");
        }
    }

    fn done<T>(&mut self, result: Result<T, Error>) -> Result<T, Error> {
        self.deadline.clear();
        if let Err(Error::Unavailable(_) | Error::Corrupt(_)) = &result {
            self.usable = false;
        }
        result
    }
}

/// The statement with its parameters, when these are as many as it takes.
fn query<'q>(
    sql: &'q Sql,
    values: &'q [Value],
) -> Result<Query<'q, Sqlite, SqliteArguments<'q>>, Error> {
    let text = sql.text(Dialect::Sqlite);
    let (_, taken) = rewrite(text, Dialect::Sqlite)?;
    check_count(taken, values.len())?;
    let lasting = sql.is_lasting() && !takes_all_columns(text);
    Ok(sqlx::query_with(text, arguments(values)?).persistent(lasting))
}

/// Whether the text asks for `*`: its columns change with the table. sqlx would remember the old ones with the prepared
/// statement and panic, so this is not kept. (`COUNT(*)` is; that a multiplication is not does not matter.)
fn takes_all_columns(text: &str) -> bool {
    text.replace("(*)", "").contains('*')
}

/// How many rows so many statements changed. Each must tell its end: when the thread of the connection dies, all is silent.
async fn executed<R>(
    mut stream: impl Stream<Item = Result<Either<SqliteQueryResult, R>, sqlx::Error>> + Unpin,
    statements: usize,
) -> Result<u64, Error> {
    let (mut changed, mut ended) = (0, 0);
    while let Some(step) = stream.try_next().await.map_err(sqlite_error::typed)? {
        if let Either::Left(done) = step {
            changed += done.rows_affected();
            ended += 1;
        }
    }
    match ended >= statements {
        true => Ok(changed),
        false => Err(Error::Unavailable("its thread has ended".into())),
    }
}

fn arguments(values: &[Value]) -> Result<SqliteArguments<'_>, Error> {
    let mut arguments = SqliteArguments::default();
    for value in values {
        let added = match value {
            Value::Null => arguments.add(None::<i64>),
            Value::Bool(truth) => arguments.add(*truth),
            Value::Integer(number) => arguments.add(*number),
            Value::Real(number) => arguments.add(*number),
            Value::Text(text) => arguments.add(text.as_str()),
            Value::Blob(bytes) => arguments.add(bytes.as_slice()),
        };
        added.map_err(|error| Error::statement(error.to_string()))?;
    }
    Ok(arguments)
}

fn names(row: &SqliteRow) -> Vec<String> {
    let columns = row.columns().iter();
    columns.map(|column| column.name().to_owned()).collect()
}

fn read(row: &SqliteRow) -> Result<Vec<Value>, Error> {
    (0..row.len()).map(|number| value(row, number)).collect()
}

fn value(row: &SqliteRow, number: usize) -> Result<Value, Error> {
    let raw = row.try_get_raw(number).map_err(sqlite_error::typed)?;
    if raw.is_null() {
        return Ok(Value::Null);
    }
    let kind = raw.type_info();
    let value = match kind.name() {
        "INTEGER" => Decode::<Sqlite>::decode(raw).map(Value::Integer),
        "REAL" => Decode::<Sqlite>::decode(raw).map(Value::Real),
        "TEXT" => Decode::<Sqlite>::decode(raw).map(Value::Text),
        "BLOB" => Decode::<Sqlite>::decode(raw).map(Value::Blob),
        other => {
            return Err(Error::Column {
                column: number.to_string(),
                wanted: "a type known here",
                found: other.to_owned(),
            });
        }
    };
    // Text that is not UTF-8.
    value.map_err(|_| Error::Column {
        column: number.to_string(),
        wanted: "text in UTF-8",
        found: "other bytes".to_owned(),
    })
}

/// When the statement of a connection must have ended; read by the thread that executes it.
struct Deadline {
    base: Instant,
    /// Nanoseconds since then; 0: no statement.
    at: AtomicU64,
}

impl Deadline {
    fn new() -> Self {
        Self {
            base: Instant::now(),
            at: AtomicU64::new(0),
        }
    }

    fn now(&self) -> u64 {
        self.base.elapsed().as_nanos() as u64
    }

    fn set(&self, time: Duration) {
        let at = self.now().saturating_add(time.as_nanos() as u64);
        self.at.store(at, Ordering::Relaxed);
    }

    fn clear(&self) {
        self.at.store(0, Ordering::Relaxed);
    }

    fn is_over(&self) -> bool {
        match self.at.load(Ordering::Relaxed) {
            0 => false,
            at => self.now() > at,
        }
    }
}
