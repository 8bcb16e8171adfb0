//! R4.1 with the real node: SIGHUP while clients are at work. Nobody is disconnected, no event is lost or doubled, and what
//! is in force changes as a whole or not at all.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod common;

use std::collections::BTreeSet;
use std::path::Path;
use std::thread;

use common::client::Client;
use common::events::{event, note, now};
use common::node::{Node, get, wait_for};
use serde_json::{Value, json};

const WRITERS: u8 = 30;
const EVENTS: u64 = 40;
const FOLLOWERS: usize = 20;
const IDLE: usize = 50;
const RELOADS: usize = 8;

/// Rules under which kind 7 is taken or not.
fn configure(file: &Path, turn: usize) {
    let kinds = if turn % 2 == 1 { "7" } else { "" };
    let order = if turn % 4 < 2 {
        ""
    } else {
        "rate = [\"node\", \"connection\"]\n"
    };
    let text = format!(
        "[relay.info]\nname = \"turn {turn}\"\n\
         [relay.limits]\nsubscriptions = {}\n\
         [relay.policy]\n{order}\
         [relay.policy.kinds]\ndeny = [{kinds}]\n",
        turn + 5
    );
    std::fs::write(file, text).unwrap();
}

fn document(node: &Node) -> Value {
    let (_, body) = get(node.address(), "/", "application/nostr+json");
    serde_json::from_str(&body).unwrap()
}

/// Whether a reaction is taken; if not, it must be for its kind.
fn takes_reactions(client: &mut Client, number: usize) -> bool {
    let reaction = event(99, 7, now(), &[], &number.to_string());
    let (accepted, reason) = client.publish(&reaction);
    assert!(
        accepted || reason.starts_with("blocked: events of kind 7"),
        "{reason}"
    );
    accepted
}

/// Follows all notes until there are as many as are published; their ids.
fn follow(url: &str) -> thread::JoinHandle<Vec<String>> {
    let mut client = Client::connect(url);
    let filter = json!({"kinds": [1], "limit": 0});
    client
        .send(json!(["REQ", "live", filter]).to_string())
        .unwrap();
    assert_eq!(client.next()[0], "EOSE");
    thread::spawn(move || {
        let all = usize::from(WRITERS) * EVENTS as usize;
        let event = |message: Value| {
            assert_eq!(message[0], "EVENT", "{message}");
            message[2]["id"].as_str().unwrap().to_owned()
        };
        let ids = (0..all).map(|_| event(client.next())).collect();
        assert!(
            client.stored(json!({"kinds": [2]})).is_empty(),
            "nothing comes after"
        );
        ids
    })
}

/// Publishes one note after the other; their ids.
fn write(url: &str, author: u8) -> thread::JoinHandle<(Client, Vec<String>)> {
    let mut client = Client::connect(url);
    thread::spawn(move || {
        let mut ids = Vec::new();
        for number in 0..EVENTS {
            let note = note(author, number);
            assert_eq!(client.publish(&note), (true, String::new()));
            ids.push(note.id().to_string());
        }
        (client, ids)
    })
}

#[test]
fn r4_1_hangups_under_load_lose_nobody_and_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("stentor.toml");
    configure(&file, 0);
    let settings = [
        "relay.limits.connections_per_ip=0",
        "relay.rates.events.ip=0",
        "relay.rates.events.connection=0",
        "relay.rates.reqs.ip=0",
    ];
    let settings: Vec<&str> = settings.iter().flat_map(|one| ["--set", one]).collect();
    let node = Node::start(folder.path(), &settings);
    let mut idle: Vec<Client> = (0..IDLE).map(|_| Client::connect(&node.url)).collect();
    let followers: Vec<_> = (0..FOLLOWERS).map(|_| follow(&node.url)).collect();
    let writers: Vec<_> = (0..WRITERS)
        .map(|author| write(&node.url, author))
        .collect();
    let mut probe = Client::connect(&node.url);
    for turn in 1..=RELOADS {
        configure(&file, turn);
        node.signal("HUP");
        let name = format!("turn {turn}");
        wait_for("the reload", || document(&node)["name"] == name);
        assert_eq!(takes_reactions(&mut probe, turn), turn % 2 == 0, "{name}");
        assert_eq!(document(&node)["limitation"]["max_subscriptions"], turn + 5);
    }
    let (mut writers, written): (Vec<Client>, Vec<Vec<String>>) =
        writers.into_iter().map(|one| one.join().unwrap()).unzip();
    let written: BTreeSet<String> = written.into_iter().flatten().collect();
    for follower in followers {
        let ids = follower.join().unwrap();
        assert_eq!(ids.len(), written.len(), "none twice");
        assert_eq!(ids.into_iter().collect::<BTreeSet<_>>(), written);
    }
    // One fault, and what is right beside it does not count either.
    configure(&file, RELOADS + 1);
    let right = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, format!("{right}[relay.limts]\n")).unwrap();
    node.signal("HUP");
    for (number, client) in idle.iter_mut().chain(&mut writers).enumerate() {
        assert!(
            takes_reactions(client, 1_000 + number),
            "connected, under the old rules"
        );
    }
    assert_eq!(document(&node)["name"], format!("turn {RELOADS}"));
    let (code, log) = node.stop();
    assert_eq!(code, 0, "{log}");
    assert!(log.contains("configuration not reloaded"), "{log}");
}

#[test]
fn r1_11_a_url_that_comes_with_a_reload_is_one_to_vanish_from() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("stentor.toml");
    let write = |name: &str, url: &str| {
        let text = format!("[relay]\nurls = [\"{url}\"]\n[relay.info]\nname = \"{name}\"\n");
        std::fs::write(&file, text).unwrap();
    };
    write("before", "wss://old.example.com");
    let node = Node::start(folder.path(), &[]);
    let mut client = Client::connect(&node.url);
    assert!(client.publish(&note(1, 1)).0);
    write("after", "wss://new.example.com");
    node.signal("HUP");
    wait_for("the reload", || document(&node)["name"] == "after");
    let vanish = event(1, 62, now(), &[&["relay", "wss://new.example.com"]], "");
    assert!(client.publish(&vanish).0);
    let left = client.stored(json!({"authors": [vanish.pubkey().to_string()], "kinds": [1]}));
    assert!(left.is_empty(), "{left:?}");
    let (taken, _) = client.publish(&note(1, 2));
    assert!(!taken, "what is older does not come back");
}

/// Two reloads: what needed a restart after the first one still does after the second.
#[test]
fn p2_what_takes_a_restart_is_told_until_there_was_one() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("stentor.toml");
    let write = |name: &str| {
        let text = format!("[server]\nthreads = 3\n[relay.info]\nname = \"{name}\"\n");
        std::fs::write(&file, text).unwrap();
    };
    let node = Node::start(folder.path(), &[]);
    for name in ["one", "two"] {
        write(name);
        node.signal("HUP");
        wait_for("the reload", || document(&node)["name"] == name);
    }
    let (_, log) = node.stop();
    let told = log.matches("changes here take effect with a restart");
    assert_eq!(told.count(), 2, "{log}");
}
