//! R4.1: a reload while a thousand clients are connected and at work. Nobody is disconnected, no event is lost or doubled,
//! the new rules hold from the next message on, and a faulty configuration changes nothing.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rustix::process::{Resource, getrlimit, setrlimit};
use serde_json::{Value, json};
use stentor_relay::config::{Config, RateRule, WriteRule};
use tokio::sync::Notify;
use tokio::task::JoinSet;

use crate::harness::*;

over_both_engines! {
    r4_1_a_reload_under_a_thousand_clients,
    r4_1_new_limits_hold_for_open_connections,
    r4_1_what_a_rule_remembers_outlives_a_reload,
}

const CLIENTS: usize = 1_000;
/// Clients that publish, each with a key of its own.
const WRITERS: u8 = 250;
/// What each of them publishes.
const EVENTS: usize = 8;
/// Clients that follow one of the writers each.
const READERS: usize = 300;
/// Clients that follow all of them.
const FOLLOWERS: usize = 10;
/// Reloads while they write.
const RELOADS: usize = 24;

/// Both ends of a thousand connections are in this process.
fn raise_the_limit_on_files() {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    setrlimit(Resource::Nofile, limit).unwrap();
}

fn roomy() -> Config {
    let mut config = without_rates();
    let limits = &mut config.limits;
    (limits.connections, limits.connections_per_ip) = (0, 0);
    limits.connections_unauthenticated = 0;
    limits.queue_frames = 1 << 16;
    config
}

/// Takes everything, by rules in another order and other limits than the default ones.
fn open(turn: usize) -> Config {
    let mut config = roomy();
    config.policy.write.reverse();
    config.policy.rate = vec![RateRule::Node, RateRule::Connection];
    config.rates.events.node = 1_000_000;
    config.limits.subscriptions = 20 + turn;
    config.info.name = format!("open {turn}");
    config
}

/// Takes no kind 7, and no text with a certain word; `words_first` is the order in which this is looked at.
fn strict(turn: usize, words_first: bool) -> Config {
    let mut config = roomy();
    config.policy.kinds.deny = [7].into();
    config.policy.words.words = vec!["forbidden".into()];
    config.policy.words.kinds = [1, 7].into();
    let kinds_first = vec![WriteRule::Kinds, WriteRule::Words];
    config.policy.write = kinds_first;
    if words_first {
        config.policy.write.reverse();
    }
    config.info.name = format!("strict {turn}");
    config
}

/// Would change everything, but has a fault.
fn faulty() -> Config {
    let mut config = roomy();
    config.policy.kinds.allow = [9_999].into();
    config.limits.filters = 1_000_000;
    config
}

/// An event that both rules are against.
fn provocation(number: u8, turn: usize) -> stentor_event::Event {
    let content = format!("forbidden {turn}");
    event(7, now()).content(content).sign(&key(number))
}

/// What each client does.
#[derive(Default)]
struct Crowd {
    writers: Vec<Client>,
    readers: Vec<Client>,
    followers: Vec<Client>,
    idle: Vec<Client>,
}

impl Crowd {
    async fn gather(node: &Node) -> Self {
        let mut crowd = Self::default();
        let authors: Vec<String> = (1..=WRITERS).map(public).collect();
        for number in 0..CLIENTS {
            let mut client = node.client().await;
            if number < usize::from(WRITERS) {
                crowd.writers.push(client);
            } else if number < usize::from(WRITERS) + READERS {
                let author = &authors[number % authors.len()];
                let filter = json!({"authors": [author], "limit": 0});
                client.subscribe("live", &[filter]).await;
                crowd.readers.push(client);
            } else if number < usize::from(WRITERS) + READERS + FOLLOWERS {
                let filter = json!({"authors": authors, "limit": 0});
                client.subscribe("live", &[filter]).await;
                crowd.followers.push(client);
            } else {
                crowd.idle.push(client);
            }
        }
        crowd
    }

    fn all(&mut self) -> impl Iterator<Item = &mut Client> {
        let (writers, readers) = (self.writers.iter_mut(), self.readers.iter_mut());
        let (followers, idle) = (self.followers.iter_mut(), self.idle.iter_mut());
        writers.chain(readers).chain(followers).chain(idle)
    }
}

/// How far the writers have come.
#[derive(Default)]
struct Progress {
    answered: AtomicUsize,
    more: Notify,
}

impl Progress {
    fn step(&self) {
        self.answered.fetch_add(1, Ordering::SeqCst);
        self.more.notify_one();
    }

    async fn reaches(&self, wanted: usize) {
        while self.answered.load(Ordering::SeqCst) < wanted {
            self.more.notified().await;
        }
    }
}

/// Publishes notes, and events of kind 7 that are refused at times; the ids of what was taken.
async fn write(
    mut client: Client,
    number: u8,
    progress: Arc<Progress>,
) -> (u8, Client, Vec<String>) {
    let mut taken = Vec::new();
    for turn in 0..EVENTS {
        let kind = if turn % 2 == 0 { 1 } else { 7 };
        let content = format!("{number} {turn}");
        let event = event(kind, now()).content(content).sign(&key(number));
        let (accepted, reason) = client.publish(&event).await;
        if accepted {
            taken.push(id(&event));
        } else {
            assert_eq!(kind, 7, "a note was lost: {reason}");
            assert!(reason.starts_with("blocked: "), "{reason}");
        }
        progress.step();
    }
    (number, client, taken)
}

/// Reloads, and asserts that a client's next message is judged by what is in force then.
async fn reload(node: &Node, probe: &mut Client, turn: usize) {
    let wanted = match turn % 3 {
        0 => {
            node.relay.reconfigure(strict(turn, false)).unwrap();
            "blocked: events of kind 7"
        }
        1 => {
            node.relay.reconfigure(strict(turn, true)).unwrap();
            "blocked: the event contains"
        }
        _ => {
            node.relay.reconfigure(open(turn)).unwrap();
            ""
        }
    };
    for (attempt, faults) in [(0, false), (1, true)] {
        if faults {
            assert!(node.relay.reconfigure(faulty()).is_err());
        }
        let (accepted, reason) = probe.publish(&provocation(252, 2 * turn + attempt)).await;
        assert_eq!(accepted, wanted.is_empty(), "{turn}: {reason}");
        assert!(reason.starts_with(wanted), "{turn}: {reason}");
    }
}

fn ids(events: &[Value]) -> Vec<String> {
    let mut ids: Vec<String> = events
        .iter()
        .map(|event| event["id"].as_str().unwrap().to_owned())
        .collect();
    ids.sort();
    ids
}

fn sorted(mut ids: Vec<String>) -> Vec<String> {
    ids.sort();
    ids
}

async fn r4_1_a_reload_under_a_thousand_clients(engine: Engine) {
    raise_the_limit_on_files();
    let node = Node::with(engine, roomy()).await;
    let mut crowd = Crowd::gather(&node).await;
    let mut probe = node.client().await;
    let progress = Arc::new(Progress::default());
    let mut writing = JoinSet::new();
    for (number, client) in (1..=WRITERS).zip(std::mem::take(&mut crowd.writers)) {
        writing.spawn(write(client, number, Arc::clone(&progress)));
    }
    let all = usize::from(WRITERS) * EVENTS;
    for turn in 0..RELOADS {
        progress.reaches(all * turn / RELOADS).await;
        reload(&node, &mut probe, turn).await;
    }
    let mut taken = BTreeMap::new();
    while let Some(written) = writing.join_next().await {
        let (number, client, ids) = written.unwrap();
        crowd.writers.push(client);
        taken.insert(public(number), ids);
    }
    node.relay.reconfigure(open(99)).unwrap();
    assert_eq!(
        node.relay.counts().0,
        CLIENTS + 1,
        "nobody was disconnected"
    );
    // Neither lost nor doubled: stored, and sent to those who follow.
    let everything = sorted(taken.values().flatten().cloned().collect());
    for follower in &mut crowd.followers {
        let got = follower.gathered().await.remove("live").unwrap_or_default();
        assert_eq!(ids(&got), everything);
    }
    for (place, reader) in crowd.readers.iter_mut().enumerate() {
        let author = (usize::from(WRITERS) + place) % usize::from(WRITERS);
        let expected = sorted(taken[&public(author as u8 + 1)].clone());
        let got = reader.gathered().await.remove("live").unwrap_or_default();
        assert_eq!(ids(&got), expected, "reader {place}");
    }
    for (author, expected) in &taken {
        let answer = probe.query(json!({"authors": [author]})).await;
        assert_eq!(ids(&answer.events), sorted(expected.clone()));
    }
    // The last configuration holds for the next message of each of the thousand.
    node.relay.reconfigure(strict(100, true)).unwrap();
    for (number, client) in crowd.all().enumerate() {
        let (accepted, reason) = client.publish(&provocation(253, number)).await;
        assert!(!accepted, "client {number}: {reason}");
        assert!(
            reason.starts_with("blocked: the event contains"),
            "{reason}"
        );
    }
}

async fn r4_1_new_limits_hold_for_open_connections(engine: Engine) {
    let node = Node::start(engine).await;
    let (mut client, mut writer) = (node.client().await, node.client().await);
    let none = [json!({"limit": 0})];
    for sub in ["a", "b", "c"] {
        client.subscribe(sub, &none).await;
    }
    let mut config = without_rates();
    (
        config.limits.subscriptions,
        config.limits.limit,
        config.limits.tags,
    ) = (2, 1, 1);
    config.privacy.kinds = vec![1];
    node.relay.reconfigure(config).unwrap();
    let reason = client.refused("REQ", &none).await;
    assert!(reason.starts_with("rate-limited: "), "{reason}");
    let tagged = event(7, now()).tag(["x"]).tag(["y"]).sign(&key(1));
    let (accepted, reason) = client.publish(&tagged).await;
    assert!(!accepted && reason.starts_with("invalid: "), "{reason}");
    // Open subscriptions stay, and are subject to the new rule of who may see what.
    writer.store(&note(1, 0, "private by now")).await;
    let open = event(7, now()).sign(&key(1));
    writer.store(&open).await;
    for sub in ["a", "b", "c"] {
        assert_eq!(client.live(sub).await["id"], id(&open), "{sub}");
    }
}

async fn r4_1_what_a_rule_remembers_outlives_a_reload(engine: Engine) {
    let mut config = without_rates();
    (
        config.policy.bursts.copies,
        config.policy.bursts.window_seconds,
    ) = (2, 86_400);
    let node = Node::with(engine, config.clone()).await;
    let mut client = node.client().await;
    let text = "the very same text, which is long enough to be looked at, again";
    client.store(&note(1, 3, text)).await;
    client.store(&note(2, 2, text)).await;
    config.policy.words.words = vec!["other".into()];
    node.relay.reconfigure(config.clone()).unwrap();
    let (accepted, reason) = client.publish(&note(3, 1, text)).await;
    assert!(!accepted && reason.starts_with("blocked: "), "{reason}");
    config.policy.bursts.copies = 3;
    node.relay.reconfigure(config).unwrap();
    client.store(&note(3, 1, text)).await;
}
