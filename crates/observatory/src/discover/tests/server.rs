//! Servers on loopback: relays with a script, and what is no relay.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{WebSocketStream, accept_async};

/// A server; its address, and how many connections it has had.
pub async fn serve<F: Future<Output = ()> + Send + 'static>(
    script: impl Fn(TcpStream) -> F + Send + 'static,
) -> (std::net::SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let count = Arc::new(AtomicUsize::new(0));
    let counted = count.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            counted.fetch_add(1, Ordering::Relaxed);
            tokio::spawn(script(stream));
        }
    });
    (address, count)
}

/// A relay that answers each request by these messages, in which `SUB` stands for the subscription. With `greeting` it speaks first.
pub async fn relay(greeting: Option<Value>, answers: Vec<Value>) -> String {
    let script = Arc::new((greeting, answers));
    let (address, _) = serve(move |stream| {
        let script = script.clone();
        async move {
            let Ok(mut socket) = accept_async(stream).await else {
                return;
            };
            let (greeting, answers) = &*script;
            if let Some(greeting) = greeting {
                send(&mut socket, greeting).await;
            }
            while let Some(Ok(message)) = socket.next().await {
                let Ok(Value::Array(request)) =
                    serde_json::from_str(&message.into_text().unwrap_or_default())
                else {
                    continue;
                };
                if request.first() != Some(&json!("REQ")) {
                    continue;
                }
                for answer in answers {
                    let text = answer
                        .to_string()
                        .replace("SUB", request[1].as_str().unwrap());
                    send(&mut socket, &serde_json::from_str(&text).unwrap()).await;
                }
            }
        }
    })
    .await;
    format!("ws://{address}/")
}

/// A relay that has nothing.
pub async fn empty_relay() -> String {
    relay(None, vec![json!(["EOSE", "SUB"])]).await
}

async fn send(socket: &mut WebSocketStream<TcpStream>, message: &Value) {
    // Who is gone needs no answer.
    let _ = socket.send(Message::text(message.to_string())).await;
}

/// A server of HTTP that answers each request by what `answer` makes of its head.
pub async fn http(
    answer: impl Fn(&str) -> String + Send + Sync + 'static,
) -> (std::net::SocketAddr, Arc<AtomicUsize>) {
    let answer = Arc::new(answer);
    serve(move |mut stream| {
        let answer = answer.clone();
        async move {
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                match stream.read_u8().await {
                    Ok(byte) if head.len() < 10_000 => head.push(byte),
                    _ => return,
                }
            }
            let answer = answer(&String::from_utf8_lossy(&head));
            let _ = stream.write_all(answer.as_bytes()).await;
            let _ = stream.shutdown().await;
        }
    })
    .await
}

/// An answer with these headers, each with its line end, and a body.
pub fn answer(status: &str, headers: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "HTTP/1.1 {status}\r\n{headers}Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    )
}
