//! R5.2 and R5.3 with the real binary: the commands, what a cut costs, mirrors from the configuration.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod common;

use std::io::Read;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use common::client::Client;
use common::events::{event, lines, note, now};
use common::node::{Node, get, wait_for};
use common::{exported_ids, run_json, run_text, stentor};
use serde_json::{Value, json};
use stentor_event::Event;

/// Settings without rates.
fn unlimited(more: &[&str]) -> Vec<String> {
    let mut settings = vec!["--set".to_owned(), "relay.rates.rows=0".to_owned()];
    for what in ["events", "reqs", "counts", "bytes"] {
        for who in ["connection", "ip", "key", "node"] {
            settings.extend(["--set".to_owned(), format!("relay.rates.{what}.{who}=0")]);
        }
    }
    for setting in more {
        settings.extend(["--set".to_owned(), (*setting).to_owned()]);
    }
    settings
}

fn start(data: &Path, settings: &[&str]) -> Node {
    let settings = unlimited(settings);
    Node::start(
        data,
        &settings.iter().map(String::as_str).collect::<Vec<_>>(),
    )
}

fn import(data: &Path, events: &[Event]) {
    let file = data.with_extension("jsonl");
    std::fs::write(&file, lines(events)).unwrap();
    let summary = run_json(data, &["import", "--json", file.to_str().unwrap()]);
    assert_eq!(summary["accepted"], events.len() as u64);
}

fn notes(author: u8, count: u64) -> Vec<Event> {
    (0..count).map(|number| note(author, number)).collect()
}

fn ids(events: &[Event]) -> Vec<String> {
    let mut ids: Vec<String> = events.iter().map(|event| event.id().to_string()).collect();
    ids.sort();
    ids
}

/// How many notes a node has.
fn count(client: &mut Client) -> u64 {
    client
        .send(json!(["COUNT", "count", { "kinds": [1] }]).to_string())
        .unwrap();
    let answer = client.next();
    answer[2]["count"]
        .as_u64()
        .unwrap_or_else(|| panic!("no count: {answer}"))
}

fn sorted(mut ids: Vec<String>) -> Vec<String> {
    ids.sort();
    ids
}

#[test]
fn r5_2_the_command_works_with_and_without_a_node() {
    let (here, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (ours, theirs) = (notes(1, 120), notes(2, 90));
    import(here.path(), &ours);
    let other = start(there.path(), &[]);
    import(there.path(), &theirs);
    let sync = ["sync", other.url.as_str(), "--dir", "both", "--json"];
    let summary = run_json(here.path(), &sync);
    assert_eq!(
        (&summary["stored"], &summary["sent"]),
        (&json!(90), &json!(120))
    );
    assert!(summary["rounds"].as_u64().unwrap() > 0, "{summary}");
    let node = start(here.path(), &[]);
    let summary = run_json(here.path(), &sync);
    assert_eq!(
        (&summary["stored"], &summary["sent"]),
        (&json!(0), &json!(0))
    );
    let late = note(3, 5);
    Client::connect(&other.url).publish(&late);
    let mut follower = Client::connect(&node.url);
    follower
        .send(json!(["REQ", "live", { "limit": 0 }]).to_string())
        .unwrap();
    assert_eq!(follower.next()[0], "EOSE");
    let (code, out, err) = run_text(here.path(), &["sync", &other.url]);
    assert_eq!(code, 0, "{err}");
    assert!(out.contains("1 stored"), "{out}");
    assert_eq!(follower.next()[2]["id"], late.id().to_string());
    let filter = [sync[0], sync[1], "--filter", r#"{"limit":3}"#];
    let (code, _, err) = run_text(here.path(), &filter);
    assert_eq!(code, 1);
    assert!(err.contains("limit"), "{err}");
    node.stop();
    other.stop();
    let all: Vec<Event> = [ours, theirs, vec![late]].concat();
    assert_eq!(sorted(exported_ids(here.path())), ids(&all));
}

#[test]
fn r5_2_a_relay_that_is_not_there_is_a_failure() {
    let here = tempfile::tempdir().unwrap();
    let (code, out, err) = run_text(here.path(), &["sync", "ws://127.0.0.1:1", "--json"]);
    assert_eq!((code, out.as_str()), (1, ""), "{err}");
    let (code, _, _) = run_text(here.path(), &["sync", "https://127.0.0.1:1"]);
    assert_eq!(code, 1);
}

/// Of these, none is dated back: what is a day old is not looked at again.
const NOTES: &str = r#"{"kinds":[1]}"#;

/// Begins a synchronisation through a node and returns when a part of it has come.
fn begin(here: &Path, node: &Node, url: &str, least: u64) -> Child {
    let command = stentor(&["sync", url, "--filter", NOTES, "--json", "--data"])
        .arg(here)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut client = Client::connect(&node.url);
    wait_for("the beginning", || count(&mut client) >= least);
    command
}

#[test]
fn r5_2_what_is_cut_off_goes_on() {
    let (here, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let theirs = notes(1, 6_000);
    import(there.path(), &theirs);
    let other = start(there.path(), &["relay.negentropy.enabled=false"]);
    let small = ["relay.sync.page=10"];
    let node = start(here.path(), &small);
    let mut command = begin(here.path(), &node, &other.url, 500);
    let pid = command.id().to_string();
    let interrupt = Command::new("kill").args(["-INT", &pid]).status().unwrap();
    assert!(interrupt.success());
    let mut out = String::new();
    let stdout = command.stdout.as_mut().unwrap();
    stdout.read_to_string(&mut out).unwrap();
    assert_eq!(command.wait().unwrap().code(), Some(1));
    let summary: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(summary["stopped"], true, "{summary}");
    let stored = count(&mut Client::connect(&node.url));
    assert!(stored < 6_000);
    let mut command = begin(here.path(), &node, &other.url, stored + 500);
    node.kill();
    assert_eq!(command.wait().unwrap().code(), Some(1));
    let node = start(here.path(), &small);
    let before = count(&mut Client::connect(&node.url));
    let again = ["sync", &other.url, "--filter", NOTES, "--json"];
    let summary = run_json(here.path(), &again);
    assert_eq!(summary["resumed"], true, "{summary}");
    let received = summary["received"].as_u64().unwrap();
    assert!(received < 6_000 - stored, "{before} {summary}");
    node.stop();
    assert_eq!(sorted(exported_ids(here.path())), ids(&theirs));
}

/// Writes a configuration with these mirrors: name, URL, direction.
fn configure(data: &Path, mirrors: &[(&str, &str, &str)]) {
    let entry = |(name, url, direction): &(&str, &str, &str)| {
        format!(
            "[[relay.mirror]]\nname = \"{name}\"\nurl = \"{url}\"\ndirection = \"{direction}\"\n"
        )
    };
    let text: String = mirrors.iter().map(entry).collect();
    std::fs::write(data.join("stentor.toml"), text).unwrap();
}

fn state(data: &Path, name: &str) -> Value {
    let list = run_json(data, &["mirror", "list", "--json"]);
    let mirrors = list.as_array().unwrap();
    let found = mirrors.iter().find(|mirror| mirror["name"] == name);
    found.cloned().unwrap_or_default()
}

#[test]
fn r5_3_mirrors_follow_the_configuration_and_survive_restarts() {
    let (here, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let other = start(there.path(), &[]);
    configure(here.path(), &[("other", &other.url, "both")]);
    let node = start(here.path(), &[]);
    let live = |name: &str| wait_for(name, || state(here.path(), name)["state"] == "live");
    live("other");
    let published = note(1, 1);
    Client::connect(&other.url).publish(&published);
    let mut client = Client::connect(&node.url);
    wait_for("the note", || count(&mut client) == 1);

    // The other relay goes away for a while; both have news meanwhile.
    let address = other.address().to_owned();
    other.stop();
    let ours = note(2, 2);
    client.publish(&ours);
    let private = event(2, 4, now(), &[&["p", &"ab".repeat(32)]], "x?iv=y");
    client.publish(&private);
    import(there.path(), &[event(3, 1, now() - 60, &[], "meanwhile")]);
    let mut command = stentor(&["serve", "--listen", &address]);
    command
        .args(["--ops-listen", "127.0.0.1:0", "--data"])
        .arg(there.path());
    command.args(unlimited(&[]));
    let other = Node::from(command);
    wait_for("the gap", || {
        count(&mut client) == 3 && count(&mut Client::connect(&other.url)) == 3
    });
    let status = state(here.path(), "other");
    assert_eq!(status["events"]["withheld"], 1, "{status}");
    let (_, metrics) = get(&node.operations, "/metrics", "*/*");
    for sample in [
        "stentor_relay_mirror_connected{mirror=\"other\"} 1",
        "stentor_relay_mirror_events_total{mirror=\"other\",direction=\"out\",outcome=\"sent\"} 1",
        "stentor_relay_mirror_reconnects_total{mirror=\"other\"} 1",
    ] {
        assert!(metrics.contains(sample), "{sample}: {metrics}");
    }

    // A reload adds one, without touching the other.
    configure(
        here.path(),
        &[("other", &other.url, "both"), ("down", &other.url, "down")],
    );
    node.signal("HUP");
    live("down");
    assert_eq!(
        state(here.path(), "other")["reconnects"],
        status["reconnects"]
    );
    let checked = run_json(here.path(), &["mirror", "check", "--json"]);
    assert_eq!(
        (&checked[0]["ok"], &checked[1]["negentropy"]),
        (&json!(true), &json!(true))
    );
    configure(here.path(), &[("nowhere", "ws://127.0.0.1:1", "up")]);
    let (code, out, _) = run_text(here.path(), &["mirror", "check"]);
    assert_eq!(code, 1, "{out}");
    node.signal("HUP");
    wait_for("the end of the others", || {
        run_json(here.path(), &["mirror", "list", "--json"])
            .as_array()
            .is_some_and(|list| list.len() == 1)
    });
    assert_eq!(node.stop().0, 0);
    let (code, _, err) = run_text(here.path(), &["mirror", "list"]);
    assert_eq!(code, 1, "{err}");
}
