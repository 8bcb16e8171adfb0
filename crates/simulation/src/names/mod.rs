//! A name server with a table.

mod message;

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::net::UdpSocket;
use tokio::task::JoinHandle;

/// Bytes of a query, at most.
const MAX_QUERY: usize = 512;

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
    /// Names that have one address after the other, the next one first.
    turns: BTreeMap<String, VecDeque<Ipv4Addr>>,
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
            turns: BTreeMap::new(),
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

    /// Answers each query for the addresses of a name with another one of these, in turn, and with no more than that one: as somebody
    /// does who wants what is dialled to be another address than what was judged.
    pub fn rebind(&self, name: &str, addresses: impl IntoIterator<Item = Ipv4Addr>) {
        let addresses = addresses.into_iter().collect();
        let mut state = self.state.lock();
        // What is in the table makes the name exist for queries of other types.
        state.table.insert(name.to_owned(), Vec::new());
        state.turns.insert(name.to_owned(), addresses);
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
            message::answer(query, &mut state)
        });
        if let Some(answer) = answer {
            // Whoever does not take the answer asks again.
            let _ = socket.send_to(&answer, from).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::message::tests::query;
    use super::*;

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
        let (one, two) = (Ipv4Addr::new(192, 0, 2, 1), Ipv4Addr::new(192, 0, 2, 2));
        names.rebind("e.example", [one, two]);
        assert_eq!(ask(&names, "e.example", 28).await[7], 0);
        for address in [one, two, one] {
            let answer = ask(&names, "e.example", 1).await;
            assert!(answer[7] == 1 && answer.ends_with(&address.octets()));
        }
        let asked = ["a.example", "b.example", "c.example", "d.example"];
        assert_eq!(asked.map(|name| names.asked(name)), [1, 1, 3, 0]);
    }
}
