//! PostgreSQL goes, hangs and comes back, and the process stays.

use std::sync::Mutex;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use stentor_sql::testing::Cluster;
use stentor_sql::{Database, DatabaseConfig, DatabaseUrl, Error};

use crate::proxy::Proxy;
use crate::words::{MIGRATIONS, add, count, pairs, words};

/// Longer than any call may take here, with the machine under load.
const SOON: Duration = Duration::from_secs(30);

/// Limits that a server under load keeps, and that a test can wait for.
fn quick(url: DatabaseUrl) -> DatabaseConfig {
    DatabaseConfig {
        url: Some(url),
        acquire_ms: 1500,
        connect_ms: 1500,
        statement_ms: 1500,
        connections: 4,
        ..DatabaseConfig::default()
    }
}

async fn opened(config: &DatabaseConfig) -> Database {
    let database = Database::open(config).await.unwrap();
    database.migrate(&MIGRATIONS).await.unwrap();
    database
}

/// Everything fails, with the right error and soon.
async fn is_unavailable(database: &Database) {
    let start = Instant::now();
    let mut tasks = Vec::new();
    for _ in 0..16 {
        let database = database.clone();
        tasks.push(tokio::spawn(async move {
            let written = add(&database, "lost").await.map(drop);
            let read = database.fetch_one::<(i64,)>("SELECT 1", ()).await.map(drop);
            [written, read, database.health().await]
        }));
    }
    for task in tasks {
        for result in task.await.unwrap() {
            // While it hangs, connections are held by those who wait.
            let unavailable = matches!(&result, Err(Error::Unavailable(_) | Error::Busy(_)));
            assert!(unavailable, "{result:?}");
            assert!(result.unwrap_err().is_transient());
        }
    }
    assert!(start.elapsed() < SOON, "{:?}", start.elapsed());
    let alone = database.health().await;
    assert!(matches!(alone, Err(Error::Unavailable(_))), "{alone:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_was_gone_is_used_again() {
    let cluster = Cluster::start();
    let name = cluster.create_database().await;
    let database = opened(&quick(DatabaseUrl::new(cluster.url(&name)))).await;
    for round in 1..=3 {
        // Several connections wait, to be found dead later.
        let all = (0..4).map(|_| add(&database, "a"));
        for result in futures_util::future::join_all(all).await {
            result.unwrap();
        }
        cluster.stop();
        is_unavailable(&database).await;
        cluster.start_again();
        assert_eq!(database.health().await, Ok(()));
        assert_eq!(words(&database).await, pairs(&[("a", round * 4)]));
    }
}

/// Nobody asks while it is away: that a connection died is found out by the call that needs it, which succeeds.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_in_between_is_not_noticed() {
    let cluster = Cluster::start();
    let name = cluster.create_database().await;
    let database = opened(&quick(DatabaseUrl::new(cluster.url(&name)))).await;
    assert_eq!(add(&database, "a").await, Ok(1));
    cluster.stop();
    cluster.start_again();
    assert_eq!(add(&database, "a").await, Ok(2));
    cluster.stop();
    cluster.start_again();
    assert_eq!(words(&database).await, pairs(&[("a", 2)]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_transaction_cut_off_in_the_middle_leaves_nothing() {
    let cluster = Cluster::start();
    let name = cluster.create_database().await;
    let database = opened(&quick(DatabaseUrl::new(cluster.url(&name)))).await;
    let (begun, has_begun) = mpsc::channel();
    let (go_on, goes_on) = mpsc::channel::<()>();
    let goes_on = Mutex::new(goes_on);
    let cut = tokio::spawn({
        let database = database.clone();
        async move {
            let hold = move |tx: &mut stentor_sql::Transaction<'_>| {
                count(tx, "a")?;
                begun.send(()).unwrap();
                goes_on.lock().unwrap().recv().unwrap();
                count(tx, "b")
            };
            database.write(hold).await
        }
    });
    tokio::task::spawn_blocking(move || has_begun.recv().unwrap())
        .await
        .unwrap();
    cluster.stop();
    go_on.send(()).unwrap();
    let result = cut.await.unwrap();
    assert!(matches!(result, Err(Error::Unavailable(_))), "{result:?}");
    cluster.start_again();
    assert_eq!(words(&database).await, pairs(&[]));
}

async fn behind_a_proxy() -> (Database, Proxy) {
    let cluster = Cluster::shared();
    let proxy = Proxy::to(cluster.socket()).await;
    let name = cluster.create_database().await;
    let url = format!("postgres://stentor@127.0.0.1:{}/{name}", proxy.port);
    (opened(&quick(DatabaseUrl::new(url))).await, proxy)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_network_that_swallows_everything_is_not_waited_for() {
    let (database, proxy) = behind_a_proxy().await;
    for round in 1..=2 {
        assert_eq!(add(&database, "a").await, Ok(round));
        proxy.freeze();
        is_unavailable(&database).await;
        proxy.thaw();
        assert_eq!(database.health().await, Ok(()));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whether_a_commit_took_place_that_was_not_answered_is_not_claimed() {
    let (database, proxy) = behind_a_proxy().await;
    let switch = proxy.switch();
    let result = database
        .write(move |tx| {
            let seen = count(tx, "a");
            switch.send_replace(true);
            seen
        })
        .await;
    assert!(matches!(result, Err(Error::Uncertain(_))), "{result:?}");
    proxy.thaw();
    assert_eq!(add(&database, "b").await, Ok(1));
}

#[tokio::test]
async fn what_cannot_be_opened_tells_why_without_the_password() {
    let cluster = Cluster::shared();
    let open = |url: String| {
        let config = quick(DatabaseUrl::new(url));
        async move { Database::open(&config).await.unwrap_err() }
    };
    let socket = cluster.socket();
    let folder = socket.parent().unwrap().display();
    let error = open(format!(
        "postgres://stentor:hunter2@localhost/nowhere?host={folder}"
    ))
    .await;
    assert!(matches!(error, Error::Unavailable(_)), "{error:?}");
    assert!(error.to_string().contains("nowhere"));
    for url in [
        "postgres://a:hunter2@[/b",
        "mysql://a:hunter2@b/c",
        "hunter2",
    ] {
        let error = open(url.into()).await;
        assert!(
            matches!(error, Error::Config { key: "url", .. }),
            "{error:?}"
        );
        assert!(!format!("{error} {error:?}").contains("hunter2"));
    }
}
