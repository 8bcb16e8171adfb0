//! A successor takes the place of a running node, and nobody is refused meanwhile (R8.3).
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod common;

use std::fs::File;
use std::io::{BufRead, BufReader, ErrorKind};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;

use common::client::Client;
use common::events::note;
use common::node::{Node, get, wait_for};
use common::{exported_ids, run_text, stentor};
use serde_json::json;

/// A successor on the data folder, with the same settings.
fn successor(data: &Path, settings: &[&str]) -> Node {
    let mut command = stentor(&[
        "serve",
        "--take-over",
        "--listen",
        "127.0.0.1:0",
        "--ops-listen",
        "127.0.0.1:0",
        "--data",
    ]);
    command.arg(data).args(settings);
    Node::from(command)
}

/// Connects again and again, by both kinds of socket.
struct Knocking {
    stop: Arc<AtomicBool>,
    knocks: Arc<AtomicUsize>,
    thread: JoinHandle<Vec<ErrorKind>>,
}

impl Knocking {
    fn start(address: String, path: PathBuf) -> Self {
        let (stop, knocks) = (
            Arc::new(AtomicBool::new(false)),
            Arc::new(AtomicUsize::new(0)),
        );
        let (stopped, counted) = (Arc::clone(&stop), Arc::clone(&knocks));
        let thread = std::thread::spawn(move || {
            let mut refused = Vec::new();
            while !stopped.load(Ordering::SeqCst) {
                refused.extend(TcpStream::connect(&address).err().map(|error| error.kind()));
                refused.extend(UnixStream::connect(&path).err().map(|error| error.kind()));
                counted.fetch_add(1, Ordering::SeqCst);
                std::thread::park_timeout(std::time::Duration::from_millis(2));
            }
            refused
        });
        Self {
            stop,
            knocks,
            thread,
        }
    }

    /// Waits for some more connections; who was refused.
    fn end(self) -> Vec<ErrorKind> {
        let before = self.knocks.load(Ordering::SeqCst);
        wait_for("more connections", || {
            self.knocks.load(Ordering::SeqCst) > before + 20
        });
        self.stop.store(true, Ordering::SeqCst);
        self.thread.join().unwrap()
    }
}

#[test]
fn r8_3_a_successor_takes_over_and_nobody_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("relay.sock");
    let listeners = format!(
        "server.listeners=[{{ name = \"local\", bind = \"unix:{}\" }}]",
        path.display()
    );
    let settings = [
        "--set",
        listeners.as_str(),
        "--set",
        "relay.limits.connections_per_ip=0",
    ];
    let first = Node::start(folder.path(), &settings);
    let event = note(1, 1);
    let mut open = Client::connect(&first.url);
    assert!(open.publish(&event).0);
    let knocking = Knocking::start(first.address().to_owned(), path.clone());
    let second = successor(folder.path(), &settings);
    assert_eq!(second.url, first.url, "the same port, though any would do");
    assert_eq!(second.operations, first.operations);
    assert_eq!(open.close_code(), Some(1012));
    drop(open);
    let (code, log) = first.ended();
    assert_eq!(code, 0, "{log}");
    assert!(log.contains("a successor takes over"), "{log}");
    assert_eq!(
        Client::connect(&second.url)
            .stored(json!({ "kinds": [1] }))
            .len(),
        1
    );
    assert_eq!(get(&second.operations, "/health/ready", "*/*").0, 200);
    // And again, from a node that has taken over itself.
    let third = successor(folder.path(), &settings);
    assert_eq!(second.ended().0, 0);
    assert!(Client::connect(&third.url).publish(&note(1, 2)).0);
    assert_eq!(knocking.end(), []);
    assert_eq!(third.stop().0, 0);
    assert!(!path.exists(), "the last one removes the file");
    assert_eq!(exported_ids(folder.path()).len(), 2);
}

#[test]
fn r8_3_a_successor_that_cannot_start_does_no_harm() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("relay.sock");
    let listeners = format!(
        "server.listeners=[{{ name = \"local\", bind = \"unix:{}\" }}]",
        path.display()
    );
    let node = Node::start(folder.path(), &["--set", &listeners]);
    let mut open = Client::connect(&node.url);
    // It asks for a socket more, whose address is taken.
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let more = format!(
        "server.listeners=[{{ name = \"more\", bind = \"{}\" }}]",
        taken.local_addr().unwrap()
    );
    let listen = node.address().to_owned();
    let arguments = [
        "serve",
        "--take-over",
        "--listen",
        &listen,
        "--ops-listen",
        "",
        "--set",
        &more,
    ];
    let (code, _, err) = run_text(folder.path(), &arguments);
    assert_eq!(code, 1);
    assert!(err.contains("cannot listen on"), "{err}");
    assert!(open.publish(&note(1, 1)).0);
    UnixStream::connect(&path).unwrap();
    drop(open);
    assert_eq!(node.stop().0, 0);
}

/// What a successor needs besides the store is tried before its predecessor ends.
#[test]
fn r8_3_a_successor_without_records_or_roots_does_no_harm() {
    let folder = tempfile::tempdir().unwrap();
    let node = Node::start(folder.path(), &[]);
    let mut open = Client::connect(&node.url);
    for (setting, exit, says) in [
        (
            "records.url=postgres://me@127.0.0.1:1/none",
            1,
            "opening the records",
        ),
        (
            "outbound.extra_roots=[\"/nowhere/ca.pem\"]",
            2,
            "outbound.extra_roots[0]: /nowhere/ca.pem",
        ),
    ] {
        let arguments = ["serve", "--take-over", "--set", setting];
        let (code, _, err) = run_text(folder.path(), &arguments);
        assert_eq!(code, exit, "{err}");
        assert!(err.contains(says), "{err}");
    }
    assert!(open.publish(&note(1, 1)).0, "still connected");
    drop(open);
    assert_eq!(node.stop().0, 0);
}

/// A successor that waits for its predecessor to end holds this lock; nobody else gets the store then.
#[test]
fn r8_3_no_command_takes_the_store_between_two_nodes() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(Node::start(folder.path(), &[]).stop().0, 0);
    let lock = File::options()
        .write(true)
        .open(folder.path().join("HEIR"))
        .unwrap();
    lock.try_lock().unwrap();
    let (code, _, err) = run_text(folder.path(), &["export"]);
    assert_eq!(code, 1);
    assert!(err.contains("is in use by another process"), "{err}");
    drop(lock);
    assert_eq!(exported_ids(folder.path()), Vec::<String>::new());
}

#[test]
fn r8_3_a_node_that_waits_for_the_store_ends_when_it_is_told() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(Node::start(folder.path(), &[]).stop().0, 0);
    let lock = File::options()
        .write(true)
        .open(folder.path().join("relay/LOCK"))
        .unwrap();
    lock.try_lock().unwrap();
    let mut command = stentor(&["serve", "--listen", "127.0.0.1:0", "--ops-listen", ""]);
    command.arg("--data").arg(folder.path());
    let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
    let mut log = BufReader::new(child.stderr.take().unwrap()).lines();
    assert!(log.any(|line| line.unwrap().contains("waiting for it")));
    let status = Command::new("kill").arg(child.id().to_string()).status();
    assert!(status.unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert!(log.any(|line| line.unwrap().contains("stopped before it served")));
}

#[test]
fn r8_4_a_unix_socket_that_is_taken_over_gets_its_permissions() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("relay.sock");
    let listeners = |mode: &str| {
        format!(
            "server.listeners=[{{ name = \"local\", bind = \"unix:{}\", unix_mode = \"{mode}\" }}]",
            path.display()
        )
    };
    let mode = || std::fs::metadata(&path).unwrap().permissions().mode() & 0o777;
    let first = Node::start(folder.path(), &["--set", &listeners("0600")]);
    assert_eq!(mode(), 0o600);
    let second = successor(folder.path(), &["--set", &listeners("0660")]);
    assert_eq!(first.ended().0, 0);
    assert_eq!(mode(), 0o660);
    assert_eq!(second.stop().0, 0);
}

#[test]
fn r8_3_without_a_predecessor_it_starts_as_the_first() {
    let folder = tempfile::tempdir().unwrap();
    let node = successor(folder.path(), &[]);
    assert!(Client::connect(&node.url).publish(&note(1, 1)).0);
    assert_eq!(node.stop().0, 0);
}
