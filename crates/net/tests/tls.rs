//! G5.3: TLS is verified.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // outside of test functions, too

mod common;

use std::sync::Arc;
use std::time::{Duration, Instant};

use common::dns::Dns;
use common::tls::Authority;
use common::{config, serve};
use rcgen::{CertificateParams, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use stentor_net::dial::{Config, DialError, Dialer, Failure, Family, Trust};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::TlsAcceptor;

/// Dials `url` at a server with this certificate, trusting an authority, and says a word through the connection.
async fn dial(
    (certificate, key): (CertificateDer<'static>, KeyPair),
    trusted: &Authority,
    host: &str,
) -> Result<(), DialError> {
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let server = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(server));
    let address = serve(move |stream| {
        let acceptor = acceptor.clone();
        async move {
            if let Ok(mut stream) = acceptor.accept(stream).await {
                let mut word = [0; 5];
                stream.read_exact(&mut word).await.unwrap();
                stream.write_all(&word).await.unwrap();
            }
        }
    })
    .await;
    let dns = Dns::with(&["127.0.0.1"]).await;
    let dialer = Dialer::new(&Config {
        allow: vec!["127.0.0.0/8".into()],
        extra_roots: vec![trusted.file.path().to_str().unwrap().to_owned()],
        ..config(dns.address)
    })
    .unwrap();
    let url = format!("wss://{host}:{}/", address.port());
    let target = dialer.admit(&url, Family::Relay, Trust::Stranger).unwrap();
    let mut stream = dialer.dial(&target).await?;
    stream.write_all(b"hello").await.unwrap();
    let mut word = [0; 5];
    stream.read_exact(&mut word).await.unwrap();
    assert_eq!(&word, b"hello");
    Ok(())
}

#[tokio::test]
async fn g5_3_a_certificate_that_stands_up_is_accepted() {
    let authority = Authority::new();
    dial(
        authority.sign("relay.example.org", 2100),
        &authority,
        "relay.example.org",
    )
    .await
    .unwrap();
    dial(authority.sign("127.0.0.1", 2100), &authority, "127.0.0.1")
        .await
        .unwrap();
}

#[tokio::test]
async fn g5_3_bad_certificates_are_refused() {
    let (authority, other) = (Authority::new(), Authority::new());
    let self_signed = {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(["relay.example.org".to_owned()]).unwrap();
        (params.self_signed(&key).unwrap().der().clone(), key)
    };
    for (what, certificate) in [
        ("another authority", other.sign("relay.example.org", 2100)),
        ("another name", authority.sign("other.example.org", 2100)),
        ("its address only", authority.sign("127.0.0.1", 2100)),
        ("expired", authority.sign("relay.example.org", 2010)),
        ("self-signed", self_signed),
    ] {
        let dialed = dial(certificate, &authority, "relay.example.org").await;
        assert!(
            matches!(dialed, Err(DialError::Failed(Failure::Tls(_)))),
            "{what}: {dialed:?}"
        );
    }
}

#[tokio::test]
async fn g5_3_who_does_not_speak_tls_is_not_spoken_to() {
    let address = serve(|mut stream| async move {
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
    })
    .await;
    let dialer = common::loopback_dialer(Dns::with(&[]).await.address);
    let url = format!("https://{address}/");
    let target = dialer.admit(&url, Family::Web, Trust::Stranger).unwrap();
    let dialed = dialer.dial(&target).await.map(drop);
    assert!(
        matches!(dialed, Err(DialError::Failed(Failure::Tls(_)))),
        "{dialed:?}"
    );
}

#[tokio::test]
async fn g5_3_connections_are_made_so_many_at_once_and_the_rest_waits_without_losing_time() {
    // One that accepts and says nothing: the handshake lasts as long as it may.
    let silent = serve(|stream| async move {
        std::future::pending::<()>().await;
        drop(stream);
    })
    .await;
    let trap = common::Trap::set().await;
    let dialer = Dialer::new(&Config {
        allow: vec!["127.0.0.0/8".into()],
        dials: 1,
        connect_seconds: 1,
        ..Config::default()
    })
    .unwrap();
    let target = |url: String| dialer.admit(&url, Family::Web, Trust::Stranger).unwrap();
    let slow = target(format!("https://{silent}/"));
    let fast = target(format!("http://{}/", trap.address));
    let fast_plain = async {
        let start = Instant::now();
        let (dialed, looked) = tokio::join!(dialer.dial(&fast), dialer.look(&fast));
        (
            dialed.map(drop),
            looked.map(|look| look.connect),
            start.elapsed(),
        )
    };
    // Each of the first two takes all of its time; together that is twice what the others may take.
    let (first, second, (dialed, looked, waited)) =
        tokio::join!(dialer.dial(&slow), dialer.look_tls(&slow), fast_plain);
    assert!(matches!(first, Err(DialError::Failed(Failure::Timeout))));
    assert!(matches!(second, Err(DialError::Failed(Failure::Timeout))));
    dialed.unwrap();
    assert!(waited >= Duration::from_secs(2), "{waited:?}");
    assert!(looked.unwrap() < Duration::from_secs(1));
    assert_eq!(trap.visits().await, 2);
}

#[test]
fn g5_3_a_file_of_roots_that_has_none_is_an_error() {
    let empty = tempfile::NamedTempFile::new().unwrap();
    for path in [empty.path().to_str().unwrap(), "/nonexistent/roots.pem"] {
        let made = Dialer::new(&Config {
            extra_roots: vec![path.to_owned()],
            ..Config::default()
        });
        assert_eq!(made.err().unwrap().key, "extra_roots[0]");
    }
}
