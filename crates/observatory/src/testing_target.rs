//! A relay that is sent events, for tests: it answers as it is told to, and shows what it was sent.

use std::sync::Arc;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio_tungstenite::accept_async;
use tokio_tungstenite::tungstenite::Message;

use crate::relay_url::RelayUrl;

/// How long a test waits for what must come.
const PATIENCE: Duration = Duration::from_secs(20);

/// Answers a message.
type Answer = dyn Fn(&Value) -> Vec<Value> + Send + Sync;

/// The relay.
pub(crate) struct Target {
    /// Its URL.
    pub url: RelayUrl,
    messages: mpsc::UnboundedReceiver<Value>,
}

impl Target {
    /// One that answers each message by this.
    pub async fn new(answer: impl Fn(&Value) -> Vec<Value> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let url = RelayUrl::parse(&format!("ws://{address}")).unwrap();
        let (sender, messages) = mpsc::unbounded_channel();
        let answer: Arc<Answer> = Arc::new(answer);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&answer), sender.clone()));
            }
        });
        Self { url, messages }
    }

    /// One that takes every event.
    pub async fn taking() -> Self {
        Self::new(|message| vec![ok(message, true, "")]).await
    }

    /// The next message of this verb; its second element.
    pub async fn next(&mut self, verb: &str) -> Value {
        loop {
            let message = tokio::time::timeout(PATIENCE, self.messages.recv()).await;
            let mut message = message.expect(verb).unwrap();
            if message[0] == verb {
                return message[1].take();
            }
        }
    }
}

async fn serve(stream: TcpStream, answer: Arc<Answer>, sender: mpsc::UnboundedSender<Value>) {
    let Ok(mut socket) = accept_async(stream).await else {
        return;
    };
    while let Some(Ok(message)) = socket.next().await {
        let Message::Text(text) = message else {
            continue;
        };
        let message: Value = serde_json::from_str(&text).unwrap();
        for answer in answer(&message) {
            if socket
                .send(Message::text(answer.to_string()))
                .await
                .is_err()
            {
                return;
            }
        }
        let _ = sender.send(message);
    }
}

/// The answer to an event.
pub(crate) fn ok(message: &Value, accepted: bool, reason: &str) -> Value {
    json!(["OK", message[1]["id"], accepted, reason])
}
