//! The HTTP side: routing, handshakes, caps, slow clients.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod common;

use std::time::Duration;

use common::client::{Client, upgrade_request};
use common::{LOCAL, PATIENCE, http, start, start_at, start_with, websocket};
use stentor_serve::{ConnectionCaps, ListenerSettings, ServerConfig};
use tokio::io::AsyncWriteExt;
use tokio::time::timeout;

#[tokio::test]
async fn r1_14_upgrades_on_the_root_only() {
    let running = start();
    for path in ["/x", "/chat", "//", "/api/v1/"] {
        let answer = Client::tcp(running.address)
            .await
            .request(&upgrade_request(path, ""))
            .await;
        assert!(answer.starts_with("HTTP/1.1 404"), "{path}: {answer}");
        assert!(answer.contains("content-type: application/problem+json"));
    }
    let answer = Client::tcp(running.address)
        .await
        .request(&upgrade_request("/?a=b", ""))
        .await;
    assert!(answer.starts_with("HTTP/1.1 101"), "{answer}");
    assert!(answer.contains("sec-websocket-accept: s3pplmbitxaq9kygzzhzrbk+xoo="));
}

#[tokio::test]
async fn plain_requests_reach_the_router_with_security_headers() {
    let running = start();
    let mut client = Client::tcp(running.address).await;
    let answer = client.request("GET / HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    for header in [
        "x-content-type-options: nosniff",
        "x-frame-options: deny",
        "referrer-policy: no-referrer",
        "content-security-policy:",
    ] {
        assert!(answer.contains(header), "{header} in {answer}");
    }
    let answer = Client::tcp(running.address)
        .await
        .request("GET /none HTTP/1.1\r\nHost: x\r\n\r\n")
        .await;
    assert!(answer.starts_with("HTTP/1.1 404"), "{answer}");
}

#[tokio::test]
async fn handshakes_are_checked() {
    let running = start();
    let good = upgrade_request("/", "");
    for (from, to, status) in [
        ("Version: 13", "Version: 12", "426"),
        ("Key: d", "Key: ", "400"),
        ("Connection: Upgrade", "Connection: keep-alive", "400"),
        ("GET", "POST", "400"),
    ] {
        let answer = Client::tcp(running.address)
            .await
            .request(&good.replace(from, to))
            .await;
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status}")),
            "{to}: {answer}"
        );
        assert_eq!(
            answer.contains("sec-websocket-version: 13"),
            status == "426",
            "{answer}"
        );
    }
}

#[tokio::test]
async fn r4_5_caps_answer_429_and_503_with_retry_after() {
    let caps = ConnectionCaps {
        total: 100,
        per_address: 2,
    };
    let running = start_with(ServerConfig::default(), caps);
    let one = Client::connect(running.address).await;
    let _two = Client::connect(running.address).await;
    let answer = Client::tcp(running.address)
        .await
        .request(&upgrade_request("/", ""))
        .await;
    assert!(answer.starts_with("HTTP/1.1 429"), "{answer}");
    assert!(answer.contains("retry-after: "), "{answer}");
    running.server.limits().set(ConnectionCaps {
        total: 2,
        per_address: 0,
    });
    let answer = Client::tcp(running.address)
        .await
        .request(&upgrade_request("/", ""))
        .await;
    assert!(answer.starts_with("HTTP/1.1 503"), "{answer}");
    assert!(answer.contains("retry-after: "), "{answer}");
    drop(one);
    // The place is free as soon as the server has seen the end.
    let mut running = running;
    running.ended().await;
    while running.server.limits().open() > 1 {
        tokio::task::yield_now().await;
    }
    Client::connect(running.address).await;
}

#[tokio::test]
async fn r4_5_behind_a_proxy_the_clients_address_is_counted() {
    let mut settings = ListenerSettings::default();
    settings.proxies.networks = vec!["127.0.0.0/8".parse().unwrap()];
    let caps = ConnectionCaps {
        total: 100,
        per_address: 1,
    };
    let mut running = start_at(LOCAL, settings, ServerConfig::default(), caps);
    let from = |address: &str| {
        format!("X-Forwarded-For: 203.0.113.9, {address}\r\nX-Forwarded-Proto: https\r\n")
    };
    let _one = Client::tcp(running.address)
        .await
        .upgraded(&from("2001:db8::1"))
        .await;
    let (info, _) = running.opened().await;
    assert_eq!(
        (info.client.to_string().as_str(), info.secure),
        ("2001:db8::1", true)
    );
    let same_net = Client::tcp(running.address)
        .await
        .request(&upgrade_request("/", &from("2001:db8::2")))
        .await;
    assert!(same_net.starts_with("HTTP/1.1 429"), "{same_net}");
    let _other = Client::tcp(running.address)
        .await
        .upgraded(&from("2001:db8:0:1::1"))
        .await;
}

#[tokio::test]
async fn forwarded_headers_of_strangers_are_ignored() {
    let mut running = start();
    let _client = Client::tcp(running.address)
        .await
        .upgraded("X-Forwarded-For: 203.0.113.9\r\nX-Forwarded-Proto: https\r\n")
        .await;
    let (info, _) = running.opened().await;
    assert_eq!(
        (info.client.to_string().as_str(), info.secure),
        ("127.0.0.1", false)
    );
    assert_eq!(info.local, Some(running.address));
}

#[tokio::test]
async fn a_slow_loris_is_cut() {
    let config = http(|http| http.header_timeout = Duration::from_millis(100));
    let running = start_with(config, ConnectionCaps::default());
    let mut silent = Client::tcp(running.address).await;
    silent.ended().await;
    let mut slow = Client::tcp(running.address).await;
    slow.send(b"GET / HTTP/1.1\r\nHost: x\r\nX-A: ").await;
    slow.ended().await;
    let mut idle = Client::tcp(running.address).await;
    assert!(
        idle.request("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            .await
            .starts_with("HTTP/1.1 200")
    );
    idle.ended().await;
}

#[tokio::test]
async fn a_request_that_takes_too_long_is_answered() {
    let config = http(|http| http.request_timeout = Duration::from_millis(100));
    let running = start_with(config, ConnectionCaps::default());
    let answer = Client::tcp(running.address)
        .await
        .request("GET /never HTTP/1.1\r\nHost: x\r\n\r\n")
        .await;
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
}

#[tokio::test]
async fn large_heads_are_refused() {
    let running = start();
    let long = format!(
        "GET / HTTP/1.1\r\nHost: x\r\nX-A: {}\r\n\r\n",
        "a".repeat(20_000)
    );
    let answer = Client::tcp(running.address).await.request(&long).await;
    assert!(answer.starts_with("HTTP/1.1 431"), "{answer}");
    let many = format!(
        "GET / HTTP/1.1\r\nHost: x\r\n{}\r\n",
        "A: b\r\n".repeat(100)
    );
    let answer = Client::tcp(running.address).await.request(&many).await;
    assert!(answer.starts_with("HTTP/1.1 431"), "{answer}");
}

/// Many more attempts than places: all are answered or cut, and those inside are served meanwhile.
#[tokio::test]
async fn r4_5_a_flood_of_upgrades_leaves_the_others_served() {
    let running = start_with(
        ServerConfig::default(),
        ConnectionCaps {
            total: 20,
            per_address: 0,
        },
    );
    let mut inside = Client::connect(running.address).await;
    let flood: Vec<_> = (0..500)
        .map(|_| {
            let address = running.address;
            tokio::spawn(async move {
                let mut client = Client::tcp(address).await;
                let _ = tokio::io::AsyncWriteExt::write_all(
                    &mut client.stream,
                    upgrade_request("/", "").as_bytes(),
                )
                .await;
                client
            })
        })
        .collect();
    for _ in 0..200 {
        inside.send(&common::client::text("hello")).await;
        assert_eq!(inside.next().await.text(), "echo hello");
    }
    for client in flood {
        client.await.unwrap();
    }
    assert!(running.server.limits().open() <= 20);
}

/// A client that asks and asks and reads nothing.
#[tokio::test]
async fn r4_5_a_client_that_does_not_read_its_answers_is_cut_off() {
    let config = websocket(|websocket| websocket.write_timeout = Duration::from_millis(200));
    let running = start_with(config, ConnectionCaps::default());
    let mut greedy = Client::narrow(running.address).await;
    let requests = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n".repeat(200);
    let asking = async { while greedy.stream.write_all(requests.as_bytes()).await.is_ok() {} };
    timeout(PATIENCE, asking)
        .await
        .expect("it was never cut off");
    while running.server.limits().open() > 0 {
        tokio::task::yield_now().await;
    }
}
