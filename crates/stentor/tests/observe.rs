//! `stentor observe` (O4.2) and the routes of the observatory with the real binary.
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

use common::node::Node;
use common::{run_json, run_text};
use serde_json::Value;
use sha2::{Digest, Sha256};
use stentor_event::{EventBuilder, Kind, SecretKey, Timestamp, hexadecimal};

/// Nobody has this name (RFC 2606), so whatever is tried ends here.
const RELAY: &str = "wss://relay.invalid/";
const ON: &[&str] = &[
    "--set",
    "observatory.enabled=true",
    "--set",
    "observatory.public=true",
    "--set",
    "observatory.discover.built_in=false",
];

fn observed(data: &Path, arguments: &[&str]) -> (i32, String, String) {
    run_text(data, &[&["observe"], arguments, ON].concat())
}

fn observed_json(data: &Path, arguments: &[&str]) -> Value {
    run_json(data, &[&["observe"], arguments, &["--json"], ON].concat())
}

/// The status and the body of an answer of the node.
fn get(node: &Node, path: &str) -> (u16, String) {
    let address = node
        .url
        .strip_prefix("ws://")
        .unwrap()
        .trim_end_matches('/');
    let mut socket = TcpStream::connect(address).unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    socket.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).unwrap();
    let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
    let body = answer.split_once("\r\n\r\n").unwrap().1.to_owned();
    (status, body)
}

/// Sums, and what is asked of one part of the statistics only.
fn statistics(data: &Path) {
    let (code, shown, problem) = observed(data, &["stats", "totals"]);
    assert!(
        code == 0 && shown.contains("candidates      1\n"),
        "{shown}{problem}"
    );
    assert_eq!(observed_json(data, &["stats", "totals"])["candidates"], 1);
    let known: [&[&str]; 5] = [
        &[
            "kinds",
            "--from-day",
            "2024-05-01",
            "--to-day",
            "19850",
            "--kinds",
            "1,7",
        ],
        &["authors", "--from-day", "2024-05-01", "--period", "week"],
        &["relays", "--sort", "exclusive"],
        &["coverage", "--state", "capped"],
        &["checks", "--hours", "168"],
    ];
    for arguments in known {
        let (code, table, problem) = observed(data, &[&["stats"], arguments].concat());
        assert!(
            code == 0 && table.lines().count() == 1,
            "{arguments:?}: {table}{problem}"
        );
    }
    let refused: [(&[&str], &str); 4] = [
        (&["nips", "--hours", "1"], "hours: there is no such"),
        (
            &["kinds", "--from-day", "2", "--to-day", "1"],
            "from_day: after to_day",
        ),
        (&["checks", "--hours", "169"], "hours: not between"),
        (&["totals", "--csv"], "no list"),
    ];
    for (arguments, problem) in refused {
        let (code, _, said) = observed(data, &[&["stats"], arguments].concat());
        assert!(code == 1 && said.contains(problem), "{arguments:?}: {said}");
    }
}

/// What is asked about a candidate that is watched, whoever answers.
fn questions(data: &Path, made: &Value) {
    let relays = observed_json(data, &["relays", "--candidates", "--text", "INVALID"]);
    assert_eq!(relays["relays"][0]["url"], RELAY);
    let (_, table, _) = observed(data, &["relays", "--candidates"]);
    let mut lines = table.lines();
    assert!(
        lines
            .next()
            .unwrap()
            .starts_with("URL                   STATUS   UPTIME"),
        "{table}"
    );
    assert!(
        lines.next().unwrap().starts_with("wss://relay.invalid/  "),
        "{table}"
    );
    let (_, csv, _) = observed(data, &["relays", "--candidates", "--csv"]);
    assert!(
        csv.starts_with("id,url,network,")
            && csv.contains(",wss://relay.invalid/,clearnet,candidate,")
    );
    let (code, shown, _) = observed(data, &["relay", RELAY]);
    assert!(
        code == 0 && shown.contains("found_by               watch"),
        "{shown}"
    );
    let watches = observed_json(data, &["watches"]);
    assert_eq!(watches["watches"][0]["id"], made["id"]);
    assert_eq!(
        observed_json(data, &["coverage"])["intervals"],
        Value::Array(Vec::new())
    );
    assert_eq!(observed_json(data, &["network"])["candidates"], 1);
    assert!(observed_json(data, &["archive"])["share"].is_null());
    for what in [
        "kinds",
        "authors",
        "replication",
        "relays",
        "latency",
        "software",
        "nips",
        "lists",
        "coverage",
    ] {
        let (code, table, problem) = observed(data, &["stats", what]);
        assert!(
            code == 0 && table.lines().count() == 1,
            "{what}: {table}{problem}"
        );
    }
    statistics(data);
    assert_eq!(
        observed(data, &["rank", "--csv", "--read-ms", "500"]).1,
        "relay,url,network,country,read_ms,events,score\r\n"
    );
    let author = "npub10elfcs4fr0l0r8af98jlmgdh9c8tcxjvz9qkw038js35mp4dma8qzvjptg";
    assert_eq!(observed_json(data, &["author", author])["of"], 0);
    let (code, _, problem) = observed(data, &["relays", "--sort", "name"]);
    assert!(
        code == 1 && problem.contains("sort: not one of url, uptime"),
        "{problem}"
    );
}

#[test]
fn o4_2_questions_are_answered_by_the_node_and_without_one() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let node = Node::start(&data, ON);
    let made = observed_json(&data, &["watch", RELAY]);
    questions(&data, &made);
    let (status, body) = get(&node, "/api/v1/observatory/relays?state=candidate");
    assert!(status == 200 && body.contains(RELAY), "{body}");
    let (status, _) = get(&node, "/api/v1/observatory/watches");
    assert_eq!(status, 401, "not for everybody");
    let (_, document) = get(&node, "/api/v1/openapi.json");
    assert!(
        document.contains("\"/api/v1/observatory/relays/{relay}\"")
            && document.contains("\"/api/v1/jobs\"")
    );
    let (_, page) = get(&node, "/api/v1/docs");
    assert!(page.contains("<code>/api/v1/observatory/network</code>"));
    assert_eq!(node.stop().0, 0);
    questions(&data, &made);
    let (code, _, problem) = observed(&data, &["archive", "--follow"]);
    assert!(code == 1 && problem.contains("no node runs"), "{problem}");
    let id = made["id"].as_str().unwrap();
    assert_eq!(observed(&data, &["unwatch", id]).0, 0);
    let (code, _, problem) = observed(&data, &["unwatch", id]);
    assert!(
        code == 1 && problem.contains("there is no such watch"),
        "{problem}"
    );
}

/// The command that asks what this path answers, and what stands for it there.
fn command(path: &str) -> Option<(&'static str, &str)> {
    let path = path.strip_prefix("/api/v1/observatory/")?;
    match path {
        "ranking" => Some(("rank", "")),
        "ranking/authors/{pubkey}" => Some(("author", "<AUTHOR>")),
        _ => path
            .strip_prefix("statistics/")
            .map(|subject| ("stats", subject)),
    }
}

#[test]
fn o4_2_each_parameter_of_statistics_and_ranking_is_an_option() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let node = Node::start(&data, ON);
    let (_, document) = get(&node, "/api/v1/openapi.json");
    assert_eq!(node.stop().0, 0);
    let document: Value = serde_json::from_str(&document).unwrap();
    let (mut operations, mut parameters) = (0, 0);
    for (path, operation) in document["paths"].as_object().unwrap() {
        let Some((command, subject)) = command(path) else {
            continue;
        };
        operations += 1;
        let (_, help, _) = run_text(&data, &["observe", command, "--help"]);
        assert!(help.contains(subject), "{path}: {help}");
        for parameter in operation["get"]["parameters"]
            .as_array()
            .into_iter()
            .flatten()
        {
            let name = parameter["name"].as_str().unwrap();
            let option = match name {
                "pubkey" => continue,
                "format" => "--csv".to_owned(),
                _ => format!("--{}", name.replace('_', "-")),
            };
            parameters += 1;
            let found = help.split_whitespace().any(|word| word == option);
            assert!(found, "{path}: {option} is missing: {help}");
        }
    }
    // The document is read as it is meant.
    assert!(
        operations >= 14 && parameters >= 30,
        "{operations} {parameters}"
    );
}

#[test]
fn o4_2_an_observatory_that_is_off_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let node = Node::start(&data, &[]);
    assert_eq!(get(&node, "/api/v1/observatory/relays").0, 404);
    let problem = run_text(&data, &["observe", "relays"]).2;
    assert!(problem.contains("observatory.enabled"), "{problem}");
    assert_eq!(node.stop().0, 0);
    let problem = run_text(&data, &["observe", "relays"]).2;
    assert!(problem.contains("observatory.enabled"), "{problem}");
}

/// An export with so many events, made by hand.
fn handmade(folder: &Path, events: u64) {
    let key = SecretKey::from_bytes([7; 32]).unwrap();
    let event = |number: u64| {
        let time = Timestamp(1_714_521_600 + number);
        let event = EventBuilder::new(Kind(1), time).content(number.to_string());
        String::from_utf8(event.sign(&key).json().to_vec()).unwrap()
    };
    let lines: Vec<String> = (0..events).rev().map(event).collect();
    let bytes = zstd::encode_all(lines.join("\n").as_bytes(), 3).unwrap();
    let path = "events/day=2024-05-01/kind=1/part-00000.jsonl.zst";
    let file = folder.join(path);
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    std::fs::write(&file, &bytes).unwrap();
    let entry = serde_json::json!({
        "path": path,
        "rows": events,
        "bytes": bytes.len(),
        "sha256": hexadecimal::encode(&Sha256::digest(&bytes)),
        "content": "0".repeat(64),
    });
    let manifest = serde_json::json!({
        "version": 1,
        "made_with": "by hand",
        "format": "jsonl",
        "selection": {},
        "provenance": false,
        "files": [entry, { "path": "relays.jsonl.zst", "rows": 0, "bytes": 1, "sha256": "0".repeat(64), "content": "0".repeat(64) }],
    });
    std::fs::write(folder.join("manifest.json"), manifest.to_string()).unwrap();
}

#[test]
fn o4_3_exports_pass_through_the_node_and_without_one() {
    let folder = tempfile::tempdir().unwrap();
    let place = |name: &str| folder.path().join(name);
    let (first, second) = (place("one"), place("two"));
    handmade(&place("made"), 300);
    let text = |name: &str| place(name).to_str().unwrap().to_owned();
    let node = Node::start(&first, ON);
    let taken = observed_json(&first, &["import", &text("made")]);
    assert_eq!(taken["events"], 300);
    assert_eq!(taken["total"], 300);
    assert_eq!(taken["broken"], Value::Array(Vec::new()));
    let done = observed_json(
        &first,
        &["export", "--to", &text("parquet"), "--provenance"],
    );
    assert_eq!(done["events"], 300);
    let (code, said, _) = observed(
        &first,
        &["export", "--to", &text("parquet"), "--provenance"],
    );
    assert!(
        code == 0 && said.starts_with("300 events") && said.contains("; 0 files written"),
        "{said}"
    );
    assert!(
        said.contains(&format!(
            "manifest sha256 {}",
            done["manifest"].as_str().unwrap()
        )),
        "{said}"
    );
    assert_eq!(node.stop().0, 0);
    // Without a node, into a data folder that is made for it.
    let (code, said, _) = observed(&second, &["import", &text("parquet")]);
    assert!(code == 0 && said.contains("300 new events"), "{said}");
    let to = text("lines");
    let chosen = [
        "export",
        "--to",
        &to,
        "--format",
        "jsonl",
        "--since",
        "1714521700",
        "--until",
        "2024-05-01",
        "--kinds",
        "1,7",
    ];
    assert_eq!(observed_json(&second, &chosen)["events"], 200);
    let file = place("lines").join("events/day=2024-05-01/kind=1/part-00000.jsonl.zst");
    let lines = zstd::decode_all(&std::fs::read(&file).unwrap()[..]).unwrap();
    assert_eq!(lines.iter().filter(|byte| **byte == b'\n').count(), 200);
    // What is broken is named, and told by the status.
    std::fs::write(&file, "x").unwrap();
    let (code, said, problem) = observed(&second, &["import", &text("lines")]);
    assert!(
        code == 1 && said.contains("not used: events/day=2024-05-01/kind=1/part-00000.jsonl.zst"),
        "{said}{problem}"
    );
    std::fs::remove_file(place("lines").join("manifest.json")).unwrap();
    let (code, _, problem) = observed(&second, &["import", &text("lines")]);
    assert!(
        code == 1 && problem.contains("no finished export"),
        "{problem}"
    );
}
