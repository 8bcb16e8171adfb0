//! A collector of traces: a small HTTP server on loopback that keeps what it is sent.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;

/// A request to the collector.
pub struct Sent {
    /// The request line and the headers.
    pub head: String,
    pub body: Vec<u8>,
}

/// The collector; its thread ends with the test.
pub struct Collector {
    pub url: String,
    sent: Receiver<Sent>,
    /// Whether it hangs up on everybody.
    dead: Arc<AtomicBool>,
}

impl Collector {
    /// On a port that the system chooses.
    pub fn start() -> Self {
        Self::begin(false)
    }

    /// One that hangs up on everybody until it is revived. It keeps its port: another test might get that otherwise.
    pub fn dead() -> Self {
        Self::begin(true)
    }

    /// Has it take what it is sent.
    pub fn revive(&self) {
        self.dead.store(false, Ordering::SeqCst);
    }

    fn begin(dead: bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let dead = Arc::new(AtomicBool::new(dead));
        let hangs_up = Arc::clone(&dead);
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (told, sent) = channel();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let stream = stream.unwrap();
                if hangs_up.load(Ordering::SeqCst) {
                    continue;
                }
                if told.send(take(stream)).is_err() {
                    return;
                }
            }
        });
        Self { url, sent, dead }
    }

    /// The next request.
    pub fn next(&self) -> Sent {
        self.sent.recv_timeout(Duration::from_secs(20)).unwrap()
    }

    /// All that it has been sent so far.
    pub fn all(&self) -> Vec<Sent> {
        self.sent.try_iter().collect()
    }
}

/// Reads one request and says that all of it is taken.
fn take(mut stream: TcpStream) -> Sent {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        assert!(reader.read_line(&mut head).unwrap() > 0, "cut off: {head}");
    }
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length")
            .then(|| value.trim().parse().unwrap())
    });
    let mut body = vec![0; length.unwrap_or(0)];
    reader.read_exact(&mut body).unwrap();
    stream
        .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
        .unwrap();
    Sent { head, body }
}

impl Sent {
    /// What it says of whom.
    pub fn resource(&self) -> Resource {
        let request = ExportTraceServiceRequest::decode(&*self.body).unwrap();
        request.resource_spans[0].resource.clone().unwrap()
    }

    /// Its spans.
    pub fn spans(&self) -> Vec<Span> {
        let request = ExportTraceServiceRequest::decode(&*self.body).unwrap();
        let scopes = request
            .resource_spans
            .into_iter()
            .flat_map(|of| of.scope_spans);
        scopes.flat_map(|scope| scope.spans).collect()
    }
}

/// The value of an attribute, as text.
pub fn attribute(attributes: &[KeyValue], key: &str) -> Option<String> {
    let found = attributes.iter().find(|attribute| attribute.key == key)?;
    Some(match found.value.as_ref()?.value.as_ref()? {
        Value::StringValue(text) => text.clone(),
        Value::IntValue(number) => number.to_string(),
        Value::BoolValue(switch) => switch.to_string(),
        other => panic!("{other:?}"),
    })
}

/// Bytes as hex digits in lower case.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
