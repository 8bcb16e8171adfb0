//! A running node.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::stentor;

/// A node as a child process; killed when dropped.
pub struct Node {
    pub child: Child,
    /// `ws://…`
    pub url: String,
    /// `127.0.0.1:port` of the operations listener.
    pub operations: String,
    /// The line with which it says that it serves.
    pub ready: String,
    log: Option<JoinHandle<String>>,
}

impl Node {
    /// Starts on ports that the system chooses and waits until it is ready.
    pub fn start(data: &Path, settings: &[&str]) -> Self {
        let mut command = stentor(&[
            "serve",
            "--listen",
            "127.0.0.1:0",
            "--ops-listen",
            "127.0.0.1:0",
            "--data",
        ]);
        command.arg(data).args(settings);
        Self::from(command)
    }

    /// Starts what is to become a node and waits until it is ready.
    pub fn from(mut command: Command) -> Self {
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stderr = child.stderr.take().unwrap();
        let log = std::thread::spawn(move || {
            let mut text = String::new();
            let _ = stderr.read_to_string(&mut text);
            text
        });
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        if !line.starts_with("ready: relay ws://") {
            let _ = child.wait();
            panic!("the node is not ready: {line}{}", log.join().unwrap());
        }
        let word = |scheme: &str| {
            line.split_whitespace()
                .find(|word| word.starts_with(scheme))
                .unwrap_or_default()
        };
        let url = word("ws://").to_owned();
        let operations = word("http://").trim_start_matches("http://").to_owned();
        Self {
            child,
            url,
            operations,
            ready: line,
            log: Some(log),
        }
    }

    /// Waits for its end; the exit code and the log.
    pub fn ended(mut self) -> (i32, String) {
        let code = self.child.wait().unwrap().code().unwrap_or(-1);
        (code, self.log.take().unwrap().join().unwrap())
    }

    /// The word of the ready line that begins like this, without that.
    pub fn place(&self, scheme: &str) -> &str {
        let mut words = self.ready.split_whitespace();
        words.find_map(|word| word.strip_prefix(scheme)).unwrap()
    }

    /// `host:port` of the relay.
    pub fn address(&self) -> &str {
        self.url.trim_start_matches("ws://")
    }

    /// Sends a signal.
    pub fn signal(&self, name: &str) {
        let status = Command::new("kill")
            .arg(format!("-{name}"))
            .arg(self.child.id().to_string())
            .status()
            .unwrap();
        assert!(status.success());
    }

    /// Stops in order; the exit code and the log.
    pub fn stop(self) -> (i32, String) {
        self.signal("TERM");
        self.ended()
    }

    /// Kills it as a power failure would.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Asks over HTTP; the status and the body.
pub fn get(address: &str, path: &str, accept: &str) -> (u16, String) {
    let mut socket = TcpStream::connect(address).unwrap();
    write!(
        socket,
        "GET {path} HTTP/1.1\r\nHost: {address}\r\nAccept: {accept}\r\nConnection: close\r\n\r\n"
    )
    .unwrap();
    let mut answer = Vec::new();
    socket.read_to_end(&mut answer).unwrap();
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
    let body = answer
        .split_once("\r\n\r\n")
        .map(|(_, body)| body.to_owned())
        .unwrap_or_default();
    (status, body)
}

/// Waits until something holds; fails after ten seconds.
pub fn wait_for(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(
            begun.elapsed() < Duration::from_secs(10),
            "{what} did not come to pass"
        );
        std::thread::park_timeout(Duration::from_millis(10));
    }
}
