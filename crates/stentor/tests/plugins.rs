//! Plugins of the running node (R4.3): its configuration, its log, its metrics and its end.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod common;

use std::path::Path;

use common::client::Client;
use common::events::{lines, note};
use common::node::{Node, get, wait_for};
use common::{run_json, stentor};

/// Refuses everything, and tells its process and an environment variable.
const SCRIPT: &str = r#"#!/bin/sh
while read -r line; do
    id=${line#*'"id":"'}
    id=${id%%'"'*}
    echo "seen $id" >&2
    printf '{"id":"%s","action":"reject","msg":"%s %s"}\n' "$id" "$$" "${STENTOR_TOKEN-unset}"
done
echo "it was time to go" >&2
"#;

/// A node with the plugin, and a client of it.
fn start(folder: &Path) -> (Node, Client) {
    start_for(folder, "[\"IP4\", \"IP6\"]")
}

/// The same, where the plugin is asked about events that come from there.
fn start_for(folder: &Path, source_types: &str) -> (Node, Client) {
    let script = folder.join("plugin.sh");
    std::fs::write(&script, SCRIPT).unwrap();
    let config = format!(
        "[[relay.policy.plugins]]\nname = \"sh\"\ncommand = [\"/bin/sh\", {script:?}]\ntimeout_ms = 60000\n\
         source_types = {source_types}\nkinds = [1, \"30000-39999\"]\nenvironment = {{ X = \"y\" }}\n"
    );
    std::fs::write(folder.join("stentor.toml"), config).unwrap();
    let mut command = stentor(&["serve", "--listen", "127.0.0.1:0"]);
    command.args(["--ops-listen", "127.0.0.1:0", "--data"]);
    command.arg(folder).env("STENTOR_TOKEN", "secret");
    let node = Node::from(command);
    let client = Client::connect(&node.url);
    (node, client)
}

/// Publishes something, and tells the process that refused it.
fn refused_by(client: &mut Client) -> u32 {
    let (accepted, reason) = client.publish(&note(1, 1));
    let told = reason.strip_prefix("blocked: ").unwrap();
    let (pid, token) = told.split_once(' ').unwrap();
    assert!(!accepted);
    assert_eq!(token, "unset", "it is the relay's business");
    pid.parse().unwrap()
}

/// Waits until a process has ended; nobody may be there to collect it.
fn wait_until_ended(pid: u32) {
    wait_for("the end of the plugin", || {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        stat.is_empty() || stat.contains(") Z ")
    });
}

#[test]
fn r4_3_a_plugin_is_logged_counted_and_ended() {
    let folder = tempfile::tempdir().unwrap();
    let (node, mut client) = start(folder.path());
    let pid = refused_by(&mut client);
    for sample in [
        "stentor_relay_plugin_requests_total{plugin=\"sh\"} 1",
        "stentor_relay_plugin_answers_total{plugin=\"sh\",action=\"reject\"} 1",
        "stentor_relay_plugin_seconds_count{plugin=\"sh\"} 1",
        "stentor_relay_plugin_waiting{plugin=\"sh\"} 0",
        "stentor_relay_plugin_running{plugin=\"sh\"} 1",
        "stentor_relay_policy_total{stage=\"write\",rule=\"sh\",verdict=\"refused\"} 1",
    ] {
        wait_for(sample, || {
            get(&node.operations, "/metrics", "*/*").1.contains(sample)
        });
    }
    drop(client);
    let (code, log) = node.stop();
    assert_eq!(code, 0, "{log}");
    assert!(log.contains("seen "), "{log}");
    assert!(
        log.contains("it was time to go"),
        "it ended by itself: {log}"
    );
    wait_until_ended(pid);
}

#[test]
fn r4_3_a_plugin_ends_when_the_node_is_killed() {
    let folder = tempfile::tempdir().unwrap();
    let (mut node, mut client) = start(folder.path());
    let pid = refused_by(&mut client);
    node.child.kill().unwrap();
    wait_until_ended(pid);
}

/// Imports one event of each kind, and a forged one.
fn import(folder: &Path) -> serde_json::Value {
    let mut text = lines(&[note(1, 1), note(1, 2)]);
    let forged = note(1, 3);
    let forged = std::str::from_utf8(forged.json()).unwrap().to_owned();
    let (head, tail) = forged.split_once("\"sig\":\"").unwrap();
    let flipped = if tail.starts_with('0') { "1" } else { "0" };
    text.push_str(&format!("{head}\"sig\":\"{flipped}{}\n", &tail[1..]));
    let file = folder.join("dump.jsonl");
    std::fs::write(&file, text).unwrap();
    run_json(folder, &["import", "--json", file.to_str().unwrap()])
}

#[test]
fn r4_3_an_import_asks_plugins_that_name_it() {
    let folder = tempfile::tempdir().unwrap();
    let (node, _client) = start_for(folder.path(), "[\"Import\"]");
    let done = import(folder.path());
    assert_eq!(
        (&done["accepted"], &done["refused"]),
        (&0.into(), &2.into())
    );
    let reason = done["examples"].as_array().unwrap().iter();
    let reasons: Vec<&str> = reason.map(|bad| bad["reason"].as_str().unwrap()).collect();
    assert_eq!(reasons.len(), 3, "{done}");
    assert_eq!(
        reasons
            .iter()
            .filter(|r| r.starts_with("blocked: "))
            .count(),
        2
    );
    let (_, log) = node.stop();
    let forged = note(1, 3).id().to_string();
    assert!(
        !log.contains(&format!("seen {forged}")),
        "nobody is asked about a forged one"
    );
}

#[test]
fn r4_3_an_import_does_not_ask_other_plugins() {
    let folder = tempfile::tempdir().unwrap();
    let (node, _client) = start(folder.path());
    let done = import(folder.path());
    assert_eq!(done["accepted"], 2);
    assert!(done.get("refused").is_none());
    let (_, log) = node.stop();
    assert!(!log.contains("seen "), "{log}");
}
