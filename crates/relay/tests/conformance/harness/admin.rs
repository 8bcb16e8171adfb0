//! A client of NIP-86, made from the text of the NIPs alone: JSON over HTTP, signed with NIP-98.

use std::sync::atomic::{AtomicU64, Ordering};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use ring::digest::{SHA256, digest};
use serde_json::{Value, json};
use stentor_event::{Event, SecretKey};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::{Node, PATIENCE, event, now, text};

static TOKENS: AtomicU64 = AtomicU64::new(0);

/// An HTTP answer.
#[derive(Debug)]
pub struct Answered {
    pub status: u16,
    pub head: String,
    pub body: Value,
}

/// The event of NIP-98 for a request; no two are the same, as each is good once.
pub fn http_auth(key: &SecretKey, url: &str, method: &str, body: &str, at: u64) -> Event {
    let hash = digest(&SHA256, body.as_bytes());
    let hash: String = hash
        .as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    event(27_235, at)
        .tag(["u", url])
        .tag(["method", method])
        .tag(["payload", &hash])
        .tag(["nonce", &TOKENS.fetch_add(1, Ordering::Relaxed).to_string()])
        .sign(key)
}

impl Node {
    /// Calls a method as NIP-86 says: the answer's status, and its body.
    pub async fn call(&self, key: &SecretKey, method: &str, params: Value) -> Answered {
        let body = json!({ "method": method, "params": params }).to_string();
        let token = http_auth(key, &self.url(), "POST", &body, now());
        self.post(Some(&token), &body).await
    }

    /// The result of a call that must succeed.
    pub async fn manage(&self, key: &SecretKey, method: &str, params: Value) -> Value {
        let answered = self.call(key, method, params).await;
        assert_eq!(answered.status, 200, "{method}: {answered:?}");
        assert!(
            answered.body.get("error").is_none(),
            "{method}: {answered:?}"
        );
        answered.body["result"].clone()
    }

    /// Posts a body with this token.
    pub async fn post(&self, token: Option<&Event>, body: &str) -> Answered {
        let token = token.map(|token| {
            let encoded = BASE64_STANDARD.encode(text(token));
            format!("authorization: Nostr {encoded}\r\n")
        });
        let head = format!(
            "POST / HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n{}content-type: application/nostr+json+rpc\r\ncontent-length: {}\r\n\r\n",
            self.address,
            token.unwrap_or_default(),
            body.len()
        );
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream
            .write_all(format!("{head}{body}").as_bytes())
            .await
            .unwrap();
        let mut answer = Vec::new();
        timeout(PATIENCE, stream.read_to_end(&mut answer))
            .await
            .unwrap()
            .unwrap();
        let answer = String::from_utf8(answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        Answered {
            status: head.split(' ').nth(1).unwrap().parse().unwrap(),
            head: head.to_owned(),
            body: serde_json::from_str(body).unwrap_or(Value::Null),
        }
    }
}
