//! A collector of traces: a small HTTP server on loopback that keeps what it is sent.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
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
}

impl Collector {
    /// On a port that the system chooses.
    pub fn start() -> Self {
        Self::at("127.0.0.1:0".parse().unwrap())
    }

    /// On this port.
    pub fn at(address: SocketAddr) -> Self {
        let listener = TcpListener::bind(address).unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (told, sent) = channel();
        thread::spawn(move || {
            for stream in listener.incoming() {
                if told.send(take(stream.unwrap())).is_err() {
                    return;
                }
            }
        });
        Self { url, sent }
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
