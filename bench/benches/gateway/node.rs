//! A node to load.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// A node without bounds, and a key to it.
pub struct Node {
    process: Child,
    _folder: TempDir,
    pub url: String,
    pub address: String,
    pub key: String,
}

const SCOPES: &str = "events:nostr:read,events:jobs:read:all,webhooks:manage";

impl Node {
    /// Starts the binary of this path, or the release binary of this workspace.
    pub fn start(binary: Option<&str>) -> Self {
        let built = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/release/stentor");
        let binary = PathBuf::from(binary.unwrap_or(built));
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().to_str().unwrap();
        let mut command = Command::new(&binary);
        command.args(["serve", "--listen", "127.0.0.1:0"]);
        command.args(["--ops-listen", "127.0.0.1:0", "--data", data]);
        for setting in settings() {
            command.args(["--set", &setting]);
        }
        let mut process = command
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let mut words = line.split_whitespace();
        let url = words.find(|word| word.starts_with("ws://"));
        let url = url.expect("the node is not ready").to_owned();
        let address = url.trim_start_matches("ws://").trim_end_matches('/');
        let key = key(&binary, data, address);
        Self {
            address: address.to_owned(),
            process,
            _folder: folder,
            url,
            key,
        }
    }

    /// The memory that is its own, in KiB.
    pub fn memory(&self) -> u64 {
        memory(self.process.id())
    }

    /// The time that it has worked, on all cores.
    pub fn work(&self) -> Duration {
        work(self.process.id())
    }
}

/// The memory that is a process's own, in KiB.
pub fn memory(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("RssAnon:"));
    let figure = line.unwrap().split_whitespace().nth(1);
    figure.unwrap().parse().unwrap()
}

/// The time that a process has worked, on all cores.
pub fn work(pid: u32) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let (_, fields) = stat.rsplit_once(") ").unwrap();
    let fields = fields.split(' ').skip(11).take(2);
    let ticks: u64 = fields.map(|field| field.parse::<u64>().unwrap()).sum();
    Duration::from_millis(ticks * 10)
}

/// A key that the running node knows.
fn key(binary: &Path, data: &str, address: &str) -> String {
    let made = Command::new(binary)
        .args(["admin", "keys", "create", "--name", "load", "--json"])
        .args(["--scope", SCOPES, "--data", data])
        .output()
        .unwrap();
    assert!(made.status.success(), "{made:?}");
    let made = String::from_utf8(made.stdout).unwrap();
    let (_, key) = made.split_once("\"key\"").unwrap();
    let key = key.split('"').nth(1).unwrap().to_owned();
    let begun = Instant::now();
    while !is_known(&key, address) {
        assert!(
            begun.elapsed() < Duration::from_secs(20),
            "the key is not taken"
        );
        std::thread::sleep(Duration::from_millis(100));
    }
    key
}

fn is_known(key: &str, address: &str) -> bool {
    let mut socket = TcpStream::connect(address).unwrap();
    let path = "/api/v1/events/history?types=nostr";
    let request = format!("GET {path} HTTP/1.0\r\nHost: x\r\nAuthorization: Bearer {key}\r\n\r\n");
    socket.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).unwrap();
    answer.contains(" 200 ")
}

fn settings() -> Vec<String> {
    let mut settings = Vec::new();
    for thing in ["events", "reqs", "bytes"] {
        for scope in ["connection", "ip", "key", "node"] {
            settings.push(format!("relay.rates.{thing}.{scope}=0"));
        }
    }
    for bound in [
        "connections",
        "connections_per_ip",
        "connections_unauthenticated",
    ] {
        settings.push(format!("relay.limits.{bound}=0"));
    }
    for bound in ["node", "per_ip", "per_principal", "opened_per_second"] {
        settings.push(format!("gateway.streams.{bound}=0"));
    }
    settings.push(r#"outbound.allow=["127.0.0.0/8"]"#.to_owned());
    settings.push("gateway.webhooks.rate_per_minute=6000".to_owned());
    settings.push("gateway.webhooks.concurrency=64".to_owned());
    settings
}

impl Drop for Node {
    fn drop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}
