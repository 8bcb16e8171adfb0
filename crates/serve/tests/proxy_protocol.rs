//! Who the client is: PROXY protocol, forwarding headers, Unix sockets, IPv6 (R8.4).
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod common;

use std::time::Duration;

use common::client::{Client, text, upgrade_request};
use common::{LOCAL, Running, http, start_at};
use futures_util::{SinkExt, StreamExt};
use stentor_serve::{ConnectionCaps, ListenerSettings, ServerConfig};
use tokio::net::{TcpStream, UnixStream};
use tokio_tungstenite::client_async;
use tokio_tungstenite::tungstenite::Message;

/// A listener that speaks the PROXY protocol with these proxies.
fn proxied(networks: &[&str], caps: ConnectionCaps) -> Running {
    let mut settings = ListenerSettings {
        proxy_protocol: true,
        ..ListenerSettings::default()
    };
    settings.proxies.networks = networks.iter().map(|text| text.parse().unwrap()).collect();
    let config = http(|http| http.handshake_timeout = Duration::from_millis(300));
    start_at(LOCAL, settings, config, caps)
}

fn v1(client: &str) -> Vec<u8> {
    let family = if client.contains(':') {
        "TCP6 "
    } else {
        "TCP4 "
    };
    let to = if client.contains(':') {
        "::1"
    } else {
        "127.0.0.1"
    };
    format!("PROXY {family}{client} {to} 4711 443\r\n").into_bytes()
}

fn v2(command: u8, family: u8, block: &[u8]) -> Vec<u8> {
    let mut header = b"\r\n\r\n\0\r\nQUIT\n".to_vec();
    header.extend_from_slice(&[command, family, 0, u8::try_from(block.len()).unwrap()]);
    header.extend_from_slice(block);
    header
}

async fn sent(running: &Running, header: &[u8]) -> Client {
    let mut client = Client::tcp(running.address).await;
    client.send(header).await;
    client
}

async fn address(running: &mut Running) -> String {
    running.opened().await.0.client.to_string()
}

#[tokio::test]
async fn r8_4_the_header_names_the_client() {
    let mut running = proxied(&["127.0.0.1"], ConnectionCaps::default());
    let _one = sent(&running, &v1("198.51.100.7")).await.upgraded("").await;
    let (info, _) = running.opened().await;
    assert_eq!(info.peer, "198.51.100.7:4711".parse().unwrap());
    assert_eq!(info.client, info.peer.ip());
    assert_eq!(info.local, Some(running.address));
    let _two = sent(&running, &v1("2001:db8::1")).await.upgraded("").await;
    assert_eq!(address(&mut running).await, "2001:db8::1");
    let block = [
        198, 51, 100, 8, 127, 0, 0, 1, 0x12, 0x67, 1, 0xbb, 4, 0, 2, 0, 0,
    ];
    let mut three = sent(&running, &v2(0x21, 0x11, &block))
        .await
        .upgraded("")
        .await;
    assert_eq!(address(&mut running).await, "198.51.100.8");
    three.send(&text("hello")).await;
    assert_eq!(three.next().await.text(), "echo hello");
}

#[tokio::test]
async fn r8_4_header_and_request_may_come_in_any_pieces() {
    let mut running = proxied(&["127.0.0.1"], ConnectionCaps::default());
    let together = [v1("198.51.100.7"), upgrade_request("/", "").into_bytes()].concat();
    let mut client = sent(&running, &together).await;
    assert!(client.head().await.starts_with("HTTP/1.1 101"));
    assert_eq!(client.next().await.text(), "welcome");
    assert_eq!(address(&mut running).await, "198.51.100.7");
    let mut slow = Client::tcp(running.address).await;
    slow.stream.set_nodelay(true).unwrap();
    for byte in v1("198.51.100.8") {
        slow.send(&[byte]).await;
        tokio::task::yield_now().await;
    }
    let _slow = slow.upgraded("").await;
    assert_eq!(address(&mut running).await, "198.51.100.8");
}

#[tokio::test]
async fn r8_4_a_header_that_names_nobody_is_the_proxys_own() {
    let mut running = proxied(&["127.0.0.1"], ConnectionCaps::default());
    let claim = "X-Forwarded-For: 203.0.113.9\r\nX-Forwarded-Proto: https\r\n";
    for header in [
        b"PROXY UNKNOWN\r\n".to_vec(),
        b"PROXY UNKNOWN 198.51.100.7 x y z\r\n".to_vec(),
        v2(0x20, 0, b""),
        v2(0x21, 0, b""),
        v2(0x20, 0x11, &[1; 12]),
    ] {
        let _client = sent(&running, &header).await.upgraded(claim).await;
        let (info, _) = running.opened().await;
        assert_eq!(
            (info.client.to_string().as_str(), info.secure),
            ("127.0.0.1", false)
        );
    }
}

#[tokio::test]
async fn r8_4_forwarding_headers_behind_the_header_need_a_trusted_proxy_again() {
    let mut running = proxied(&["127.0.0.1", "10.0.0.0/8"], ConnectionCaps::default());
    let claim = "X-Forwarded-For: 203.0.113.9\r\n";
    let _stranger = sent(&running, &v1("198.51.100.7"))
        .await
        .upgraded(claim)
        .await;
    assert_eq!(address(&mut running).await, "198.51.100.7");
    let _chain = sent(&running, &v1("10.1.2.3")).await.upgraded(claim).await;
    assert_eq!(address(&mut running).await, "203.0.113.9");
}

#[tokio::test]
async fn r8_4_strangers_and_bad_headers_are_closed() {
    let stranger = proxied(&["192.0.2.0/24"], ConnectionCaps::default());
    let mut client = Client::tcp(stranger.address).await;
    client.ended().await;
    assert_eq!(stranger.server.limits().open(), 0);
    let mut running = proxied(&["127.0.0.1"], ConnectionCaps::default());
    for hostile in [
        &b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"[..],
        b"PROXY TCP4 1.1.1.1 2.2.2.2 1 2\n\n",
        b"PROXY UDP4 1.1.1.1 2.2.2.2 1 2\r\n",
        &[b"PROXY UNKNOWN ".as_slice(), &[b'x'; 200]].concat(),
        &v2(0x21, 0x11, &[0; 11]),
        &v2(0x31, 0x11, &[0; 12]),
        b"\r\n\r\n\0\r\nQUIT\n\x21\x11\xff\xff",
        // Cut off by the time for it.
        b"PROXY TCP4 1.1.1.1",
        b"",
    ] {
        sent(&running, hostile).await.ended().await;
    }
    while running.server.limits().open() > 0 {
        tokio::task::yield_now().await;
    }
    let _good = sent(&running, &v1("198.51.100.7")).await.upgraded("").await;
    assert_eq!(address(&mut running).await, "198.51.100.7");
}

#[tokio::test]
async fn r4_5_caps_count_whom_the_header_names() {
    let caps = ConnectionCaps {
        total: 100,
        per_address: 1,
    };
    let running = proxied(&["127.0.0.1"], caps);
    let _one = sent(&running, &v1("2001:db8::1")).await.upgraded("").await;
    // The same /64.
    let mut refused = sent(&running, &v1("2001:db8::2")).await;
    assert!(
        refused
            .request(&upgrade_request("/", ""))
            .await
            .starts_with("HTTP/1.1 429")
    );
    let _other = sent(&running, &v1("2001:db8:0:1::1"))
        .await
        .upgraded("")
        .await;
}

#[tokio::test]
async fn r3_4_a_listener_has_caps_of_its_own() {
    let settings = ListenerSettings {
        caps: ConnectionCaps {
            total: 1,
            per_address: 0,
        },
        ..ListenerSettings::default()
    };
    let running = start_at(
        LOCAL,
        settings.clone(),
        ServerConfig::default(),
        ConnectionCaps::default(),
    );
    let _one = Client::connect(running.address).await;
    let answer = Client::tcp(running.address).await.head().await;
    assert!(answer.starts_with("HTTP/1.1 503"), "{answer}");
    let caps = ConnectionCaps::NONE;
    running.listener.set(ListenerSettings { caps, ..settings });
    Client::connect(running.address).await;
}

#[tokio::test]
async fn r8_4_a_unix_socket_is_served() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("relay.sock");
    let place = format!("unix:{}", path.display());
    let mut running = start_at(
        &place,
        ListenerSettings::default(),
        ServerConfig::default(),
        ConnectionCaps::default(),
    );
    let stream = UnixStream::connect(&path).await.unwrap();
    let (mut client, _) = client_async("ws://localhost/", stream).await.unwrap();
    assert_eq!(
        client.next().await.unwrap().unwrap().into_text().unwrap(),
        "welcome"
    );
    client.send(Message::text("hello")).await.unwrap();
    assert_eq!(
        client.next().await.unwrap().unwrap().into_text().unwrap(),
        "echo hello"
    );
    let (info, _) = running.opened().await;
    assert_eq!(
        (info.local, info.client.to_string().as_str(), info.secure),
        (None, "127.0.0.1", false)
    );
    // Nobody is believed unless Unix sockets are trusted by that name; trusting the address that stands for them is not enough.
    let mut settings = ListenerSettings::default();
    settings.proxies.networks = vec!["127.0.0.1".parse().unwrap()];
    running.listener.set(settings.clone());
    let claim = "X-Forwarded-For: 1.1.1.1, 2001:db8::7\r\nX-Forwarded-Proto: https\r\n";
    let over = async || Client::over(UnixStream::connect(&path).await.unwrap());
    let _claiming = over().await.upgraded(claim).await;
    assert_eq!(address(&mut running).await, "127.0.0.1");
    settings.proxies.unix = true;
    running.listener.set(settings);
    let _trusted = over().await.upgraded(claim).await;
    let (info, _) = running.opened().await;
    assert_eq!(
        (info.client.to_string().as_str(), info.secure),
        ("2001:db8::7", true)
    );
    drop(client);
    running.drain.run(Duration::from_secs(20)).await;
    assert!(!path.exists(), "the file goes with the listener");
}

#[tokio::test]
async fn r8_4_one_socket_for_ipv6_and_ipv4() {
    // A machine without IPv6 cannot show it.
    if TcpStream::connect("[::1]:1")
        .await
        .is_err_and(|error| error.kind() != std::io::ErrorKind::ConnectionRefused)
    {
        return;
    }
    let mut running = start_at(
        "[::]:0",
        ListenerSettings::default(),
        ServerConfig::default(),
        ConnectionCaps::default(),
    );
    let port = running.address.port();
    let _six = Client::connect(([0, 0, 0, 0, 0, 0, 0, 1], port).into()).await;
    assert_eq!(address(&mut running).await, "::1");
    let _four = Client::connect(([127, 0, 0, 1], port).into()).await;
    assert_eq!(
        address(&mut running).await,
        "127.0.0.1",
        "and not ::ffff:127.0.0.1"
    );
}

#[tokio::test]
async fn r8_4_headers_are_read_from_the_right_through_ipv6_proxies() {
    if TcpStream::connect("[::1]:1")
        .await
        .is_err_and(|error| error.kind() != std::io::ErrorKind::ConnectionRefused)
    {
        return;
    }
    let mut settings = ListenerSettings::default();
    settings.proxies.networks = vec![
        "::1".parse().unwrap(),
        "2001:db8:aaaa::/48".parse().unwrap(),
    ];
    let mut running = start_at(
        "[::1]:0",
        settings,
        ServerConfig::default(),
        ConnectionCaps::default(),
    );
    for (claim, client) in [
        ("2001:db8::bad, 2001:db8::7", "2001:db8::7"),
        (
            "2001:db8::bad, 2001:db8::7, 2001:db8:aaaa::1",
            "2001:db8::7",
        ),
        (
            "2001:db8::bad, [2001:db8::7]:4711, [2001:db8:aaaa::1]:9",
            "2001:db8::7",
        ),
    ] {
        let _client = Client::tcp(running.address)
            .await
            .upgraded(&format!("X-Forwarded-For: {claim}\r\n"))
            .await;
        assert_eq!(address(&mut running).await, client, "{claim}");
    }
}
