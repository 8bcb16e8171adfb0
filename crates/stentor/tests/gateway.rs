//! The gateway of the real node: keys from the shell, what happens over HTTP, restarts, kill -9.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod common;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;

use common::client::Client;
use common::events::{lines, note};
use common::node::{Node, wait_for};
use common::{run_json, run_text};
use serde_json::Value;

/// A new key with these scopes: its id and its text.
fn key(data: &Path, scopes: &str) -> (String, String) {
    let args = [
        "admin", "keys", "create", "--name", "test", "--scope", scopes, "--json",
    ];
    let minted = run_json(data, &args);
    let text = |field: &str| minted[field].as_str().unwrap().to_owned();
    (text("id"), text("key"))
}

/// The status of an answer, and its body.
fn get(address: &str, path: &str, key: &str) -> (u16, Value) {
    let mut socket = TcpStream::connect(address).unwrap();
    let request = format!("GET {path} HTTP/1.0\r\nHost: x\r\nAuthorization: Bearer {key}\r\n\r\n");
    socket.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, serde_json::from_str(body).unwrap_or_default())
}

/// What the history has behind a cursor: contents and types, and the cursor behind it.
fn history(node: &Node, key: &str, since: &str) -> (Vec<String>, String) {
    let path = format!("/api/v1/events/history?limit=1000&since={since}");
    let (status, page) = get(node.address(), &path, key);
    assert_eq!(status, 200, "{page}");
    let envelopes = page["events"].as_array().unwrap().iter();
    let name = |envelope: &Value| {
        let content = envelope["data"]["content"].as_str();
        content.or(envelope["type"].as_str()).unwrap().to_owned()
    };
    let next = page["next"].as_str().unwrap().to_owned();
    (envelopes.map(name).collect(), next)
}

#[test]
fn g2_1_keys_and_tenants_are_made_in_the_shell_with_and_without_a_node() {
    let data = tempfile::tempdir().unwrap();
    let node = Node::start(data.path(), &[]);
    let (id, text) = key(data.path(), "events:nostr:read");
    wait_for("the key to be known", || {
        get(node.address(), "/api/v1/events/history", &text).0 == 200
    });
    assert_eq!(get(node.address(), "/api/v1/jobs", &text).0, 403);
    let listed = run_json(data.path(), &["admin", "keys", "list", "--json"]);
    assert_eq!(listed[0]["id"], *id);
    assert!(listed[0].get("key").is_none(), "shown once only");
    node.stop();
    let (code, ..) = run_text(data.path(), &["admin", "tenants", "create", "acme"]);
    assert_eq!(code, 0);
    let (code, ..) = run_text(data.path(), &["admin", "keys", "revoke", &id]);
    assert_eq!(code, 0);
    let node = Node::start(data.path(), &[]);
    assert_eq!(get(node.address(), "/api/v1/events/history", &text).0, 401);
    let wrong = [
        "admin", "keys", "create", "--name", "x", "--scope", "nonsense",
    ];
    let (code, _, error) = run_text(data.path(), &wrong);
    assert!(code != 0 && error.contains("events:nostr:read"), "{error}");
    node.stop();
}

#[test]
fn g2_5_the_shell_reads_who_was_not_let_in() {
    let data = tempfile::tempdir().unwrap();
    let node = Node::start(data.path(), &[]);
    let wrong = format!("stk_{}_{}", "0".repeat(16), "a".repeat(43));
    let answer = get(node.address(), "/api/v1/events/history", &wrong);
    assert_eq!(answer.0, 401);
    node.stop();
    let lines = run_json(data.path(), &["admin", "keys", "audit", "--json"]);
    let line = &lines[0];
    assert_eq!(line["kind"], "failed");
    assert_eq!(line["address"], "127.0.0.1");
    assert!(!lines.to_string().contains("stk_"), "{lines}");
}

#[test]
fn g1_6_an_import_through_the_node_is_a_job() {
    let data = tempfile::tempdir().unwrap();
    let node = Node::start(data.path(), &[]);
    let (_, text) = key(data.path(), "events:jobs:read:all,events:nostr:read");
    let file = data.path().join("events.jsonl");
    let events = [note(1, 1), note(1, 2)];
    std::fs::write(&file, lines(&events)).unwrap();
    let (code, ..) = run_text(data.path(), &["import", file.to_str().unwrap()]);
    assert_eq!(code, 0);
    wait_for("the key to be known", || {
        get(node.address(), "/api/v1/jobs", &text).0 == 200
    });
    let (_, page) = get(node.address(), "/api/v1/jobs", &text);
    let job = &page["jobs"][0];
    assert_eq!(
        (&job["kind"], &job["status"]),
        (&"import".into(), &"completed".into())
    );
    assert_eq!(
        (&job["owner"], &job["percent"]),
        (&"shell".into(), &100.into())
    );
    let (names, _) = history(&node, &text, "oldest");
    let jobs: Vec<&String> = names
        .iter()
        .filter(|name| name.starts_with("job."))
        .collect();
    assert_eq!(jobs, ["job.queued", "job.started", "job.completed"]);
    assert_eq!(names.len(), 5);
    node.stop();
}

#[test]
fn g1_2_a_ban_is_told_whether_or_not_a_node_runs() {
    let data = tempfile::tempdir().unwrap();
    let node = Node::start(data.path(), &[]);
    let (_, plain) = key(data.path(), "events:relay:read");
    let (_, full) = key(data.path(), "events:relay:read,events:verbose");
    wait_for("the key to be known", || {
        get(node.address(), "/api/v1/events/history", &full).0 == 200
    });
    let ban = |number: &str| {
        let key = format!("{}{number}", "0".repeat(63));
        let args = ["admin", "banpubkey", &key, "spam"];
        let (code, _, error) = run_text(data.path(), &args);
        assert_eq!(code, 0, "{error}");
    };
    ban("1");
    node.stop();
    ban("2");
    let node = Node::start(data.path(), &[]);
    let (_, page) = get(node.address(), "/api/v1/events/history", &full);
    let banned = page["events"].as_array().unwrap();
    let values: Vec<&str> = banned
        .iter()
        .map(|one| one["data"]["value"].as_str().unwrap())
        .collect();
    let key = |number: &str| format!("{}{number}", "0".repeat(63));
    assert_eq!(values, [key("1"), key("2")]);
    assert_eq!(banned[0]["type"], "relay.ban.added");
    assert_eq!(banned[0]["data"]["detail"]["reason"], "spam");
    let (_, page) = get(node.address(), "/api/v1/events/history", &plain);
    assert_eq!(page["events"][0]["data"].get("detail"), None, "G2.4");
    node.stop();
}

#[test]
fn g1_4_a_cursor_outlives_kill_9() {
    let data = tempfile::tempdir().unwrap();
    let node = Node::start(data.path(), &[]);
    let (_, text) = key(data.path(), "events:nostr:read");
    wait_for("the key to be known", || {
        get(node.address(), "/api/v1/events/history", &text).0 == 200
    });
    let mut client = Client::connect(&node.url);
    for number in 0..20 {
        assert!(client.publish(&note(1, number)).0);
    }
    let (first, cursor) = history(&node, &text, "oldest");
    assert_eq!(first.len(), 20);
    for number in 20..40 {
        assert!(client.publish(&note(1, number)).0);
    }
    node.kill();
    let node = Node::start(data.path(), &[]);
    let (rest, _) = history(&node, &text, &cursor);
    assert_eq!(rest.len(), 20, "what was acknowledged, once");
    assert!(rest.iter().all(|name| !first.contains(name)));
    node.stop();
}

#[test]
fn g2_1_a_gateway_that_is_off_is_not_there() {
    let data = tempfile::tempdir().unwrap();
    let node = Node::start(data.path(), &["--set", "gateway.enabled=false"]);
    assert_eq!(get(node.address(), "/api/v1/events", "x").0, 404);
    node.stop();
}
