//! A relay that says to each message what a test has it say.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::{SinkExt, StreamExt};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio_tungstenite::accept_async;
use tokio_tungstenite::tungstenite::Message;

/// What is answered to a message: it may have no end.
pub type Words = Box<dyn Iterator<Item = String> + Send>;

/// Starts one; `answer` is given the number of the connection, from 0, and the message. Returns its URL.
pub async fn scripted(answer: impl Fn(usize, &Value) -> Words + Send + Sync + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("ws://{}", listener.local_addr().unwrap());
    let (answer, connections) = (Arc::new(answer), AtomicUsize::new(0));
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            // Anything but a WebSocket, such as the question for its document, has no answer.
            let Ok(mut socket) = accept_async(stream).await else {
                continue;
            };
            let (answer, number) = (
                Arc::clone(&answer),
                connections.fetch_add(1, Ordering::SeqCst),
            );
            tokio::spawn(async move {
                while let Some(Ok(message)) = socket.next().await {
                    let Message::Text(words) = message else {
                        continue;
                    };
                    let words: Value = serde_json::from_str(&words).unwrap();
                    for said in answer(number, &words) {
                        if socket.send(Message::text(said)).await.is_err() {
                            return;
                        }
                    }
                }
            });
        }
    });
    url
}
