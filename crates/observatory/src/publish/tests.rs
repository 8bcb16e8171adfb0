use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::json;
use stentor_event::{Event, EventBuilder, Filter, Kind, Timestamp, Viewer};
use stentor_sql::both_engines;
use stentor_sql::testing::House;
use stentor_store::{Budget, Query, ScanLimits};
use tokio::sync::watch;

use super::discovery::DISCOVERY;
use super::maker::Maker;
use super::own::Turn;
use super::{own, table, target};
use crate::clock::stored;
use crate::config::Config;
use crate::ground::Ground;
use crate::relay_url::RelayUrl;
use crate::table::{RelayId, cursor, mention};
use crate::testing::{ground, key};
use crate::testing_target::{Target, ok};

/// How long a test waits for what must come.
const PATIENCE: Duration = Duration::from_secs(30);

fn config() -> Config {
    let mut config = Config::default();
    config.publish.enabled = true;
    config
}

/// A relay with this status, that answered so many milliseconds ago.
async fn relay(ground: &Ground, url: &str, status: &'static str, ago_ms: u64) {
    let url = RelayUrl::parse(url).unwrap();
    let now_ms = ground.clock.now_ms();
    ground
        .records
        .write(move |tx| {
            let (id, _) = mention(tx, &url, "test", None, now_ms)?;
            tx.execute(
                "UPDATE observatory_relays SET state = 'relay', status = ?, seen_ms = ?, open_ms = 12 WHERE id = ?",
                (status, stored(now_ms - ago_ms), id.0),
            )
        })
        .await
        .unwrap();
}

async fn set(ground: &Ground, sql: &'static str) {
    ground
        .records
        .write(move |tx| tx.execute(sql, ()))
        .await
        .unwrap();
}

async fn in_own(ground: &Ground, kind: Kind) -> Vec<Event> {
    while own::turn(ground).await.unwrap() == Turn::Some {}
    let filter = Filter {
        kinds: Some(vec![kind]),
        ..Filter::default()
    };
    let mut scan = ground.own.scan(Query {
        filters: Arc::from([filter]),
        now: ground.clock.now(),
        before: None,
        limits: ScanLimits { cap: 0, rows: 0 },
    });
    let budget = Budget {
        events: 1_000,
        bytes: usize::MAX,
        rows: 10_000,
    };
    let batch = scan.next(&Viewer::operator(), budget).await.unwrap();
    let events = batch.events.into_iter();
    events
        .map(|stored| Event::from_canonical(stored.json).unwrap())
        .collect()
}

fn names(events: &[Event]) -> Vec<String> {
    let mut names: Vec<String> = events
        .iter()
        .map(|event| String::from_utf8(event.identifier().unwrap().into_owned()).unwrap())
        .collect();
    names.sort();
    names
}

async fn o2_5_only_what_was_reached_is_published_and_not_while_our_network_is_down(house: House) {
    let ground = ground(&house, config()).await;
    relay(&ground, "wss://up.example", "online", 1_000).await;
    relay(&ground, "wss://down.example", "offline", 1_000).await;
    relay(&ground, "wss://unknown.example", "unknown", 1_000).await;
    relay(&ground, "wss://long.ago.example", "online", 86_400_000).await;
    relay(&ground, "wss://candidate.example", "online", 1_000).await;
    set(
        &ground,
        "UPDATE observatory_relays SET state = 'candidate' WHERE url = 'wss://candidate.example/'",
    )
    .await;
    let mut maker = Maker::default();
    ground.signals.set_own_network(false);
    assert_eq!(maker.turn(&ground).await.unwrap(), None);
    assert!(in_own(&ground, DISCOVERY).await.is_empty());
    ground.signals.set_own_network(true);
    assert!(maker.turn(&ground).await.unwrap().is_some());
    let events = in_own(&ground, DISCOVERY).await;
    assert_eq!(names(&events), ["wss://up.example/"]);
    assert_eq!(events[0].pubkey(), ground.monitor_key.public_key());
    assert_eq!(events[0].verify_signature(), Ok(()));
    assert_eq!(in_own(&ground, Kind(10_166)).await.len(), 1);
    assert_eq!(maker.turn(&ground).await.unwrap(), None, "all was said");
}
both_engines!(o2_5_only_what_was_reached_is_published_and_not_while_our_network_is_down);

async fn o2_5_a_change_is_published_and_a_round_trip_is_none(house: House) {
    let ground = ground(&house, config()).await;
    relay(&ground, "wss://a.example", "online", 3_000).await;
    let mut maker = Maker::default();
    assert!(maker.turn(&ground).await.unwrap().is_some());
    let before = in_own(&ground, DISCOVERY).await.remove(0);

    relay(&ground, "wss://a.example", "online", 2_000).await;
    set(&ground, "UPDATE observatory_relays SET open_ms = 99").await;
    assert_eq!(maker.turn(&ground).await.unwrap(), None);

    set(
        &ground,
        "UPDATE observatory_relays SET auth_required = TRUE",
    )
    .await;
    assert!(maker.turn(&ground).await.unwrap().is_some());
    let after = in_own(&ground, DISCOVERY).await;
    assert_eq!(after.len(), 1);
    assert!(
        after[0].created_at() > before.created_at(),
        "the newer one wins"
    );

    // A change that no check has found is none; after the interval it is said again, with what was measured.
    set(
        &ground,
        "UPDATE observatory_relays SET auth_required = FALSE",
    )
    .await;
    assert_eq!(maker.turn(&ground).await.unwrap(), None);
    relay(&ground, "wss://a.example", "online", 1_000).await;
    assert!(maker.turn(&ground).await.unwrap().is_some());
    relay(&ground, "wss://a.example", "online", 0).await;
    assert_eq!(Maker::default().turn(&ground).await.unwrap(), None);
    set(
        &ground,
        "UPDATE observatory_published SET at_ms = at_ms - 3600000",
    )
    .await;
    assert!(Maker::default().turn(&ground).await.unwrap().is_some());
}
both_engines!(o2_5_a_change_is_published_and_a_round_trip_is_none);

async fn o2_5_another_key_says_it_all_again(house: House) {
    let ground = ground(&house, config()).await;
    relay(&ground, "wss://a.example", "online", 0).await;
    let own = ground.monitor_key.public_key().to_string();
    let begin = |key: String| table::begin(&ground.records, key, vec!["own".into()], 0);
    begin(own.clone()).await.unwrap();
    table::got_to(&ground.records, "wss://gone.example/", 7, 0)
        .await
        .unwrap();
    let mut maker = Maker::default();
    let last = maker.turn(&ground).await.unwrap().unwrap();
    begin(own).await.unwrap();
    let gone = RelayUrl::parse("wss://gone.example").unwrap();
    assert_eq!(place(&ground, &gone).await, 0, "it is no target any more");
    assert_eq!(maker.turn(&ground).await.unwrap(), None);
    begin(key(9).public_key().to_string()).await.unwrap();
    let again = maker.turn(&ground).await.unwrap().unwrap();
    assert!(again > last, "places go on");
}
both_engines!(o2_5_another_key_says_it_all_again);

async fn o2_5_what_is_written_late_takes_nothing_back(house: House) {
    let ground = ground(&house, config()).await;
    let target = RelayUrl::parse("wss://target.example").unwrap();
    for got_to in [3, 7, 5] {
        let got = table::got_to(&ground.records, target.as_str(), got_to, 0);
        got.await.unwrap();
    }
    assert_eq!(place(&ground, &target).await, 7);
    // Two have read the same, and say it within one second: the one that is written later is not told as well.
    let signed = |content: &str, created_at| {
        let event = EventBuilder::new(DISCOVERY, Timestamp(created_at)).content(content);
        table::Signed {
            relay: Some(RelayId(1)),
            seen_ms: 0,
            hash: [0; 32],
            event: event.tag(["d", "wss://a.example/"]).sign(&key(1)),
        }
    };
    for (content, created_at) in [("first", 10), ("late", 10), ("older", 9)] {
        let keeping = table::keep(&ground.records, vec![signed(content, created_at)], 1);
        keeping.await.unwrap();
    }
    let kept = || table::behind(&ground.records, 0, 0, 10);
    let first = signed("first", 10).event;
    let ids: Vec<_> = kept()
        .await
        .unwrap()
        .iter()
        .map(|one| one.event.id())
        .collect();
    assert_eq!(ids, [first.id()]);
    let keeping = table::keep(&ground.records, vec![signed("newer", 11)], 1);
    let last = keeping.await.unwrap();
    let now = kept().await.unwrap();
    assert_eq!((now.len(), now[0].place), (1, last));
    assert_ne!(now[0].event.id(), first.id());
}
both_engines!(o2_5_what_is_written_late_takes_nothing_back);

/// Runs a target until the test is through.
async fn while_running<T>(
    ground: &Arc<Ground>,
    url: &RelayUrl,
    news: &watch::Sender<u64>,
    test: impl Future<Output = T>,
) -> T {
    let target = target::run(Arc::clone(ground), url.clone(), news.subscribe());
    tokio::select! {
        ended = target => panic!("{ended:?}"),
        done = tokio::time::timeout(PATIENCE, test) => done.unwrap(),
    }
}

async fn place(ground: &Ground, url: &RelayUrl) -> u64 {
    let reader = table::reader(url.as_str());
    cursor(&ground.records, &reader).await.unwrap().place
}

async fn wait_for_place(ground: &Ground, url: &RelayUrl, wanted: u64) {
    while place(ground, url).await < wanted {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn o2_5_a_target_that_was_away_gets_what_is_newest_and_nothing_twice(house: House) {
    let ground = ground(&house, config()).await;
    let mut there = Target::taking().await;
    let url = there.url.clone();
    let mut maker = Maker::default();
    for round in (1..=3_u64).rev() {
        relay(&ground, "wss://a.example", "online", round * 1_000).await;
        relay(&ground, "wss://b.example", "online", round * 1_000).await;
        set(
            &ground,
            "UPDATE observatory_relays SET asn = COALESCE(asn, 0) + 1",
        )
        .await;
        maker.turn(&ground).await.unwrap().unwrap();
    }
    let news = watch::Sender::new(0);
    let test = async {
        let (mut monitor, mut relays) = (0, Vec::new());
        for _ in 0..3 {
            let event = there.next("EVENT").await;
            match event["kind"].as_u64() {
                Some(30_166) => relays.push(event.to_string()),
                _ => monitor += 1,
            }
        }
        assert_eq!((monitor, relays.len()), (1, 2));
        assert!(
            relays
                .iter()
                .all(|event| event.contains(r#"["l","3","host.asn"]"#))
        );
        wait_for_place(&ground, &url, 7).await;

        // What comes while there is a connection is sent over it.
        relay(&ground, "wss://c.example", "online", 0).await;
        let last = maker.turn(&ground).await.unwrap().unwrap();
        news.send_replace(last);
        let event = there.next("EVENT").await;
        assert_eq!(event["tags"][0], json!(["d", "wss://c.example/"]));
        wait_for_place(&ground, &url, last).await;
    };
    while_running(&ground, &url, &news, test).await;
    // After a start, it is where it was.
    let mut maker = Maker::default();
    relay(&ground, "wss://d.example", "online", 0).await;
    maker.turn(&ground).await.unwrap().unwrap();
    let test = async {
        let event = there.next("EVENT").await;
        assert_eq!(event["tags"][0], json!(["d", "wss://d.example/"]));
    };
    while_running(&ground, &url, &news, test).await;
}
both_engines!(o2_5_a_target_that_was_away_gets_what_is_newest_and_nothing_twice);

async fn o2_5_a_target_that_asks_is_told_who_we_are_and_one_that_refuses_stays_where_it_is(
    house: House,
) {
    let ground = ground(&house, config()).await;
    relay(&ground, "wss://a.example", "online", 0).await;
    Maker::default().turn(&ground).await.unwrap().unwrap();
    let news = watch::Sender::new(0);
    let is_known = AtomicBool::new(false);
    let mut asking = Target::new(move |message| {
        let is_auth = message[0] == "AUTH";
        if is_known.fetch_or(is_auth, Ordering::SeqCst) || is_auth {
            return vec![ok(message, true, "")];
        }
        let refusal = ok(message, false, "auth-required: who are you?");
        vec![json!(["AUTH", "challenge"]), refusal]
    })
    .await;
    let url = asking.url.clone();
    let monitor = ground.monitor_key.public_key().to_string();
    let test = async {
        let event = asking.next("AUTH").await;
        assert_eq!(event["pubkey"], monitor);
        wait_for_place(&ground, &url, 2).await;
    };
    while_running(&ground, &url, &news, test).await;

    let mut refusing = Target::new(|message| vec![ok(message, false, "blocked: no")]).await;
    let url = refusing.url.clone();
    let test = async {
        // Asked again after a while, with the same.
        let first = refusing.next("EVENT").await;
        refusing.next("EVENT").await;
        assert_eq!(refusing.next("EVENT").await["id"], first["id"]);
    };
    while_running(&ground, &url, &news, test).await;
    assert_eq!(place(&ground, &url).await, 0);
}
both_engines!(o2_5_a_target_that_asks_is_told_who_we_are_and_one_that_refuses_stays_where_it_is);
