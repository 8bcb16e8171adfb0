//! R6: full-text search in the running node: offered, kept over a kill, made anew by command.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod common;

use common::client::Client;
use common::events::{event, now};
use common::node::{Node, get, wait_for};
use common::{run_json, run_text};
use serde_json::{Value, json};

/// Publishes so many notes with a word in them.
fn publish(node: &Node, numbers: std::ops::Range<u64>) {
    let mut client = Client::connect(&node.url);
    for number in numbers {
        let note = event(1, 1, now() - number, &[], &format!("Grüße number{number}"));
        assert_eq!(client.publish(&note), (true, String::new()));
    }
}

/// Waits until a search finds so many.
fn finds(node: &Node, search: &str, count: usize) {
    let mut client = Client::connect(&node.url);
    wait_for(search, || {
        client.stored(json!({ "search": search })).len() == count
    });
}

fn supported(node: &Node) -> Vec<Value> {
    let (_, document) = get(node.address(), "/", "application/nostr+json");
    let document: Value = serde_json::from_str(&document).unwrap();
    document["supported_nips"].as_array().unwrap().clone()
}

#[test]
fn r6_a_node_searches_also_after_a_kill() {
    let folder = tempfile::tempdir().unwrap();
    let node = Node::start(folder.path(), &[]);
    assert!(supported(&node).contains(&json!(50)));
    publish(&node, 0..20);
    finds(&node, "grusse", 20);
    let (_, ready) = get(&node.operations, "/health/ready", "*/*");
    assert!(ready.contains("search"), "{ready}");
    let (_, metrics) = get(&node.operations, "/metrics", "*/*");
    assert!(
        metrics.contains("stentor_store_feed_lag{reader=\"search\"} 0"),
        "{metrics}"
    );
    publish(&node, 20..30);
    node.kill();
    let node = Node::start(folder.path(), &[]);
    finds(&node, "grusse", 30);
    finds(&node, "number25", 1);
    let (code, log) = node.stop();
    assert_eq!(code, 0, "{log}");
}

#[test]
fn r6_the_index_is_made_anew_by_one_command() {
    let folder = tempfile::tempdir().unwrap();
    let node = Node::start(folder.path(), &[]);
    publish(&node, 0..10);
    let rebuilt = run_json(folder.path(), &["db", "search", "rebuild", "--json"]);
    assert_eq!(rebuilt, json!({ "feed_position": 10 }), "through the node");
    finds(&node, "grusse", 10);
    node.kill();
    std::fs::remove_dir_all(folder.path().join("search")).unwrap();
    let rebuilt = run_json(folder.path(), &["db", "search", "rebuild", "--json"]);
    assert_eq!(rebuilt, json!({ "feed_position": 10 }), "without one");
    let backup = tempfile::tempdir().unwrap();
    let copy = backup.path().join("copy");
    run_json(
        folder.path(),
        &["backup", "create", copy.to_str().unwrap(), "--json"],
    );
    assert!(!copy.join("search").exists());
    let node = Node::start(&copy, &[]);
    finds(&node, "number7", 1);
}

#[test]
fn r6_search_can_be_switched_off() {
    let folder = tempfile::tempdir().unwrap();
    let off = ["--set", "relay.search.enabled=false"];
    let node = Node::start(folder.path(), &off);
    assert!(!supported(&node).contains(&json!(50)));
    let mut client = Client::connect(&node.url);
    client
        .send(json!(["REQ", "s", { "search": "x" }]).to_string())
        .unwrap();
    let answer = client.next();
    assert_eq!(answer[0], "CLOSED");
    assert!(
        answer[2].as_str().unwrap().starts_with("unsupported: "),
        "{answer}"
    );
    assert!(!folder.path().join("search").exists());
    drop(node);
    let command = [&["db", "search", "rebuild"][..], &off].concat();
    let (code, _, err) = run_text(folder.path(), &command);
    assert_eq!(code, 1);
    assert!(err.contains("switched off"), "{err}");
}
