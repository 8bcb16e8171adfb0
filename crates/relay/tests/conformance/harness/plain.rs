//! A relay that knows NIP-01 and nothing else, and that sends fewer events than it has without a word.

use std::sync::Arc;

use futures_util::{SinkExt, StreamExt};
use parking_lot::Mutex;
use serde_json::{Value, json};
use stentor_event::{Event, Filter};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::accept_async;
use tokio_tungstenite::tungstenite::Message;

use super::text;

/// The relay.
pub struct PlainRelay {
    pub url: String,
    pub events: Arc<Mutex<Vec<Event>>>,
    /// Every event that was published, again for each time.
    pub published: Arc<Mutex<Vec<Event>>>,
}

impl PlainRelay {
    /// A relay with these events that sends at most `cap` for a REQ.
    pub async fn start(events: Vec<Event>, cap: usize) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let relay = Self {
            url: format!("ws://{}", listener.local_addr().unwrap()),
            events: Arc::new(Mutex::new(events)),
            published: Arc::default(),
        };
        let (events, published) = (Arc::clone(&relay.events), Arc::clone(&relay.published));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (events, published) = (Arc::clone(&events), Arc::clone(&published));
                tokio::spawn(serve(stream, events, published, cap));
            }
        });
        relay
    }
}

async fn serve(
    stream: TcpStream,
    events: Arc<Mutex<Vec<Event>>>,
    published: Arc<Mutex<Vec<Event>>>,
    cap: usize,
) {
    // Anything but a WebSocket, such as the question for its document, has no answer.
    let Ok(mut socket) = accept_async(stream).await else {
        return;
    };
    while let Some(Ok(message)) = socket.next().await {
        let Message::Text(words) = message else {
            continue;
        };
        let words: Value = serde_json::from_str(&words).unwrap();
        let answers = match words[0].as_str().unwrap() {
            "REQ" => stored(&events.lock(), &words, cap),
            "EVENT" => {
                let event = Event::parse(words[1].to_string().as_bytes()).unwrap();
                let answer = json!(["OK", event.id().to_string(), true, ""]);
                published.lock().push(event.clone());
                events.lock().push(event);
                vec![answer.to_string()]
            }
            "CLOSE" => Vec::new(),
            _ => vec![json!(["NOTICE", "ERROR: bad msg: unknown cmd"]).to_string()],
        };
        for answer in answers {
            if socket.send(Message::text(answer)).await.is_err() {
                return;
            }
        }
    }
}

fn stored(events: &[Event], words: &Value, cap: usize) -> Vec<String> {
    let filter = Filter::parse(words[2].to_string().as_bytes()).unwrap();
    let mut found: Vec<&Event> = events
        .iter()
        .filter(|event| filter.matches(&event.view()))
        .collect();
    found.sort_by_key(|event| (std::cmp::Reverse(event.created_at()), event.id()));
    let most = filter.limit.map_or(cap, |limit| cap.min(limit as usize));
    let sub = &words[1];
    let sent = found.into_iter().take(most);
    let mut answers: Vec<String> = sent
        .map(|event| format!("[\"EVENT\",{sub},{}]", text(event)))
        .collect();
    answers.push(json!(["EOSE", sub]).to_string());
    answers
}
