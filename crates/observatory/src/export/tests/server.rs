//! A server that speaks as much of S3 as an export needs, over HTTP on loopback.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use parking_lot::Mutex;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// The key that requests have to be signed with.
pub const ACCESS: &str = "AKIAEXAMPLE";

/// What is stored, by path.
#[derive(Default)]
pub struct Store {
    pub objects: Mutex<BTreeMap<String, Vec<u8>>>,
    /// Requests, by method and path.
    pub requests: Mutex<Vec<String>>,
    /// So many requests are answered by 503.
    pub failing: AtomicU32,
    /// Whether all are answered by 403.
    pub forbidding: Mutex<bool>,
}

/// Starts it; its URL.
pub async fn start() -> (String, Arc<Store>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let store = Arc::new(Store::default());
    let shared = store.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let store = shared.clone();
            tokio::spawn(async move { answer(stream, &store).await });
        }
    });
    (url, store)
}

async fn answer(mut stream: TcpStream, store: &Store) {
    let mut read = Vec::new();
    let end = loop {
        if let Some(end) = read.windows(4).position(|four| four == b"\r\n\r\n") {
            break end + 4;
        }
        if stream.read_buf(&mut read).await.unwrap() == 0 {
            return;
        }
    };
    let head = String::from_utf8(read[..end].to_vec()).unwrap();
    let header = |name: &str| {
        let mut lines = head.lines();
        lines.find_map(|line| {
            Some(line.split_once(": ")?).filter(|(found, _)| found.eq_ignore_ascii_case(name))
        })
    };
    let length: usize = header("content-length").map_or(0, |(_, length)| length.parse().unwrap());
    let mut body = read[end..].to_vec();
    while body.len() < length {
        assert!(stream.read_buf(&mut body).await.unwrap() > 0, "half a body");
    }
    let mut words = head.split(' ');
    let (method, target) = (words.next().unwrap(), words.next().unwrap());
    let (path, query) = target.split_once('?').unwrap();
    store.requests.lock().push(format!("{method} {path}"));
    let (status, range, body) = respond(
        store,
        (method, path, query),
        header("range").map(|(_, range)| range),
        body,
    );
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Length: {}\r\n{range}Connection: close\r\n\r\n",
        body.len()
    );
    let _ = stream.write_all(&[head.into_bytes(), body].concat()).await;
}

fn respond(
    store: &Store,
    (method, path, query): (&str, &str, &str),
    range: Option<&str>,
    body: Vec<u8>,
) -> (&'static str, String, Vec<u8>) {
    let plain = |status| (status, String::new(), Vec::new());
    let signed = query.contains("X-Amz-Signature=")
        && query.contains(ACCESS)
        && query.contains("%2Feu-test-1%2Fs3%2F");
    if !signed || *store.forbidding.lock() {
        return (
            "403 Forbidden",
            String::new(),
            b"<Code>AccessDenied</Code>".to_vec(),
        );
    }
    let less = |left: u32| left.checked_sub(1);
    if store
        .failing
        .fetch_update(Ordering::Relaxed, Ordering::Relaxed, less)
        .is_ok()
    {
        return plain("503 Slow Down");
    }
    // Paths are percent-encoded, `=` among them.
    let path = path.replace("%3D", "=");
    let mut objects = store.objects.lock();
    match method {
        "PUT" => {
            objects.insert(path, body);
            plain("200 OK")
        }
        "DELETE" => {
            objects.remove(&path);
            plain("204 No Content")
        }
        "GET" => {
            let Some(object) = objects.get(&path) else {
                return plain("404 Not Found");
            };
            let Some((from, to)) =
                range.and_then(|range| range.strip_prefix("bytes=")?.split_once('-'))
            else {
                return ("200 OK", String::new(), object.clone());
            };
            let (from, to): (usize, usize) = (from.parse().unwrap(), to.parse().unwrap());
            let to = (to + 1).min(object.len());
            if from >= to {
                return plain("416 Range Not Satisfiable");
            }
            let range = format!(
                "Content-Range: bytes {from}-{}/{}\r\n",
                to - 1,
                object.len()
            );
            ("206 Partial Content", range, object[from..to].to_vec())
        }
        _ => plain("405 Method Not Allowed"),
    }
}
