//! Web servers of domains that do not exist: a proxy (SOCKS5) on loopback behind which every name leads to one server, with
//! certificates that the dialer made here trusts.

use std::sync::Arc;

use base64::Engine as _;
use parking_lot::Mutex;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use stentor_net::dial::{Config, Dialer, Socks};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

/// What the server of a domain does.
#[derive(Clone)]
pub enum Does {
    /// It answers with a status, further headers and a body.
    Answers(u16, &'static str, String),
    /// It does so when it is let.
    Waits(String),
    /// There is none.
    Nothing,
}

/// The servers.
pub struct Web {
    dialer: Dialer,
    shared: Arc<Shared>,
}

struct Shared {
    domains: Vec<(&'static str, Does)>,
    /// The requests, as domain and target.
    asked: Mutex<Vec<(String, String)>>,
    open: watch::Sender<bool>,
}

impl Web {
    /// Servers for these domains.
    pub async fn start(domains: Vec<(&'static str, Does)>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let proxy = listener.local_addr().unwrap().to_string();
        let names: Vec<String> = domains.iter().map(|(name, _)| (*name).to_owned()).collect();
        let (acceptor, authority) = tls(names);
        let dialer = Dialer::new(&Config {
            socks: Socks {
                all: Some(proxy),
                ..Socks::default()
            },
            extra_roots: vec![authority.path().to_str().unwrap().to_owned()],
            ..Config::default()
        });
        let shared = Arc::new(Shared {
            domains,
            asked: Mutex::default(),
            open: watch::Sender::new(false),
        });
        let own = Arc::clone(&shared);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(Arc::clone(&own).serve(stream, acceptor.clone()));
            }
        });
        Self {
            dialer: dialer.unwrap(),
            shared,
        }
    }

    /// A dialer whose connections lead to them.
    pub fn dialer(&self) -> Dialer {
        self.dialer.clone()
    }

    /// What the server of a domain was asked for.
    pub fn asked(&self, domain: &str) -> Vec<String> {
        let asked = self.shared.asked.lock();
        let asked = asked.iter().filter(|(name, _)| name == domain);
        asked.map(|(_, target)| target.clone()).collect()
    }

    /// Lets those answer that wait.
    pub fn open(&self) {
        self.shared.open.send_replace(true);
    }
}

impl Shared {
    async fn serve(self: Arc<Self>, mut stream: TcpStream, acceptor: TlsAcceptor) {
        let domain = greet(&mut stream).await;
        let does = self.domains.iter().find(|(name, _)| *name == domain);
        let does = does.map_or(Does::Nothing, |(_, does)| does.clone());
        let refused = u8::from(matches!(does, Does::Nothing)) * 5;
        let reply = [5, refused, 0, 1, 0, 0, 0, 0, 0, 0];
        stream.write_all(&reply).await.unwrap();
        let Ok(mut stream) = acceptor.accept(stream).await else {
            return;
        };
        let mut read = Vec::new();
        while !read.ends_with(b"\r\n\r\n") {
            if stream.read_buf(&mut read).await.unwrap_or(0) == 0 {
                return;
            }
        }
        let head = String::from_utf8(read).unwrap();
        let target = head.split(' ').nth(1).unwrap().to_owned();
        self.asked.lock().push((domain, target));
        let (status, headers, body) = match does {
            Does::Answers(status, headers, body) => (status, headers, body),
            Does::Waits(body) => {
                let _ = self.open.subscribe().wait_for(|open| *open).await;
                (200, "", body)
            }
            Does::Nothing => return,
        };
        let length = body.len();
        let answer =
            format!("HTTP/1.1 {status} X\r\n{headers}content-length: {length}\r\n\r\n{body}");
        let _ = stream.write_all(answer.as_bytes()).await;
        let _ = stream.shutdown().await;
    }
}

/// Answers the greeting of SOCKS5 (RFC 1928) and reads where the connection is to lead.
async fn greet(stream: &mut TcpStream) -> String {
    let mut head = [0; 2];
    stream.read_exact(&mut head).await.unwrap();
    let mut methods = vec![0; usize::from(head[1])];
    stream.read_exact(&mut methods).await.unwrap();
    stream.write_all(&[5, 0]).await.unwrap();
    let mut request = [0; 5];
    stream.read_exact(&mut request).await.unwrap();
    assert_eq!(request[..4], [5, 1, 0, 3], "a connection to a name");
    let mut name = vec![0; usize::from(request[4])];
    stream.read_exact(&mut name).await.unwrap();
    let mut port = [0; 2];
    stream.read_exact(&mut port).await.unwrap();
    assert_eq!(u16::from_be_bytes(port), 443);
    String::from_utf8(name).unwrap()
}

/// TLS with a certificate for these names, and a file with that of its authority.
fn tls(names: Vec<String>) -> (TlsAcceptor, tempfile::NamedTempFile) {
    let mut params = CertificateParams::new([]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let own = KeyPair::generate().unwrap();
    let root = params.self_signed(&own).unwrap();
    let text = base64::engine::general_purpose::STANDARD.encode(root.der());
    let file = tempfile::NamedTempFile::new().unwrap();
    let pem = format!("-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n");
    std::fs::write(&file, pem).unwrap();
    let key = KeyPair::generate().unwrap();
    let leaf = CertificateParams::new(names).unwrap();
    let leaf = leaf.signed_by(&key, &Issuer::new(params, own)).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let server = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![leaf.der().clone()],
            PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
        );
    (TlsAcceptor::from(Arc::new(server.unwrap())), file)
}
