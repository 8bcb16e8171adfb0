//! Out of file descriptors. Alone in its file: the limit is the whole process's.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod common;

use common::client::{Client, text, upgrade_request};
use common::start;
use rustix::process::{Resource, getrlimit, setrlimit};
use tokio::net::TcpStream;

#[tokio::test]
async fn accepting_survives_a_lack_of_file_descriptors() {
    let running = start();
    let mut inside = Client::connect(running.address).await;
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = Some(64);
    setrlimit(Resource::Nofile, limit).unwrap();
    let mut waiting = Vec::new();
    while let Ok(stream) = TcpStream::connect(running.address).await {
        waiting.push(stream);
        assert!(waiting.len() < 64, "the limit has no effect");
    }
    // Who is connected is served meanwhile.
    inside.send(&text("hello")).await;
    assert_eq!(inside.next().await.text(), "echo hello");
    drop(waiting);
    // The next one waits in the backlog until descriptors are free and the back-off is over.
    let mut client = Client::tcp(running.address).await;
    let answer = client.request(&upgrade_request("/", "")).await;
    assert!(answer.starts_with("HTTP/1.1 101"), "{answer}");
}
