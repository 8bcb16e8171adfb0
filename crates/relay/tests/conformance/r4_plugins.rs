//! R4.3: programs of the operator's decide about events, by strfry's protocol. The programs are in `plugins/`.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use stentor_event::Event;
use stentor_relay::config::{OnFailure, Plugin, SourceType};
use stentor_relay::{Ruling, Source};

use crate::harness::*;

const FAILED: &str = "error: the relay cannot decide about this event now, try again";

/// Reads everything and says nothing.
const SILENT: &str = "while read -r line; do :; done";

/// The path of a program for tests.
fn program(name: &str) -> String {
    format!(
        "{}/tests/conformance/plugins/{name}",
        env!("CARGO_MANIFEST_DIR")
    )
}

/// A plugin that has all the time in the world.
fn plugin<const N: usize>(name: &str, command: [&str; N]) -> Plugin {
    Plugin {
        name: name.into(),
        command: command.map(String::from).to_vec(),
        timeout_ms: 60_000,
        ..Plugin::default()
    }
}

/// One in Python.
fn python(script: &str) -> Plugin {
    plugin(script, ["python3", &program(script)])
}

fn config<const N: usize>(plugins: [Plugin; N]) -> stentor_relay::Config {
    let mut config = without_rates();
    config.policy.plugins = plugins.to_vec();
    config
}

async fn node<const N: usize>(plugins: [Plugin; N]) -> Node {
    Node::with(Engine::Memory, config(plugins)).await
}

/// A note that is like no other.
fn numbered(author: u8, word: &str, number: u64) -> Event {
    note(author, 0, &format!("{word} {number}"))
}

/// Publishes without waiting for the answer.
async fn send(client: &mut Client, event: &Event) {
    client.send(format!("[\"EVENT\",{}]", text(event))).await;
}

/// Waits for the answer to an event.
async fn answer(client: &mut Client, event: &Event) -> (bool, String) {
    let own = id(event);
    let message = client
        .find(|message| message[0] == "OK" && message[1] == own.as_str())
        .await;
    let reason = message[3].as_str().unwrap().to_owned();
    (message[2].as_bool().unwrap(), reason)
}

/// Publishes events of kind 8, at which `held.py` answers what it holds, until this event has its answer: it is asked
/// about when its signature has been verified, which nobody is told.
async fn release(client: &mut Client, held: &Event) -> (bool, String) {
    let mut count = 0;
    while client.silent(&id(held)).await {
        count += 1;
        let content = format!("{:?} {count}", Instant::now());
        let sign = event(8, now()).content(content).sign(&key(9));
        client.store(&sign).await;
    }
    answer(client, held).await
}

/// What `moody.py` sees, which it tells in the reason of a refusal.
async fn told(client: &mut Client, author: u8) -> Value {
    let event = event(1, now())
        .content(format!("tell {:?}", Instant::now()))
        .sign(&key(author));
    let (accepted, reason) = client.publish(&event).await;
    assert!(!accepted);
    let told = reason.strip_prefix("blocked: ");
    serde_json::from_str(told.unwrap_or(&reason)).unwrap()
}

async fn pid(client: &mut Client) -> u64 {
    told(client, 1).await["pid"].as_u64().unwrap()
}

/// Waits until a process is no more, not even as a zombie. Nothing tells of that, so it is looked for.
async fn gone(pid: u64) {
    let begun = Instant::now();
    while std::fs::exists(format!("/proc/{pid}")).unwrap() {
        assert!(begun.elapsed() < Duration::from_secs(20), "{pid} is there");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r4_3_the_white_list_of_strfrys_documentation() {
    let wanted = public(1);
    let shell = program("whitelist.sh");
    for (command, refused) in [
        (
            vec!["python3".into(), program("whitelist.py"), wanted.clone()],
            "blocked: not on the white-list",
        ),
        (
            vec!["/bin/sh".into(), shell.clone(), wanted.clone()],
            "blocked: not on the list",
        ),
        (
            vec![
                "bash".into(),
                "-c".into(),
                format!("exec sh {shell} {wanted} 2>&1"),
            ],
            "blocked: not on the list",
        ),
    ] {
        let own = Plugin {
            command,
            ..plugin("list", [])
        };
        let node = node([own]).await;
        let mut client = node.client().await;
        let (ours, other) = (note(1, 0, "in \\ \" \u{1F600}\n"), note(2, 0, "out"));
        client.store(&ours).await;
        assert_eq!(client.publish(&other).await, (false, refused.into()));
        assert_eq!(client.query(json!({})).await.ids(), [id(&ours)]);
        assert!(client.publish(&ours).await.1.starts_with("duplicate: "));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r4_3_what_a_plugin_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let node = node([Plugin {
        directory: folder.path().to_str().unwrap().into(),
        environment: [("MOOD".to_owned(), "good".to_owned())].into(),
        ..python("moody.py")
    }])
    .await;
    let mut client = node.client().await;
    let begun = now();
    let first = told(&mut client, 1).await;
    assert_eq!(first["type"], "new");
    assert_eq!(
        (&first["sourceType"], &first["sourceInfo"]),
        (&json!("IP4"), &json!("127.0.0.1"))
    );
    assert!((begun..=now()).contains(&first["receivedAt"].as_u64().unwrap()));
    assert_eq!(first.get("authed"), None);
    assert_eq!(first["mood"], "good");
    let own = folder.path().canonicalize().unwrap();
    assert_eq!(first["folder"], own.to_str().unwrap());
    assert!(client.authenticate(&key(5)).await.0);
    let second = told(&mut client, 1).await;
    assert_eq!(second["authed"], public(5));
    assert_eq!(second["pid"], first["pid"], "one process");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r4_3_answers_in_any_order_reach_whom_they_are_for() {
    let node = node([python("held.py")]).await;
    let mut client = node.client().await;
    let events: Vec<Event> = (0..30)
        .map(|number: u64| {
            let word = if number.is_multiple_of(2) {
                "accept"
            } else {
                "reject"
            };
            let content = format!("{word} {number}");
            event(7, now()).content(content).sign(&key(1))
        })
        .collect();
    for event in &events {
        send(&mut client, event).await;
    }
    for (number, event) in events.iter().enumerate() {
        let expected = match number % 2 {
            0 => (true, String::new()),
            _ => (false, format!("blocked: reject {number} nobody")),
        };
        assert_eq!(release(&mut client, event).await, expected);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r4_3_the_same_event_from_two_clients_at_once() {
    let node = node([python("held.py")]).await;
    let (mut first, mut second) = (node.client().await, node.client().await);
    assert!(first.authenticate(&key(1)).await.0);
    assert!(second.authenticate(&key(2)).await.0);
    let held = event(7, now()).content("reject").sign(&key(3));
    send(&mut first, &held).await;
    send(&mut second, &held).await;
    let refusal = |number: u8| (false, format!("blocked: reject {}", public(number)));
    assert_eq!(release(&mut first, &held).await, refusal(1));
    assert_eq!(release(&mut second, &held).await, refusal(2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r4_3_a_slow_plugin_delays_only_its_own_events() {
    let silent = Plugin {
        kinds: [20].into(),
        ..plugin("silent", ["sh", "-c", SILENT])
    };
    let node = node([silent, python("held.py")]).await;
    let (mut client, mut other) = (node.client().await, node.client().await);
    let unanswered = event(20, now()).sign(&key(1));
    let held = event(7, now()).sign(&key(1));
    send(&mut client, &unanswered).await;
    send(&mut client, &held).await;
    for number in 0..20 {
        client.store(&numbered(1, "same connection", number)).await;
        other.store(&numbered(2, "another", number)).await;
    }
    assert_eq!(client.query(json!({"kinds": [1]})).await.events.len(), 40);
    for event in [&unanswered, &held] {
        assert!(client.silent(&id(event)).await, "{event:?}");
    }
    assert_eq!(release(&mut client, &held).await, (true, String::new()));
    assert!(client.silent(&id(&unanswered)).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r4_3_a_crash_fails_the_event_that_caused_it_and_no_other() {
    let node = node([python("moody.py")]).await;
    let mut client = node.client().await;
    let events: Vec<Event> = (0..20)
        .map(|number| {
            let mood = if number == 7 { "crash" } else { "good" };
            event(1, now())
                .content(format!("{mood} {number}"))
                .sign(&key(1))
        })
        .collect();
    for event in &events {
        send(&mut client, event).await;
    }
    for (number, event) in events.iter().enumerate() {
        let expected = match number {
            7 => (false, FAILED.into()),
            _ => (true, String::new()),
        };
        assert_eq!(answer(&mut client, event).await, expected, "{number}");
    }
    client.store(&note(1, 1, "it runs again")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r4_3_nonsense_and_lines_without_end() {
    let node = node([python("moody.py")]).await;
    let mut client = node.client().await;
    for mood in ["nonsense", "endless", "unknown"] {
        let published = client.publish(&note(1, 0, mood)).await;
        assert_eq!(published, (false, FAILED.into()), "{mood}");
        client
            .store(&note(1, 0, &format!("good after {mood}")))
            .await;
    }
    let before = pid(&mut client).await;
    for number in 0..50 {
        client.store(&numbered(1, "chatty", number)).await;
        client.store(&numbered(1, "loud", number)).await;
    }
    assert_eq!(pid(&mut client).await, before, "talk is borne");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r4_3_what_is_not_answered_in_time_fails_as_the_operator_chose() {
    for on_failure in [OnFailure::Refuse, OnFailure::Accept] {
        let node = node([Plugin {
            timeout_ms: 300,
            on_failure,
            ..plugin("silent", ["sh", "-c", SILENT])
        }])
        .await;
        let mut client = node.client().await;
        let expected = match on_failure {
            OnFailure::Refuse => (false, FAILED.into()),
            OnFailure::Accept => (true, String::new()),
        };
        for number in 0..3 {
            let begun = Instant::now();
            assert_eq!(client.publish(&numbered(1, "x", number)).await, expected);
            assert!(begun.elapsed() < Duration::from_secs(10));
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r4_3_a_plugin_that_does_not_read() {
    let node = node([Plugin {
        timeout_ms: 300,
        ..plugin("deaf", ["sleep", "1000"])
    }])
    .await;
    let mut client = node.client().await;
    let large = |number: u64| numbered(1, &"x".repeat(60_000), number);
    let events: Vec<Event> = (0..10).map(large).collect();
    for event in &events {
        send(&mut client, event).await;
    }
    for event in &events {
        assert_eq!(answer(&mut client, event).await, (false, FAILED.into()));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r4_3_a_plugin_that_cannot_run() {
    let missing = plugin("missing", ["/nowhere/plugin"]);
    let ends = plugin("ends", ["true"]);
    for broken in [missing, ends] {
        let node = node([Plugin {
            timeout_ms: 2_000,
            restart_ms: 5_000,
            ..broken
        }])
        .await;
        let mut client = node.client().await;
        let published = client.publish(&note(1, 0, "x")).await;
        assert_eq!(published, (false, FAILED.into()));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r4_3_no_more_events_wait_than_configured() {
    let node = node([Plugin {
        waiting: 2,
        ..python("held.py")
    }])
    .await;
    let mut client = node.client().await;
    let held: Vec<Event> = (0..3)
        .map(|number: u64| event(7, now() - 100 * number).sign(&key(1)))
        .collect();
    for event in &held {
        send(&mut client, event).await;
    }
    let refused = client.find(|message| message[0] == "OK").await;
    assert_eq!((&refused[2], &refused[3]), (&json!(false), &json!(FAILED)));
    let mut silent = 0;
    for event in &held {
        silent += usize::from(client.silent(&id(event)).await);
    }
    assert_eq!(silent, 3, "and no other is answered");
}

over_both_engines! { r4_3_shadowed_events_are_seen_by_nobody }

async fn r4_3_shadowed_events_are_seen_by_nobody(engine: Engine) {
    let node = Node::with(engine, config([python("moody.py")])).await;
    let (mut reader, mut writer) = (node.client().await, node.client().await);
    reader.subscribe("live", &[json!({})]).await;
    let (hidden, seen) = (note(1, 0, "shadow"), note(1, 0, "good"));
    assert_eq!(writer.publish(&hidden).await, (true, String::new()));
    writer.store(&seen).await;
    assert_eq!(reader.live("live").await["id"], id(&seen));
    assert!(reader.silent("live").await);
    assert_eq!(writer.query(json!({})).await.ids(), [id(&seen)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r4_3_several_plugins_are_asked_in_order() {
    let first = plugin("first", ["sh", &program("whitelist.sh"), &public(1)]);
    let node = node([first, python("moody.py")]).await;
    let mut client = node.client().await;
    let refused = client.publish(&note(2, 0, "tell")).await;
    assert_eq!(refused, (false, "blocked: not on the list".into()));
    assert_eq!(
        told(&mut client, 1).await["seen"],
        1,
        "only what the first took"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r4_3_several_workers_share_the_authors() {
    let node = node([Plugin {
        workers: 3,
        ..python("moody.py")
    }])
    .await;
    let mut client = node.client().await;
    let mut pids = std::collections::HashSet::new();
    for author in 1..=30 {
        let pid = told(&mut client, author).await["pid"].clone();
        assert_eq!(told(&mut client, author).await["pid"], pid);
        pids.insert(pid.as_u64().unwrap());
    }
    assert_eq!(pids.len(), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r4_3_processes_end_with_their_section() {
    let kept = python("moody.py");
    let node = node([kept.clone()]).await;
    let mut client = node.client().await;
    let own = pid(&mut client).await;
    // A shell whose child would stay behind if only the shell was ended.
    let shell = format!("python3 {} | cat", program("moody.py"));
    let changed = Plugin {
        name: "changed".into(),
        kinds: [2].into(),
        ..plugin("", ["sh", "-c", &shell])
    };
    node.relay
        .reconfigure(config([kept, changed.clone()]))
        .unwrap();
    assert_eq!(pid(&mut client).await, own, "its section is as it was");
    node.relay.reconfigure(config([changed])).unwrap();
    gone(own).await;
    let told = event(2, now()).content("tell").sign(&key(1));
    let (_, reason) = client.publish(&told).await;
    let told: Value = serde_json::from_str(reason.strip_prefix("blocked: ").unwrap()).unwrap();
    node.relay.reconfigure(config([])).unwrap();
    gone(told["pid"].as_u64().unwrap()).await;
}

#[test]
fn r4_3_processes_end_when_the_runtime_does() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let pid = runtime.block_on(async {
        let node = node([python("moody.py")]).await;
        pid(&mut node.client().await).await
    });
    drop(runtime);
    // Killed, and with nobody left to collect it until this process ends too.
    let begun = Instant::now();
    loop {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        if stat.is_empty() || stat.contains(") Z ") {
            break;
        }
        assert!(begun.elapsed() < Duration::from_secs(20), "it runs: {stat}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r4_3_a_program_that_changes_is_started_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let write = |name: &str, word: &str| {
        use std::os::unix::fs::PermissionsExt;
        let script = std::fs::read_to_string(program("whitelist.sh")).unwrap();
        std::fs::write(path("new"), script.replace("not on the list", word)).unwrap();
        std::fs::set_permissions(path("new"), PermissionsExt::from_mode(0o755)).unwrap();
        std::fs::rename(path("new"), path(name)).unwrap();
    };
    write("plugin", "the first");
    let watched = Plugin {
        directory: folder.path().to_str().unwrap().into(),
        watch: vec!["list".into()],
        ..plugin("changing", ["./plugin", "x"])
    };
    let node = node([watched]).await;
    let mut client = node.client().await;
    let refusal = |word: &str| (false, format!("blocked: {word}"));
    assert_eq!(client.publish(&note(1, 0, "x")).await, refusal("the first"));
    write("plugin", "the second");
    let begun = Instant::now();
    loop {
        let published = client.publish(&note(1, 0, "x")).await;
        if published == refusal("the second") {
            break;
        }
        assert_eq!(published, refusal("the first"), "nobody is lost over it");
        assert!(begun.elapsed() < Duration::from_secs(20));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r4_3_events_from_elsewhere_are_asked_about_where_that_is_wanted() {
    let own = Plugin {
        source_types: vec![SourceType::Sync, SourceType::Import, SourceType::Stored],
        // One place: further events wait for their turn.
        waiting: 1,
        ..python("moody.py")
    };
    let node = node([own]).await;
    let event = note(1, 0, "tell");
    let ask = |source: Source| node.relay.ask_plugins(&event, source);
    for (source, kind, info) in [
        (
            Source::Sync("wss://a.example".into()),
            "Sync",
            "wss://a.example",
        ),
        (
            Source::Import("notes.jsonl".into()),
            "Import",
            "notes.jsonl",
        ),
        (Source::Stored, "Stored", ""),
    ] {
        let Ruling::Refused(reason) = ask(source).await else {
            panic!("{kind}");
        };
        let told: Value = serde_json::from_str(reason.strip_prefix("blocked: ").unwrap()).unwrap();
        assert_eq!(
            (&told["sourceType"], &told["sourceInfo"]),
            (&json!(kind), &json!(info))
        );
    }
    let stream = Source::Stream("wss://a.example".into());
    assert_eq!(ask(stream).await, Ruling::Accepted, "not asked about");
    node.client().await.store(&event).await;
    let hidden = note(1, 0, "shadow");
    let shadowed = node.relay.ask_plugins(&hidden, Source::Stored).await;
    assert_eq!(shadowed, Ruling::Shadowed);
    let many: Vec<Event> = (0..50).map(|number| numbered(1, "good", number)).collect();
    let rulings = many
        .iter()
        .map(|event| node.relay.ask_plugins(event, Source::Stored));
    let rulings = futures_util::future::join_all(rulings).await;
    assert!(rulings.iter().all(|ruling| *ruling == Ruling::Accepted));
}
