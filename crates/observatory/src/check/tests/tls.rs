//! What a visit says of names and certificates.

use std::net::SocketAddr;
use std::sync::Arc;

use rcgen::{CertificateParams, KeyPair, date_time_ymd};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use stentor_net::dial::{Config as DialConfig, Dialer};
use tokio::net::{TcpListener, UdpSocket};
use tokio_rustls::TlsAcceptor;
use tokio_tungstenite::accept_async;

use super::super::findings::Verdict;
use super::{ground, reason, visit};
use crate::ground::Ground;

/// A certificate of its own for this name, valid to the beginning of this year.
fn certificate(name: &str, until: i32) -> (CertificateDer<'static>, KeyPair) {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new([name.to_owned()]).unwrap();
    params.not_before = date_time_ymd(2000, 1, 1);
    params.not_after = date_time_ymd(until, 1, 1);
    (params.self_signed(&key).unwrap().der().clone(), key)
}

/// A relay behind TLS that answers one REQ with EOSE.
async fn server(certificate: CertificateDer<'static>, key: &KeyPair) -> SocketAddr {
    use futures_util::{SinkExt, StreamExt};
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let Ok(stream) = acceptor.accept(stream).await else {
                    return;
                };
                let Ok(mut socket) = accept_async(stream).await else {
                    return;
                };
                if let Some(Ok(message)) = socket.next().await {
                    let asked: serde_json::Value =
                        serde_json::from_str(message.to_text().unwrap()).unwrap();
                    let answer = serde_json::json!(["EOSE", asked[1]]).to_string();
                    let _ = socket.send(answer.into()).await;
                }
                while let Some(Ok(_)) = socket.next().await {}
            });
        }
    });
    address
}

/// A name server that has 127.0.0.1, for 300 seconds, for every name, and no IPv6.
async fn names() -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    tokio::spawn(async move {
        let mut packet = [0; 1_024];
        while let Ok((_, from)) = socket.recv_from(&mut packet).await {
            let end = 12 + packet[12..].iter().position(|byte| *byte == 0).unwrap() + 5;
            let is_a = packet[end - 3] == 1;
            let mut answer = packet[..2].to_vec();
            answer.extend([0x81, 0x80, 0, 1, 0, u8::from(is_a), 0, 0, 0, 0]);
            answer.extend(&packet[12..end]);
            if is_a {
                answer.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 1, 44, 0, 4, 127, 0, 0, 1]);
            }
            socket.send_to(&answer, from).await.unwrap();
        }
    });
    address
}

/// The same ground with this dialer.
fn dialing(ground: Arc<Ground>, config: &DialConfig) -> Arc<Ground> {
    let mut ground = Arc::into_inner(ground).unwrap();
    ground.dialer = Dialer::new(config).unwrap();
    Arc::new(ground)
}

#[tokio::test]
async fn o2_1_names_and_certificate_of_a_good_relay() {
    use base64::Engine as _;
    let (certificate, key) = certificate("relay.example.org", 2100);
    let pem = base64::engine::general_purpose::STANDARD.encode(&certificate);
    let (house, ground) = ground().await;
    let file = house.folder().join("root.pem");
    let text = format!("-----BEGIN CERTIFICATE-----\n{pem}\n-----END CERTIFICATE-----\n");
    std::fs::write(&file, text).unwrap();
    let address = server(certificate, &key).await;
    let config = DialConfig {
        allow: vec!["127.0.0.0/8".to_owned()],
        name_servers: vec![names().await.to_string()],
        extra_roots: vec![file.to_str().unwrap().to_owned()],
        ..DialConfig::default()
    };
    let ground = dialing(ground, &config);
    let url = format!("wss://relay.example.org:{}/", address.port());
    let found = visit(&ground, &url).await;
    assert_eq!(found.verdict, Verdict::Online, "{found:?}");
    let names = found.names.as_ref().unwrap();
    assert_eq!(names.addresses, [address.ip()]);
    assert_eq!((names.ttl, names.aliases.len()), (Some(300), 0));
    let tls = found.tls.as_ref().unwrap();
    assert!(tls.valid && tls.version == Some("TLSv1.3"));
    let until = 4_102_444_800_000;
    assert_eq!(found.certificate_until_ms(), Some(until));
}

#[tokio::test]
async fn o2_1_a_certificate_that_does_not_stand_up_is_read_nevertheless() {
    let (_house, ground) = ground().await;
    let (certificate, key) = certificate("127.0.0.1", 2010);
    let address = server(certificate, &key).await;
    let found = visit(&ground, &format!("wss://{address}/")).await;
    assert_eq!(reason(&found), "tls");
    let tls = found.tls.as_ref().unwrap();
    assert!(!tls.valid && tls.problem.is_some());
    assert_eq!(found.certificate_until_ms(), Some(1_262_304_000_000));
    assert!(!found.is_unreached());
}

#[tokio::test]
async fn o2_3_no_tls_at_all_is_offline_for_it() {
    let (_house, ground) = ground().await;
    let server = super::server::raw(|mut stream, _| async move {
        use tokio::io::AsyncWriteExt;
        let _ = stream.write_all(b"no TLS here, and no WebSocket").await;
    })
    .await;
    let found = visit(&ground, &server.url.replacen("ws:", "wss:", 1)).await;
    assert_eq!((reason(&found).as_str(), &found.tls), ("tls", &None));
}
