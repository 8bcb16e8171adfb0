//! Small relays: a listener, an answer to HTTP, and a script for each WebSocket.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{WebSocketStream, accept_async};

type Script = dyn Fn(Conn) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync;

/// A relay that runs until the test ends.
pub(super) struct Server {
    /// Its URL.
    pub url: String,
    sockets: Arc<AtomicUsize>,
}

impl Server {
    /// How many WebSockets there have been.
    pub fn sockets(&self) -> usize {
        self.sockets.load(Ordering::SeqCst)
    }
}

/// The relay's end of a WebSocket.
pub(super) struct Conn {
    socket: WebSocketStream<TcpStream>,
    /// The number of this connection, from 0 on.
    pub number: usize,
}

impl Conn {
    pub async fn next(&mut self) -> Option<Value> {
        loop {
            match self.socket.next().await? {
                Ok(Message::Text(text)) => return serde_json::from_str(&text).ok(),
                Ok(Message::Close(_)) | Err(_) => return None,
                Ok(_) => {}
            }
        }
    }

    /// Says something, whether or not anybody is there.
    pub async fn say(&mut self, message: Value) {
        let _ = self.socket.send(Message::text(message.to_string())).await;
    }

    /// Answers each REQ by what `answer` makes of its number, and each EVENT by this verdict.
    pub async fn serve(mut self, answer: Value, ok: (bool, &str)) {
        while let Some(message) = self.next().await {
            match message[0].as_str() {
                Some("REQ") => {
                    let mut answer = answer.clone();
                    answer[1] = message[1].clone();
                    self.say(answer).await;
                }
                Some("EVENT") => {
                    let id = &message[1]["id"];
                    self.say(json!(["OK", id, ok.0, ok.1])).await;
                }
                _ => {}
            }
        }
    }
}

/// A server that does this with each connection.
pub(super) async fn raw<F>(serve: impl Fn(TcpStream, usize) -> F + Send + 'static) -> Server
where
    F: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("ws://{}/", listener.local_addr().unwrap());
    let sockets = Arc::new(AtomicUsize::new(0));
    let counter = sockets.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream, counter.fetch_add(1, Ordering::SeqCst)));
        }
    });
    Server { url, sockets }
}

/// A relay that answers HTTP with this (status line, headers and body), and plays this script on each WebSocket.
pub(super) async fn relay<F>(
    http: &'static str,
    script: impl Fn(Conn) -> F + Send + Sync + 'static,
) -> Server
where
    F: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("ws://{}/", listener.local_addr().unwrap());
    let sockets = Arc::new(AtomicUsize::new(0));
    let counter = sockets.clone();
    let script: Arc<Script> = Arc::new(move |conn| Box::pin(script(conn)));
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(one(stream, http, counter.clone(), script.clone()));
        }
    });
    Server { url, sockets }
}

async fn one(
    mut stream: TcpStream,
    http: &'static str,
    counter: Arc<AtomicUsize>,
    script: Arc<Script>,
) {
    if is_upgrade(&stream).await {
        let number = counter.fetch_add(1, Ordering::SeqCst);
        if let Ok(socket) = accept_async(stream).await {
            script(Conn { socket, number }).await;
        }
        return;
    }
    let mut head = [0; 4_096];
    let _ = stream.read(&mut head).await;
    let _ = stream.write_all(http.as_bytes()).await;
    let _ = stream.shutdown().await;
}

/// Whether the request is for a WebSocket, without taking it. Its head comes in one piece over loopback.
async fn is_upgrade(stream: &TcpStream) -> bool {
    let mut head = [0; 4_096];
    let length = stream.peek(&mut head).await.unwrap_or(0);
    let head = String::from_utf8_lossy(&head[..length]).to_lowercase();
    head.contains("upgrade: websocket")
}

/// An answer without a document.
pub(super) const NO_DOCUMENT: &str =
    "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";

/// An answer with a document.
pub(super) const DOCUMENT: &str = "HTTP/1.1 200 OK\r\nServer: test/1\r\nContent-Type: application/nostr+json\r\nConnection: close\r\n\r\n\
    {\"name\":\"small\",\"software\":\"test\",\"version\":\"1\",\"supported_nips\":[1,11,77],\"limitation\":{\"payment_required\":false}}";

/// A relay that does everything well.
pub(super) async fn good() -> Server {
    relay(DOCUMENT, |conn| conn.serve(json!(["EOSE", ""]), (true, ""))).await
}

/// The URL of a port that nobody listens at.
pub(super) async fn nobody() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    format!("ws://{}/", listener.local_addr().unwrap())
}
