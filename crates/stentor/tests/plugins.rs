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
use common::events::note;
use common::node::{Node, get, wait_for};
use common::stentor;

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
    let script = folder.join("plugin.sh");
    std::fs::write(&script, SCRIPT).unwrap();
    let config = format!(
        "[[relay.policy.plugins]]\nname = \"sh\"\ncommand = [\"/bin/sh\", {script:?}]\ntimeout_ms = 60000\n\
         source_types = [\"IP4\", \"IP6\"]\nkinds = [1, \"30000-39999\"]\nenvironment = {{ X = \"y\" }}\n"
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
