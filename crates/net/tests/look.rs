//! O2.1: what a server shows on the way to it, and that looking opens no way that dialing does not.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // outside of test functions, too

mod common;

use std::net::SocketAddr;
use std::sync::Arc;

use common::dns::{A, Dns, Record, addresses};
use common::tls::Authority;
use common::{Trap, config, loopback_dialer, serve};
use rcgen::{CertificateParams, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use stentor_net::dial::{Config, DialError, Dialer, Failure, Family, Refusal, Target, Trust};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::mpsc;
use tokio_rustls::TlsAcceptor;

/// A server with this certificate; it reports what each client says until it hangs up, `None` when that was cut short.
async fn server(
    (certificate, key): (CertificateDer<'static>, KeyPair),
) -> (SocketAddr, mpsc::Receiver<Option<Vec<u8>>>) {
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut server = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    server.alpn_protocols = vec![b"http/1.1".to_vec()];
    let acceptor = TlsAcceptor::from(Arc::new(server));
    let (said, hears) = mpsc::channel(16);
    let address = serve(move |stream| {
        let (acceptor, said) = (acceptor.clone(), said.clone());
        async move {
            if let Ok(mut stream) = acceptor.accept(stream).await {
                let mut words = Vec::new();
                let whole = stream.read_to_end(&mut words).await;
                said.send(whole.ok().map(|_| words)).await.unwrap();
            }
        }
    })
    .await;
    (address, hears)
}

/// Trusts this authority; loopback is allowed for strangers, and every name leads there.
async fn dialer(trusted: &Authority) -> (Dialer, Dns) {
    let dns = Dns::with(&["127.0.0.1"]).await;
    let dialer = Dialer::new(&Config {
        allow: vec!["127.0.0.0/8".into()],
        extra_roots: vec![trusted.file.path().to_str().unwrap().to_owned()],
        ..config(dns.address)
    });
    (dialer.unwrap(), dns)
}

fn relay(dialer: &Dialer, host: &str, port: u16) -> Target {
    let url = format!("wss://{host}:{port}/");
    dialer.admit(&url, Family::Relay, Trust::Stranger).unwrap()
}

#[tokio::test]
async fn o2_1_a_look_tells_names_addresses_and_tls_and_is_a_connection() {
    let authority = Authority::new();
    let certificate = authority.sign("relay.example.org", 2100);
    let der = certificate.0.to_vec();
    let (address, mut hears) = server(certificate).await;
    let (dialer, _dns) = dialer(&authority).await;
    let target = relay(&dialer, "relay.example.org", address.port());
    // A second look sees as much: it does not go on with the session of the first.
    for _ in 0..2 {
        let look = dialer.look(&target).await.unwrap();
        let lookup = look.lookup.unwrap();
        assert_eq!(lookup.addresses, [address.ip()]);
        assert_eq!((lookup.aliases.len(), lookup.ttl), (0, Some(0)));
        assert_eq!(look.remote, Some(address));
        assert_eq!(look.stream.remote(), Some(address));
        let tls = look.tls.unwrap();
        assert_eq!(tls.version, Some("TLSv1.3"));
        assert!(tls.cipher.unwrap().starts_with("TLS_"));
        assert_eq!(tls.alpn.as_deref(), Some("http/1.1"));
        assert_eq!(tls.certificates, [der.as_slice()]);
        assert_eq!(tls.verified, Ok(()));
        let mut stream = look.stream;
        stream.write_all(b"hello").await.unwrap();
        stream.shutdown().await.unwrap();
        assert_eq!(hears.recv().await.unwrap(), Some(b"hello".to_vec()));
    }
}

#[tokio::test]
async fn o2_1_a_look_asks_the_name_servers_each_time_and_tells_the_chain_of_names() {
    let dns = Dns::lasting(7_200, |_, kind, _| {
        let mut records = vec![
            Record::Cname("edge.example.net"),
            Record::Cname("Host.example.net"),
        ];
        records.extend(addresses(kind, &["127.0.0.1"]));
        Some(records)
    })
    .await;
    let trap = Trap::set().await;
    let dialer = loopback_dialer(dns.address);
    let url = format!("ws://relay.example.org:{}/", trap.address.port());
    let target = dialer.admit(&url, Family::Relay, Trust::Stranger).unwrap();
    for round in 1..=2 {
        let look = dialer.look(&target).await.unwrap();
        let lookup = look.lookup.unwrap();
        assert_eq!(lookup.aliases, ["edge.example.net", "host.example.net"]);
        // Longer than what dialing remembers.
        assert_eq!(lookup.ttl, Some(7_200));
        assert!(look.tls.is_none());
        let asked = dns.queries().into_iter().filter(|(_, kind)| *kind == A);
        assert_eq!(asked.count(), round);
    }
    assert_eq!(trap.visits().await, 2);
}

#[tokio::test]
async fn o2_1_no_answer_for_a_kind_of_address_is_told_from_none_of_that_kind() {
    let trap = Trap::set().await;
    for (answers_six, servers_six) in [(true, &[][..]), (false, &[]), (true, &["::ffff:127.0.0.1"])]
    {
        let dns = Dns::start(move |_, kind, _| {
            let found = [&["127.0.0.1"], servers_six].concat();
            (kind == A || answers_six).then(|| addresses(kind, &found))
        });
        let dialer = Dialer::new(&Config {
            allow: vec!["127.0.0.0/8".into()],
            lookup_seconds: 3,
            ..config(dns.await.address)
        })
        .unwrap();
        let url = format!("ws://relay.example.org:{}/", trap.address.port());
        let target = dialer.admit(&url, Family::Relay, Trust::Stranger).unwrap();
        let lookup = dialer.look(&target).await.unwrap().lookup.unwrap();
        assert_eq!(lookup.addresses.len(), 1 + servers_six.len());
        assert_eq!((lookup.knows_v4, lookup.knows_v6), (true, answers_six));
    }
}

#[tokio::test]
async fn o2_1_a_look_at_an_address_looks_nothing_up() {
    let dns = Dns::with(&[]).await;
    let trap = Trap::set().await;
    let dialer = loopback_dialer(dns.address);
    let url = format!("ws://{}/", trap.address);
    let target = dialer.admit(&url, Family::Relay, Trust::Stranger).unwrap();
    let look = dialer.look(&target).await.unwrap();
    assert_eq!((look.lookup, look.remote), (None, Some(trap.address)));
    assert_eq!(dns.queries(), []);
}

#[tokio::test]
async fn o2_1_a_bad_certificate_can_be_read_and_is_not_talked_to() {
    let (authority, other) = (Authority::new(), Authority::new());
    let self_signed = {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(["relay.example.org".to_owned()]).unwrap();
        (params.self_signed(&key).unwrap().der().clone(), key)
    };
    let (dialer, _dns) = dialer(&authority).await;
    for (certificate, expected) in [
        (authority.sign("relay.example.org", 2100), None),
        (other.sign("relay.example.org", 2100), Some("BadSignature")),
        (
            authority.sign("other.example.org", 2100),
            Some("not valid for name"),
        ),
        (authority.sign("relay.example.org", 2010), Some("expired")),
        (self_signed, Some("certificate")),
    ] {
        let der = certificate.0.to_vec();
        let (address, mut hears) = server(certificate).await;
        let target = relay(&dialer, "relay.example.org", address.port());
        let facts = dialer.look_tls(&target).await.unwrap();
        assert_eq!(facts.certificates, [der.as_slice()]);
        assert_eq!(facts.version, Some("TLSv1.3"));
        match (&facts.verified, expected) {
            (Ok(()), None) => {}
            (Err(objection), Some(words)) => assert!(objection.contains(words), "{objection}"),
            other => panic!("{other:?}"),
        }
        // It was closed in due form, and nothing was said.
        assert_eq!(hears.recv().await.unwrap(), Some(Vec::new()));
        // What was let pass for the facts is let pass nowhere else.
        if expected.is_some() {
            for dialed in [
                dialer.dial(&target).await.map(drop),
                dialer.look(&target).await.map(drop),
            ] {
                let refused = matches!(dialed, Err(DialError::Failed(Failure::Tls(_))));
                assert!(refused, "{dialed:?}");
            }
        }
    }
}

#[tokio::test]
async fn o2_1_g5_1_looking_leads_inside_no_more_than_dialing_does() {
    let trap = Trap::set().await;
    let dns = Dns::with(&["93.184.216.34", "127.0.0.1"]).await;
    let dialer = Dialer::new(&config(dns.address)).unwrap();
    let target = relay(&dialer, "relay.example.org", trap.address.port());
    for looked in [
        dialer.look(&target).await.map(drop),
        dialer.look_tls(&target).await.map(drop),
    ] {
        let refused = matches!(looked, Err(DialError::Refused(Refusal::LeadsInside(_))));
        assert!(refused, "{looked:?}");
    }
    assert_eq!(trap.visits().await, 0);
}

#[tokio::test]
async fn o2_3_the_steps_that_fail_are_told_apart() {
    let authority = Authority::new();
    let plain = serve(|mut stream| async move {
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
    })
    .await;
    let (dialer, _dns) = dialer(&authority).await;
    let no_tls = relay(&dialer, "relay.example.org", plain.port());
    for looked in [
        dialer.look(&no_tls).await.map(drop),
        dialer.look_tls(&no_tls).await.map(drop),
    ] {
        let tls = matches!(looked, Err(DialError::Failed(Failure::Tls(_))));
        assert!(tls, "{looked:?}");
    }
    // Nobody listens where a listener was.
    let closed = {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        listener.local_addr().unwrap().port()
    };
    let closed = relay(&dialer, "relay.example.org", closed);
    let looked = dialer.look(&closed).await.map(drop);
    let connect = matches!(looked, Err(DialError::Failed(Failure::Connect(_))));
    assert!(connect, "{looked:?}");
    let nowhere = loopback_dialer(Dns::with(&[]).await.address);
    let looked = nowhere
        .look(&relay(&nowhere, "relay.example.org", 443))
        .await;
    let lookup = matches!(looked, Err(DialError::Failed(Failure::Lookup(_))));
    assert!(lookup, "{looked:?}");
    let trap = Trap::set().await;
    let url = format!("ws://relay.example.org:{}/", trap.address.port());
    let target = dialer.admit(&url, Family::Relay, Trust::Stranger).unwrap();
    let looked = dialer.look_tls(&target).await;
    assert!(matches!(looked, Err(DialError::Failed(Failure::Tls(_)))));
    assert_eq!(trap.visits().await, 0);
}
