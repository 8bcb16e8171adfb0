//! Small durable transactions on SQLite: Stentor's joining writer, beside what the disk can do and what SQLite does with a
//! commit for each transaction.
//!
//! `cargo bench -p stentor-bench --bench sql [-- SECONDS [RUNS]]`. Everything is written below the system's folder for
//! temporary files (`TMPDIR`). A transaction inserts one row of some 100 bytes into a table with one index. `disk` is a loop
//! of writing 4 KiB at the end of a file and syncing it: no commit can be cheaper.

// What fails here ends the benchmark.
#![allow(clippy::unwrap_used)]

use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{ConnectOptions, Executor, SqliteConnection};
use stentor_sql::{Database, DatabaseConfig, Error, Migrations, Step};
use tokio::sync::Mutex;

const CALLERS: [usize; 4] = [1, 16, 256, 1024];
const TABLE: &str =
    "CREATE TABLE rows (id INTEGER PRIMARY KEY, key BYTEA NOT NULL UNIQUE, at BIGINT, text TEXT)";
const INSERT: &str = "INSERT INTO rows (key, at, text) VALUES (?, ?, ?)";
const TEXT: &str = "a reason of the length that reasons have";
const MIGRATIONS: Migrations = Migrations {
    role: "bench",
    steps: &[Step::new(1, "rows", TABLE)],
};

fn main() {
    let mut numbers = std::env::args().filter_map(|argument| argument.parse().ok());
    let time = Duration::from_secs(numbers.next().unwrap_or(4));
    let runs = numbers.next().unwrap_or(3);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    println!("run  what     callers  transactions/s   p50 ms   p99 ms");
    for run in 1..=runs {
        show(run, "disk", 1, disk(time), time);
        for callers in CALLERS {
            let found = runtime.block_on(joined(callers, time));
            show(run, "joined", callers, found, time);
            let found = runtime.block_on(one_connection(callers, time));
            show(run, "mutex", callers, found, time);
            let found = runtime.block_on(eight_connections(callers, time));
            show(run, "pool", callers, found, time);
        }
    }
}

fn show(run: u64, what: &str, callers: usize, mut times: Vec<Duration>, time: Duration) {
    times.sort_unstable();
    let at = |share: f64| {
        let number = (times.len() as f64 * share) as usize;
        let found = times.get(number.min(times.len().saturating_sub(1)));
        found.map_or(f64::NAN, |time| time.as_secs_f64() * 1e3)
    };
    let rate = times.len() as f64 / time.as_secs_f64();
    println!(
        "{run:>3}  {what:<8} {callers:>7}  {rate:>14.0}  {:>7.2}  {:>7.2}",
        at(0.5),
        at(0.99)
    );
}

fn disk(time: Duration) -> Vec<Duration> {
    let folder = tempfile::tempdir().unwrap();
    let mut file = std::fs::File::create(folder.path().join("log")).unwrap();
    let end = Instant::now() + time;
    let mut times = Vec::new();
    while Instant::now() < end {
        let start = Instant::now();
        file.write_all(&[7; 4096]).unwrap();
        file.sync_data().unwrap();
        times.push(start.elapsed());
    }
    times
}

/// Calls again and again from so many tasks, and returns how long each call took.
async fn load<F>(
    callers: usize,
    time: Duration,
    call: impl Fn(u64) -> F + Clone + Send + 'static,
) -> Vec<Duration>
where
    F: Future<Output = ()> + Send,
{
    let end = Instant::now() + time;
    let tasks: Vec<_> = (0..callers as u64)
        .map(|caller| {
            let call = call.clone();
            tokio::spawn(async move {
                let mut times = Vec::new();
                while Instant::now() < end {
                    let start = Instant::now();
                    call(caller << 32 | times.len() as u64).await;
                    times.push(start.elapsed());
                }
                times
            })
        })
        .collect();
    let mut all = Vec::new();
    for task in tasks {
        all.extend(task.await.unwrap());
    }
    all
}

/// A key like a random one.
fn key(number: u64) -> Vec<u8> {
    let mixed = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    [mixed, number, mixed, number]
        .map(u64::to_be_bytes)
        .concat()
}

async fn joined(callers: usize, time: Duration) -> Vec<Duration> {
    let folder = tempfile::tempdir().unwrap();
    let config = DatabaseConfig {
        path: folder.path().join("records.sqlite"),
        ..DatabaseConfig::default()
    };
    let database = Database::open(&config).await.unwrap();
    database.migrate(&MIGRATIONS).await.unwrap();
    let writer = database.clone();
    let times = load(callers, time, move |number| {
        let database = writer.clone();
        async move {
            let insert = move |tx: &mut stentor_sql::Transaction<'_>| {
                tx.execute(INSERT, (key(number), number as i64, TEXT))
            };
            let result: Result<u64, Error> = database.write(insert).await;
            result.unwrap();
        }
    })
    .await;
    database.close().await;
    times
}

fn options(folder: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(folder.join("records.sqlite"))
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(Duration::from_secs(60))
        .disable_statement_logging()
}

/// What a program does that uses SQLite as its documentation shows it.
async fn insert(connection: &mut SqliteConnection, number: u64) {
    connection.execute("BEGIN IMMEDIATE").await.unwrap();
    let query = sqlx::query(INSERT).bind(key(number)).bind(number as i64);
    connection.execute(query.bind(TEXT)).await.unwrap();
    connection.execute("COMMIT").await.unwrap();
}

/// One connection, for which callers wait in order.
async fn one_connection(callers: usize, time: Duration) -> Vec<Duration> {
    let folder = tempfile::tempdir().unwrap();
    let mut connection = options(folder.path()).connect().await.unwrap();
    connection.execute(TABLE).await.unwrap();
    let connection = Arc::new(Mutex::new(connection));
    load(callers, time, move |number| {
        let connection = connection.clone();
        async move { insert(&mut *connection.lock().await, number).await }
    })
    .await
}

/// A pool, whose connections wait for SQLite's lock.
async fn eight_connections(callers: usize, time: Duration) -> Vec<Duration> {
    let folder = tempfile::tempdir().unwrap();
    let pool: SqlitePool = SqlitePoolOptions::new()
        .max_connections(8)
        .acquire_timeout(Duration::from_secs(600))
        .connect_with(options(folder.path()))
        .await
        .unwrap();
    pool.execute(TABLE).await.unwrap();
    load(callers, time, move |number| {
        let pool = pool.clone();
        async move { insert(&mut pool.acquire().await.unwrap(), number).await }
    })
    .await
}
