//! Import and export (R5.4) with the real binary.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod common;

use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

use common::client::Client;
use common::events::{event, lines, note, now, text};
use common::node::{Node, wait_for};
use common::{exported_ids, run, run_json, run_text, stentor};
use serde_json::{Value, json};
use stentor_event::Event;

fn write(folder: &Path, name: &str, content: impl AsRef<[u8]>) -> String {
    let path = folder.join(name);
    std::fs::write(&path, content).unwrap();
    path.to_str().unwrap().to_owned()
}

fn import(data: &Path, args: &[&str]) -> Value {
    run_json(data, &[&["import", "--json"], args].concat())
}

/// Only what is not zero.
fn counts(summary: &Value) -> Value {
    let keep = |(_, value): &(&String, &Value)| **value != json!(0) && **value != json!({});
    let kept = summary.as_object().unwrap().iter().filter(keep);
    kept.filter(|(name, _)| *name != "examples")
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

/// Notes by somebody who has no part in the `mixture`.
fn notes(count: u64) -> Vec<Event> {
    (0..count).map(|number| note(7, number)).collect()
}

#[test]
fn r5_4_what_is_imported_can_be_exported() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let notes = notes(50);
    let file = write(folder.path(), "notes.jsonl", lines(&notes));
    assert_eq!(
        counts(&import(&data, &[&file])),
        json!({ "accepted": 50, "lines": 50 })
    );
    let (_, out, _) = run_text(&data, &["export"]);
    let newest_first: Vec<String> = notes.iter().rev().map(text).collect();
    assert_eq!(out.lines().collect::<Vec<_>>(), newest_first);
    let mode = std::fs::metadata(&data).unwrap().permissions().mode();
    assert_eq!(
        mode & 0o777,
        0o700,
        "private events are for nobody else's eyes"
    );
    // Again: everything is there.
    assert_eq!(
        counts(&import(&data, &[&file])),
        json!({ "duplicate": 50, "lines": 50 })
    );
    assert_eq!(
        counts(&import(&data, &[&file, "--skip", "48"])),
        json!({ "duplicate": 2, "lines": 2 })
    );
}

#[test]
fn r5_4_archives_are_read_and_written() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let notes = notes(20);
    // By its first bytes, whatever its name.
    let packed = write(
        folder.path(),
        "notes",
        zstd::encode_all(lines(&notes).as_bytes(), 3).unwrap(),
    );
    assert_eq!(counts(&import(&data, &[&packed]))["accepted"], 20);
    for name in ["out.jsonl", "out.jsonl.gz", "out.jsonl.zst"] {
        let out = folder.path().join(name);
        let path = out.to_str().unwrap();
        let done = run_json(&data, &["export", "--json", "--output", path]);
        assert_eq!(done["events"], 20);
        let again = folder.path().join(format!("data-{name}"));
        assert_eq!(
            counts(&import(&again, &[path])),
            json!({ "accepted": 20, "lines": 20 })
        );
    }
    let magic = |name: &str| std::fs::read(folder.path().join(name)).unwrap()[..2].to_vec();
    assert_eq!(magic("out.jsonl"), b"{\"");
    assert_eq!(magic("out.jsonl.gz"), [0x1f, 0x8b]);
    assert_eq!(magic("out.jsonl.zst"), [0x28, 0xb5]);
}

#[test]
fn r5_4_standard_input_and_output() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = stentor(&["import", "--json", "-", "--data"])
        .arg(folder.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(lines(&notes(3)).as_bytes())
        .unwrap();
    let output = child.wait_with_output().unwrap();
    let summary: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(counts(&summary), json!({ "accepted": 3, "lines": 3 }));
    let (_, out, err) = run_text(
        folder.path(),
        &["export", "--filter", "{\"limit\":1}", "--json"],
    );
    assert_eq!(out.lines().count(), 1);
    assert_eq!(serde_json::from_str::<Value>(&err).unwrap()["events"], 1);
}

/// One line of each kind of outcome.
fn mixture() -> (String, Value) {
    let deleted = note(1, 1);
    let forged = text(&note(1, 2)).replace("note 2", "note 3");
    let unsigned = {
        let event = note(1, 4);
        let other = note(1, 5);
        text(&event).replace(&event.sig().to_string(), &other.sig().to_string())
    };
    let profile = |at: u64| event(2, 0, now() - at, &[], &format!("{{\"name\":\"{at}\"}}"));
    let vanished = note(3, 1);
    let all = [
        text(&event(
            1,
            5,
            now() - 1,
            &[&["e", &deleted.id().to_string()]],
            "",
        )),
        text(&deleted),
        forged,
        unsigned,
        text(&profile(10)),
        text(&profile(20)),
        text(&event(3, 62, now(), &[&["relay", "ALL_RELAYS"]], "")),
        text(&vanished),
        text(&event(
            1,
            1,
            now() - 50,
            &[&["expiration", "1000000"]],
            "late",
        )),
        text(&event(1, 20_001, now(), &[], "passing")),
        // Protected, private and old: for import none of these matters.
        text(&event(4, 1, now() - 5, &[&["-"]], "protected")),
        text(&event(
            4,
            4,
            now() - 5,
            &[&["p", &"a".repeat(64)]],
            "private",
        )),
        text(&event(4, 1, 1, &[], "old")),
        text(&note(5, 1)),
        text(&note(5, 1)),
        "not json".to_owned(),
        "{\"id\":1}".to_owned(),
        String::new(),
        "[]".to_owned(),
        text(&note(5, 2)),
    ];
    let expected = json!({
        "accepted": 8, "duplicate": 1, "superseded": 1, "deleted": 1, "vanished": 1, "expired": 1, "ephemeral": 1,
        "lines": 19,
    });
    (all.join("\n"), expected)
}

#[test]
fn r5_4_every_line_is_accounted_for() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let (content, expected) = mixture();
    let file = write(folder.path(), "mixture.jsonl", content);
    let dry = import(&data, &["--dry-run", &file]);
    assert!(!data.exists(), "a dry run leaves nothing behind");
    let summary = import(&data, &[&file]);
    assert_eq!(dry, summary, "a dry run judges as a new store does");
    let mut counted = counts(&summary);
    let invalid = counted.as_object_mut().unwrap().remove("invalid").unwrap();
    assert_eq!(counted, expected);
    let total: u64 = invalid
        .as_object()
        .unwrap()
        .values()
        .map(|count| count.as_u64().unwrap())
        .sum();
    assert_eq!(total, 5, "{invalid}");
    let bad: Vec<u64> = summary["examples"]
        .as_array()
        .unwrap()
        .iter()
        .map(|bad| bad["line"].as_u64().unwrap())
        .collect();
    assert_eq!(bad.len(), 5);
    for line in [3, 4, 16, 17, 19] {
        assert!(bad.contains(&line), "{summary}");
    }
}

#[test]
fn r5_4_signatures_are_trusted_when_told_so() {
    let folder = tempfile::tempdir().unwrap();
    let (good, other) = (note(1, 1), note(1, 2));
    let unsigned = text(&good).replace(&good.sig().to_string(), &other.sig().to_string());
    let forged = text(&other).replace("note 2", "note 3");
    let file = write(
        folder.path(),
        "dump.jsonl",
        format!("{unsigned}\n{forged}\n"),
    );
    let data = folder.path().join("data");
    let summary = import(&data, &[&file, "--no-verify"]);
    assert_eq!(summary["accepted"], 1);
    assert_eq!(
        summary["invalid"].as_object().unwrap().len(),
        1,
        "the id is recomputed in any case: {summary}"
    );
    let (code, _, err) = run_text(&data, &["db", "verify", "--signatures"]);
    assert_eq!(code, 1, "{err}");
}

#[test]
fn r5_4_size_limits_apply() {
    let folder = tempfile::tempdir().unwrap();
    let large = event(1, 1, now(), &[], &"x".repeat(300_000));
    let huge = format!("{{\"content\":\"{}\"}}", "y".repeat(5_000_000));
    let file = write(
        folder.path(),
        "large.jsonl",
        format!("{}\n{huge}\n{}", text(&large), text(&note(1, 1))),
    );
    let summary = import(&folder.path().join("data"), &[&file]);
    assert_eq!(summary["accepted"], 1, "{summary}");
    assert_eq!(summary["lines"], 3);
    assert_eq!(
        summary["invalid"].as_object().unwrap().len(),
        2,
        "{summary}"
    );
    let settings = ["--set", "relay.limits.event_bytes=400000"];
    let summary = import(
        &folder.path().join("other"),
        &[&[file.as_str()], &settings[..]].concat(),
    );
    assert_eq!(summary["accepted"], 2, "{summary}");
}

#[test]
fn r5_4_filters_choose() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let events = [note(1, 1), note(2, 2), event(1, 7, now() - 9, &[], "+")];
    let file = write(folder.path(), "events.jsonl", lines(&events));
    let author = json!({ "authors": [events[0].pubkey().to_string()] }).to_string();
    let summary = import(&data, &[&file, "--filter", &author]);
    assert_eq!(
        counts(&summary),
        json!({ "accepted": 2, "filtered": 1, "lines": 3 })
    );
    let (_, out, _) = run_text(&data, &["export", "--filter", "{\"kinds\":[7]}"]);
    assert_eq!(out.trim(), text(&events[2]));
    let (code, _, err) = run_text(&data, &["export", "--filter", "{\"kind\":[7]}"]);
    assert_eq!(code, 1);
    assert!(err.contains("the filter {\"kind\":[7]}"), "{err}");
}

#[test]
fn r5_4_through_the_running_node() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let node = Node::start(&data, &[]);
    // Fewer than a queue holds: the follower below reads only in the end.
    let notes = notes(800);
    let file = write(folder.path(), "notes.jsonl", lines(&notes));
    let mut reader = common::client::Client::connect(&node.url);
    reader
        .send(json!(["REQ", "live", { "kinds": [1], "limit": 0 }]).to_string())
        .unwrap();
    assert_eq!(reader.next()[0], "EOSE");
    assert_eq!(
        counts(&import(&data, &[&file])),
        json!({ "accepted": 800, "lines": 800 })
    );
    // What an import brings is new to whoever follows.
    assert_eq!(reader.next()[0], "EVENT");
    let stored = common::client::Client::connect(&node.url)
        .stored(json!({ "ids": [notes[7].id().to_string()] }));
    assert_eq!(stored.len(), 1);
    let ids = exported_ids(&data);
    assert_eq!(ids.len(), 800);
    let (content, _) = mixture();
    let mixed = write(folder.path(), "mixture.jsonl", content);
    let fresh = import(&folder.path().join("fresh"), &[&mixed]);
    assert_eq!(import(&data, &[&mixed]), fresh);
    assert_eq!(node.stop().0, 0);
}

#[test]
fn r5_4_input_that_breaks_off_is_an_error_and_what_came_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let packed = zstd::encode_all(lines(&notes(5_000)).as_bytes(), 1).unwrap();
    let file = write(folder.path(), "cut.zst", &packed[..packed.len() / 2]);
    let (code, _, err) = run_text(&data, &["import", &file]);
    assert_eq!(code, 1);
    assert!(err.contains("reading the input"), "{err}");
    let (code, _, err) = run_text(&data, &["import", "/does/not/exist"]);
    assert_eq!(code, 1);
    assert!(err.contains("cannot read /does/not/exist"), "{err}");
}

#[test]
fn r5_4_a_killed_import_is_taken_up_again() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let notes = notes(3_000);
    let file = write(folder.path(), "notes.jsonl", lines(&notes));
    for _ in 0..3 {
        let mut child = stentor(&["import", "--no-verify", &file, "--data"])
            .arg(&data)
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let log = data.join("relay").join("log");
        wait_for("the first write", || {
            child.try_wait().unwrap().is_some()
                || std::fs::read_dir(&log).is_ok_and(|mut files| files.next().is_some())
        });
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let summary = import(&data, &[&file]);
    assert_eq!(
        summary["accepted"].as_u64().unwrap() + summary["duplicate"].as_u64().unwrap(),
        3_000
    );
    assert_eq!(exported_ids(&data).len(), 3_000);
    assert_eq!(run(&data, &["db", "verify"]).status.code(), Some(0));
}

#[test]
fn r5_4_an_interrupted_import_reports_what_it_did() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = stentor(&["import", "--json", "--data"])
        .arg(folder.path().join("data"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    // Held open: the import waits for more.
    let _input = child.stdin.take().unwrap();
    wait_for("the store", || {
        folder.path().join("data/relay/LOCK").exists()
    });
    wait_for("the end", || {
        let id = child.id().to_string();
        Command::new("kill")
            .args(["-INT", &id])
            .stderr(Stdio::null())
            .status()
            .unwrap();
        child.try_wait().unwrap().is_some()
    });
    let output = child.wait_with_output().unwrap();
    if output.status.code() == Some(0) {
        let summary: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(summary["stopped"], true);
    }
}

/// What clients are refused: too old, too new, of a forbidden kind, without work, with a forbidden word.
#[test]
fn r5_4_rules_for_clients_do_not_apply_to_imports() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let settings = [
        "relay.policy.time.behind_seconds=60",
        "relay.policy.kinds.deny=[7]",
        "relay.policy.work.bits=20",
        "relay.policy.words.words=[\"casino\"]",
    ];
    let settings: Vec<&str> = settings.iter().flat_map(|one| ["--set", one]).collect();
    let events = [
        note(1, 1),
        event(1, 1, now() + 3_600, &[], "from the future"),
        event(1, 7, now(), &[], "+"),
        event(1, 1, now(), &[], "the casino of our town"),
    ];
    let file = write(folder.path(), "refused.jsonl", lines(&events));
    let arguments = [&[file.as_str()], &settings[..]].concat();
    let alone = import(&folder.path().join("other"), &arguments);
    assert_eq!(counts(&alone), json!({ "accepted": 4, "lines": 4 }));
    let node = Node::start(&data, &settings);
    let mut client = Client::connect(&node.url);
    for event in &events {
        assert!(!client.publish(event).0, "{}", text(event));
    }
    assert_eq!(
        counts(&import(&data, &[&file])),
        json!({ "accepted": 4, "lines": 4 })
    );
    assert_eq!(exported_ids(&data).len(), 4);
    assert_eq!(node.stop().0, 0);
}

/// A dry run asks nothing of the relay that the configuration names, and changes nothing of it.
#[test]
fn r5_4_a_dry_run_leaves_records_elsewhere_alone() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let file = write(folder.path(), "one.jsonl", lines(&[note(1, 1)]));
    for setting in [
        format!(
            "records.path={}",
            folder.path().join("real.sqlite").display()
        ),
        "records.url=postgres://me@127.0.0.1:1/none".to_owned(),
    ] {
        let summary = import(&data, &[&file, "--dry-run", "--set", &setting]);
        assert_eq!(counts(&summary), json!({ "accepted": 1, "lines": 1 }));
    }
    let real = folder.path().join("real.sqlite");
    std::fs::write(&real, "not a database").unwrap();
    let setting = format!("records.path={}", real.display());
    import(&data, &[&file, "--dry-run", "--set", &setting]);
    assert_eq!(std::fs::read(&real).unwrap(), b"not a database");
}
