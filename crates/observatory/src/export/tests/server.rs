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
    /// The hashes that were sent with them.
    pub hashes: Mutex<BTreeMap<String, String>>,
    /// Requests, by method and path.
    pub requests: Mutex<Vec<String>>,
    /// So many requests are answered by 503.
    pub failing: AtomicU32,
    /// Whether all are answered by 403.
    pub forbidding: Mutex<bool>,
    /// Whether what is not there is, as by S3 when a key must not list.
    pub hiding: Mutex<bool>,
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
    let asked = Asked {
        method,
        // Paths are percent-encoded, `=` among them.
        path: path.replace("%3D", "="),
        query,
        range: header("range").map(|(_, range)| range),
        hash: header("x-amz-meta-sha256").map(|(_, hash)| hash),
    };
    let (status, headers, body) = respond(store, &asked, body);
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Length: {}\r\n{headers}Connection: close\r\n\r\n",
        body.len()
    );
    let body = if method == "HEAD" { Vec::new() } else { body };
    let _ = stream.write_all(&[head.into_bytes(), body].concat()).await;
}

/// What is asked.
struct Asked<'a> {
    method: &'a str,
    path: String,
    query: &'a str,
    range: Option<&'a str>,
    hash: Option<&'a str>,
}

/// A status, headers, and a body.
type Answer = (&'static str, String, Vec<u8>);

const FORBIDDEN: &str = "403 Forbidden";

fn respond(store: &Store, asked: &Asked<'_>, body: Vec<u8>) -> Answer {
    let plain = |status| (status, String::new(), Vec::new());
    let forbidden = || {
        let body = b"<Code>AccessDenied</Code>".to_vec();
        (FORBIDDEN, String::new(), body)
    };
    // A header of this kind has to be signed.
    let headers = match asked.hash {
        Some(_) => "X-Amz-SignedHeaders=host%3Bx-amz-meta-sha256&",
        None => "X-Amz-SignedHeaders=host&",
    };
    let signed = asked.query.contains("X-Amz-Signature=")
        && asked.query.contains(headers)
        && asked.query.contains(ACCESS)
        && asked.query.contains("%2Feu-test-1%2Fs3%2F");
    if !signed || *store.forbidding.lock() {
        return forbidden();
    }
    let less = |left: u32| left.checked_sub(1);
    if store
        .failing
        .fetch_update(Ordering::Relaxed, Ordering::Relaxed, less)
        .is_ok()
    {
        return plain("503 Slow Down");
    }
    let path = asked.path.clone();
    let is_there = store.objects.lock().contains_key(&path);
    match asked.method {
        "PUT" => {
            let hash = asked.hash.unwrap_or_default().to_owned();
            store.hashes.lock().insert(path.clone(), hash);
            store.objects.lock().insert(path, body);
            plain("200 OK")
        }
        "DELETE" => {
            store.objects.lock().remove(&path);
            plain("204 No Content")
        }
        "GET" if asked.query.contains("list-type=2") => list(store, asked),
        "GET" | "HEAD" if !is_there && *store.hiding.lock() => forbidden(),
        "GET" | "HEAD" if !is_there => plain("404 Not Found"),
        "HEAD" => {
            let hash = store.hashes.lock()[&path].clone();
            let headers = format!("x-amz-meta-sha256: {hash}\r\n");
            ("200 OK", headers, store.objects.lock()[&path].clone())
        }
        "GET" => part(&store.objects.lock()[&path], asked.range),
        _ => plain("405 Method Not Allowed"),
    }
}

/// An object, or a part of it.
fn part(object: &[u8], range: Option<&str>) -> Answer {
    let range = range.and_then(|range| range.strip_prefix("bytes=")?.split_once('-'));
    let Some((from, to)) = range else {
        return ("200 OK", String::new(), object.to_vec());
    };
    let (from, to): (usize, usize) = (from.parse().unwrap(), to.parse().unwrap());
    let to = (to + 1).min(object.len());
    if from >= to {
        return ("416 Range Not Satisfiable", String::new(), Vec::new());
    }
    let length = object.len();
    let range = format!("Content-Range: bytes {from}-{}/{length}\r\n", to - 1);
    ("206 Partial Content", range, object[from..to].to_vec())
}

/// Some of the objects whose names begin with a text, seven at a time. The bucket is the first part of the path.
fn list(store: &Store, asked: &Asked<'_>) -> Answer {
    let url = url::Url::parse(&format!("http://a{}?{}", asked.path, asked.query)).unwrap();
    let said = |name: &str| {
        let mut pairs = url.query_pairs();
        pairs.find_map(|(found, value)| (found == name).then(|| value.into_owned()))
    };
    let prefix = said("prefix").unwrap();
    let after = said("continuation-token").unwrap_or_default();
    let objects = store.objects.lock();
    let keys = objects.iter().filter_map(|(path, bytes)| {
        let path = path.replace("%20", " ");
        let key = path.strip_prefix(asked.path.as_str())?.to_owned();
        (key.starts_with(&prefix) && key > after).then_some((key, bytes.len()))
    });
    let mut keys: Vec<_> = keys.collect();
    let is_cut = keys.len() > 7;
    keys.truncate(7);
    let contents = keys
        .iter()
        .map(|(key, bytes)| format!("<Contents><Key>{key}</Key><Size>{bytes}</Size></Contents>"));
    let next = match keys.last() {
        Some((key, _)) if is_cut => format!("<NextContinuationToken>{key}</NextContinuationToken>"),
        _ => String::new(),
    };
    let text = format!(
        "<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><IsTruncated>{is_cut}</IsTruncated>{next}{}</ListBucketResult>",
        contents.collect::<String>()
    );
    ("200 OK", String::new(), text.into_bytes())
}
