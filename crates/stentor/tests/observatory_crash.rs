//! O3.5: a node that is killed while it archives goes on where it was.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod common;

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use common::events::now;
use common::node::{Node, get};
use common::observatory::{ask, rows, start};
use serde_json::Value;
use stentor_simulation::{Character, Network, Relay, Spec, repeated};
use tokio::runtime::Runtime;

const DAY: u64 = 86_400;
/// How often the node is killed.
const KILLS: usize = 6;
/// How long anything here may take.
const LIMIT: Duration = Duration::from_secs(120);

/// They pause, so that most kills come while answers are on their way, and have pages of their own.
const CAST: [Character; 6] = [
    Character::SlowEvents,
    Character::SlowEose,
    Character::Capped,
    Character::Hints,
    Character::Negentropy,
    Character::Honest,
];

/// Filters that together take everything, so that each relay has some dozens of windows.
const FILTERS: [&str; 4] = [
    r#"{"kinds":[1]}"#,
    r#"{"kinds":[0,3]}"#,
    r#"{"kinds":[6,7]}"#,
    r#"{"kinds":[10002,10050,30023]}"#,
];

fn spec() -> Spec {
    Spec {
        now: now() - 7_200,
        days: 90,
        events: 900,
        pause: Duration::from_millis(150),
        ..Spec::of(11, CAST)
    }
}

fn settings(network: &Network) -> Vec<String> {
    let filters: Vec<Value> = FILTERS.map(Value::from).into();
    [
        "observatory.enabled=true".to_owned(),
        "observatory.public=true".to_owned(),
        "observatory.discover.built_in=false".to_owned(),
        format!("observatory.discover.seeds={:?}", network.urls()),
        "observatory.archive.live=0".to_owned(),
        format!("observatory.archive.since={}", now() - 100 * DAY),
        format!("observatory.archive.filters={}", Value::from(filters)),
        "outbound.allow=[\"127.0.0.0/8\"]".to_owned(),
    ]
    .into()
}

fn archived(node: &Node) -> BTreeSet<String> {
    let events = rows(node, "events", "events");
    let id = |row: &Value| row["event"]["id"].as_str().unwrap().to_owned();
    events.iter().map(id).collect()
}

/// Whether every relay has been asked for everything, and has given it.
fn is_whole(node: &Node, network: &Network) -> bool {
    let relays = rows(node, "relays", "relays");
    let done = |relay: &Relay| {
        let row = relays.iter().find(|row| row["url"] == relay.url());
        let Some(id) = row.map(|row| row["id"].clone()) else {
            return false;
        };
        let detail = ask(node, &format!("relays/{id}"));
        let covered = detail["coverage"].as_array().unwrap();
        let whole = |one: &Value| {
            one["state"] == "complete"
                && one["intervals"] == 1
                && one["since"].as_u64().unwrap() < now() - 99 * DAY
        };
        covered.len() == FILTERS.len() && covered.iter().all(whole)
    };
    network.relays().iter().all(done)
}

fn wait_for(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < LIMIT, "{what} did not come to pass");
        std::thread::park_timeout(Duration::from_millis(10));
    }
}

fn requests(network: &Network) -> u64 {
    network.relays().iter().map(Relay::requests).sum()
}

/// The number of the last connection that a relay has had from who is no more. Connections are accepted in their order, so that all
/// before ours are by the time that it is answered.
fn last_connection(relay: &Relay) -> u64 {
    let (status, _) = get(&relay.address().to_string(), "/", "text/html");
    assert_eq!(status, 404, "it wants a client of Nostr");
    relay.connections()
}

#[test]
fn o3_5_a_node_that_is_killed_asks_for_one_window_twice_at_most() {
    let runtime = Runtime::new().unwrap();
    let begun = now();
    let network = runtime.block_on(Network::start(spec())).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let settings = settings(&network);
    let mut lives: Vec<Vec<u64>> = Vec::new();
    for kill in 0..KILLS {
        let before = requests(&network);
        let node = start(folder.path(), &settings);
        // A few of these are those of the check and of the look at what is new.
        let enough = before + 14 + 9 * (kill as u64 % 4);
        wait_for("some questions", || requests(&network) >= enough);
        // At no place of its own choosing.
        std::thread::park_timeout(Duration::from_millis(37 * (kill as u64 % 5)));
        node.kill();
        lives.push(network.relays().iter().map(last_connection).collect());
    }
    let node = start(folder.path(), &settings);
    wait_for("all is archived", || is_whole(&node, &network));
    let truth = network.union(|_, _| true);
    let truth: BTreeSet<String> = truth.iter().map(ToString::to_string).collect();
    assert_eq!(archived(&node), truth);
    assert_eq!(node.stop().0, 0);
    lives.push(network.relays().iter().map(last_connection).collect());

    // What is newer is looked at again at each visit.
    let past = begun - 100 * DAY..=begun - 1_100;
    let mut excused = 0;
    for relay in network.relays() {
        let last: Vec<u64> = lives.iter().map(|life| life[relay.number()]).collect();
        let repeated = repeated(&relay.asked_on(), &last, past.clone());
        println!(
            "{}: {repeated:?}, {} questions",
            relay.character(),
            relay.requests()
        );
        assert_eq!(repeated.unexcused, 0, "{}", relay.character());
        excused += repeated.excused;
    }
    assert!(excused > 0, "kills came while windows were on their way");
}
