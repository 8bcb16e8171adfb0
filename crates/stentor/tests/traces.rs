//! P3 with the real node: traces arrive at a collector and tell what became of messages and nothing of what they said; log lines
//! and traces name connections alike; a collector that is gone or hangs is nobody's trouble but its own.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod common;

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::time::{Duration, Instant};

use common::client::Client;
use common::collector::{Collector, attribute, hex};
use common::events::{event, note, now};
use common::node::{Node, get, wait_for};
use opentelemetry_proto::tonic::trace::v1::Span;
use serde_json::{Value, json};

const CONTENT: &str = "a word that is nobody's business";
const SUBSCRIPTION: &str = "private-name";
const LOGS: [&str; 4] = [
    "--set",
    "log.format=json",
    "--set",
    "log.level=info,stentor_relay::refusal=debug",
];

fn start(data: &Path, settings: &[&str]) -> Node {
    let mut all: Vec<&str> = LOGS.to_vec();
    for setting in settings {
        all.extend(["--set", setting]);
    }
    Node::start(data, &all)
}

/// The lines of a log with this message.
fn lines(log: &str, message: &str) -> Vec<Value> {
    let parse =
        |line: &str| serde_json::from_str::<Value>(line).unwrap_or_else(|_| panic!("{line}"));
    let all = log.lines().map(parse);
    all.filter(|line| line["message"] == message).collect()
}

/// A figure of the node.
fn metric(node: &Node, name: &str) -> u64 {
    let (_, text) = get(&node.operations, "/metrics", "*/*");
    let figures = text.lines().filter(|line| line.starts_with(name));
    let figures = figures.filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok());
    figures.sum()
}

fn named<'a>(spans: &'a [Span], name: &str) -> Vec<&'a Span> {
    spans.iter().filter(|span| span.name == name).collect()
}

fn said(span: &Span, key: &str) -> String {
    attribute(&span.attributes, key).unwrap_or_default()
}

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack
        .windows(needle.len())
        .any(|window| window == needle)
}

#[test]
fn p3_traces_tell_what_became_of_messages_and_not_what_they_said() {
    let data = tempfile::tempdir().unwrap();
    let collector = Collector::start();
    let headers = data.path().join("headers");
    std::fs::write(&headers, "Authorization: Bearer of-the-collector\n").unwrap();
    let node = start(
        data.path(),
        &[
            &format!("trace.otlp_endpoint={}", collector.url),
            &format!("trace.headers_file={}", headers.display()),
            "trace.sample=1",
            "trace.service_name=under-test",
            "relay.policy.kinds.deny=[7]",
        ],
    );
    let mut client = Client::connect(&node.url);
    let taken = event(1, 1, now(), &[&["t", "hidden-tag"]], CONTENT);
    let refused = event(1, 7, now(), &[], CONTENT);
    assert!(client.publish(&taken).0);
    assert!(!client.publish(&refused).0);
    let author = taken.pubkey().to_string();
    let ask = |verb: &str| json!([verb, SUBSCRIPTION, {"authors": [author]}]).to_string();
    client.send(ask("REQ")).unwrap();
    assert_eq!(client.next()[0], "EVENT");
    assert_eq!(client.next()[0], "EOSE");
    client.send(ask("COUNT")).unwrap();
    assert_eq!(client.next()[0], "COUNT");
    let (code, log) = node.stop();
    assert_eq!(code, 0, "{log}");

    let sent = collector.all();
    assert!(!sent.is_empty(), "{log}");
    let mut spans = Vec::new();
    for request in &sent {
        assert!(
            request.head.starts_with("POST /v1/traces HTTP/1.1\r\n"),
            "{}",
            request.head
        );
        assert!(
            request
                .head
                .contains("authorization: Bearer of-the-collector")
        );
        assert!(request.head.contains("application/x-protobuf"));
        let resource = request.resource();
        assert_eq!(
            attribute(&resource.attributes, "service.name").unwrap(),
            "under-test"
        );
        spans.extend(request.spans());
    }

    let secrets = [
        CONTENT,
        SUBSCRIPTION,
        "hidden-tag",
        &author,
        &taken.id().to_string(),
    ];
    let raw = [
        taken.pubkey().as_bytes().to_vec(),
        taken.id().as_bytes().to_vec(),
    ];
    let secrets = secrets.iter().map(|text| text.as_bytes().to_vec());
    for secret in secrets.chain(raw) {
        let told = sent.iter().any(|request| contains(&request.body, &secret));
        assert!(!told, "{}", String::from_utf8_lossy(&secret));
    }

    let events = named(&spans, "EVENT");
    let [stored, denied] = events.as_slice() else {
        panic!("{events:?}");
    };
    assert_eq!(
        (
            said(stored, "stentor.outcome"),
            said(stored, "stentor.event.kind")
        ),
        ("stored".into(), "1".into())
    );
    assert!(stored.end_time_unix_nano > stored.start_time_unix_nano);
    let store = named(&spans, "store");
    assert_eq!(store.len(), 1, "one of them came to the store");
    assert_eq!(
        (&store[0].trace_id, &store[0].parent_span_id),
        (&stored.trace_id, &stored.span_id)
    );
    assert_eq!(said(denied, "stentor.outcome"), "refused");
    assert_eq!(said(denied, "stentor.reason"), "blocked");
    let req = named(&spans, "REQ")[0];
    assert_eq!(
        (said(req, "stentor.outcome"), said(req, "stentor.events")),
        ("answered".into(), "1".into())
    );
    assert_eq!(
        said(named(&spans, "COUNT")[0], "stentor.outcome"),
        "answered"
    );
    let upgrade = named(&spans, "GET")[0];
    assert_eq!(said(upgrade, "http.response.status_code"), "101");

    let begun = &lines(&log, "traces are sent")[0];
    let instance = attribute(&sent[0].resource().attributes, "service.instance.id");
    assert_eq!(begun["instance"].as_str(), instance.as_deref());
    let lines = lines(&log, "refused");
    let [line] = lines.as_slice() else {
        panic!("{log}")
    };
    let connection = line["connection"].as_u64().unwrap().to_string();
    for span in [stored, denied, &req, &upgrade] {
        assert_eq!(
            said(span, "stentor.connection"),
            connection,
            "{}",
            span.name
        );
    }
    assert_eq!(line["trace_id"], hex(&denied.trace_id));
    assert_eq!(
        (&line["verb"], &line["reason"]),
        (&json!("EVENT"), &json!("blocked"))
    );
}

#[test]
fn p3_rounds_of_reconciliation_and_jobs_are_traced() {
    let (data, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let there = start(other.path(), &[]);
    assert!(Client::connect(&there.url).publish(&note(2, 0)).0);
    let collector = Collector::start();
    let endpoint = format!("trace.otlp_endpoint={}", collector.url);
    let node = start(data.path(), &[&endpoint, "trace.sample=1"]);
    let mut client = Client::connect(&node.url);
    assert!(client.publish(&note(1, 0)).0);
    // Protocol version 1 and no ranges: there is nothing to be said of any event.
    client
        .send(json!(["NEG-OPEN", "n", {"kinds": [1]}, "61"]).to_string())
        .unwrap();
    assert_eq!(client.next()[0], "NEG-MSG");
    client
        .send(json!(["NEG-MSG", "n", "61"]).to_string())
        .unwrap();
    assert_eq!(client.next()[0], "NEG-MSG");
    client
        .send(json!(["NEG-MSG", "unknown", "61"]).to_string())
        .unwrap();
    assert_eq!(client.next()[0], "NEG-ERR");
    let (code, _, err) = common::run_text(data.path(), &["sync", "--dir", "down", &there.url]);
    assert_eq!(code, 0, "{err}");
    assert_eq!(node.stop().0, 0);

    let spans: Vec<Span> = collector
        .all()
        .iter()
        .flat_map(|sent| sent.spans())
        .collect();
    let open = named(&spans, "NEG-OPEN")[0];
    assert_eq!(said(open, "stentor.outcome"), "answered");
    let parts = spans
        .iter()
        .filter(|span| span.parent_span_id == open.span_id);
    let [gather, answer] = parts.collect::<Vec<_>>()[..] else {
        panic!("{spans:?}")
    };
    assert_eq!(
        (gather.name.as_str(), answer.name.as_str()),
        ("gather", "answer")
    );
    assert_eq!(said(gather, "stentor.rows"), "1");
    let outcomes: Vec<String> = named(&spans, "NEG-MSG")
        .iter()
        .map(|span| said(span, "stentor.outcome"))
        .collect();
    assert_eq!(outcomes, ["answered", "refused"]);
    let sync = named(&spans, "sync")[0];
    assert_eq!(
        (
            said(sync, "stentor.outcome"),
            said(sync, "stentor.sync.stored")
        ),
        ("done".into(), "1".into())
    );
    assert_eq!(said(sync, "stentor.connection"), "", "it is nobody's");
}

#[test]
fn p3_without_an_endpoint_there_are_no_traces_and_lines_still_name_connections() {
    let data = tempfile::tempdir().unwrap();
    let node = start(
        data.path(),
        &["trace.sample=1", "relay.policy.kinds.deny=[7]"],
    );
    for _ in 0..2 {
        let mut client = Client::connect(&node.url);
        assert!(!client.publish(&event(1, 7, now(), &[], "")).0);
    }
    let (_, metrics) = get(&node.operations, "/metrics", "*/*");
    assert!(!metrics.contains("stentor_trace"), "{metrics}");
    let (_, health) = get(&node.operations, "/health/ready", "*/*");
    assert!(!health.contains("traces"), "{health}");
    let (_, log) = node.stop();
    let lines = lines(&log, "refused");
    let [one, other] = lines.as_slice() else {
        panic!("{log}")
    };
    assert!(
        one["connection"].is_u64() && one["connection"] != other["connection"],
        "{log}"
    );
    assert!(one.get("trace_id").is_none());
}

#[test]
fn p3_a_client_cannot_have_itself_traced() {
    let data = tempfile::tempdir().unwrap();
    let collector = Collector::start();
    let endpoint = format!("trace.otlp_endpoint={}", collector.url);
    let node = start(
        data.path(),
        &[
            &endpoint,
            "trace.sample=0",
            "server.trusted_proxies=[\"127.0.0.1\"]",
        ],
    );
    let mut socket = TcpStream::connect(node.address()).unwrap();
    let parent = "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    write!(
        socket,
        "GET / HTTP/1.1\r\nhost: relay\r\n{parent}\r\nconnection: close\r\n\r\n"
    )
    .unwrap();
    socket.read_to_end(&mut Vec::new()).unwrap();
    let mut client = Client::connect(&node.url);
    for number in 0..50 {
        assert!(client.publish(&note(1, number)).0);
    }
    assert_eq!(node.stop().0, 0);
    assert!(collector.all().is_empty());
}

#[test]
fn p3_a_dead_collector_is_told_of_once_and_nothing_waits_for_it() {
    let data = tempfile::tempdir().unwrap();
    let collector = Collector::dead();
    let endpoint = format!("trace.otlp_endpoint={}", collector.url);
    let node = start(data.path(), &[&endpoint, "trace.sample=1", "trace.queue=8"]);
    let mut client = Client::connect(&node.url);
    let failures = "stentor_trace_export_failures_total";
    assert!(client.publish(&note(1, 0)).0);
    wait_for("an attempt", || metric(&node, failures) > 0);
    for number in 1..100 {
        assert!(client.publish(&note(1, number)).0);
    }
    assert_eq!(client.stored(json!({"kinds": [1]})).len(), 100);
    assert!(
        metric(&node, "stentor_trace_dropped_total{reason=\"queue\"}") > 50,
        "the queue is small"
    );
    wait_for("another attempt", || metric(&node, failures) > 1);
    collector.revive();
    // What it has not taken has been kept.
    while named(&collector.next().spans(), "EVENT").is_empty() {}
    wait_for("the export", || {
        metric(&node, "stentor_trace_exported_total") > 0
    });
    let (code, log) = node.stop();
    assert_eq!(code, 0);
    assert_eq!(
        lines(&log, "the collector does not take traces").len(),
        1,
        "{log}"
    );
    assert_eq!(
        lines(&log, "the collector takes traces again").len(),
        1,
        "{log}"
    );
}

#[test]
fn p3_a_collector_that_hangs_does_not_keep_the_node_from_ending() {
    let data = tempfile::tempdir().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!(
        "trace.otlp_endpoint=http://{}",
        listener.local_addr().unwrap()
    );
    let node = start(data.path(), &[&endpoint, "trace.sample=1"]);
    let mut client = Client::connect(&node.url);
    assert!(client.publish(&note(1, 0)).0);
    let (hanging, _) = listener.accept().unwrap();
    let begun = Instant::now();
    assert!(client.publish(&note(1, 1)).0, "nobody waits for it");
    assert!(begun.elapsed() < Duration::from_secs(5));
    let (code, log) = node.stop();
    assert_eq!(code, 0);
    assert_eq!(lines(&log, "stopped").len(), 1, "{log}");
    drop(hanging);
}

#[test]
fn p3_config_check_looks_at_traces() {
    let data = tempfile::tempdir().unwrap();
    let check =
        |setting: &str| common::run_text(data.path(), &["config", "check", "--set", setting]);
    let (code, out, err) = check("trace.otlp_endpoint=collector:4318");
    assert!(
        code == 2 && format!("{out}{err}").contains("trace.otlp_endpoint"),
        "{code} {out}{err}"
    );
    let (code, out, err) = check("trace.headers_file=/nowhere/at/all");
    assert!(
        code == 2 && format!("{out}{err}").contains("trace.headers_file"),
        "{code} {out}{err}"
    );
    assert_eq!(check("trace.otlp_endpoint=http://127.0.0.1:4318").0, 0);
}

#[test]
fn g7_an_envelope_names_the_trace_that_its_event_came_in() {
    let data = tempfile::tempdir().unwrap();
    let collector = Collector::start();
    let endpoint = format!("trace.otlp_endpoint={}", collector.url);
    let public = r#"auth.public=["events:nostr:read"]"#;
    let node = start(data.path(), &[&endpoint, "trace.sample=1", public]);
    let mut client = Client::connect(&node.url);
    assert!(client.publish(&note(1, 0)).0);
    let (_, page) = get(node.address(), "/api/v1/events/history", "*/*");
    let page: Value = serde_json::from_str(&page).unwrap();
    let traceparent = page["events"][0]["traceparent"].as_str().unwrap();
    let parts: Vec<&str> = traceparent.split('-').collect();
    assert_eq!((parts[0], parts[3]), ("00", "01"), "{traceparent}");
    assert_eq!(node.stop().0, 0);
    let sent = collector.all();
    let spans: Vec<Span> = sent.iter().flat_map(|sent| sent.spans()).collect();
    let event = named(&spans, "EVENT")[0];
    assert_eq!(hex(&event.trace_id), parts[1]);
    assert_eq!(hex(&event.span_id), parts[2]);
}
