//! A node, its requests, and a server that answers as it is told.

use std::collections::HashSet;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use base64::Engine;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use http::{HeaderMap, HeaderValue, header};
use parking_lot::Mutex;
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use stentor_auth::config::Config;
use stentor_auth::nip98::{BoxFuture, HttpAuthError, ReplayGuard, Token};
use stentor_auth::{
    AuthFailure, Authenticator, Category, Minted, NewKey, Parts, Place, Principal, RequestHead,
    Scopes,
};
use stentor_event::Timestamp;
use stentor_net::dial::Dialer;
use stentor_sql::testing::House;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

pub const NOW: Timestamp = Timestamp(1_700_000_000);
pub const CLIENT: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));

pub fn later(seconds: u64) -> Timestamp {
    Timestamp(NOW.0 + seconds)
}

/// A guard in memory.
#[derive(Default)]
pub struct Used(Mutex<HashSet<[u8; 32]>>);

impl ReplayGuard for Used {
    fn use_up<'a>(
        &'a self,
        token: &'a Token,
        _: Timestamp,
    ) -> BoxFuture<'a, Result<(), HttpAuthError>> {
        let is_new = self.0.lock().insert(token.id().0);
        Box::pin(async move { is_new.then_some(()).ok_or(HttpAuthError::Used) })
    }
}

/// A node with this configuration, and secrets in this folder of the house.
pub async fn node_with(
    house: &House,
    config: Value,
    secrets: &str,
    now: Timestamp,
) -> Authenticator {
    let parts = Parts {
        config: serde_json::from_value::<Config>(config).unwrap(),
        records: house.open().await,
        dialer: Dialer::new(&stentor_net::dial::Config::default()).unwrap(),
        secrets: house.folder().join(secrets),
        replay: Arc::new(Used::default()),
    };
    Authenticator::open(parts, now).await.unwrap()
}

pub async fn node(house: &House) -> Authenticator {
    node_with(house, json!({}), "secrets", NOW).await
}

pub fn scopes(text: &str) -> Scopes {
    text.parse().unwrap()
}

pub async fn key(node: &Authenticator, now: Timestamp) -> Minted {
    let new = NewKey {
        name: "test".into(),
        scopes: scopes("events:nostr:read events:jobs:read:own"),
        ..NewKey::default()
    };
    node.registry().mint(new, now).await.unwrap()
}

/// Makes a request with this `Authorization`.
pub async fn ask(
    node: &Authenticator,
    authorization: &str,
    now: Timestamp,
) -> Result<Principal, AuthFailure> {
    let mut headers = HeaderMap::new();
    if !authorization.is_empty() {
        headers.insert(
            header::AUTHORIZATION,
            HeaderValue::from_str(authorization).unwrap(),
        );
    }
    let urls = ["wss://relay.example.com".to_owned()];
    let place = Place {
        public_urls: &urls,
        local: None,
    };
    let head = RequestHead {
        method: "GET",
        path_and_query: "/api/v1/events?types=nostr",
        headers: &headers,
        place,
        body: &[],
        client: CLIENT,
    };
    node.authenticate(&head, now).await
}

pub async fn bearer(
    node: &Authenticator,
    token: &str,
    now: Timestamp,
) -> Result<Principal, AuthFailure> {
    ask(node, &format!("Bearer {token}"), now).await
}

pub async fn with(
    node: &Authenticator,
    secret: &SecretString,
    now: Timestamp,
) -> Result<Principal, AuthFailure> {
    bearer(node, secret.expose_secret(), now).await
}

/// The category of a refusal.
pub fn refused<T: std::fmt::Debug>(outcome: Result<T, AuthFailure>) -> Category {
    match outcome {
        Err(AuthFailure::Invalid { category, .. }) => category,
        other => panic!("{other:?}"),
    }
}

pub fn is_unavailable<T>(outcome: &Result<T, AuthFailure>) -> bool {
    matches!(outcome, Err(AuthFailure::Unavailable { .. }))
}

/// A server that gives every request the answer that it was last told, and remembers the requests.
#[derive(Clone)]
pub struct Server {
    pub address: SocketAddr,
    answer: Arc<Mutex<(u16, String)>>,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Server {
    pub async fn start(status: u16, body: Value) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = Self {
            address: listener.local_addr().unwrap(),
            answer: Arc::new(Mutex::new((status, body.to_string()))),
            requests: Arc::default(),
        };
        let own = server.clone();
        tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let own = own.clone();
                tokio::spawn(async move {
                    let request = read(&mut stream).await;
                    own.requests.lock().push(request);
                    let (status, body) = own.answer.lock().clone();
                    let length = body.len();
                    let answer =
                        format!("HTTP/1.1 {status} X\r\ncontent-length: {length}\r\n\r\n{body}");
                    let _ = stream.write_all(answer.as_bytes()).await;
                });
            }
        });
        server
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub fn tell(&self, status: u16, body: Value) {
        *self.answer.lock() = (status, body.to_string());
    }

    pub fn requests(&self) -> Vec<String> {
        self.requests.lock().clone()
    }
}

/// Reads a request with its body.
async fn read(stream: &mut tokio::net::TcpStream) -> String {
    let mut read = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&read).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| {
                line.to_lowercase()
                    .strip_prefix("content-length: ")?
                    .parse()
                    .ok()
            });
            if body.len() >= length.unwrap_or(0) {
                return text;
            }
        }
        if stream.read_buf(&mut read).await.unwrap() == 0 {
            return text;
        }
    }
}

pub fn base64url(bytes: &[u8]) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

/// The key of an issuer elsewhere: one of RSA that was made for these tests (ring makes none) and is used nowhere else.
pub struct Elsewhere(RsaKeyPair);

impl Elsewhere {
    pub fn new() -> Self {
        let text = include_str!("rsa-test-key.txt").replace('\n', "");
        Self(RsaKeyPair::from_pkcs8(&BASE64_STANDARD.decode(text).unwrap()).unwrap())
    }

    pub fn jwks(&self, kid: &str) -> Value {
        let parts: ring::rsa::PublicKeyComponents<Vec<u8>> = self.0.public().into();
        let (n, e) = (base64url(&parts.n), base64url(&parts.e));
        json!({"keys": [{"kty": "RSA", "kid": kid, "n": n, "e": e}]})
    }

    pub fn token(&self, kid: &str, claims: &Value) -> String {
        let head = json!({"alg": "RS256", "kid": kid, "typ": "JWT"});
        let part = |value: &Value| base64url(value.to_string().as_bytes());
        let message = format!("{}.{}", part(&head), part(claims));
        let mut signature = vec![0; self.0.public().modulus_len()];
        self.0
            .sign(
                &RSA_PKCS1_SHA256,
                &SystemRandom::new(),
                message.as_bytes(),
                &mut signature,
            )
            .unwrap();
        format!("{message}.{}", base64url(&signature))
    }
}
