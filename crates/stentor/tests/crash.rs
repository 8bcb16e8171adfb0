//! R8.3: what was acknowledged survives `kill -9` at any moment.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod common;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use common::client::Client;
use common::events::{event, note, now, text};
use common::node::Node;
use common::{run, run_text};
use rand::Rng;
use serde_json::Value;
use stentor_event::Event;

/// Events that a client sends before it waits for answers.
const WINDOW: usize = 64;
const CLIENTS: u8 = 3;

/// What a client was told is stored.
#[derive(Default)]
struct Told {
    /// Ids of regular events.
    regular: Vec<String>,
    /// The newest version of each addressable event, by author and identifier: its time.
    newest: HashMap<(String, String), u64>,
}

impl Told {
    fn accepted(&mut self, event: &Event) {
        if event.kind().is_addressable() {
            let identifier = String::from_utf8(event.identifier().unwrap().into_owned()).unwrap();
            let newest = self
                .newest
                .entry((event.pubkey().to_string(), identifier))
                .or_default();
            *newest = (*newest).max(event.created_at().0);
        } else {
            self.regular.push(event.id().to_string());
        }
    }
}

/// The events of one client in one round: notes, and every fourth a new version of one of ten lists.
fn make(author: u8, round: u64) -> impl Iterator<Item = Event> {
    let one = move |number: u64| {
        let serial = round * 10_000 + number;
        if number % 4 == 3 {
            let identifier = (number % 40).to_string();
            event(
                author,
                30_000,
                now() - 1_000_000 + serial,
                &[&["d", &identifier]],
                "list",
            )
        } else {
            note(author, serial)
        }
    };
    (0..10_000).map(one)
}

/// Publishes until the connection breaks; gives what was accepted.
fn publish(url: &str, events: impl Iterator<Item = Event>, acknowledged: &AtomicUsize) -> Told {
    let mut told = Told::default();
    let Ok(mut client) = Client::try_connect(url) else {
        return told;
    };
    let mut waiting: HashMap<String, Event> = HashMap::new();
    for event in events {
        if client
            .send(format!("[\"EVENT\",{}]", text(&event)))
            .is_err()
        {
            return told;
        }
        waiting.insert(event.id().to_string(), event);
        while waiting.len() >= WINDOW {
            let Ok(message) = client.receive() else {
                return told;
            };
            if message[0] == "OK" {
                let event = waiting.remove(message[1].as_str().unwrap()).unwrap();
                if message[2] == true {
                    told.accepted(&event);
                }
                acknowledged.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
    told
}

fn round(data: &std::path::Path, number: u64, told: &mut Vec<Told>) {
    let unlimited = ["events", "bytes"].iter().flat_map(|what| {
        ["connection", "ip", "key", "node"].map(|who| format!("relay.rates.{what}.{who}=0"))
    });
    let settings: Vec<String> = unlimited
        .flat_map(|setting| ["--set".to_owned(), setting])
        .collect();
    let settings: Vec<&str> = settings.iter().map(String::as_str).collect();
    let node = Node::start(data, &settings);
    let acknowledged = Arc::new(AtomicUsize::new(0));
    let clients: Vec<_> = (0..CLIENTS)
        .map(|author| {
            let (url, acknowledged) = (node.url.clone(), Arc::clone(&acknowledged));
            thread::spawn(move || publish(&url, make(author, number), &acknowledged))
        })
        .collect();
    let enough = rand::rng().random_range(1..400);
    common::node::wait_for("some acknowledgements", || {
        acknowledged.load(Ordering::Relaxed) >= enough
    });
    thread::park_timeout(Duration::from_micros(rand::rng().random_range(0..20_000)));
    node.kill();
    told.extend(clients.into_iter().map(|client| client.join().unwrap()));
}

/// Checks the store and looks for everything that was acknowledged.
fn check(data: &std::path::Path, told: &[Told]) {
    let verified = run(data, &["db", "verify", "--json"]);
    assert!(
        verified.status.success(),
        "{}",
        String::from_utf8_lossy(&verified.stdout)
    );
    let (code, out, err) = run_text(data, &["export"]);
    assert_eq!(code, 0, "{err}");
    let mut regular = std::collections::HashSet::new();
    let mut newest: HashMap<(String, String), u64> = HashMap::new();
    for line in out.lines() {
        let event: Value = serde_json::from_str(line).unwrap();
        let word = |value: &Value| value.as_str().unwrap().to_owned();
        if event["kind"] == 30_000 {
            let key = (word(&event["pubkey"]), word(&event["tags"][0][1]));
            assert!(
                newest
                    .insert(key, event["created_at"].as_u64().unwrap())
                    .is_none(),
                "two versions: {line}"
            );
        } else {
            regular.insert(word(&event["id"]));
        }
    }
    for told in told {
        for id in &told.regular {
            assert!(
                regular.contains(id),
                "{id} was acknowledged and is not there"
            );
        }
        for (key, at) in &told.newest {
            assert!(
                newest.get(key).is_some_and(|stored| stored >= at),
                "{key:?} of {at} was acknowledged"
            );
        }
    }
}

#[test]
fn r8_3_kill_loses_nothing_that_was_acknowledged() {
    let rounds: u64 = std::env::var("CRASH_ROUNDS").map_or(50, |rounds| rounds.parse().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let mut told = Vec::new();
    for number in 0..rounds {
        round(folder.path(), number, &mut told);
        if number % 10 == 0 {
            check(folder.path(), &told);
        }
    }
    check(folder.path(), &told);
    let acknowledged: usize = told.iter().map(|told| told.regular.len()).sum();
    assert!(acknowledged > 0);
    println!("{rounds} kills, {acknowledged} acknowledged notes");
}
