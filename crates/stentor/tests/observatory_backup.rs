//! R5.5: a backup has the archive of the observatory, with all that the records know of it; and records belong to one archive.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod common;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use common::events::now;
use common::node::Node;
use common::observatory::{ask, rows, start};
use common::{run_json, run_text};
use serde_json::Value;
use stentor_simulation::{Character, Network, Spec};
use tokio::runtime::Runtime;

const DAY: u64 = 86_400;
/// How long anything here may take.
const LIMIT: Duration = Duration::from_secs(120);

fn settings(seeds: &[String]) -> Vec<String> {
    [
        "observatory.enabled=true".to_owned(),
        "observatory.public=true".to_owned(),
        "observatory.discover.built_in=false".to_owned(),
        format!("observatory.discover.seeds={seeds:?}"),
        "observatory.archive.live=0".to_owned(),
        format!("observatory.archive.since={}", now() - 100 * DAY),
        "outbound.allow=[\"127.0.0.0/8\"]".to_owned(),
    ]
    .into()
}

/// Who holds each event.
fn holders(node: &Node) -> BTreeMap<String, Vec<Value>> {
    let events = rows(node, "events", "events");
    let held = events.iter().map(|row| {
        let id = row["event"]["id"].as_str().unwrap();
        let detail = ask(node, &format!("events/{id}"));
        let holders = detail["holders"].as_array().unwrap();
        let relays = holders.iter().map(|one| one["relay"].clone());
        (id.to_owned(), relays.collect())
    });
    held.collect()
}

#[test]
fn r5_5_a_backup_holds_the_archive_as_the_records_know_it() {
    let runtime = Runtime::new().unwrap();
    let spec = Spec {
        now: now() - 7_200,
        days: 30,
        events: 40,
        ..Spec::of(5, [Character::Honest, Character::Mirror])
    };
    let network = runtime.block_on(Network::start(spec)).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (data, copy) = (folder.path().join("data"), folder.path().join("copy"));
    let node = start(&data, &settings(&network.urls()));
    let expected = network.union(|_, _| true).len();
    let begun = Instant::now();
    let whole = loop {
        let held = holders(&node);
        let (kept, twice) = (held.len(), held.values().filter(|held| held.len() == 2));
        if kept == expected && twice.count() >= 40 {
            break held;
        }
        assert!(begun.elapsed() < LIMIT, "{kept} of {expected} events");
        std::thread::park_timeout(Duration::from_millis(50));
    };
    let place = copy.to_str().unwrap();
    let taken = run_json(&data, &["backup", "create", "--json", place]);
    assert_eq!(taken["records"], true);
    assert_eq!(node.stop().0, 0);
    let found = run_json(&copy, &["backup", "verify", "--json", place]);
    assert_eq!(found["faults"], Value::Array(Vec::new()), "{found}");
    // Nobody is asked any more: what is there is there by the backup.
    drop(network);
    let restored = start(&copy, &settings(&[]));
    assert_eq!(holders(&restored), whole);
    assert_eq!(restored.stop().0, 0);
}

#[test]
fn o3_8_records_of_another_archive_are_refused_until_they_forget_it() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let archiving = settings(&[]);
    assert_eq!(start(&data, &archiving).stop().0, 0);
    // The disk of the archive is lost, and a new one is there.
    std::fs::remove_dir_all(data.join("archive")).unwrap();
    let set = archiving.iter().flat_map(|set| ["--set", set]);
    let serve: Vec<&str> = ["serve", "--listen", "127.0.0.1:0"]
        .into_iter()
        .chain(set)
        .collect();
    let (code, _, problem) = run_text(&data, &serve);
    assert_eq!(code, 1, "{problem}");
    assert!(problem.contains("stentor db forget-archive"), "{problem}");
    let (code, _, problem) = run_text(&data, &["db", "forget-archive"]);
    assert_eq!(code, 0, "{problem}");
    let node = start(&data, &archiving);
    let (code, _, problem) = run_text(&data, &["db", "forget-archive"]);
    assert_eq!(code, 1, "a node works with them: {problem}");
    assert_eq!(node.stop().0, 0);
}
