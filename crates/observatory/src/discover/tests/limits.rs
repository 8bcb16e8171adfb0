//! How much strangers can have us take up: of one host (O1.3), and in all (O1.1).

use std::sync::Arc;
use std::sync::atomic::Ordering;

use futures_util::{SinkExt, StreamExt};
use stentor_sql::both_engines;
use stentor_sql::testing::House;
use tokio_tungstenite::accept_async;
use tokio_tungstenite::tungstenite::Message;

use super::super::source::Source;
use super::super::text::{self, Note, Text};
use super::super::{attempts, events, seeds};
use super::server::serve;
use super::{config, event, intake, mentioned, store, until};
use crate::config::Discover;
use crate::ground::Ground;
use crate::relay_url::RelayUrl;
use crate::testing::{ground, relay_by_url};

const CANDIDATES: &str = "SELECT COUNT(*) FROM observatory_relays WHERE state = 'candidate'";
const RELAYS: &str = "SELECT COUNT(*) FROM observatory_relays WHERE state = 'relay'";
const FULL: &str =
    "SELECT COUNT(*) FROM observatory_relays WHERE state = 'candidate' AND reason = 'full'";
const UNTRIED: &str =
    "SELECT COUNT(*) FROM observatory_relays WHERE state = 'candidate' AND failures = 0";

/// A server that is a relay on every path; its URL without one, and how many connections it has had.
async fn on_every_path() -> (String, Arc<std::sync::atomic::AtomicUsize>) {
    let (address, connections) = serve(|stream| async move {
        let Ok(mut socket) = accept_async(stream).await else {
            return;
        };
        while let Some(Ok(_)) = socket.next().await {
            let _ = socket.send(Message::text(r#"["NOTICE","hello"]"#)).await;
        }
    })
    .await;
    (format!("ws://{address}"), connections)
}

/// An event by which a stranger names these relays is read.
async fn named_by_a_stranger(ground: &Arc<Ground>, author: u8, urls: &[String]) {
    let tags: Vec<[&str; 2]> = urls.iter().map(|url| ["r", url.as_str()]).collect();
    let tags: Vec<&[&str]> = tags.iter().map(|tag| tag.as_slice()).collect();
    store(ground, &*ground.own, [event(ground, author, 1, &tags)]).await;
    let intake = intake(ground).await;
    let reader = events::Reader::open(ground, &intake, &*ground.own, "discover.events.own").await;
    reader.unwrap().read_on().await.unwrap();
}

/// Tries candidates until none is left that was not.
async fn try_all(ground: &Arc<Ground>) {
    let intake = intake(ground).await;
    tokio::select! {
        ended = attempts::follow(ground, &intake) => panic!("{ended:?}"),
        () = until(ground, UNTRIED, 0) => {}
    }
}

async fn count(ground: &Ground, sql: &'static str) -> i64 {
    let (count,): (i64,) = ground.records.fetch_one(sql, ()).await.unwrap();
    count
}

async fn is_relay(ground: &Ground, url: &str) -> bool {
    let url = RelayUrl::parse(url).unwrap();
    let relay = relay_by_url(&ground.records, &url).await.unwrap();
    relay.is_some_and(|relay| relay.state == crate::table::State::Relay)
}

/// So many URLs of a server.
fn paths(server: &str, count: usize) -> Vec<String> {
    (0..count).map(|n| format!("{server}/{n}")).collect()
}

async fn o1_3_a_host_is_no_more_relays_than_it_may_be(house: House) {
    let (server, connections) = on_every_path().await;
    let first = format!("{server}/of-the-operator");
    let mut config = config(Discover {
        relays_per_host: 3,
        ..Discover::default()
    });
    config.archive.first = vec![first.clone()];
    let ground = ground(&house, config).await;
    let named: Vec<String> = paths(&server, 150)
        .into_iter()
        .chain([first.clone()])
        .collect();
    named_by_a_stranger(&ground, 3, &named).await;
    assert_eq!(count(&ground, CANDIDATES).await, 3 + 8 + 1);
    try_all(&ground).await;
    assert!(is_relay(&ground, &first).await);
    // The operator's is the last of the three, or one more.
    let relays = count(&ground, RELAYS).await;
    assert!((3..=4).contains(&relays), "{relays}");
    assert_eq!(count(&ground, FULL).await, 12 - relays);
    // Whose host is full is not dialled a second time.
    let dialled = connections.load(Ordering::Relaxed);
    let again = ground.records.write(|tx| {
        let sql =
            "UPDATE observatory_relays SET failures = 0, next_ms = 0 WHERE state = 'candidate'";
        tx.execute(sql, ())
    });
    assert_eq!(again.await.unwrap(), 12 - u64::try_from(relays).unwrap());
    try_all(&ground).await;
    assert_eq!(connections.load(Ordering::Relaxed), dialled);
    assert_eq!(count(&ground, FULL).await, 12 - relays);
    // Nor is it taken up any more, after a restart, too; other hosts are.
    let mut more = paths(&format!("{server}/again"), 50);
    more.push("wss://other.example".to_owned());
    named_by_a_stranger(&ground, 4, &more).await;
    assert_eq!(
        count(&ground, CANDIDATES).await + count(&ground, RELAYS).await,
        13
    );
}

async fn o1_3_the_operators_own_are_relays_however_many(house: House) {
    let (server, _) = on_every_path().await;
    let file = house.folder().join("seeds");
    let (seeds, of_file) = (paths(&server, 4), paths(&format!("{server}/file"), 4));
    std::fs::write(&file, of_file.join("\n")).unwrap();
    let discover = Discover {
        seeds,
        seed_file: Some("seeds".to_owned()),
        relays_per_host: 1,
        relays: 1,
        ..Discover::default()
    };
    let ground = ground(&house, config(discover)).await;
    seeds::read(&ground, &*intake(&ground).await).await.unwrap();
    let watched = format!("{server}/watched");
    named_by_a_stranger(&ground, 3, std::slice::from_ref(&watched)).await;
    // There is no more room for what strangers name.
    named_by_a_stranger(&ground, 4, &paths(&format!("{server}/no"), 4)).await;
    assert_eq!(count(&ground, CANDIDATES).await, 9);
    let watches = ground.records.write(|tx| {
        tx.execute(
            "INSERT INTO observatory_watches (id, relay, made_ms, made_by, state)
             SELECT 'x', id, 0, 'x', 'x' FROM observatory_relays WHERE url LIKE '%/watched'",
            (),
        )
    });
    assert_eq!(watches.await.unwrap(), 1);
    try_all(&ground).await;
    assert_eq!(
        (count(&ground, RELAYS).await, count(&ground, FULL).await),
        (9, 0)
    );
    assert!(is_relay(&ground, &watched).await);
}

async fn o1_3_there_are_no_more_relays_than_there_may_be(house: House) {
    let servers = [
        on_every_path().await.0,
        on_every_path().await.0,
        on_every_path().await.0,
    ];
    let discover = Discover {
        relays: 2,
        ..Discover::default()
    };
    let ground = ground(&house, config(discover)).await;
    named_by_a_stranger(&ground, 3, &servers).await;
    try_all(&ground).await;
    assert_eq!(
        (count(&ground, RELAYS).await, count(&ground, FULL).await),
        (2, 1)
    );
    let sql = "SELECT detail FROM observatory_relays WHERE reason = 'full'";
    let (detail,): (String,) = ground.records.fetch_one(sql, ()).await.unwrap();
    assert_eq!(detail, "there are 2 relays already");
}

async fn o1_1_strangers_leave_room_for_seeds_which_wait_for_more(house: House) {
    let hosts = |name: &str, count: usize| -> Vec<String> {
        (0..count)
            .map(|n| format!("wss://{name}{n:02}.example/"))
            .collect()
    };
    let discover = Discover {
        seeds: hosts("seed", 5),
        candidates: 20,
        ..Discover::default()
    };
    let ground = ground(&house, config(discover)).await;
    named_by_a_stranger(&ground, 3, &hosts("x", 100)).await;
    assert_eq!(count(&ground, CANDIDATES).await, 18);
    let seeded = async || {
        let mentioned = mentioned(&ground).await;
        let seeded = mentioned
            .into_iter()
            .filter(|(_, source, _)| source == "seeds");
        seeded
            .map(|(url, _, times)| (url, times))
            .collect::<Vec<_>>()
    };
    let expected = |count: usize| -> Vec<(String, i64)> {
        hosts("seed", count)
            .into_iter()
            .map(|url| (url, 1))
            .collect()
    };
    // However often they are read, those that wait are not passed over, and the others are counted once.
    for _ in 0..3 {
        seeds::read(&ground, &*intake(&ground).await).await.unwrap();
        assert_eq!(seeded().await, expected(2));
        assert!(!is_done(&ground).await);
    }
    let gone = ground.records.write(|tx| {
        let sql = "DELETE FROM observatory_relays WHERE url LIKE 'wss://x0%'";
        tx.execute(sql, ())
    });
    assert_eq!(gone.await.unwrap(), 10);
    seeds::read(&ground, &*intake(&ground).await).await.unwrap();
    assert_eq!(seeded().await, expected(5));
    assert!(is_done(&ground).await);
}

async fn o1_3_a_list_goes_on_behind_a_host_that_is_full(house: House) {
    let discover = Discover {
        relays_per_host: 1,
        ..Discover::default()
    };
    let ground = ground(&house, config(discover)).await;
    let mut urls = paths("wss://a.example", 30);
    urls.push("wss://b.example".to_owned());
    let text = Text {
        name: "discover.list.x",
        source: Source::HttpList,
        found_in: None,
        hash: "x".to_owned(),
        urls: urls
            .iter()
            .map(|url| RelayUrl::parse(url).unwrap())
            .collect(),
    };
    let intake = intake(&ground).await;
    text::read(&ground, &intake, text, Note::default())
        .await
        .unwrap();
    let (note, cursor) = Note::load(&ground, "discover.list.x").await.unwrap();
    assert!(note.done && cursor.place == 31);
    let mentioned = mentioned(&ground).await;
    assert_eq!(mentioned.len(), 1 + 8 + 1);
    assert!(
        mentioned
            .iter()
            .any(|(url, _, _)| url == "wss://b.example/")
    );
}

/// Whether the seeds of the configuration were read to their end.
async fn is_done(ground: &Ground) -> bool {
    let sql = "SELECT note FROM observatory_cursors WHERE name = 'discover.seeds'";
    let (note,): (String,) = ground.records.fetch_one(sql, ()).await.unwrap();
    note.contains(r#""done":true"#)
}

both_engines!(
    o1_3_a_host_is_no_more_relays_than_it_may_be,
    o1_3_the_operators_own_are_relays_however_many,
    o1_3_there_are_no_more_relays_than_there_may_be,
    o1_1_strangers_leave_room_for_seeds_which_wait_for_more,
    o1_3_a_list_goes_on_behind_a_host_that_is_full,
);
