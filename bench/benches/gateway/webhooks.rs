//! Webhooks under load: many a second, to receivers that take their time.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::sleep;

use super::node::Node;
use super::{next_moment, publish, spread};

/// The kind of the events for the first webhook.
const KIND: u16 = 2_000;
/// How long is waited for what is still on its way.
const LAST: Duration = Duration::from_secs(30);

/// What has arrived.
struct Arrived {
    begun: Instant,
    answer: Duration,
    ids: Mutex<HashSet<String>>,
    delays: Mutex<Vec<u32>>,
    again: Mutex<u64>,
}

/// See the head of the benchmark.
pub async fn measure(node: &Node, (rate, seconds): (u64, u64), answer: Duration, endpoints: u64) {
    let arrived = Arc::new(Arrived {
        begun: Instant::now(),
        answer,
        ids: Mutex::default(),
        delays: Mutex::default(),
        again: Mutex::default(),
    });
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let receiver = Router::new()
        .route("/hook", post(receive))
        .with_state(Arc::clone(&arrived));
    tokio::spawn(async move { axum::serve(listener, receiver).await.unwrap() });
    for number in 0..endpoints {
        let kind = u64::from(KIND) + number;
        register(node, &format!("http://{address}/hook"), kind).await;
    }
    let (before, work) = (node.memory(), node.work());
    let kind = |number: u64| KIND + u16::try_from(number % endpoints).unwrap();
    let published = publish(node, arrived.begun, rate, seconds, kind).await;
    let waiting = Instant::now();
    while (arrived.ids.lock().unwrap().len() as u64) < published && waiting.elapsed() < LAST {
        sleep(Duration::from_millis(50)).await;
    }
    let late = waiting.elapsed();
    let (after, work) = (node.memory(), node.work() - work);
    let delays = std::mem::take(&mut *arrived.delays.lock().unwrap());
    println!(
        "{endpoints} webhooks, {rate} events a second for {seconds} s, answered after {} ms: {} of {published} arrived, {} again, \
         the last {:.2} s after the last event; ms from sending to arrival {}; node: {:.0} % of a core, {:.1} MiB, before {:.1}",
        answer.as_millis(),
        arrived.ids.lock().unwrap().len(),
        arrived.again.lock().unwrap(),
        late.as_secs_f64(),
        spread(delays),
        work.as_secs_f64() / seconds as f64 * 100.0,
        after as f64 / 1_024.0,
        before as f64 / 1_024.0,
    );
}

async fn receive(
    State(arrived): State<Arc<Arrived>>,
    headers: HeaderMap,
    body: Bytes,
) -> StatusCode {
    let now = arrived.begun.elapsed().as_micros() as u64;
    let id = headers["webhook-id"].to_str().unwrap().to_owned();
    let (sent, _) = next_moment(&body).unwrap();
    if arrived.ids.lock().unwrap().insert(id) {
        let delay = u32::try_from(now - sent).unwrap();
        arrived.delays.lock().unwrap().push(delay);
    } else {
        *arrived.again.lock().unwrap() += 1;
    }
    sleep(arrived.answer).await;
    StatusCode::NO_CONTENT
}

/// Registers a webhook for events of this kind.
async fn register(node: &Node, url: &str, kind: u64) {
    let body = format!(
        r#"{{"url":"{url}","types":["nostr.event.stored"],"filter":{{"kinds":[{kind}]}},"rate_per_minute":6000,"concurrency":64}}"#
    );
    let mut socket = TcpStream::connect(&node.address).await.unwrap();
    let request = format!(
        "POST /api/v1/webhooks HTTP/1.0\r\nHost: x\r\nAuthorization: Bearer {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        node.key,
        body.len()
    );
    socket.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).await.unwrap();
    assert!(answer.contains(" 201 "), "{answer}");
}
