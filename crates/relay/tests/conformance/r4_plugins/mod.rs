//! R4.3: programs of the operator's decide about events, by strfry's protocol. The programs are in `programs/`.

mod answers;
mod failures;
mod processes;

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use stentor_event::Event;
use stentor_relay::config::{OnFailure, Plugin, SourceType};
use stentor_relay::{Ruling, Source};

use crate::harness::*;

const FAILED: &str = "error: the relay cannot decide about this event now, try again";

/// Reads everything and says nothing.
const SILENT: &str = "while read -r line; do :; done";

/// The path of a program for tests.
fn program(name: &str) -> String {
    format!(
        "{}/tests/conformance/r4_plugins/programs/{name}",
        env!("CARGO_MANIFEST_DIR")
    )
}

/// A plugin that has all the time in the world.
fn plugin<const N: usize>(name: &str, command: [&str; N]) -> Plugin {
    Plugin {
        name: name.into(),
        command: command.map(String::from).to_vec(),
        timeout_ms: 60_000,
        ..Plugin::default()
    }
}

/// One in Python.
fn python(script: &str) -> Plugin {
    plugin(script, ["python3", &program(script)])
}

fn config<const N: usize>(plugins: [Plugin; N]) -> stentor_relay::Config {
    let mut config = without_rates();
    config.policy.plugins = plugins.to_vec();
    config
}

async fn node<const N: usize>(plugins: [Plugin; N]) -> Node {
    Node::with(Engine::Memory, config(plugins)).await
}

/// A note that is like no other.
fn numbered(author: u8, word: &str, number: u64) -> Event {
    note(author, 0, &format!("{word} {number}"))
}

/// Publishes without waiting for the answer.
async fn send(client: &mut Client, event: &Event) {
    client.send(format!("[\"EVENT\",{}]", text(event))).await;
}

/// Waits for the answer to an event.
async fn answer(client: &mut Client, event: &Event) -> (bool, String) {
    let own = id(event);
    let message = client
        .find(|message| message[0] == "OK" && message[1] == own.as_str())
        .await;
    let reason = message[3].as_str().unwrap().to_owned();
    (message[2].as_bool().unwrap(), reason)
}

/// Publishes events of kind 8, at which `held.py` answers what it holds, until this event has its answer: it is asked
/// about when its signature has been verified, which nobody is told.
async fn release(client: &mut Client, held: &Event) -> (bool, String) {
    let mut count = 0;
    while client.silent(&id(held)).await {
        count += 1;
        let content = format!("{:?} {count}", Instant::now());
        let sign = event(8, now()).content(content).sign(&key(9));
        client.store(&sign).await;
    }
    answer(client, held).await
}

/// What `moody.py` sees, which it tells in the reason of a refusal.
async fn told(client: &mut Client, author: u8) -> Value {
    let event = event(1, now())
        .content(format!("tell {:?}", Instant::now()))
        .sign(&key(author));
    let (accepted, reason) = client.publish(&event).await;
    assert!(!accepted);
    let told = reason.strip_prefix("blocked: ");
    serde_json::from_str(told.unwrap_or(&reason)).unwrap()
}

async fn pid(client: &mut Client) -> u64 {
    told(client, 1).await["pid"].as_u64().unwrap()
}

/// Waits until a process is no more, not even as a zombie. Nothing tells of that, so it is looked for.
async fn gone(pid: u64) {
    let begun = Instant::now();
    while std::fs::exists(format!("/proc/{pid}")).unwrap() {
        assert!(begun.elapsed() < Duration::from_secs(20), "{pid} is there");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
