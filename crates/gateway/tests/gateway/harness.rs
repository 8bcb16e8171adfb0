//! A gateway to test, and a client of it that knows HTTP and event streams and nothing else.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use secrecy::ExposeSecret;
use serde_json::Value;
use stentor_auth::{Authenticator, NewKey, Scope, Scopes, Tenant, UsedTokens};
use stentor_bus::Bus;
use stentor_bus::jobs::Jobs;
use stentor_event::{Event, EventBuilder, Kind, PublicKey, SecretKey, Timestamp};
use stentor_gateway::webhook::{self, Clock};
use stentor_gateway::{Config, Gateway, Parts, Webhooks};
use stentor_net::dial::Dialer;
use stentor_serve::{
    ConnectionCaps, ConnectionLimits, Drain, Listener, ListenerSettings, ListeningSocket, Server,
    ServerConfig, bind, listen,
};
use stentor_sql::testing::House;
use stentor_store::memory::Store;
use stentor_store::{EventStore, Keep, Outcome, RelayScope, Submission};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout;

/// What should happen, happens within this.
pub const PATIENCE: Duration = Duration::from_secs(30);
/// When the tests begin, by their clock.
pub const NOW: u64 = 1_800_000_000;

/// The clock of all tests, as far as they move it: seconds after [`NOW`].
static MOVED: AtomicU64 = AtomicU64::new(0);

/// A gateway that serves.
pub struct Subject {
    pub address: SocketAddr,
    pub jobs: Jobs,
    pub auth: Arc<Authenticator>,
    pub store: Arc<dyn EventStore>,
    pub drain: Drain,
    pub bus: Bus,
    pub webhooks: Webhooks,
    pub clock: Clock,
    _tasks: JoinSet<()>,
    _secrets: TempDir,
}

pub fn clock() -> Timestamp {
    Timestamp(NOW + MOVED.load(Ordering::Relaxed))
}

/// An empty store.
pub fn store() -> Arc<dyn EventStore> {
    Arc::new(Store::new(Keep::Current, RelayScope::default()))
}

impl Subject {
    pub async fn new(house: &House) -> Self {
        Self::with(house, store(), Config::default()).await
    }

    pub async fn with(house: &House, store: Arc<dyn EventStore>, config: Config) -> Self {
        let auth = stentor_auth::config::Config::default();
        Self::at(house, store, config, auth).await
    }

    pub async fn at(
        house: &House,
        store: Arc<dyn EventStore>,
        config: Config,
        auth: stentor_auth::config::Config,
    ) -> Self {
        let dialer = Dialer::new(&stentor_net::dial::Config::default()).unwrap();
        Self::named("test", house, store, (config, auth), dialer).await
    }

    /// A node of this name, with what webhooks are sent by.
    pub async fn named(
        node: &str,
        house: &House,
        store: Arc<dyn EventStore>,
        (config, auth): (Config, stentor_auth::config::Config),
        dialer: Dialer,
    ) -> Self {
        let records = house.open().await;
        let bus = Bus::open(
            Arc::clone(&store),
            records.clone(),
            stentor_bus::Config::default(),
        )
        .await
        .unwrap();
        let jobs = Jobs::open(bus.clone(), node).await.unwrap();
        let secrets = tempfile::tempdir().unwrap();
        let parts = stentor_auth::Parts {
            config: auth,
            records: records.clone(),
            dialer: dialer.clone(),
            secrets: secrets.path().join("secrets"),
            replay: Arc::new(UsedTokens::new(records, 1_000)),
        };
        let auth = Arc::new(Authenticator::open(parts, clock()).await.unwrap());
        let hooks = webhook::Parts {
            config: config.webhooks.clone(),
            bus: bus.clone(),
            auth: Arc::clone(&auth),
            records: house.open().await,
            dialer,
            rules: Box::new(Arc::default),
            secrets: house.folder().join("secrets"),
            node: node.into(),
            clock: Clock::system(),
            time: clock,
        };
        let clock_of_hooks = hooks.clock.clone();
        let webhooks = Webhooks::open(hooks).await.unwrap();
        let gateway = Gateway::new(Parts {
            config,
            bus: bus.clone(),
            jobs: jobs.clone(),
            webhooks: Some(webhooks.clone()),
            auth: Arc::clone(&auth),
            rules: Box::new(Arc::default),
            urls: Vec::new(),
            clock,
        });
        let drain = Drain::new();
        let server = Server::http_only(
            gateway.routes(Vec::new()).unwrap(),
            ServerConfig::default(),
            ConnectionLimits::new(ConnectionCaps::default()),
            drain.clone(),
        );
        let socket = bind(&["127.0.0.1:0".parse().unwrap()]).unwrap().remove(0);
        let socket = ListeningSocket::Tcp(socket);
        let address = socket.local_addr().unwrap();
        let listener = Listener::new("test", ListenerSettings::default());
        let mut tasks = JoinSet::new();
        tasks.spawn(async move { drop(listen(server, socket, listener).await) });
        let running = bus.clone();
        tasks.spawn(async move { running.run().await });
        Self {
            address,
            jobs,
            auth,
            store,
            drain,
            bus,
            webhooks,
            clock: clock_of_hooks,
            _tasks: tasks,
            _secrets: secrets,
        }
    }

    /// A new API key of a tenant.
    pub async fn key(&self, tenant: &str, scopes: &[Scope]) -> Key {
        self.key_of(tenant, scopes, None, None).await
    }

    pub async fn key_of(
        &self,
        tenant: &str,
        scopes: &[Scope],
        nostr_key: Option<PublicKey>,
        expires_at: Option<Timestamp>,
    ) -> Key {
        let registry = self.auth.registry();
        let tenant: Tenant = tenant.parse().unwrap();
        if !registry.has_tenant(&tenant) {
            registry
                .create_tenant(tenant.clone(), clock())
                .await
                .unwrap();
        }
        let scopes = scopes.iter();
        let new = NewKey {
            name: "test".into(),
            tenant,
            scopes: scopes.fold(Scopes::NONE, |scopes, scope| scopes.with(*scope)),
            nostr_key,
            expires_at,
        };
        let minted = registry.mint(new, clock()).await.unwrap();
        Key {
            id: minted.key.id,
            text: minted.text.expose_secret().to_owned(),
        }
    }

    /// Stores events.
    pub async fn store(&self, events: &[&Event]) {
        for event in events {
            let submission = Submission {
                event: Event::clone(event),
                verified: true,
            };
            let outcomes = self.store.submit(vec![submission], clock()).await;
            let outcome = outcomes.unwrap().remove(0);
            assert!(matches!(outcome, Outcome::Stored(_)), "{outcome:?}");
        }
    }

    /// Makes a request, and reads the whole answer.
    pub async fn request(&self, method: &str, path: &str, key: Option<&Key>, body: &str) -> Answer {
        let mut socket = TcpStream::connect(self.address).await.unwrap();
        let authorization = key.map_or(String::new(), |key| {
            format!("Authorization: Bearer {}\r\n", key.text)
        });
        let request = format!(
            "{method} {path} HTTP/1.0\r\nHost: x\r\n{authorization}Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        socket.write_all(request.as_bytes()).await.unwrap();
        let mut text = String::new();
        let read = timeout(PATIENCE, socket.read_to_string(&mut text));
        read.await.expect("in time").unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        Answer {
            status: head.split(' ').nth(1).unwrap().parse().unwrap(),
            head: head.to_lowercase(),
            body: body.to_owned(),
        }
    }

    pub async fn get(&self, path: &str, key: Option<&Key>) -> Answer {
        self.request("GET", path, key, "").await
    }

    /// Opens a stream.
    pub async fn stream(&self, path: &str, key: Option<&Key>, last: Option<&str>) -> Stream {
        Stream::open(self.address, path, key, last).await
    }
}

/// An API key.
pub struct Key {
    pub id: String,
    pub text: String,
}

/// A whole answer.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("{self:?}"))
    }
}

/// An event as a browser dispatches it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dispatched {
    pub name: String,
    pub data: String,
}

/// A client of an event stream.
pub struct Stream {
    lines: BufReader<TcpStream>,
    /// What it would send as `Last-Event-ID`.
    pub last: String,
    pub retry: Option<u64>,
}

impl Stream {
    async fn open(address: SocketAddr, path: &str, key: Option<&Key>, last: Option<&str>) -> Self {
        let mut socket = TcpStream::connect(address).await.unwrap();
        let key = key.map_or(String::new(), |key| {
            format!("Authorization: Bearer {}\r\n", key.text)
        });
        let last = last.map_or(String::new(), |last| format!("Last-Event-ID: {last}\r\n"));
        // Without chunks, as HTTP/1.0 has none.
        let request = format!("GET {path} HTTP/1.0\r\nHost: x\r\n{key}{last}\r\n");
        socket.write_all(request.as_bytes()).await.unwrap();
        let mut stream = Self {
            lines: BufReader::new(socket),
            last: String::new(),
            retry: None,
        };
        let status = stream.line().await.unwrap();
        assert!(status.contains(" 200 "), "{status}");
        while !stream.line().await.unwrap().is_empty() {}
        stream
    }

    async fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        let read = timeout(PATIENCE, self.lines.read_line(&mut line));
        match read.await.expect("in time") {
            Ok(0) | Err(_) => None,
            Ok(_) => Some(line.trim_end_matches(['\r', '\n']).to_owned()),
        }
    }

    /// The next event; `None` at the end of the stream.
    pub async fn next(&mut self) -> Option<Dispatched> {
        let (mut name, mut data) = (String::new(), Vec::new());
        loop {
            let line = self.line().await?;
            if line.is_empty() {
                if data.is_empty() {
                    name.clear();
                    continue;
                }
                return Some(Dispatched {
                    name,
                    data: data.join("\n"),
                });
            }
            self.field(&line, &mut name, &mut data);
        }
    }

    fn field(&mut self, line: &str, name: &mut String, data: &mut Vec<String>) {
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value).to_owned();
        match field {
            "id" => self.last = value,
            "event" => *name = value,
            "data" => data.push(value),
            "retry" => self.retry = value.parse().ok(),
            _ => {}
        }
    }

    /// Reads until the stream has told where it begins.
    pub async fn opened(mut self) -> Self {
        while self.last.is_empty() {
            let line = self.line().await.unwrap();
            self.field(&line, &mut String::new(), &mut Vec::new());
        }
        self
    }

    /// The next envelope.
    pub async fn envelope(&mut self) -> Value {
        let event = self.next().await.expect("the stream has ended");
        assert_eq!(event.name, "", "{event:?}");
        serde_json::from_str(&event.data).unwrap()
    }

    /// The contents of the next events of Nostr.
    pub async fn contents(&mut self, count: usize) -> Vec<String> {
        let mut contents = Vec::new();
        for _ in 0..count {
            let envelope = self.envelope().await;
            contents.push(envelope["data"]["content"].as_str().unwrap().to_owned());
        }
        contents
    }
}

pub fn secret(number: u8) -> SecretKey {
    SecretKey::from_bytes([number; 32]).unwrap()
}

pub fn note(text: &str) -> Event {
    event(1, 1, text, &[])
}

pub fn event(author: u8, kind: u16, text: &str, tags: &[[&str; 2]]) -> Event {
    let builder = EventBuilder::new(Kind(kind), Timestamp(NOW)).content(text);
    let builder = tags.iter().fold(builder, |builder, tag| builder.tag(*tag));
    builder.sign(&secret(author))
}
