//! A name server on loopback that answers what a test wants, however hostile.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::net::UdpSocket;

pub const A: u16 = 1;
pub const AAAA: u16 = 28;

/// One record of an answer.
#[derive(Debug, Clone)]
pub enum Record {
    A(Ipv4Addr),
    Aaaa(Ipv6Addr),
    /// The name asked for is another name; records after this one belong to that.
    Cname(&'static str),
}

/// Addresses as records, those of the kind asked for.
pub fn addresses(kind: u16, addresses: &[&str]) -> Vec<Record> {
    let parsed = addresses.iter().map(|text| text.parse().unwrap());
    parsed
        .filter_map(|address| match address {
            std::net::IpAddr::V4(v4) => (kind == A).then_some(Record::A(v4)),
            std::net::IpAddr::V6(v6) => (kind == AAAA).then_some(Record::Aaaa(v6)),
        })
        .collect()
}

/// The running server and what it was asked.
pub struct Dns {
    pub address: SocketAddr,
    queries: Arc<Mutex<Vec<(String, u16)>>>,
}

impl Dns {
    /// Answers by `answer(name, kind, how often this was asked before)`; `None` is silence. No record lives longer than its answer:
    /// time to live 0.
    pub async fn start(
        answer: impl Fn(&str, u16, usize) -> Option<Vec<Record>> + Send + 'static,
    ) -> Self {
        Self::lasting(0, answer).await
    }

    /// As [`start`](Self::start), with records that live for so many seconds.
    pub async fn lasting(
        ttl: u32,
        answer: impl Fn(&str, u16, usize) -> Option<Vec<Record>> + Send + 'static,
    ) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap();
        let queries = Arc::new(Mutex::new(Vec::new()));
        let asked = queries.clone();
        tokio::spawn(async move {
            let mut packet = [0; 4096];
            while let Ok((length, from)) = socket.recv_from(&mut packet).await {
                let (name, kind, question) = question(&packet[..length]);
                let before = {
                    let mut asked = asked.lock();
                    let this = (name.clone(), kind);
                    asked.push(this.clone());
                    asked.iter().filter(|query| **query == this).count() - 1
                };
                if let Some(records) = answer(&name, kind, before) {
                    let reply = reply(&packet[..2], question, &records, ttl);
                    socket.send_to(&reply, from).await.unwrap();
                }
            }
        });
        Self { address, queries }
    }

    /// One that has these addresses for every name.
    pub async fn with(found: &'static [&'static str]) -> Self {
        Self::start(move |_, kind, _| Some(addresses(kind, found))).await
    }

    /// What was asked so far.
    pub fn queries(&self) -> Vec<(String, u16)> {
        self.queries.lock().clone()
    }
}

/// Name, kind and bytes of the question.
fn question(packet: &[u8]) -> (String, u16, &[u8]) {
    let (mut at, mut labels) = (12, Vec::new());
    while packet[at] != 0 {
        let end = at + 1 + usize::from(packet[at]);
        labels.push(String::from_utf8_lossy(&packet[at + 1..end]).to_lowercase());
        at = end;
    }
    let kind = u16::from_be_bytes([packet[at + 1], packet[at + 2]]);
    (labels.join("."), kind, &packet[12..at + 5])
}

fn reply(id: &[u8], question: &[u8], records: &[Record], ttl: u32) -> Vec<u8> {
    let mut reply = id.to_vec();
    // An answer, recursion available, no error; one question.
    reply.extend([0x81, 0x80, 0, 1]);
    reply.extend((records.len() as u16).to_be_bytes());
    reply.extend([0, 0, 0, 0]);
    reply.extend(question);
    // The name asked for, as a pointer to the question.
    let mut owner = vec![0xc0, 12];
    for record in records {
        reply.extend(&owner);
        let (kind, data) = match record {
            Record::A(address) => (A, address.octets().to_vec()),
            Record::Aaaa(address) => (AAAA, address.octets().to_vec()),
            Record::Cname(name) => (5, wire_name(name)),
        };
        reply.extend(kind.to_be_bytes());
        reply.extend([0, 1]);
        reply.extend(ttl.to_be_bytes());
        reply.extend((data.len() as u16).to_be_bytes());
        reply.extend(data);
        if let Record::Cname(name) = record {
            owner = wire_name(name);
        }
    }
    reply
}

fn wire_name(name: &str) -> Vec<u8> {
    let mut wire = Vec::new();
    for label in name.split('.') {
        wire.push(label.len() as u8);
        wire.extend(label.bytes());
    }
    wire.push(0);
    wire
}
