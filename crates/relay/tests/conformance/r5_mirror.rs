//! R5.3: mirrors, live.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use serde_json::{Value, json};
use stentor_net::dial;
use stentor_peer::Config as PeerConfig;
use stentor_relay::config;
use stentor_relay::mirror::{MirrorState, MirrorStatus, Mirrors, Outbound};
use stentor_relay::sync::Direction;

use crate::harness::{
    Client, Engine, Node, PlainRelay, Proxy, Words, event, id, key, note, now, public, scripted,
    without_rates,
};
use crate::r5_sync::{dialer, ids, put};

fn outbound() -> Outbound {
    Outbound {
        dialer: dialer(),
        dial: dial::Config::default(),
        peer: PeerConfig::default(),
        sync: config::Sync::default(),
    }
}

fn mirror(name: &str, url: &str, direction: Direction) -> config::Mirror {
    config::Mirror {
        name: name.to_owned(),
        url: url.to_owned(),
        direction,
        ..config::Mirror::default()
    }
}

async fn mirrors(node: &Node, entries: &[config::Mirror]) -> Mirrors {
    let mirrors = Mirrors::new(node.relay.clone()).await.unwrap();
    mirrors.apply(entries, &outbound());
    mirrors
}

fn status(mirrors: &Mirrors, name: &str) -> MirrorStatus {
    let all = mirrors.status();
    all.into_iter().find(|status| status.name == name).unwrap()
}

/// Waits until something holds of a mirror.
async fn until(mirrors: &Mirrors, name: &str, holds: impl Fn(&MirrorStatus) -> bool) {
    let begun = Instant::now();
    while !holds(&status(mirrors, name)) {
        let late = begun.elapsed() > Duration::from_secs(30);
        assert!(!late, "{:?}", status(mirrors, name));
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

async fn live(mirrors: &Mirrors, name: &str) {
    until(mirrors, name, |status| status.state == MirrorState::Live).await;
}

/// A client that follows everything that is new.
async fn watcher(node: &Node) -> Client {
    let mut client = node.client().await;
    client.subscribe("new", &[json!({"limit": 0})]).await;
    client
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r5_3_events_go_both_ways_and_none_comes_back() {
    let (here, there) = (
        Node::start(Engine::Embedded).await,
        Node::start(Engine::Memory).await,
    );
    let old = note(1, 9_000, "before there was a mirror");
    put(&there, [&old]).await;
    let entry = mirror("both", &there.url(), Direction::Both);
    let mirrors = mirrors(&here, &[entry]).await;
    live(&mirrors, "both").await;
    let (mut at_home, mut abroad) = (watcher(&here).await, watcher(&there).await);
    let (ours, theirs) = (note(1, 1, "from here"), note(2, 1, "from there"));
    let passing = event(20_001, now()).sign(&key(2));
    there.client().await.store(&theirs).await;
    assert_eq!(at_home.live("new").await["id"], id(&theirs));
    there.client().await.store(&passing).await;
    assert_eq!(at_home.live("new").await["id"], id(&passing), "ephemeral");
    here.client().await.store(&ours).await;
    for expected in [&theirs, &passing, &ours] {
        assert_eq!(abroad.live("new").await["id"], id(expected));
    }
    until(&mirrors, "both", |status| {
        status.events.sent == 1 && status.lag == Some(0)
    })
    .await;
    let events = status(&mirrors, "both").events;
    assert_eq!((events.stored, events.ephemeral), (1, 1), "{events:?}");
    assert_eq!(events.known, 0, "nothing was sent back: {events:?}");
    assert!(
        !ids(&here).await.contains(&old.id()),
        "no history was asked for"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r5_3_nothing_is_missed_while_there_is_no_connection() {
    let (here, there) = (
        Node::start(Engine::Memory).await,
        Node::start(Engine::Memory).await,
    );
    let proxy = Proxy::to(there.address).await;
    let entry = mirror("gap", &proxy.url(), Direction::Both);
    let mirrors = mirrors(&here, &[entry]).await;
    live(&mirrors, "gap").await;
    proxy.cut();
    until(&mirrors, "gap", |status| {
        status.state == MirrorState::Connecting
    })
    .await;
    let mut all = Vec::new();
    for n in 0..40 {
        let content = format!("number {n}");
        let (ours, theirs) = (note(1, n, &content), note(2, n, &content));
        here.client().await.store(&ours).await;
        there.client().await.store(&theirs).await;
        all.extend([ours, theirs]);
    }
    proxy.mend();
    until(&mirrors, "gap", |status| {
        status.events.stored == 40 && status.events.sent == 40
    })
    .await;
    assert_eq!(ids(&here).await, ids(&there).await);
    assert_eq!(ids(&here).await.len(), all.len());
    let status = status(&mirrors, "gap");
    assert!(
        status.reconnects >= 1 && status.last_error.is_some(),
        "{status:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r5_3_the_position_outlives_the_process() {
    let (here, there) = (
        Node::start(Engine::Memory).await,
        Node::start(Engine::Memory).await,
    );
    let entry = mirror("up", &there.url(), Direction::Up);
    let first = mirrors(&here, std::slice::from_ref(&entry)).await;
    live(&first, "up").await;
    first.stop();
    assert!(first.status().is_empty());
    let (meanwhile, after) = (note(1, 2, "meanwhile"), note(1, 1, "after"));
    here.client().await.store(&meanwhile).await;
    let mut abroad = watcher(&there).await;
    let second = mirrors(&here, &[entry]).await;
    assert_eq!(abroad.live("new").await["id"], id(&meanwhile));
    here.client().await.store(&after).await;
    assert_eq!(abroad.live("new").await["id"], id(&after));
    second.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r5_3_history_is_made_up_for_as_far_back_as_configured() {
    let (here, there) = (
        Node::start(Engine::Memory).await,
        Node::start(Engine::Memory).await,
    );
    let (ancient, old) = (note(1, 90_000, "ancient"), note(1, 5_000, "old"));
    let (our_ancient, our_old) = (note(2, 90_000, "ancient"), note(2, 5_000, "old"));
    put(&there, [&ancient, &old]).await;
    put(&here, [&our_ancient, &our_old]).await;
    let mut entry = mirror("history", &there.url(), Direction::Both);
    entry.history_seconds = 10_000;
    let mirrors = mirrors(&here, &[entry]).await;
    live(&mirrors, "history").await;
    let (here, there) = (ids(&here).await, ids(&there).await);
    assert!(here.contains(&old.id()) && !here.contains(&ancient.id()));
    assert!(there.contains(&our_old.id()) && !there.contains(&our_ancient.id()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r5_3_a_reload_touches_only_what_has_changed() {
    let (here, there) = (
        Node::start(Engine::Memory).await,
        Node::start(Engine::Memory).await,
    );
    let same = mirror("same", &there.url(), Direction::Up);
    let mut changing = mirror("changing", &there.url(), Direction::Down);
    changing.filters = vec![r#"{"kinds":[7]}"#.to_owned()];
    let going = mirror("going", &there.url(), Direction::Down);
    let mirrors = mirrors(&here, &[same.clone(), changing.clone(), going]).await;
    for name in ["same", "changing", "going"] {
        live(&mirrors, name).await;
    }
    here.client().await.store(&note(1, 1, "counted")).await;
    until(&mirrors, "same", |status| status.events.sent == 1).await;
    let mut off = mirror("off", &there.url(), Direction::Down);
    off.enabled = false;
    changing.filters = vec![r#"{"kinds":[1]}"#.to_owned()];
    mirrors.apply(&[changing, same, off], &outbound());
    let names: Vec<String> = mirrors.status().into_iter().map(|one| one.name).collect();
    assert_eq!(names, ["changing", "off", "same"]);
    let untouched = status(&mirrors, "same");
    assert_eq!(
        (untouched.state, untouched.events.sent),
        (MirrorState::Live, 1)
    );
    assert_eq!(status(&mirrors, "off").state, MirrorState::Disabled);
    live(&mirrors, "changing").await;
    let mut at_home = watcher(&here).await;
    let news = note(3, 1, "of the new filter");
    there.client().await.store(&news).await;
    assert_eq!(at_home.live("new").await["id"], id(&news));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r5_3_private_events_stay() {
    let (here, there) = (
        Node::start(Engine::Memory).await,
        Node::start(Engine::Memory).await,
    );
    let mirrors = mirrors(&here, &[mirror("up", &there.url(), Direction::Up)]).await;
    live(&mirrors, "up").await;
    let message = event(4, now())
        .tag(["p", &public(2)])
        .content("x?iv=y")
        .sign(&key(1));
    let (before, after) = (note(1, 2, "before"), note(1, 1, "after"));
    let mut abroad = watcher(&there).await;
    let mut client = here.client().await;
    for event in [&before, &message, &after] {
        client.store(event).await;
    }
    for expected in [&before, &after] {
        assert_eq!(abroad.live("new").await["id"], id(expected));
    }
    assert!(!ids(&there).await.contains(&message.id()));
    assert_eq!(status(&mirrors, "up").events.withheld, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r5_3_a_url_that_may_not_be_dialed_ends_the_mirror() {
    let here = Node::start(Engine::Memory).await;
    let entry = mirror("bad", "ws://relay.onion", Direction::Down);
    let mirrors = mirrors(&here, &[entry]).await;
    until(&mirrors, "bad", |status| {
        status.state == MirrorState::Failed
    })
    .await;
    assert!(status(&mirrors, "bad").last_error.is_some());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r2_1_what_becomes_private_stays_from_then_on() {
    let (here, there) = (
        Node::start(Engine::Memory).await,
        Node::start(Engine::Memory).await,
    );
    let mirrors = mirrors(&here, &[mirror("up", &there.url(), Direction::Up)]).await;
    live(&mirrors, "up").await;
    let data = |d: &str| event(30_078, now()).tag(["d", d]).sign(&key(1));
    let (before, after) = (data("before"), data("after"));
    let mut abroad = watcher(&there).await;
    here.client().await.store(&before).await;
    assert_eq!(abroad.live("new").await["id"], id(&before));
    let mut config = without_rates();
    config.privacy.kinds = vec![30_078];
    here.relay.reconfigure(config).unwrap();
    let open = note(1, 1, "for everybody");
    for event in [&after, &open] {
        here.client().await.store(event).await;
    }
    assert_eq!(abroad.live("new").await["id"], id(&open));
    assert!(!ids(&there).await.contains(&after.id()));
    let status = status(&mirrors, "up");
    assert_eq!((status.reconnects, status.events.withheld), (0, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r5_3_an_event_that_is_not_answered_is_sent_again() {
    let here = Node::start(Engine::Memory).await;
    let taken: Arc<Mutex<Vec<Value>>> = Arc::default();
    let there = Arc::clone(&taken);
    let url = scripted(move |connection, words: &Value| -> Words {
        if connection == 0 || words[0] != "EVENT" {
            return Box::new(std::iter::empty());
        }
        there.lock().push(words[1]["id"].clone());
        let ok = json!(["OK", words[1]["id"], true, ""]);
        Box::new(std::iter::once(ok.to_string()))
    })
    .await;
    let mirrors = Mirrors::new(here.relay.clone()).await.unwrap();
    let mut outbound = outbound();
    outbound.peer.answer_seconds = 1;
    mirrors.apply(&[mirror("up", &url, Direction::Up)], &outbound);
    live(&mirrors, "up").await;
    let first = note(1, 1, "first");
    here.client().await.store(&first).await;
    until(&mirrors, "up", |status| status.events.sent == 1).await;
    let status = status(&mirrors, "up");
    assert!(status.events.refused.is_empty(), "{status:?}");
    assert_eq!(status.reconnects, 1);
    assert_eq!(*taken.lock(), [json!(id(&first))]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r5_3_catching_up_goes_on_where_the_connection_broke() {
    let here = Node::start(Engine::Memory).await;
    // Old enough not to be looked at again each time.
    let all: Vec<_> = (0..2_000)
        .map(|n| note(1, 400_000 + n, &n.to_string()))
        .collect();
    let there = PlainRelay::start(all.clone(), 30).await;
    let proxy = Proxy::to(there.url.strip_prefix("ws://").unwrap().parse().unwrap()).await;
    proxy.cut_after(270_000);
    let mut entry = mirror("far", &proxy.url(), Direction::Down);
    entry.history_seconds = 1_000_000;
    let mirrors = mirrors(&here, &[entry]).await;
    for again in [true, false] {
        proxy.is_cut().await;
        proxy.mend();
        if again {
            proxy.cut_after(270_000);
        }
    }
    until(&mirrors, "far", |status| {
        status.events.stored == 2_000 && status.state == MirrorState::Live
    })
    .await;
    let events = status(&mirrors, "far").events;
    assert!(
        events.received < 2_800,
        "not from the beginning each time: {events:?}"
    );
}

#[tokio::test]
async fn r8_2_reading_the_backlog_leaves_others_their_turns() {
    let (here, there) = (
        Node::start(Engine::Memory).await,
        Node::start(Engine::Memory).await,
    );
    let mut entry = mirror("up", &there.url(), Direction::Up);
    entry.filters = vec![r#"{"kinds":[7]}"#.to_owned()];
    let first = mirrors(&here, std::slice::from_ref(&entry)).await;
    live(&first, "up").await;
    first.stop();
    let backlog: Vec<_> = (0..5_000)
        .map(|n| note(1, n, &format!("{n} of no interest there")))
        .collect();
    put(&here, &backlog).await;
    let second = mirrors(&here, &[entry]).await;
    let (mut lags, begun) = (BTreeSet::new(), Instant::now());
    while !lags.contains(&0) {
        lags.extend(status(&second, "up").lag);
        assert!(begun.elapsed() < Duration::from_secs(30), "{lags:?}");
        tokio::task::yield_now().await;
    }
    assert!(lags.len() > 10, "one thread, and never a turn: {lags:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r5_3_a_relay_that_always_hangs_up_is_caught_up_with() {
    let here = Node::start(Engine::Memory).await;
    // What is as new as this is looked at again after each break, but not before the rest.
    let all: Vec<_> = (0..1_500)
        .map(|n| note(1, 1_000 + n, &n.to_string()))
        .collect();
    let there = PlainRelay::start(all, 30).await;
    let proxy = Proxy::to(there.url.strip_prefix("ws://").unwrap().parse().unwrap()).await;
    proxy.cut_after(270_000);
    let mut entry = mirror("near", &proxy.url(), Direction::Down);
    entry.history_seconds = 100_000;
    let mirrors = mirrors(&here, &[entry]).await;
    let hang_up = async {
        loop {
            proxy.is_cut().await;
            proxy.mend();
            proxy.cut_after(270_000);
        }
    };
    tokio::select! {
        () = hang_up => {}
        () = until(&mirrors, "near", |status| status.events.stored == 1_500) => {}
    }
}
