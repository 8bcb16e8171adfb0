//! `stentor explain` (R8.6) with the real binary: what people read.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod common;

use std::path::Path;

use common::events::{lines, note};
use common::node::Node;
use common::{run_json, run_text};

/// Notes of three authors in a store.
fn filled(folder: &Path) -> std::path::PathBuf {
    let data = folder.join("data");
    let notes: Vec<_> = (0..60).map(|n| note((n % 3) as u8, n)).collect();
    let file = folder.join("notes.jsonl");
    std::fs::write(&file, lines(&notes)).unwrap();
    run_json(&data, &["import", "--json", file.to_str().unwrap()]);
    data
}

fn explained(data: &Path, arguments: &[&str]) -> String {
    let (code, out, err) = run_text(data, &[&["explain"], arguments].concat());
    assert_eq!(code, 0, "{err}");
    out
}

/// The value of a line such as `  index     author and kind`.
fn value<'a>(text: &'a str, name: &str) -> &'a str {
    let line = text
        .lines()
        .find(|line| line.trim_start().starts_with(name));
    let line = line.unwrap_or_else(|| panic!("no {name} in: {text}"));
    line.trim_start().trim_start_matches(name).trim()
}

#[test]
fn r8_6_index_probes_and_cost_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let data = filled(folder.path());
    let author = note(1, 1).pubkey().to_string();
    let filter = format!("{{\"authors\":[\"{author}\"],\"kinds\":[1],\"limit\":5}}");
    let offline = explained(&data, &[&filter, "{\"kinds\":[7]}"]);
    assert!(offline.contains("filter 1\n") && offline.contains("filter 2\n"));
    assert!(value(&offline, "index").contains("author"), "{offline}");
    assert!(!value(&offline, "because").is_empty());
    assert_eq!(value(&offline, "cursors"), "1");
    assert!(value(&offline, "estimate").ends_with(" entries"));
    let rows = |text: &str| value(text, "rows").parse::<u64>().unwrap();
    assert!((5..=20).contains(&rows(&offline)), "{offline}");
    let cost = value(&offline, "cost:");
    assert!(cost.contains(" for 5 events ("), "{cost}");
    assert!(cost.contains("first after ") && cost.contains(" all after "));
    // The same from a running node.
    let node = Node::start(&data, &[]);
    let online = explained(&data, &[&filter]);
    assert_eq!(value(&online, "index"), value(&offline, "index"));
    assert_eq!(rows(&online), rows(&offline));
    assert_eq!(node.stop().0, 0);
}

#[test]
fn r8_6_a_plan_alone_costs_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let data = filled(folder.path());
    let text = explained(&data, &["--plan-only", "{\"kinds\":[1]}"]);
    assert!(!value(&text, "index").is_empty());
    assert!(!text.contains("cost:") && !text.contains("rows"), "{text}");
    let plan = run_json(
        &data,
        &["explain", "--plan-only", "--json", "{\"kinds\":[1]}"],
    );
    assert!(plan["run"].is_null(), "{plan}");
    assert!(plan["plan"]["filters"][0]["index"].is_string(), "{plan}");
}
