//! G6.1, G6.4: programs that follow the real node through restarts and kills.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod common;

use std::collections::HashSet;
use std::io::{Read, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use common::client::Client;
use common::events::{event, now};
use common::node::{Node, get, wait_for};
use common::run_json;
use stentor_client::{Dialer, DialerConfig, Feed, FeedError, Gap, Options, Since, Told};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::timeout;

/// Everybody is back within this after a restart (G6.1).
const BACK: Duration = Duration::from_secs(60);
/// Clients at once.
const CLIENTS: usize = 1_000;
/// Streams whose hints are compared.
const HINTED: usize = 200;
/// Where streams have no bounds: all clients have one address and one key.
const UNBOUND: [&str; 8] = [
    "--set",
    "gateway.streams.per_ip=0",
    "--set",
    "gateway.streams.per_principal=0",
    "--set",
    "gateway.streams.opened_per_second=0",
    "--set",
    "relay.limits.connections_per_ip=0",
];

/// A door whose address stays while the node behind it comes and goes.
struct Door {
    address: SocketAddr,
    behind: watch::Sender<Option<String>>,
    _tasks: JoinSet<()>,
}

impl Door {
    async fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (behind, leads_to) = watch::channel(None::<String>);
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut open = JoinSet::new();
            while let Ok((mut client, _)) = listener.accept().await {
                let Some(node) = leads_to.borrow().clone() else {
                    continue;
                };
                open.spawn(async move {
                    if let Ok(mut node) = TcpStream::connect(node).await {
                        let _ = tokio::io::copy_bidirectional(&mut client, &mut node).await;
                    }
                });
            }
        });
        Self {
            address,
            behind,
            _tasks: tasks,
        }
    }

    fn start(&self, data: &Path) -> Node {
        let node = Node::start(data, &UNBOUND);
        self.behind.send_replace(Some(node.address().to_owned()));
        node
    }

    fn options(&self, key: &str) -> Options {
        Options::new(format!("http://{}", self.address))
            .with_token(key)
            .with_types(["nostr.event.stored"])
            .since(Since::Oldest)
    }
}

fn feed(options: Options) -> Feed {
    Feed::new(Dialer::new(&DialerConfig::default()).unwrap(), options).unwrap()
}

/// A key that the node knows.
fn key(node: &Node, data: &Path) -> String {
    let scope = "events:nostr:read";
    let args = [
        "admin", "keys", "create", "--name", "test", "--scope", scope, "--json",
    ];
    let key = run_json(data, &args)["key"].as_str().unwrap().to_owned();
    wait_for("the key to be known", || {
        let mut socket = std::net::TcpStream::connect(node.address()).unwrap();
        let head = format!(
            "GET /api/v1/events/history HTTP/1.0\r\nHost: x\r\nAuthorization: Bearer {key}\r\n\r\n"
        );
        socket.write_all(head.as_bytes()).unwrap();
        let mut answer = String::new();
        socket.read_to_string(&mut answer).unwrap();
        answer.contains(" 200 ")
    });
    key
}

fn publish(node: &Node, numbers: std::ops::Range<usize>) {
    let mut client = Client::connect(&node.url);
    for number in numbers {
        let note = event(1, 1, now(), &[], &number.to_string());
        assert_eq!(client.publish(&note), (true, String::new()));
    }
}

/// The next envelope's content, which is a number.
async fn number(feed: &mut Feed) -> usize {
    let told = timeout(BACK, feed.next()).await.expect("in time").unwrap();
    let Told::Event(event) = told else {
        panic!("{told:?}");
    };
    let data: serde_json::Value = serde_json::from_str(event.envelope.data.get()).unwrap();
    data["content"].as_str().unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn g6_4_the_client_of_rust_is_told_everything_once_through_kills_and_restarts() {
    let data = tempfile::tempdir().unwrap();
    let door = Door::open().await;
    let mut node = door.start(data.path());
    let key = key(&node, data.path());
    let mut feed = feed(door.options(&key));
    let mut seen = 0;
    for round in 0..4 {
        let published = (round + 1) * 25;
        publish(&node, published - 25..published);
        // In the middle of what is waiting, for who is slow.
        while seen < published - 10 {
            assert_eq!(number(&mut feed).await, seen);
            seen += 1;
        }
        if round % 2 == 0 {
            node.kill();
        } else {
            node.stop();
        }
        node = door.start(data.path());
    }
    while seen < 100 {
        assert_eq!(number(&mut feed).await, seen);
        seen += 1;
    }
    // The last end may not have been noticed, as everything was there before it.
    assert!(feed.reconnects() >= 3);
    node.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn g6_4_the_client_of_rust_ends_where_it_is_of_no_use_to_go_on() {
    let data = tempfile::tempdir().unwrap();
    let door = Door::open().await;
    let node = door.start(data.path());
    let key = key(&node, data.path());
    let status = |options| async {
        match feed(options).next().await {
            Err(FeedError::Status(status)) => status.as_u16(),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(status(door.options("stk_nobody")).await, 401);
    let nonsense = door.options(&key).with_types(["nonsense"]);
    assert_eq!(status(nonsense).await, 400);
    // A cursor of another installation is no error: what there is comes after the word about it.
    publish(&node, 0..1);
    let mut first = feed(door.options(&key));
    let told = first.next().await.unwrap();
    let Told::Event(told) = told else {
        panic!("{told:?}");
    };
    let cursor = told.cursor.unwrap();
    let other = if cursor.as_bytes()[3] == b'A' {
        "B"
    } else {
        "A"
    };
    let foreign = format!("{}{other}{}", &cursor[..3], &cursor[4..]);
    let mut second = feed(door.options(&key).since(Since::Cursor(foreign)));
    let told = second.next().await.unwrap();
    assert!(matches!(told, Told::Gap(Gap::Resync { .. })), "{told:?}");
    assert_eq!(number(&mut second).await, 0);
    node.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn g6_1_a_thousand_clients_are_back_after_a_restart_and_miss_nothing() {
    let data = tempfile::tempdir().unwrap();
    let door = Door::open().await;
    let node = door.start(data.path());
    let key = key(&node, data.path());
    publish(&node, 0..10);
    let ready = Arc::new(Semaphore::new(0));
    let mut clients = JoinSet::new();
    for _ in 0..CLIENTS {
        let (options, ready) = (door.options(&key), Arc::clone(&ready));
        clients.spawn(async move {
            let mut feed = feed(options);
            for expected in 0..30 {
                assert_eq!(number(&mut feed).await, expected);
                if expected == 9 {
                    ready.add_permits(1);
                }
            }
        });
    }
    let all = ready.acquire_many(u32::try_from(CLIENTS).unwrap());
    let _all = timeout(BACK, all).await.expect("in time").unwrap();
    publish(&node, 10..15);
    node.stop();
    let node = door.start(data.path());
    publish(&node, 15..30);
    timeout(BACK, async {
        while let Some(client) = clients.join_next().await {
            client.unwrap();
        }
    })
    .await
    .expect("everybody is back in time");
    let (_, metrics) = get(&node.operations, "/metrics", "text/plain");
    assert!(
        metrics.contains("stentor_gateway_streams_total"),
        "{metrics}"
    );
    node.stop();
}

#[test]
fn g6_1_each_stream_is_told_another_time_to_come_back() {
    let data = tempfile::tempdir().unwrap();
    let node = Node::start(data.path(), &UNBOUND);
    let key = key(&node, data.path());
    let request =
        format!("GET /api/v1/events HTTP/1.0\r\nHost: x\r\nAuthorization: Bearer {key}\r\n\r\n");
    let open = || {
        let mut socket = std::net::TcpStream::connect(node.address()).unwrap();
        socket.set_read_timeout(Some(BACK)).unwrap();
        socket.write_all(request.as_bytes()).unwrap();
        let (mut text, mut part) = (String::new(), [0; 1024]);
        while !text.contains("\nid: ") {
            let length = socket.read(&mut part).unwrap();
            assert_ne!(length, 0, "{text}");
            text.push_str(std::str::from_utf8(&part[..length]).unwrap());
        }
        socket
    };
    let streams: Vec<_> = (0..HINTED).map(|_| open()).collect();
    node.signal("TERM");
    let mut hints = HashSet::new();
    for mut stream in streams {
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        let hint = text.lines().find_map(|line| line.strip_prefix("retry: "));
        let hint: u64 = hint.expect("a hint").parse().unwrap();
        assert!((1_500..=4_500).contains(&hint), "{hint}");
        hints.insert(hint);
    }
    // Of 3,001 values; two hundred draws that hit fewer than this are a fault, not bad luck.
    assert!(hints.len() > HINTED / 2, "{}", hints.len());
    assert_eq!(node.ended().0, 0);
}
