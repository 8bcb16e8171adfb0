//! The real node with ten thousand connections, slow readers, a flood and nonsense at once: its memory stays bounded, and
//! others are served.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod common;

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use common::client::Client;
use common::events::{event, note, now, text};
use common::node::Node;
use rustix::process::{Resource, getrlimit, setrlimit};
use serde_json::json;

/// As many as the system lets this process open, up to this.
const CROWD: u64 = 10_000;
const SLOW_READERS: usize = 50;
const FLOODS: usize = 8;
/// What ten thousand idle connections, the queues of the slow readers and an unoptimized node need is a third of this.
const MOST_MEMORY_KIB: u64 = 128 * 1024;

/// A client whose bytes are made by hand.
struct Raw(TcpStream);

impl Raw {
    /// Connects and sends everything at once, without waiting for the upgrade.
    fn connect(address: &str, frames: &[u8]) -> Self {
        let mut socket = TcpStream::connect(address).unwrap();
        socket
            .set_read_timeout(Some(Duration::from_secs(20)))
            .unwrap();
        let request = "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
        socket
            .write_all(&[request.as_bytes(), frames].concat())
            .unwrap();
        Self(socket)
    }

    /// Reads until these bytes have come.
    fn until(&mut self, wanted: &str) {
        let (mut seen, mut part) = (Vec::new(), [0; 4096]);
        while !String::from_utf8_lossy(&seen).contains(wanted) {
            let length = self.0.read(&mut part).unwrap();
            assert_ne!(length, 0, "no {wanted}");
            seen.extend_from_slice(&part[..length]);
        }
    }

    /// Reads to the end, which must come.
    fn ended(mut self) {
        let mut part = [0; 4096];
        loop {
            match self.0.read(&mut part) {
                Ok(0) => return,
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::ConnectionReset => return,
                Err(error) => panic!("{error}"),
            }
        }
    }
}

/// A masked text frame; the mask is zero.
fn frame(text: &str) -> Vec<u8> {
    let mut frame = match text.len() {
        length @ 0..=125 => vec![0x81, 0x80 | length as u8],
        length => [
            &[0x81, 0x80 | 127][..],
            &u64::try_from(length).unwrap().to_be_bytes(),
        ]
        .concat(),
    };
    frame.extend_from_slice(&[0; 4]);
    frame.extend_from_slice(text.as_bytes());
    frame
}

fn request(filter: &serde_json::Value) -> Vec<u8> {
    frame(&json!(["REQ", "s", filter]).to_string())
}

/// Resident memory of the node.
fn memory_kib(node: &Node) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", node.child.id())).unwrap();
    let line = status.lines().find(|l| l.starts_with("VmRSS")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

fn crowd(node: &Node) -> Vec<Raw> {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    setrlimit(Resource::Nofile, limit).unwrap();
    let most = limit
        .current
        .map_or(CROWD, |most| CROWD.min(most.saturating_sub(500)));
    let idle = request(&json!({ "authors": ["ab".repeat(32)] }));
    let mut crowd: Vec<Raw> = Vec::new();
    for _ in 0..most {
        crowd.push(Raw::connect(node.address(), &idle));
        // What is sent before the upgrade is answered waits in the socket: not too many at once.
        if crowd.len() > 100 {
            let earlier = crowd.len() - 100;
            crowd[earlier].until("EOSE");
        }
    }
    crowd
}

/// What no client would send; each is answered with the end of the connection.
fn nonsense() -> Vec<Vec<u8>> {
    let huge = [&[0x81, 0xff][..], &(1u64 << 40).to_be_bytes(), &[0; 4]].concat();
    let not_utf8 = vec![0x81, 0x82, 0, 0, 0, 0, 0xc3, 0x28];
    let unmasked = vec![0x81, 0x02, b'[', b']'];
    let reserved = vec![0xf1, 0x80, 0, 0, 0, 0];
    let long_ping = [&[0x89, 0xfe, 0x00, 0x7e, 0, 0, 0, 0][..], &[0; 126]].concat();
    vec![huge, not_utf8, unmasked, reserved, long_ping]
}

#[test]
fn r8_1_a_crowd_slow_readers_a_flood_and_nonsense_leave_others_served() {
    let folder = tempfile::tempdir().unwrap();
    let settings = [
        "relay.limits.connections=0",
        "relay.limits.connections_per_ip=0",
        "relay.limits.connections_unauthenticated=0",
        "relay.limits.subscriptions_node=0",
        "relay.limits.values_node=0",
        "relay.rates.events.ip=0",
        "relay.rates.events.node=0",
        "relay.rates.reqs.ip=0",
        "relay.rates.reqs.node=0",
        "relay.rates.bytes.ip=0",
        "relay.rates.bytes.node=0",
    ];
    let settings: Vec<&str> = settings.iter().flat_map(|one| ["--set", one]).collect();
    let node = Node::start(folder.path(), &settings);
    let crowd = crowd(&node);

    // They ask for everything and read nothing.
    let everything = request(&json!({ "kinds": [1] }));
    let slow: Vec<Raw> = (0..SLOW_READERS)
        .map(|_| Raw::connect(node.address(), &everything))
        .collect();
    // The same event over and over, the answers left unread, faster than the rates allow.
    let repeated = frame(&format!("[\"EVENT\",{}]", text(&note(9, 1)))).repeat(20_000);
    let floods: Vec<_> = (0..FLOODS)
        .map(|_| {
            let mut raw = Raw::connect(node.address(), &[]);
            raw.0
                .set_write_timeout(Some(Duration::from_millis(200)))
                .unwrap();
            let repeated = repeated.clone();
            std::thread::spawn(move || {
                // Ends when the node reads no more.
                let _ = raw.0.write_all(&repeated);
                raw
            })
        })
        .collect();
    for bytes in nonsense() {
        Raw::connect(node.address(), &bytes).ended();
    }

    let mut follower = Client::connect(&node.url);
    follower
        .send(json!(["REQ", "live", { "kinds": [1], "authors": [note(1, 0).pubkey().to_string()], "limit": 0 }]).to_string())
        .unwrap();
    assert_eq!(follower.next()[0], "EOSE");
    let mut writer = Client::connect(&node.url);
    let long = "long ".repeat(2_000);
    for number in 0..100 {
        let sent = event(1, 1, now(), &[], &format!("{number} {long}"));
        assert_eq!(writer.publish(&sent), (true, String::new()));
        assert_eq!(follower.next()[2]["id"], sent.id().to_string());
    }
    assert_eq!(
        Client::connect(&node.url)
            .stored(json!({ "kinds": [1], "limit": 100 }))
            .len(),
        100
    );
    let memory = memory_kib(&node);
    assert!(memory < MOST_MEMORY_KIB, "{memory} KiB");

    let floods: Vec<Raw> = floods.into_iter().map(|f| f.join().unwrap()).collect();
    drop((crowd, slow, floods));
    let (code, log) = node.stop();
    assert_eq!(code, 0, "{log}");
    assert!(!log.contains("panicked"), "{log}");
}
