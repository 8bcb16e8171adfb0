//! Retention (R4.6) with the real binary: as a command, and in the background of a node.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod common;

use std::path::Path;

use common::events::{event, lines, now};
use common::node::{Node, get, wait_for};
use common::{exported_ids, run_json, run_text};
use serde_json::json;
use stentor_event::Event;

const DAY: u64 = 86_400;

/// Ten notes, one for each of the last ten days, and a deletion request of long ago; imported.
fn filled(data: &Path) -> Vec<Event> {
    let mut events: Vec<Event> = (0..10)
        .map(|days| event(1, 1, now() - days * DAY - 100, &[], "note"))
        .collect();
    events.push(event(
        1,
        5,
        now() - 900 * DAY,
        &[&["e", &"ab".repeat(32)]],
        "",
    ));
    std::fs::create_dir_all(data).unwrap();
    let file = data.join("events.jsonl");
    std::fs::write(&file, lines(&events)).unwrap();
    run_json(data, &["import", "--json", file.to_str().unwrap()]);
    events
}

fn rules(data: &Path, text: &str) {
    std::fs::write(data.join("stentor.toml"), text).unwrap();
}

#[test]
fn r4_6_a_command_tells_what_would_go_and_removes_it() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let events = filled(&data);
    let (_, out, _) = run_text(&data, &["db", "retention"]);
    assert!(out.contains("there are no rules"), "{out}");
    rules(
        &data,
        "[[relay.retention.rules]]\nname = \"week\"\nkinds = [1, \"1000-1999\"]\nmax_age_days = 7\n\
         [[relay.retention.rules]]\nname = \"few\"\nmax_events = 4\n",
    );
    let foretold = run_json(&data, &["db", "retention", "--dry-run", "--json"]);
    assert_eq!(foretold["dry_run"], true);
    let removed = |index: usize| &foretold["rules"][index]["removed"]["events"];
    assert_eq!((removed(0), removed(1)), (&json!(3), &json!(4)));
    assert_eq!(exported_ids(&data).len(), 11, "nothing has gone");
    let (code, out, err) = run_text(&data, &["db", "retention"]);
    assert_eq!(code, 0, "{err}");
    assert!(out.contains("week: removed 3 events"), "{out}");
    assert!(out.contains(", 7 to 9 days old"), "{out}");
    let mut expected: Vec<String> = events[..3]
        .iter()
        .map(|event| event.id().to_string())
        .collect();
    expected.push(events[10].id().to_string());
    assert_eq!(exported_ids(&data), expected);
}

#[test]
fn r4_6_a_node_removes_in_the_background_by_the_rules_of_the_moment() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    filled(&data);
    let every = "[relay.retention]\nevery_seconds = 1\n";
    rules(&data, every);
    let node = Node::start(&data, &[]);
    assert_eq!(exported_ids(&data).len(), 11);
    rules(
        &data,
        &format!("{every}[[relay.retention.rules]]\nname = \"few\"\nmax_events = 5\n"),
    );
    node.signal("HUP");
    wait_for("the end of what is too much", || {
        exported_ids(&data).len() == 5
    });
    wait_for("figures of the pass", || {
        let (_, metrics) = get(&node.operations, "/metrics", "*/*");
        let removed = "stentor_relay_retention_removed_total{rule=\"few\"} 6";
        let oldest = "stentor_relay_retention_oldest_seconds{rule=\"few\"}";
        metrics.contains(removed) && metrics.contains(oldest)
    });
    // The command goes through the node, by the node's rules.
    let left = run_json(&data, &["db", "retention", "--dry-run", "--json"]);
    assert_eq!(left["rules"][0]["removed"]["events"], 0);
    let (code, log) = node.stop();
    assert_eq!(code, 0);
    assert!(log.contains("retention has removed events"), "{log}");
}

#[test]
fn r4_6_faults_in_rules_are_found_before_they_do_harm() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    std::fs::create_dir_all(&data).unwrap();
    for (text, named) in [
        ("[[relay.retention.rules]]\nname = \"x\"\n", "max_age_days"),
        (
            "[[relay.retention.rules]]\nname = \"x\"\nmax_events = 1\nauthors = \"friends\"\n",
            "authors",
        ),
        (
            "[[relay.retention.rules]]\nname = \"x\"\nmax_days = 1\n",
            "max_days",
        ),
        (
            "[[relay.retention.rules]]\nname = \"x\"\nmax_age_days = \"7\"\n",
            "max_age_days",
        ),
        (
            "[[relay.retention.rules]]\nname = \"x\"\nmax_events = 1\nkinds = [\"9-1\"]\n",
            "kinds",
        ),
    ] {
        rules(&data, text);
        let (code, out, err) = run_text(&data, &["config", "check"]);
        assert_eq!(code, 2, "{text}");
        assert!(format!("{out}{err}").contains(named), "{text}: {out}{err}");
    }
}
