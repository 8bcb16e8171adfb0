//! G6.3: floods against the gateway of the real node. It stays responsive, and each that does wrong is told what.
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
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use common::client::Client;
use common::events::note;
use common::node::{Node, get, wait_for};
use common::run_json;
use serde_json::json;

/// Streams that the node takes.
const LIMIT: usize = 1_000;
const ATTEMPTS: usize = 10_000;
/// Who attempts at the same time.
const CROWD: usize = 100;
/// Whoever is served is served within this, on a loaded machine with an unoptimized node.
const RESPONSIVE: Duration = Duration::from_secs(10);
/// Longer than the node has patience for the head of a request.
const PATIENCE: Duration = Duration::from_secs(60);

fn start(data: &Path) -> (Node, String) {
    let settings = [
        "gateway.streams.per_ip=0",
        "gateway.streams.per_principal=0",
        "gateway.streams.opened_per_second=0",
        "relay.limits.connections=0",
        "relay.limits.connections_per_ip=0",
    ];
    let settings: Vec<&str> = settings.iter().flat_map(|one| ["--set", one]).collect();
    let node = Node::start(data, &settings);
    let scope = "events:nostr:read";
    let args = [
        "admin", "keys", "create", "--name", "test", "--scope", scope, "--json",
    ];
    let key = run_json(data, &args)["key"].as_str().unwrap().to_owned();
    wait_for("the key to be known", || {
        upgrade(node.address(), &key).1.contains(" 101 ")
    });
    (node, key)
}

/// Asks for a WebSocket; the connection, and the head of the answer.
fn upgrade(address: &str, key: &str) -> (TcpStream, String) {
    let mut socket = TcpStream::connect(address).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let request = format!(
        "GET /api/v1/ws HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\nUpgrade: websocket\r\n\
         Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    );
    socket.write_all(request.as_bytes()).unwrap();
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") {
        assert_ne!(socket.read(&mut byte).unwrap(), 0, "an answer");
        head.push(byte[0]);
    }
    (socket, String::from_utf8(head).unwrap())
}

/// Others are served: the slowest answer to a question of each kind.
fn probe(node: &Node) -> Duration {
    let begun = Instant::now();
    assert_eq!(get(&node.operations, "/health/ready", "*/*").0, 200);
    let mut client = Client::connect(&node.url);
    assert_eq!(client.stored(json!({ "kinds": [1] })).len(), 1);
    begun.elapsed()
}

#[test]
fn g6_3_ten_thousand_upgrades_against_a_limit_of_a_thousand_leave_the_node_responsive() {
    let data = tempfile::tempdir().unwrap();
    let (node, key) = start(data.path());
    assert!(Client::connect(&node.url).publish(&note(1, 1)).0);
    wait_for("the first to have left", || {
        get(&node.operations, "/metrics", "*/*")
            .1
            .contains("stentor_gateway_streams 0")
    });
    let (left, refused) = (AtomicUsize::new(ATTEMPTS), AtomicUsize::new(0));
    let held = Mutex::new(Vec::new());
    let over = AtomicBool::new(false);
    let slowest = std::thread::scope(|scope| {
        let attempts: Vec<_> = (0..CROWD)
            .map(|_| {
                scope.spawn(|| {
                    let next = |left: usize| left.checked_sub(1);
                    while left
                        .fetch_update(Ordering::Relaxed, Ordering::Relaxed, next)
                        .is_ok()
                    {
                        let (socket, head) = upgrade(node.address(), &key);
                        if head.contains(" 101 ") {
                            held.lock().unwrap().push(socket);
                        } else {
                            assert!(head.contains(" 429 "), "{head}");
                            assert!(head.to_lowercase().contains("\r\nretry-after: "), "{head}");
                            refused.fetch_add(1, Ordering::Relaxed);
                        }
                    }
                })
            })
            .collect();
        let probes = scope.spawn(|| {
            let mut slowest = probe(&node);
            while !over.load(Ordering::Relaxed) {
                slowest = slowest.max(probe(&node));
            }
            slowest
        });
        for attempt in attempts {
            attempt.join().unwrap();
        }
        over.store(true, Ordering::Relaxed);
        probes.join().unwrap()
    });
    println!("the slowest of the others waited {slowest:?}");
    assert!(slowest < RESPONSIVE, "{slowest:?}");
    let held = held.into_inner().unwrap();
    assert_eq!(
        (held.len(), refused.into_inner()),
        (LIMIT, ATTEMPTS - LIMIT)
    );
    // G7: what has happened can be seen.
    let seen = |line: &str| {
        let (_, metrics) = get(&node.operations, "/metrics", "*/*");
        metrics.lines().any(|one| one == line)
    };
    assert!(seen("stentor_gateway_streams_capacity 1000"));
    assert!(seen("stentor_gateway_streams 1000"));
    let rejected = r#"stentor_gateway_streams_rejected_total{surface="ws",reason="node"} 9000"#;
    assert!(seen(rejected));
    // The places come back.
    drop(held);
    // One more than are held now: the first of all, in `start`.
    let closed = r#"stentor_gateway_streams_closed_total{surface="ws",reason="client"} 1001"#;
    wait_for("the end of each to be counted", || seen(closed));
    wait_for("a place", || {
        upgrade(node.address(), &key).1.contains(" 101 ")
    });
    let (code, log) = node.stop();
    assert_eq!(code, 0, "{log}");
    assert!(!log.contains("panicked"), "{log}");
}

#[test]
fn g6_3_who_is_slow_with_the_head_of_a_request_is_gone() {
    let data = tempfile::tempdir().unwrap();
    let (node, _) = start(data.path());
    let stopped = Arc::new(AtomicBool::new(false));
    let slow: Vec<_> = (0..50)
        .map(|_| {
            let mut socket = TcpStream::connect(node.address()).unwrap();
            socket.set_read_timeout(Some(PATIENCE)).unwrap();
            socket
                .write_all(b"GET /api/v1/events HTTP/1.1\r\nHost: x\r\nX-Slow: ")
                .unwrap();
            socket
        })
        .collect();
    // Now and then a byte, so that silence is not what ends them.
    let writers: Vec<TcpStream> = slow
        .iter()
        .map(|socket| socket.try_clone().unwrap())
        .collect();
    let dripping = {
        let stopped = Arc::clone(&stopped);
        std::thread::spawn(move || {
            while !stopped.load(Ordering::Relaxed) {
                for mut socket in &writers {
                    let _ = socket.write_all(b"x");
                }
                std::thread::park_timeout(Duration::from_millis(200));
            }
        })
    };
    for mut socket in slow {
        let mut answer = Vec::new();
        match socket.read_to_end(&mut answer) {
            // With or without 408; a byte that came after the end makes it a reset.
            Ok(_) => assert!(
                !answer.windows(5).any(|five| five == b" 200 "),
                "{answer:?}"
            ),
            Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset),
        }
    }
    stopped.store(true, Ordering::Relaxed);
    dripping.join().unwrap();
    node.stop();
}

/// The code that the node closes with after these bytes.
fn close_code(address: &str, key: &str, bytes: &[u8]) -> u16 {
    let (mut socket, head) = upgrade(address, key);
    assert!(head.contains(" 101 "), "{head}");
    // Of what is too large, not all is taken.
    let _ = socket.write_all(bytes);
    let mut header = [0; 2];
    socket.read_exact(&mut header).unwrap();
    assert_eq!(header[0], 0x88, "a close frame");
    let mut code = [0; 2];
    socket.read_exact(&mut code).unwrap();
    u16::from_be_bytes(code)
}

#[test]
fn g6_3_frames_that_are_malformed_or_too_large_close_with_the_right_code() {
    let data = tempfile::tempdir().unwrap();
    let (node, key) = start(data.path());
    let mask = [0; 4];
    let text = |length: u64| [&[0x81, 0xff][..], &length.to_be_bytes(), &mask].concat();
    let fragment = |first: u8| {
        [
            &[first, 0xff][..],
            &(600_u64 << 10).to_be_bytes(),
            &mask,
            &vec![b' '; 600 << 10],
        ]
        .concat()
    };
    for (what, bytes, code) in [
        ("not masked", vec![0x81, 0x02, b'{', b'}'], 1002),
        (
            "an opcode that there is not",
            [&[0x83, 0x80][..], &mask].concat(),
            1002,
        ),
        ("a reserved bit", [&[0xf1, 0x80][..], &mask].concat(), 1002),
        (
            "a long ping",
            [&[0x89, 0xfe, 0, 126][..], &mask, &[0; 126]].concat(),
            1002,
        ),
        (
            "a continuation of nothing",
            [&[0x80, 0x80][..], &mask].concat(),
            1002,
        ),
        (
            "not UTF-8",
            [&[0x81, 0x82][..], &mask, &[0xc3, 0x28]].concat(),
            1007,
        ),
        ("a byte too much", text((1 << 20) + 1), 1009),
        ("far too much", text(1 << 40), 1009),
        (
            "too much in pieces",
            [fragment(0x01), fragment(0x80)].concat(),
            1009,
        ),
    ] {
        assert_eq!(close_code(node.address(), &key, &bytes), code, "{what}");
    }
    // What is no JSON of the right kind is no reason to hang up.
    let (mut socket, _) = upgrade(node.address(), &key);
    socket
        .write_all(&[&[0x81, 0x82][..], &mask, b"[]"].concat())
        .unwrap();
    let mut header = [0; 2];
    socket.read_exact(&mut header).unwrap();
    assert_eq!(header[0], 0x81, "a text frame");
    drop(socket);
    node.stop();
}
