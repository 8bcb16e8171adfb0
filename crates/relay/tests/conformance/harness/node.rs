//! A running relay.

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;

use stentor_event::Timestamp;
use stentor_net::dial::Dialer;
use stentor_relay::{Config, Parts, Relay};
use stentor_serve::{
    ConnectionCaps, ConnectionLimits, Drain, HttpConfig, Listener, ListenerSettings,
    ListeningSocket, Server, ServerConfig, WebSocketConfig, bind, listen,
};
use stentor_sql::{Database, DatabaseConfig};
use stentor_store::{EventStore, Keep, RelayScope, embedded, memory};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

use super::{Client, Engine, PATIENCE, key};

/// Removes what has expired by this time, and tells how much there was.
type Purge = Box<dyn Fn(Timestamp) -> Pin<Box<dyn Future<Output = u64> + Send>> + Send + Sync>;

/// A running relay.
pub struct Node {
    pub address: SocketAddr,
    pub relay: Relay,
    pub store: Arc<dyn EventStore>,
    pub drain: Drain,
    pub limits: Arc<ConnectionLimits>,
    purge: Purge,
    _folder: tempfile::TempDir,
}

/// The configuration as shipped, without rates.
pub fn without_rates() -> Config {
    let mut config = Config::default();
    let off = stentor_relay::config::Scope {
        connection: 0,
        ip: 0,
        key: 0,
        node: 0,
    };
    let rates = &mut config.rates;
    (
        rates.events,
        rates.reqs,
        rates.counts,
        rates.auths,
        rates.bytes,
        rates.rows,
    ) = (off, off, off, off, off, 0);
    config
}

impl Node {
    /// A relay without rates.
    pub async fn start(engine: Engine) -> Self {
        Self::with(engine, without_rates()).await
    }

    /// A relay with this configuration.
    pub async fn with(engine: Engine, config: Config) -> Self {
        let dialer = Dialer::new(&stentor_net::dial::Config::default());
        Self::with_dialer(engine, config, dialer.unwrap()).await
    }

    /// A relay with this configuration, and this way to elsewhere.
    pub async fn with_dialer(engine: Engine, config: Config, dialer: Dialer) -> Self {
        let sockets = bind(&["127.0.0.1:0".parse().unwrap()]).unwrap();
        let address = sockets[0].local_addr().unwrap();
        let urls = match config.public_urls().unwrap() {
            urls if urls.is_empty() => stentor_auth::local_urls(address),
            urls => urls,
        };
        let folder = tempfile::tempdir().unwrap();
        let scope = RelayScope { urls: urls.into() };
        let (store, purge): (Arc<dyn EventStore>, Purge) = match engine {
            Engine::Memory => {
                let store = Arc::new(memory::Store::new(Keep::Current, scope));
                let own = Arc::clone(&store);
                (
                    store,
                    Box::new(move |now| Box::pin(std::future::ready(own.purge(now)))),
                )
            }
            Engine::Embedded => {
                let options = embedded::Options {
                    scope,
                    ..embedded::Options::default()
                };
                let store = Arc::new(embedded::Store::open(folder.path(), options).unwrap());
                let own = Arc::clone(&store);
                let purge = move |now| {
                    let own = Arc::clone(&own);
                    Box::pin(async move { own.purge(now).await.unwrap() })
                        as Pin<Box<dyn Future<Output = u64> + Send>>
                };
                (store, Box::new(purge))
            }
        };
        let limits = &config.limits;
        let websocket = WebSocketConfig {
            max_message: limits.message_bytes,
            outbox: limits.outbox(),
            ..WebSocketConfig::default()
        };
        let server_config = ServerConfig {
            http: HttpConfig::default(),
            websocket: Arc::new(websocket),
        };
        let caps = ConnectionCaps {
            total: limits.connections,
            per_address: limits.connections_per_ip,
        };
        let (limits, drain) = (ConnectionLimits::new(caps), Drain::new());
        let records = DatabaseConfig {
            path: folder.path().join("records.sqlite"),
            ..DatabaseConfig::default()
        };
        let records = Database::open(&records).await.unwrap();
        let parts = Parts {
            store: Arc::clone(&store),
            records,
            own_key: key(99),
            dialer,
            peer: stentor_peer::Config::default(),
        };
        let relay = Relay::new(config, parts).await.unwrap();
        tokio::spawn(relay.clone().run_trust());
        tokio::spawn(relay.clone().run_membership());
        tokio::spawn(relay.clone().run_moderation());
        let server = Server::new(
            relay.clone(),
            relay.routes(),
            server_config,
            Arc::clone(&limits),
            drain.clone(),
        );
        let listener = Listener::new("test", ListenerSettings::default());
        for socket in sockets {
            let socket = ListeningSocket::Tcp(socket);
            tokio::spawn(listen(server.clone(), socket, Arc::clone(&listener)));
        }
        Self {
            address,
            relay,
            store,
            drain,
            limits,
            purge,
            _folder: folder,
        }
    }

    /// The URL clients use.
    pub fn url(&self) -> String {
        format!("ws://{}", self.address)
    }

    /// A client that has been sent its challenge.
    pub async fn client(&self) -> Client {
        self.try_client().await.unwrap()
    }

    /// A client, or the status of the refused upgrade.
    pub async fn try_client(&self) -> Result<Client, u16> {
        let stream = TcpStream::connect(self.address).await.unwrap();
        Client::over(stream, &self.url()).await
    }

    /// A client at another address of this machine, such as `127.0.0.2`.
    pub async fn client_from(&self, address: &str) -> Client {
        let socket = TcpSocket::new_v4().unwrap();
        socket
            .bind(SocketAddr::new(address.parse().unwrap(), 0))
            .unwrap();
        let stream = socket.connect(self.address).await.unwrap();
        Client::over(stream, &self.url()).await.unwrap()
    }

    /// Removes what has expired.
    pub async fn purge(&self, now: u64) -> u64 {
        (self.purge)(Timestamp(now)).await
    }

    /// A plain HTTP request.
    pub async fn http(&self, head: &str) -> String {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream
            .write_all(
                format!(
                    "{head}\r\nhost: {}\r\nconnection: close\r\n\r\n",
                    self.address
                )
                .as_bytes(),
            )
            .await
            .unwrap();
        let mut answer = Vec::new();
        timeout(PATIENCE, stream.read_to_end(&mut answer))
            .await
            .unwrap()
            .unwrap();
        String::from_utf8(answer).unwrap()
    }
}
