//! A process that is killed while it writes.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::process::Stdio;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use stentor_sql::testing::{Cluster, House};
use stentor_sql::{Database, DatabaseConfig, Dialect, Error, Migrations, Step, both_engines};

use super::child;

const ROUNDS: u64 = 30;

/// Each transaction writes its number into both, and counts.
const MIGRATIONS: Migrations = Migrations {
    role: "killing",
    steps: &[Step::new(
        1,
        "tables",
        "CREATE TABLE heads (id BIGINT PRIMARY KEY, filling BYTEA NOT NULL);
         CREATE TABLE tails (id BIGINT PRIMARY KEY);
         CREATE TABLE total (slot BIGINT PRIMARY KEY, count BIGINT NOT NULL);
         INSERT INTO total VALUES (0, 0); INSERT INTO total VALUES (1, 0);
         INSERT INTO total VALUES (2, 0); INSERT INTO total VALUES (3, 0)",
    )],
};

async fn what_was_acknowledged_outlives_the_process(house: House) {
    let url = match house.dialect {
        Dialect::Sqlite => None,
        Dialect::Postgres => {
            let cluster = Cluster::shared();
            Some(cluster.url(&cluster.create_database().await))
        }
    };
    let config = DatabaseConfig {
        path: house.config.path.clone(),
        url: url.clone().map(stentor_sql::DatabaseUrl::new),
        rows: 1_000_000,
        ..DatabaseConfig::default()
    };
    let mut acknowledged = BTreeSet::new();
    for round in 0..ROUNDS {
        let time = Duration::from_millis(20 + round * 37 % 150);
        let (path, url) = (config.path.clone(), url.clone());
        let lines = tokio::task::spawn_blocking(move || killed_after(&path, url.as_deref(), time));
        acknowledged.extend(lines.await.unwrap());
        let database = Database::open(&config).await.unwrap();
        check(&database, &acknowledged).await;
        database.close().await;
    }
    assert!(acknowledged.len() > 200, "only {}", acknowledged.len());
}

both_engines!(what_was_acknowledged_outlives_the_process);

/// What was acknowledged is there, and what is there is whole.
async fn check(database: &Database, acknowledged: &BTreeSet<i64>) {
    // A server may still be at a commit that it was sent before the process was killed.
    let (heads, tails, count) = database
        .read(|tx| {
            let heads: Vec<(i64,)> = tx.fetch_all("SELECT id FROM heads ORDER BY id", ())?;
            let tails: Vec<(i64,)> = tx.fetch_all("SELECT id FROM tails ORDER BY id", ())?;
            let (count,): (i64,) =
                tx.fetch_one("SELECT CAST(SUM(count) AS BIGINT) FROM total", ())?;
            Ok::<_, Error>((heads, tails, count))
        })
        .await
        .unwrap();
    assert_eq!(heads, tails);
    assert_eq!(heads.len() as i64, count);
    let there: BTreeSet<i64> = heads.into_iter().map(|(id,)| id).collect();
    let lost: Vec<_> = acknowledged.difference(&there).collect();
    assert!(lost.is_empty(), "lost: {lost:?}");
}

/// What a writer said until it was killed after this time.
fn killed_after(path: &std::path::Path, url: Option<&str>, time: Duration) -> Vec<i64> {
    let mut command = child::command("writes_until_killed", path, url);
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap()).lines();
    let first = output.find(|line| line.as_ref().is_ok_and(|line| line == "writing"));
    assert!(first.is_some(), "it could not open the database");
    // A moment that has nothing to do with what the process is at.
    std::thread::sleep(time);
    child.kill().unwrap();
    child.wait().unwrap();
    // The last line may have been cut short, so each ends on a full stop.
    let lines = output.map_while(Result::ok);
    let number = |line: String| line.strip_suffix('.')?.parse().ok();
    lines.filter_map(number).collect()
}

/// What the other process does: it writes until it is killed, in many tasks, and says what was acknowledged.
pub fn write(config: DatabaseConfig) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let database = Database::open(&config).await.unwrap();
        database.migrate(&MIGRATIONS).await.unwrap();
        let (last,): (Option<i64>,) = database
            .fetch_one("SELECT MAX(id) FROM heads", ())
            .await
            .unwrap();
        let next = AtomicI64::new(last.unwrap_or(0) + 1);
        say("writing\n");
        let writers = (0..4).map(|slot| write_on(&database, &next, slot));
        futures_util::future::join_all(writers).await;
    });
}

async fn write_on(database: &Database, next: &AtomicI64, slot: i64) {
    loop {
        let id = next.fetch_add(1, Ordering::Relaxed);
        transaction(database, id, slot).await.unwrap();
        say(&format!("{id}.\n"));
    }
}

async fn transaction(database: &Database, id: i64, slot: i64) -> Result<(), Error> {
    database
        .write(move |tx| {
            tx.execute("INSERT INTO heads VALUES (?, ?)", (id, vec![7_u8; 3_000]))?;
            tx.execute("UPDATE total SET count = count + 1 WHERE slot = ?", (slot,))?;
            tx.execute("INSERT INTO tails VALUES (?)", (id,))?;
            Ok(())
        })
        .await
}

/// At once, and now.
fn say(text: &str) {
    let mut output = std::io::stdout().lock();
    output.write_all(text.as_bytes()).unwrap();
    output.flush().unwrap();
}
