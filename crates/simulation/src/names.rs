//! A name server with a table.

use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::net::UdpSocket;
use tokio::task::JoinHandle;

/// Seconds for which answers hold.
const TTL: u32 = 60;
/// Bytes of a query, at most.
const MAX_QUERY: usize = 512;
/// Names that are counted, at most; queries for others are answered and not counted.
const MAX_NAMES: usize = 100_000;
/// Names that an alias leads over, at most.
const MAX_ALIASES: usize = 8;
/// Bytes of the header of a message (RFC 1035).
const HEADER: usize = 12;

/// What a name has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Record {
    /// An IPv4 address.
    A(Ipv4Addr),
    /// An IPv6 address.
    Aaaa(Ipv6Addr),
    /// Another name.
    Cname(String),
}

type Table = BTreeMap<String, Vec<Record>>;

/// Answers queries (RFC 1035) over UDP from a table; names that are not in it do not exist. Ends when dropped.
#[derive(Debug)]
pub struct Names {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
    task: JoinHandle<()>,
}

#[derive(Debug)]
struct State {
    table: Table,
    asked: BTreeMap<String, u64>,
}

impl Names {
    /// Listens on a free port of 127.0.0.1. Names are in lower case, without a dot at the end; a name may come many times.
    ///
    /// # Errors
    /// When there is no port.
    pub async fn start<S: Into<String>>(
        table: impl IntoIterator<Item = (S, Record)>,
    ) -> io::Result<Self> {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = socket.local_addr()?;
        let mut by_name = Table::new();
        for (name, record) in table {
            by_name.entry(name.into()).or_default().push(record);
        }
        let state = Arc::new(Mutex::new(State {
            table: by_name,
            asked: BTreeMap::new(),
        }));
        let task = tokio::spawn(serve(socket, state.clone()));
        Ok(Self {
            address,
            state,
            task,
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// How many queries there were for a name, of whatever type.
    pub fn asked(&self, name: &str) -> u64 {
        self.state.lock().asked.get(name).copied().unwrap_or(0)
    }

    /// Puts other records in the place of those that a name has.
    pub fn change(&self, name: &str, records: impl IntoIterator<Item = Record>) {
        let records = records.into_iter().collect();
        self.state.lock().table.insert(name.to_owned(), records);
    }
}

impl Drop for Names {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(socket: UdpSocket, state: Arc<Mutex<State>>) {
    let mut buffer = [0; MAX_QUERY];
    while let Ok((length, from)) = socket.recv_from(&mut buffer).await {
        let answer = buffer.get(..length).and_then(|query| {
            let mut state = state.lock();
            answer(query, &mut state)
        });
        if let Some(answer) = answer {
            // Whoever does not take the answer asks again.
            let _ = socket.send_to(&answer, from).await;
        }
    }
}

/// The answer to a query with one question; `None` when it is none.
fn answer(query: &[u8], state: &mut State) -> Option<Vec<u8>> {
    let (name, end) = name_at(query, HEADER)?;
    let question = query.get(HEADER..end + 4)?;
    let wanted = u16::from_be_bytes(*query.get(end..)?.first_chunk()?);
    if state.asked.len() < MAX_NAMES || state.asked.contains_key(&name) {
        *state.asked.entry(name.clone()).or_default() += 1;
    }
    let found = look_up(&state.table, &name, wanted);
    // An answer (QR) with authority (AA); recursion desired as in the query, and available.
    let flags = [0x84 | (query.get(2)? & 1), 0x80];
    let code = if found.is_some() { 0 } else { 3 };
    let records = found.unwrap_or_default();
    let mut out = query.get(..2)?.to_vec();
    out.extend([flags[0], flags[1] | code, 0, 1]);
    out.extend(u16::try_from(records.len()).ok()?.to_be_bytes());
    out.extend([0; 4]);
    out.extend_from_slice(question);
    for (owner, record) in records {
        write(&mut out, &owner, &record)?;
    }
    Some(out)
}

/// The records of a type, after the aliases that lead to them; `None` when there is no such name.
fn look_up(table: &Table, name: &str, wanted: u16) -> Option<Vec<(String, Record)>> {
    let mut found = Vec::new();
    let mut name = name.to_owned();
    let mut records = table.get(&name)?;
    for _ in 0..MAX_ALIASES {
        let right = records.iter().filter(|record| record.code() == wanted);
        found.extend(right.map(|record| (name.clone(), record.clone())));
        let alias = records.iter().find_map(|record| match record {
            Record::Cname(target) if wanted != record.code() => Some(target.clone()),
            _ => None,
        });
        let Some(target) = alias else { break };
        found.push((name, Record::Cname(target.clone())));
        let Some(next) = table.get(&target) else {
            break;
        };
        (name, records) = (target, next);
    }
    Some(found)
}

impl Record {
    /// The number of its type.
    const fn code(&self) -> u16 {
        match self {
            Self::A(_) => 1,
            Self::Cname(_) => 5,
            Self::Aaaa(_) => 28,
        }
    }

    fn data(&self) -> Option<Vec<u8>> {
        match self {
            Self::A(address) => Some(address.octets().to_vec()),
            Self::Aaaa(address) => Some(address.octets().to_vec()),
            Self::Cname(target) => labels(target),
        }
    }
}

fn write(out: &mut Vec<u8>, owner: &str, record: &Record) -> Option<()> {
    let data = record.data()?;
    out.extend(labels(owner)?);
    out.extend(record.code().to_be_bytes());
    // Internet.
    out.extend([0, 1]);
    out.extend(TTL.to_be_bytes());
    out.extend(u16::try_from(data.len()).ok()?.to_be_bytes());
    out.extend(data);
    Some(())
}

/// The name that begins at a place, in lower case, and where it ends. Queries have no compressed names.
fn name_at(message: &[u8], mut at: usize) -> Option<(String, usize)> {
    let mut name = String::new();
    loop {
        let length = usize::from(*message.get(at)?);
        at += 1;
        if length == 0 {
            return Some((name, at));
        }
        if length > 63 {
            return None;
        }
        let label = std::str::from_utf8(message.get(at..at + length)?).ok()?;
        at += length;
        if !name.is_empty() {
            name.push('.');
        }
        name.push_str(&label.to_ascii_lowercase());
    }
}

fn labels(name: &str) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(name.len() + 2);
    for label in name.split('.').filter(|label| !label.is_empty()) {
        out.push(
            u8::try_from(label.len())
                .ok()
                .filter(|length| *length < 64)?,
        );
        out.extend_from_slice(label.as_bytes());
    }
    out.push(0);
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(name: &str, wanted: u16) -> Vec<u8> {
        let mut query = vec![7, 9, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
        query.extend(labels(name).unwrap());
        query.extend(wanted.to_be_bytes());
        query.extend([0, 1]);
        query
    }

    async fn ask(names: &Names, name: &str, wanted: u16) -> Vec<u8> {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let query = query(name, wanted);
        socket.send_to(&query, names.address()).await.unwrap();
        let mut answer = vec![0; 512];
        let length = socket.recv(&mut answer).await.unwrap();
        answer.truncate(length);
        assert_eq!(answer[..2], query[..2]);
        answer
    }

    #[tokio::test]
    async fn names_are_answered_from_the_table_and_counted() {
        let names = Names::start([
            ("a.example", Record::A(Ipv4Addr::new(192, 0, 2, 7))),
            ("a.example", Record::Aaaa(Ipv6Addr::LOCALHOST)),
            ("b.example", Record::Cname("a.example".into())),
        ])
        .await
        .unwrap();
        let answer = ask(&names, "A.Example", 1).await;
        assert_eq!((answer[3] & 15, answer[7]), (0, 1));
        assert!(answer.ends_with(&[0, 4, 192, 0, 2, 7]));
        let aliased = ask(&names, "b.example", 1).await;
        assert_eq!((aliased[3] & 15, aliased[7]), (0, 2));
        assert!(aliased.ends_with(&[0, 4, 192, 0, 2, 7]));
        let unknown = ask(&names, "c.example", 1).await;
        assert_eq!((unknown[3] & 15, unknown[7]), (3, 0));
        names.change("c.example", [Record::A(Ipv4Addr::LOCALHOST)]);
        assert!(ask(&names, "c.example", 1).await.ends_with(&[127, 0, 0, 1]));
        let no_such_type = ask(&names, "c.example", 28).await;
        assert_eq!((no_such_type[3] & 15, no_such_type[7]), (0, 0));
        let asked = ["a.example", "b.example", "c.example", "d.example"];
        assert_eq!(asked.map(|name| names.asked(name)), [1, 1, 3, 0]);
    }

    #[test]
    fn what_is_no_query_is_not_answered() {
        let mut state = State {
            table: Table::new(),
            asked: BTreeMap::new(),
        };
        let whole = query("a.example", 1);
        for length in 0..whole.len() {
            let answered = answer(&whole[..length], &mut state);
            assert!(answered.is_none(), "{length}");
        }
        assert!(answer(&whole, &mut state).is_some());
        assert!(answer(&[0xff; 40], &mut state).is_none());
    }
}
