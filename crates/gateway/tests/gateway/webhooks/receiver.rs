//! A receiver of webhooks, as obliging or hostile as a test wants it.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use stentor_gateway::webhook::signature::Key;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::harness::PATIENCE;

/// What it answers.
#[derive(Debug, Clone)]
pub enum Reply {
    /// With this status, header line and body.
    Status(u16, &'static str, String),
    /// Never.
    Nothing,
    /// 200, and a body without end.
    Endless,
    /// With this status, after this long.
    Late(u16, Duration),
}

/// 200.
pub fn fine() -> Reply {
    status(200)
}

pub fn status(status: u16) -> Reply {
    Reply::Status(status, "", "answered".into())
}

/// A message that has come.
#[derive(Debug, Clone)]
pub struct Hit {
    pub headers: HashMap<String, String>,
    pub body: String,
}

impl Hit {
    pub fn id(&self) -> &str {
        &self.headers["webhook-id"]
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    /// The content of the event of Nostr in it.
    pub fn content(&self) -> String {
        self.json()["data"]["content"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    }

    pub fn kind(&self) -> String {
        self.json()["type"].as_str().unwrap().to_owned()
    }

    /// Which of the signatures are by this secret.
    pub fn signed_by(&self, secret: &str) -> Vec<bool> {
        let key = Key::parse(secret).unwrap();
        let timestamp = self.headers["webhook-timestamp"].parse().unwrap();
        let own = key
            .sign(self.id(), timestamp, self.body.as_bytes())
            .unwrap();
        let all = self.headers["webhook-signature"].split(' ');
        all.map(|signature| signature == own).collect()
    }
}

/// The receiver.
pub struct Receiver {
    pub address: SocketAddr,
    hits: mpsc::UnboundedReceiver<Hit>,
    _tasks: JoinSet<()>,
}

impl Receiver {
    /// Answers what `reply` says of a message.
    pub async fn new(reply: impl Fn(&Hit) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (told, hits) = mpsc::unbounded_channel();
        let reply = Arc::new(reply);
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let (socket, _) = listener.accept().await.unwrap();
                let (told, reply) = (told.clone(), Arc::clone(&reply));
                connections.spawn(async move { serve(socket, &told, &*reply).await });
                while connections.try_join_next().is_some() {}
            }
        });
        Self {
            address,
            hits,
            _tasks: tasks,
        }
    }

    pub async fn obliging() -> Self {
        Self::new(|_| fine()).await
    }

    pub fn url(&self) -> String {
        format!("http://{}/hook?a=b", self.address)
    }

    /// The next message.
    pub async fn next(&mut self) -> Hit {
        let next = timeout(PATIENCE, self.hits.recv()).await;
        next.expect("in time").unwrap()
    }

    /// The contents of the next messages, in no order.
    pub async fn contents(&mut self, count: usize) -> Vec<String> {
        let mut contents = Vec::new();
        for _ in 0..count {
            contents.push(self.next().await.content());
        }
        contents.sort_unstable();
        contents
    }

    /// Whether nothing has come up to now.
    pub fn is_idle(&mut self) -> bool {
        self.hits.try_recv().is_err()
    }
}

async fn serve(
    socket: TcpStream,
    told: &mpsc::UnboundedSender<Hit>,
    reply: &(impl Fn(&Hit) -> Reply + ?Sized),
) {
    let mut socket = BufReader::new(socket);
    let Some(hit) = read(&mut socket).await else {
        return;
    };
    let answer = reply(&hit);
    let _ = told.send(hit);
    match answer {
        Reply::Nothing => std::future::pending().await,
        Reply::Late(status, wait) => {
            tokio::time::sleep(wait).await;
            let head = format!("HTTP/1.1 {status} X\r\ncontent-length: 0\r\n\r\n");
            let _ = socket.write_all(head.as_bytes()).await;
        }
        Reply::Endless => {
            let _ = socket.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await;
            while socket.write_all(&[b'x'; 4_096]).await.is_ok() {}
        }
        Reply::Status(status, header, body) => {
            let head = format!(
                "HTTP/1.1 {status} X\r\n{header}content-length: {}\r\n\r\n{body}",
                body.len()
            );
            let _ = socket.write_all(head.as_bytes()).await;
        }
    }
    let _ = socket.shutdown().await;
}

async fn read(socket: &mut BufReader<TcpStream>) -> Option<Hit> {
    let mut line = String::new();
    let read = socket.read_line(&mut line).await.ok()?;
    if read == 0 {
        return None;
    }
    assert!(line.starts_with("POST /hook?a=b HTTP/1.1"), "{line}");
    let mut headers = HashMap::new();
    loop {
        let mut line = String::new();
        socket.read_line(&mut line).await.ok()?;
        let Some((name, value)) = line.trim_end().split_once(": ") else {
            break;
        };
        headers.insert(name.to_lowercase(), value.to_owned());
    }
    let length: usize = headers.get("content-length")?.parse().ok()?;
    let mut body = vec![0; length];
    socket.read_exact(&mut body).await.ok()?;
    Some(Hit {
        headers,
        body: String::from_utf8(body).unwrap(),
    })
}
