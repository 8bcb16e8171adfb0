//! G5.3: SOCKS5 by network; names go to the proxy as they are.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // outside of test functions, too

mod common;

use std::net::SocketAddr;

use common::dns::Dns;
use common::{config, serve};
use stentor_net::dial::{Config, DialError, Dialer, Failure, Family, Refusal, Socks, Trust};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::mpsc;

/// A proxy that reports what it was asked to connect to, and then is the other end itself.
async fn proxy(asked: mpsc::Sender<String>, reply: u8) -> SocketAddr {
    serve(move |mut stream| {
        let asked = asked.clone();
        async move {
            let mut hello = [0; 2];
            stream.read_exact(&mut hello).await.unwrap();
            let mut methods = vec![0; usize::from(hello[1])];
            stream.read_exact(&mut methods).await.unwrap();
            assert!(methods.contains(&0));
            stream.write_all(&[5, 0]).await.unwrap();
            let mut request = [0; 4];
            stream.read_exact(&mut request).await.unwrap();
            assert_eq!(request[..2], [5, 1]);
            let host = match request[3] {
                1 => {
                    let mut address = [0; 4];
                    stream.read_exact(&mut address).await.unwrap();
                    std::net::Ipv4Addr::from(address).to_string()
                }
                3 => {
                    let mut name = vec![0; usize::from(stream.read_u8().await.unwrap())];
                    stream.read_exact(&mut name).await.unwrap();
                    String::from_utf8(name).unwrap()
                }
                other => panic!("address type {other}"),
            };
            let port = stream.read_u16().await.unwrap();
            asked.send(format!("{host}:{port}")).await.unwrap();
            let answer = [5, reply, 0, 1, 0, 0, 0, 0, 0, 0];
            stream.write_all(&answer).await.unwrap();
            let _ = stream.write_all(b"through").await;
        }
    })
    .await
}

/// Dials a stranger's URL and reads what the other end says first.
async fn dial(dialer: &Dialer, url: &str) -> Result<String, DialError> {
    let target = dialer.admit(url, Family::Relay, Trust::Stranger)?;
    let mut stream = dialer.dial(&target).await?;
    assert_eq!(stream.remote(), None);
    let mut word = [0; 7];
    stream.read_exact(&mut word).await.unwrap();
    Ok(String::from_utf8(word.to_vec()).unwrap())
}

#[tokio::test]
async fn g5_3_names_of_a_network_go_to_its_proxy_unresolved() {
    let dns = Dns::with(&["127.0.0.1"]).await;
    let (asked, mut tor) = mpsc::channel(4);
    let onion = proxy(asked, 0).await.to_string();
    let (asked, mut lokinet) = mpsc::channel(4);
    let loki = proxy(asked, 0).await.to_string();
    let dialer = Dialer::new(&Config {
        socks: Socks {
            onion: Some(onion),
            loki: Some(loki),
            ..Socks::default()
        },
        ..config(dns.address)
    })
    .unwrap();
    assert_eq!(dial(&dialer, "ws://abc.onion/").await.unwrap(), "through");
    assert_eq!(tor.recv().await.unwrap(), "abc.onion:80");
    assert_eq!(
        dial(&dialer, "ws://A.b.loki:7777/").await.unwrap(),
        "through"
    );
    assert_eq!(lokinet.recv().await.unwrap(), "a.b.loki:7777");
    let no_proxy = dial(&dialer, "ws://abc.i2p/").await;
    assert!(matches!(
        no_proxy,
        Err(DialError::Refused(Refusal::NoProxy(_)))
    ));
    assert_eq!(dns.queries(), []);
}

#[tokio::test]
async fn g5_3_with_a_general_proxy_no_name_is_looked_up() {
    let dns = Dns::with(&["127.0.0.1"]).await;
    let (asked, mut all) = mpsc::channel(4);
    let dialer = Dialer::new(&Config {
        socks: Socks {
            all: Some(proxy(asked, 0).await.to_string()),
            ..Socks::default()
        },
        ..config(dns.address)
    })
    .unwrap();
    dialer
        .vet("ws://relay.example.org/", Family::Relay, Trust::Stranger)
        .await
        .unwrap();
    assert_eq!(
        dial(&dialer, "ws://relay.example.org/").await.unwrap(),
        "through"
    );
    assert_eq!(all.recv().await.unwrap(), "relay.example.org:80");
    assert_eq!(dial(&dialer, "ws://1.1.1.1/").await.unwrap(), "through");
    assert_eq!(all.recv().await.unwrap(), "1.1.1.1:80");
    for inside in ["ws://127.0.0.1/", "ws://router.lan/"] {
        assert!(
            matches!(dial(&dialer, inside).await, Err(DialError::Refused(_))),
            "{inside}"
        );
    }
    // The names of a network do not go to the general proxy.
    assert!(matches!(
        dial(&dialer, "ws://abc.onion/").await,
        Err(DialError::Refused(_))
    ));
    assert_eq!(dns.queries(), []);
    assert!(all.try_recv().is_err());
}

#[tokio::test]
async fn g5_3_a_proxy_that_is_away_is_told_from_a_target_that_is() {
    let dns = Dns::with(&[]).await;
    let (asked, _tor) = mpsc::channel(4);
    let hangs_up = serve(|_| async {}).await.to_string();
    let other = serve(|mut stream| async move {
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
    });
    let nobody = {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        listener.local_addr().unwrap().to_string()
    };
    for (onion, answers) in [
        (proxy(asked.clone(), 1).await.to_string(), true),
        (proxy(asked.clone(), 5).await.to_string(), true),
        (proxy(asked, 0xf0).await.to_string(), true),
        (hangs_up, false),
        (other.await.to_string(), false),
        (nobody, false),
        // No name server knows it.
        ("tor.example.org:9050".to_owned(), false),
    ] {
        let dialer = Dialer::new(&Config {
            socks: Socks {
                onion: Some(onion.clone()),
                ..Socks::default()
            },
            ..config(dns.address)
        })
        .unwrap();
        let failed = dial(&dialer, "ws://abc.onion/").await;
        let expected = match answers {
            true => matches!(failed, Err(DialError::Failed(Failure::Connect(_)))),
            false => matches!(failed, Err(DialError::Failed(Failure::Proxy(_)))),
        };
        assert!(expected, "{onion}: {failed:?}");
    }
}
