//! TLS on a listener (R3.4): handshakes, changes of the certificate, clients that misbehave.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod common;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::Extension;
use axum::routing::get;
use common::client::{Client, text, upgrade_request};
use common::events::{End, Reading};
use common::{LOCAL, PATIENCE, Running, http, start_at, start_routes};
use futures_util::{SinkExt, StreamExt};
use rcgen::{CertificateParams, KeyPair};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ProtocolVersion, RootCertStore};
use stentor_serve::sse::{Event, EventStream, Events, StreamConfig};
use stentor_serve::{ConnectionCaps, DrainSignal, ListenerSettings, ServerConfig, Tls, check_tls};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_tungstenite::client_async;
use tokio_tungstenite::tungstenite::Message;

/// A folder with a certificate and its key.
struct Pair {
    folder: TempDir,
    certificate: CertificateDer<'static>,
}

impl Pair {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let certificate = write(
            &folder.path().join("cert.pem"),
            &folder.path().join("key.pem"),
        );
        Self {
            folder,
            certificate,
        }
    }

    fn paths(&self) -> (PathBuf, PathBuf) {
        let path = |name: &str| self.folder.path().join(name);
        (path("cert.pem"), path("key.pem"))
    }

    fn load(&self) -> Arc<Tls> {
        let (certificate, key) = self.paths();
        Tls::load(&Arc::from("test"), &certificate, &key).unwrap()
    }
}

/// Writes a new pair for `localhost`.
fn write(certificate: &PathBuf, key: &PathBuf) -> CertificateDer<'static> {
    let pair = KeyPair::generate().unwrap();
    let params = CertificateParams::new(["localhost".to_owned()]).unwrap();
    let made = params.self_signed(&pair).unwrap();
    std::fs::write(certificate, made.pem()).unwrap();
    std::fs::write(key, pair.serialize_pem()).unwrap();
    made.der().clone()
}

fn start(tls: &Arc<Tls>, config: ServerConfig, caps: ConnectionCaps) -> Running {
    let settings = ListenerSettings {
        tls: Some(Arc::clone(tls)),
        ..ListenerSettings::default()
    };
    start_at(LOCAL, settings, config, caps)
}

fn started(tls: &Arc<Tls>) -> Running {
    start(tls, ServerConfig::default(), ConnectionCaps::default())
}

/// A client's settings that trust one certificate.
fn trusting(certificate: &CertificateDer<'static>) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    roots.add(certificate.clone()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth()
}

async fn handshake(
    running: &Running,
    config: ClientConfig,
) -> std::io::Result<TlsStream<TcpStream>> {
    let socket = TcpStream::connect(running.address).await?;
    let name = ServerName::try_from("localhost").unwrap();
    TlsConnector::from(Arc::new(config))
        .connect(name, socket)
        .await
}

async fn connect(
    running: &Running,
    certificate: &CertificateDer<'static>,
) -> Client<TlsStream<TcpStream>> {
    let stream = handshake(running, trusting(certificate)).await.unwrap();
    Client::over(stream).upgraded("").await
}

async fn echo(client: &mut Client<TlsStream<TcpStream>>) {
    client.send(&text("hello")).await;
    assert_eq!(client.next().await.text(), "echo hello");
}

/// The certificate that the server showed.
fn shown(client: &Client<TlsStream<TcpStream>>) -> &CertificateDer<'static> {
    &client.stream.get_ref().1.peer_certificates().unwrap()[0]
}

#[tokio::test]
async fn r3_4_messages_over_tls() {
    let pair = Pair::new();
    let mut running = started(&pair.load());
    let stream = handshake(&running, trusting(&pair.certificate))
        .await
        .unwrap();
    let (mut client, response) = client_async("wss://localhost/", stream).await.unwrap();
    assert_eq!(response.status(), 101);
    assert!(response.headers().contains_key("sec-websocket-accept"));
    let (info, _) = running.opened().await;
    assert!(info.secure);
    assert_eq!(info.client, info.peer.ip());
    assert_eq!(
        client.next().await.unwrap().unwrap().into_text().unwrap(),
        "welcome"
    );
    let long = "Grüße, 世界 🌍 ".repeat(20_000);
    client.send(Message::text(long.clone())).await.unwrap();
    let answer = client.next().await.unwrap().unwrap().into_text().unwrap();
    assert_eq!(answer, format!("echo {long}"));
    client.send(Message::text("bye")).await.unwrap();
    let Some(Ok(Message::Close(Some(frame)))) = client.next().await else {
        panic!("no close")
    };
    assert_eq!(u16::from(frame.code), 1000);
    assert!(client.next().await.is_none(), "ended in order, not cut");
}

#[tokio::test]
async fn g3_1_a_stream_of_events_over_tls_ends_in_order() {
    let pair = Pair::new();
    let handler = |Extension(drain): Extension<DrainSignal>| async move {
        let mut events = Events::new();
        let data = &"z".repeat(200_000);
        events
            .event(&Event {
                data,
                ..Event::default()
            })
            .unwrap();
        let source = futures_util::stream::iter([events]).chain(futures_util::stream::pending());
        let config = StreamConfig {
            keep_alive: Duration::ZERO,
            reconnect: Duration::from_millis(1_234),
        };
        EventStream::new(source, config, drain)
    };
    let settings = ListenerSettings {
        tls: Some(pair.load()),
        ..ListenerSettings::default()
    };
    let (config, caps) = (ServerConfig::default(), ConnectionCaps::default());
    let routes = Router::new().route("/events", get(handler));
    let running = start_routes(LOCAL, settings, config, caps, routes);
    let stream = handshake(&running, trusting(&pair.certificate)).await;
    let mut reading = Reading::open(Client::over(stream.unwrap()), "/events").await;
    reading.until(|parser| !parser.events.is_empty()).await;
    let drain = running.drain.clone();
    let drained = tokio::spawn(async move { drain.run(PATIENCE).await });
    assert_eq!(reading.end().await, End::Complete);
    assert_eq!(reading.parser.retry, Some(1_234));
    drained.await.unwrap();
}

#[tokio::test]
async fn r3_4_both_versions_of_tls_and_http_1_by_name() {
    let pair = Pair::new();
    let running = started(&pair.load());
    for (version, expected) in [
        (&rustls::version::TLS12, ProtocolVersion::TLSv1_2),
        (&rustls::version::TLS13, ProtocolVersion::TLSv1_3),
    ] {
        let mut roots = RootCertStore::empty();
        roots.add(pair.certificate.clone()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[version])
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let stream = handshake(&running, config).await.unwrap();
        assert_eq!(stream.get_ref().1.protocol_version(), Some(expected));
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));
        let mut client = Client::over(stream).upgraded("").await;
        echo(&mut client).await;
    }
    let mut only_h2 = trusting(&pair.certificate);
    only_h2.alpn_protocols = vec![b"h2".to_vec()];
    assert!(handshake(&running, only_h2).await.is_err());
}

#[tokio::test]
async fn r3_4_sessions_are_resumed_also_after_a_change_of_the_certificate() {
    let pair = Pair::new();
    let tls = pair.load();
    let running = started(&tls);
    let config = trusting(&pair.certificate);
    let kind = async || {
        let stream = handshake(&running, config.clone()).await.unwrap();
        let mut client = Client::over(stream).upgraded("").await;
        echo(&mut client).await;
        client.stream.get_ref().1.handshake_kind()
    };
    assert_eq!(kind().await, Some(rustls::HandshakeKind::Full));
    assert_eq!(kind().await, Some(rustls::HandshakeKind::Resumed));
    let (certificate, key) = pair.paths();
    write(&certificate, &key);
    assert!(tls.reload().unwrap());
    assert_eq!(kind().await, Some(rustls::HandshakeKind::Resumed));
}

#[tokio::test]
async fn r3_4_a_new_certificate_is_for_new_connections() {
    let pair = Pair::new();
    let tls = pair.load();
    let running = started(&tls);
    let mut old = connect(&running, &pair.certificate).await;
    assert!(!tls.reload().unwrap(), "nothing has changed");
    let (certificate, key) = pair.paths();
    let renewed = write(&certificate, &key);
    assert!(tls.reload().unwrap());
    let mut new = connect(&running, &renewed).await;
    assert_eq!(shown(&new), &renewed);
    assert_eq!(shown(&old), &pair.certificate);
    echo(&mut new).await;
    echo(&mut old).await;
    assert!(
        handshake(&running, trusting(&pair.certificate))
            .await
            .is_err()
    );
}

#[tokio::test]
async fn r3_4_a_pair_behind_symbolic_links_is_followed() {
    let (first, second) = (Pair::new(), Pair::new());
    let links = tempfile::tempdir().unwrap();
    let live = links.path().join("live");
    std::os::unix::fs::symlink(first.folder.path(), &live).unwrap();
    let tls = Tls::load(
        &Arc::from("test"),
        &live.join("cert.pem"),
        &live.join("key.pem"),
    )
    .unwrap();
    let running = started(&tls);
    connect(&running, &first.certificate).await;
    let draft = links.path().join("draft");
    std::os::unix::fs::symlink(second.folder.path(), &draft).unwrap();
    std::fs::rename(&draft, &live).unwrap();
    assert!(tls.reload().unwrap());
    connect(&running, &second.certificate).await;
}

#[tokio::test]
async fn r3_4_a_bad_pair_leaves_the_old_one_in_force() {
    let pair = Pair::new();
    let tls = pair.load();
    let running = started(&tls);
    let (certificate, key) = pair.paths();
    let good = (
        std::fs::read(&certificate).unwrap(),
        std::fs::read(&key).unwrap(),
    );
    let other = Pair::new();
    let of_other = std::fs::read(other.paths().0).unwrap();
    // A certificate whose key has not come yet; no PEM; an empty file; nothing at all.
    for wrong in [
        Some(of_other),
        Some(b"certificate".to_vec()),
        Some(Vec::new()),
        None,
    ] {
        match &wrong {
            Some(bytes) => std::fs::write(&certificate, bytes).unwrap(),
            None => std::fs::remove_file(&certificate).unwrap(),
        }
        let error = tls.reload().unwrap_err();
        assert!(!error.is_of_key(), "{error}");
        assert!(check_tls(&certificate, &key).is_err());
        connect(&running, &pair.certificate).await;
    }
    std::fs::write(&certificate, &good.0).unwrap();
    std::fs::write(
        &key,
        "-----BEGIN PRIVATE KEY-----\ns3cr3t\n-----END PRIVATE KEY-----\n",
    )
    .unwrap();
    let error = tls.reload().unwrap_err();
    assert!(
        error.is_of_key() && !error.to_string().contains("s3cr3t"),
        "{error}"
    );
    connect(&running, &pair.certificate).await;
    std::fs::write(&key, &good.1).unwrap();
    assert!(tls.reload().unwrap(), "the good one again");
    check_tls(&certificate, &key).unwrap();
}

#[tokio::test]
async fn r3_4_plain_http_is_told_to_use_tls() {
    let pair = Pair::new();
    let running = started(&pair.load());
    let mut client = TcpStream::connect(running.address).await.unwrap();
    client
        .write_all(upgrade_request("/", "").as_bytes())
        .await
        .unwrap();
    let mut answer = String::new();
    client.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
    assert!(answer.contains("https://"), "{answer}");
}

#[tokio::test]
async fn r3_4_slow_handshakes_are_cut_and_block_nobody() {
    let pair = Pair::new();
    let config = http(|http| {
        http.handshake_timeout = Duration::from_secs(5);
        http.handshakes = 1;
    });
    let running = start(&pair.load(), config, ConnectionCaps::default());
    let begun = Instant::now();
    // They hold a connection each and no place for a handshake.
    let mut silent: Vec<Client> = Vec::new();
    for _ in 0..20 {
        silent.push(Client::tcp(running.address).await);
    }
    let mut client = connect(&running, &pair.certificate).await;
    echo(&mut client).await;
    assert!(begun.elapsed() < Duration::from_secs(5), "somebody waited");
    // One that has begun and does not go on makes room for the next.
    let mut halfway = Client::tcp(running.address).await;
    halfway.send(&[0x16, 3, 1, 0, 200, 1]).await;
    let mut next = connect(&running, &pair.certificate).await;
    echo(&mut next).await;
    halfway.ended().await;
    assert!(begun.elapsed() < Duration::from_secs(5), "somebody waited");
    let mut last = Client::tcp(running.address).await;
    last.send(&[0x16, 3, 1, 0, 200, 1]).await;
    last.ended().await;
    for client in &mut silent {
        client.ended().await;
    }
    assert!(begun.elapsed() >= Duration::from_secs(5));
    echo(&mut client).await;
}

#[tokio::test]
async fn r3_4_handshakes_count_as_connections() {
    let pair = Pair::new();
    let caps = ConnectionCaps {
        total: 100,
        per_address: 2,
    };
    let running = start(&pair.load(), ServerConfig::default(), caps);
    let silent = [
        Client::tcp(running.address).await,
        Client::tcp(running.address).await,
    ];
    while running.server.limits().open() < 2 {
        tokio::task::yield_now().await;
    }
    Client::tcp(running.address).await.ended().await;
    drop(silent);
    while running.server.limits().open() > 0 {
        tokio::task::yield_now().await;
    }
    connect(&running, &pair.certificate).await;
}

/// Far more than the socket and TLS take at once: the rest waits in the connection's queue and comes when there is room.
#[tokio::test]
async fn r3_4_a_slow_reader_gets_everything_over_tls() {
    let pair = Pair::new();
    let running = started(&pair.load());
    let mut client = connect(&running, &pair.certificate).await;
    client.send(&text("flood 300 40000")).await;
    tokio::time::timeout(Duration::from_millis(200), std::future::pending::<()>())
        .await
        .unwrap_err();
    let pending = running
        .stats
        .pending
        .load(std::sync::atomic::Ordering::SeqCst);
    assert!(pending < 1 << 20, "{pending} bytes waited");
    for _ in 0..300 {
        assert_eq!(client.next().await.text().len(), 40_000);
    }
    echo(&mut client).await;
}

#[tokio::test]
async fn r8_3_a_drain_does_not_wait_for_handshakes() {
    let pair = Pair::new();
    let long = PATIENCE * 4;
    let config = http(|http| http.handshake_timeout = long);
    let running = start(&pair.load(), config, ConnectionCaps::default());
    let mut silent = Client::tcp(running.address).await;
    let mut halfway = Client::tcp(running.address).await;
    halfway.send(&[0x16, 3, 1, 0, 200, 1]).await;
    while running.server.limits().open() < 2 {
        tokio::task::yield_now().await;
    }
    let drained = tokio::time::timeout(PATIENCE, running.drain.run(long)).await;
    drained.expect("it waited for them");
    silent.ended().await;
    halfway.ended().await;
}

#[tokio::test]
async fn r8_3_a_drain_closes_connections_over_tls() {
    let pair = Pair::new();
    let running = started(&pair.load());
    let mut client = connect(&running, &pair.certificate).await;
    let drain = running.drain.clone();
    let draining = tokio::spawn(async move { drain.run(Duration::from_secs(20)).await });
    assert_eq!(client.closed().await.0, 1012);
    assert_eq!(draining.await.unwrap().aborted, 0);
}
