//! The running node: start, health, reload, drain, control socket, socket activation.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod common;

use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};

use common::client::Client;
use common::events::note;
use common::node::{Node, get, wait_for};
use common::{exported_ids, run, run_json, run_text};
use serde_json::{Value, json};

#[test]
fn r8_3_starts_serves_and_stops_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let node = Node::start(folder.path(), &[]);
    let event = note(1, 1);
    let mut client = Client::connect(&node.url);
    assert_eq!(client.publish(&event), (true, String::new()));
    assert_eq!(client.stored(json!({ "kinds": [1] })).len(), 1);
    client.send(json!(["REQ", "live", {}]).to_string()).unwrap();
    let (code, log) = node.stop();
    assert_eq!(code, 0, "{log}");
    assert_eq!(client.close_code(), Some(1012));
    assert!(log.contains("stopped"), "{log}");
    assert!(!folder.path().join("control.sock").exists());
    assert_eq!(exported_ids(folder.path()), [event.id().to_string()]);
}

#[test]
fn r8_5_tells_how_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let node = Node::start(folder.path(), &[]);
    assert_eq!(get(&node.operations, "/health/live", "*/*").0, 200);
    let (status, body) = get(&node.operations, "/health/ready", "*/*");
    assert_eq!(status, 200, "{body}");
    let ready: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(
        (&ready["status"], &ready["dependencies"]["store"]["status"]),
        (&json!("ok"), &json!("ok"))
    );
    let mut client = Client::connect(&node.url);
    client.publish(&note(1, 1));
    client.publish(&note(1, 1));
    assert_eq!(client.stored(json!({ "kinds": [1] })).len(), 1);
    // One for each thing that the requirement lists, with what has just been done in it.
    for sample in [
        "stentor_connections 1",
        "stentor_relay_subscriptions ",
        "stentor_relay_messages_total{verb=\"EVENT\"} 2",
        "stentor_relay_messages_total{verb=\"REQ\"} 1",
        "stentor_relay_events_total{class=\"regular\",outcome=\"stored\"} 1",
        "stentor_relay_events_total{class=\"regular\",outcome=\"duplicate\"} 1",
        "stentor_relay_ack_seconds_count 2",
        "stentor_relay_scan_seconds_count 1",
        "stentor_relay_scan_rows_sum 1",
        "stentor_relay_fanout_total{what=\"considered\"} ",
        "stentor_relay_fanout_total{what=\"delivered\"} ",
        "stentor_relay_fanout_total{what=\"dropped\"} ",
        "stentor_ws_queued_frames_count ",
        "stentor_ws_blocked_connections 0",
        "stentor_relay_rate_limited_total{what=",
        "stentor_store_events ",
        "stentor_store_bytes",
        "stentor_store_commits_total ",
        "stentor_store_commit_seconds",
    ] {
        wait_for(sample, || {
            get(&node.operations, "/metrics", "*/*").1.contains(sample)
        });
    }
    assert_eq!(
        get(node.address(), "/metrics", "*/*").0,
        404,
        "not for everybody"
    );
}

#[test]
fn p2_hangup_reloads_limits_without_dropping_anybody() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("stentor.toml");
    std::fs::write(&file, "[relay.limits]\nsubscriptions = 5\n").unwrap();
    let node = Node::start(folder.path(), &[]);
    let document = || -> Value {
        serde_json::from_str(&get(node.address(), "/", "application/nostr+json").1).unwrap()
    };
    assert_eq!(document()["limitation"]["max_subscriptions"], 5);
    let mut client = Client::connect(&node.url);
    client.stored(json!({}));
    std::fs::write(&file, "[relay.limits]\nsubscriptions = 7\n").unwrap();
    node.signal("HUP");
    wait_for("the reload", || {
        document()["limitation"]["max_subscriptions"] == 7
    });
    // A key that is taken out of the file is at its default again.
    std::fs::remove_file(&file).unwrap();
    node.signal("HUP");
    wait_for("the reload", || {
        document()["limitation"]["max_subscriptions"] == 32
    });
    std::fs::write(&file, "[relay.limits]\nsubscriptions = 7\n").unwrap();
    node.signal("HUP");
    wait_for("the reload", || {
        document()["limitation"]["max_subscriptions"] == 7
    });
    // Faults leave the old configuration in force.
    std::fs::write(&file, "[relay.limits]\nsubscriptoins = 9\n").unwrap();
    node.signal("HUP");
    client.stored(json!({}));
    assert_eq!(document()["limitation"]["max_subscriptions"], 7);
    let (code, log) = node.stop();
    assert_eq!(code, 0);
    assert!(
        log.contains("stentor.toml:2: relay.limits.subscriptoins"),
        "{log}"
    );
}

#[test]
fn logs_are_json_when_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let node = Node::start(folder.path(), &["--set", "log.format=json"]);
    let (_, log) = node.stop();
    for line in log.lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        assert!(
            line["timestamp"].is_string()
                && line["level"].is_string()
                && line["message"].is_string(),
            "{line}"
        );
    }
}

#[test]
fn secrets_and_control_socket_are_private() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let node = Node::start(&data, &[]);
    let mode = |name: &str| {
        std::fs::metadata(data.join(name))
            .unwrap()
            .permissions()
            .mode()
            & 0o777
    };
    assert_eq!(
        (
            mode(""),
            mode("secrets"),
            mode("secrets/relay.key"),
            mode("control.sock")
        ),
        (0o700, 0o700, 0o600, 0o600)
    );
    let key = |node: &Node| -> Value {
        let document: Value =
            serde_json::from_str(&get(node.address(), "/", "application/nostr+json").1).unwrap();
        document["self"].clone()
    };
    let first = key(&node);
    let secret = std::fs::read_to_string(data.join("secrets/relay.key")).unwrap();
    let (_, log) = node.stop();
    assert!(!log.contains(secret.trim()), "the log holds the key");
    let node = Node::start(&data, &[]);
    assert_eq!(key(&node), first, "the key stays");
    drop(node);
    std::fs::set_permissions(
        data.join("secrets/relay.key"),
        PermissionsExt::from_mode(0o644),
    )
    .unwrap();
    let (code, _, err) = run_text(
        &data,
        &["serve", "--listen", "127.0.0.1:0", "--ops-listen", ""],
    );
    assert_eq!(code, 1);
    assert!(
        err.contains("can be read by others") && !err.contains(secret.trim()),
        "{err}"
    );
}

#[test]
fn two_processes_never_hold_one_store() {
    let folder = tempfile::tempdir().unwrap();
    let node = Node::start(folder.path(), &[]);
    let event = note(1, 1);
    Client::connect(&node.url).publish(&event);
    // Commands go through the node.
    assert_eq!(
        run_json(folder.path(), &["db", "stats", "--json"])["events"],
        1
    );
    assert_eq!(exported_ids(folder.path()), [event.id().to_string()]);
    let explained = run_json(folder.path(), &["explain", "{\"kinds\":[1]}", "--json"]);
    assert_eq!(explained["run"]["events"], 1);
    assert_eq!(
        run_json(folder.path(), &["db", "verify", "--json"])["faults"],
        0
    );
    run_json(folder.path(), &["db", "compact", "--json"]);
    let (code, _, err) = run_text(folder.path(), &["db", "reindex"]);
    assert_eq!(code, 1);
    assert!(err.contains("stop it first"), "{err}");
    // Without its socket nobody gets at the store, but nobody else opens it either.
    std::fs::remove_file(folder.path().join("control.sock")).unwrap();
    let (code, _, err) = run_text(folder.path(), &["db", "stats"]);
    assert_eq!(code, 1);
    assert!(
        err.contains(&format!(
            "in use by another process (pid {})",
            node.child.id()
        )),
        "{err}"
    );
    node.kill();
    assert_eq!(
        run_json(folder.path(), &["db", "stats", "--json"])["events"],
        1
    );
}

#[test]
fn a_socket_left_behind_is_replaced() {
    let folder = tempfile::tempdir().unwrap();
    Node::start(folder.path(), &[]).kill();
    assert!(folder.path().join("control.sock").exists());
    assert_eq!(
        run_json(folder.path(), &["db", "stats", "--json"])["events"],
        0
    );
    let node = Node::start(folder.path(), &[]);
    assert_eq!(
        run_json(folder.path(), &["db", "stats", "--json"])["events"],
        0
    );
    assert_eq!(node.stop().0, 0);
}

#[test]
fn data_folders_may_have_long_names() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("long".repeat(40));
    let node = Node::start(&data, &[]);
    assert_eq!(run_json(&data, &["db", "stats", "--json"])["events"], 0);
    assert_eq!(node.stop().0, 0);
}

#[test]
fn r5_5_a_backup_taken_while_serving_is_a_data_folder() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let node = Node::start(&data, &["--set", "relay.rates.events.connection=0"]);
    let mut client = Client::connect(&node.url);
    for number in 0..100 {
        assert!(client.publish(&note(1, number)).0);
    }
    let backup = folder.path().join("backup");
    let path = backup.to_str().unwrap();
    run_json(&data, &["backup", "create", path, "--json"]);
    let verified = run_json(&data, &["backup", "verify", path, "--json"]);
    assert_eq!(verified["faults"], json!([]));
    for number in 100..150 {
        assert!(client.publish(&note(1, number)).0);
    }
    let (code, _, err) = run_text(&data, &["backup", "create", path]);
    assert_eq!(code, 1);
    assert!(err.contains("is not empty"), "{err}");
    assert_eq!(
        run(&backup, &["db", "verify", "--signatures"])
            .status
            .code(),
        Some(0)
    );
    let restored = Node::start(&backup, &[]);
    let count = |node: &Node| {
        let mut client = Client::connect(&node.url);
        client.send(json!(["COUNT", "c", {}]).to_string()).unwrap();
        client.next()[2]["count"].clone()
    };
    assert_eq!((count(&restored), count(&node)), (json!(100), json!(150)));
    let secret =
        |data: &std::path::Path| std::fs::read_to_string(data.join("secrets/relay.key")).unwrap();
    assert_eq!(secret(&backup), secret(&data));
    assert_eq!((restored.stop().0, node.stop().0), (0, 0));
    assert_eq!(run_json(&data, &["db", "reindex", "--json"])["events"], 150);
}

#[test]
fn p1_the_service_manager_passes_the_sockets() {
    let folder = tempfile::tempdir().unwrap();
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    // The shell takes the place of the service manager: it moves the socket to descriptor 3 and becomes the node.
    let script = "exec 3<&0 </dev/null; export LISTEN_FDS=1 LISTEN_PID=$$ LISTEN_FDNAMES=public; exec \"$@\"";
    let mut command = Command::new("sh");
    command.args([
        "-c",
        script,
        "sh",
        env!("CARGO_BIN_EXE_stentor"),
        "serve",
        "--ops-listen",
        "127.0.0.1:0",
        "--data",
    ]);
    command
        .arg(folder.path())
        .stdin(Stdio::from(OwnedFd::from(socket.try_clone().unwrap())));
    let node = Node::from(command);
    assert_eq!(node.url, format!("ws://{address}"));
    assert!(Client::connect(&node.url).publish(&note(1, 1)).0);
    assert_eq!(node.stop().0, 0);
    // Our handle keeps the socket open: whoever comes between two nodes waits instead of being refused.
    assert!(std::net::TcpStream::connect(address).is_ok());
    drop(socket);
}

#[test]
fn a_port_in_use_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap().to_string();
    let (code, _, err) = run_text(
        folder.path(),
        &["serve", "--listen", &address, "--ops-listen", ""],
    );
    assert_eq!(code, 1);
    assert!(
        err.contains(&format!("cannot listen on {address}")),
        "{err}"
    );
}

/// The folder of the index cannot be one: search is missing, everything else is there.
#[test]
fn p3_readiness_tells_which_dependency_fails() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("search"), "no folder").unwrap();
    let node = Node::start(folder.path(), &[]);
    let ready = || {
        let (status, body) = get(&node.operations, "/health/ready", "*/*");
        assert_eq!(status, 200, "clients are served: {body}");
        serde_json::from_str::<Value>(&body).unwrap()
    };
    wait_for("the failure of search", || {
        ready()["dependencies"]["search"]["status"] == "degraded"
    });
    let said = ready();
    assert_eq!(said["status"], "degraded");
    assert!(said["dependencies"]["search"]["detail"].is_string());
    assert_eq!(said["dependencies"]["records"]["status"], "ok");
    assert!(Client::connect(&node.url).publish(&note(1, 1)).0);
    // It is tried again and again, and is not well in between.
    let failures = || {
        let (_, metrics) = get(&node.operations, "/metrics", "*/*");
        let line = "stentor_task_failures_total{task=\"search\"} ";
        let found = metrics.lines().find_map(|text| text.strip_prefix(line));
        found
            .and_then(|count| count.parse::<u32>().ok())
            .unwrap_or(0)
    };
    wait_for("further failures", || {
        assert_eq!(ready()["dependencies"]["search"]["status"], "degraded");
        failures() >= 4
    });
    assert_eq!(node.stop().0, 0);
}
