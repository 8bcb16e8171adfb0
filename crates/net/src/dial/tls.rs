//! TLS, always verified (G5.3), but for one handshake in which nothing is said.

use std::io;
use std::sync::Arc;
use std::time::Instant;

use rustls::client::danger::ServerCertVerifier;
use rustls::client::{Resumption, WebPkiServerVerifier};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::config::ConfigError;
use super::error::Failure;
use super::facts::TlsFacts;
use super::target::Host;
use super::witness::Witness;

/// How TLS is spoken.
pub(super) struct Tls {
    /// For connections.
    usual: TlsConnector,
    /// The same without sessions of earlier connections: every handshake is a whole one.
    whole: Arc<ClientConfig>,
    verifier: Arc<WebPkiServerVerifier>,
}

impl Tls {
    /// Trusts the authorities of the web (Mozilla's list) and those in the PEM files.
    ///
    /// # Errors
    /// A file that cannot be read or has no certificate.
    pub(super) fn new(extra_roots: &[String]) -> Result<Self, ConfigError> {
        let failed = |problem: String| ConfigError::new("extra_roots", problem);
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let roots = Arc::new(roots(extra_roots)?);
        let verifier = WebPkiServerVerifier::builder_with_provider(roots, Arc::clone(&provider))
            .build()
            .map_err(|error| failed(error.to_string()))?;
        let mut usual = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| failed(error.to_string()))?
            .with_webpki_verifier(Arc::clone(&verifier))
            .with_no_client_auth();
        usual.alpn_protocols = vec![b"http/1.1".to_vec()];
        let mut whole = usual.clone();
        whole.resumption = Resumption::disabled();
        Ok(Self {
            usual: TlsConnector::from(Arc::new(usual)),
            whole: Arc::new(whole),
            verifier,
        })
    }

    /// Speaks TLS with the host that was meant, whatever address it has.
    pub(super) async fn handshake(
        &self,
        host: &Host,
        stream: TcpStream,
    ) -> Result<TlsStream<TcpStream>, Failure> {
        let name = server_name(host)?;
        let shaken = self.usual.connect(name, stream).await;
        shaken.map_err(Failure::Tls)
    }

    /// As [`handshake`](Self::handshake), and tells what was seen.
    pub(super) async fn look(
        &self,
        host: &Host,
        stream: TcpStream,
    ) -> Result<(TlsStream<TcpStream>, TlsFacts), Failure> {
        let (name, start) = (server_name(host)?, Instant::now());
        let connector = TlsConnector::from(Arc::clone(&self.whole));
        let shaken = connector.connect(name, stream).await;
        let (stream, took) = (shaken.map_err(Failure::Tls)?, start.elapsed());
        let facts = TlsFacts::of(stream.get_ref().1, Ok(()), took);
        Ok((stream, facts))
    }

    /// What a handshake shows, whatever the certificate is worth. The connection is closed at once, as it may be with anybody.
    pub(super) async fn facts(&self, host: &Host, stream: TcpStream) -> Result<TlsFacts, Failure> {
        let witness = Arc::new(Witness::new(Arc::clone(&self.verifier)));
        let mut config = ClientConfig::clone(&self.whole);
        let verifier: Arc<dyn ServerCertVerifier> = Arc::clone(&witness) as _;
        config.dangerous().set_certificate_verifier(verifier);
        let (name, start) = (server_name(host)?, Instant::now());
        let connector = TlsConnector::from(Arc::new(config));
        let shaken = connector.connect(name, stream).await;
        let (mut stream, took) = (shaken.map_err(Failure::Tls)?, start.elapsed());
        let facts = TlsFacts::of(stream.get_ref().1, witness.verdict(), took);
        // A farewell; who has hung up already misses nothing.
        let _ = stream.shutdown().await;
        Ok(facts)
    }
}

fn roots(extra_roots: &[String]) -> Result<RootCertStore, ConfigError> {
    let mut roots = RootCertStore {
        roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
    };
    for (index, path) in extra_roots.iter().enumerate() {
        add_file(&mut roots, path)
            .map_err(|problem| ConfigError::new(format!("extra_roots[{index}]"), problem))?;
    }
    Ok(roots)
}

fn add_file(roots: &mut RootCertStore, path: &str) -> Result<(), String> {
    let certificates = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| format!("{path}: {error}"))?;
    if certificates.is_empty() {
        return Err(format!("{path} has no certificate"));
    }
    certificates
        .into_iter()
        .try_for_each(|certificate| roots.add(certificate))
        .map_err(|error| format!("{path}: {error}"))
}

/// The name or address that a certificate must be for.
fn server_name(host: &Host) -> Result<ServerName<'static>, Failure> {
    match host {
        Host::Address(address) => Ok(ServerName::IpAddress((*address).into())),
        Host::Name(name) => ServerName::try_from(name.clone())
            .map_err(|error| Failure::Tls(io::Error::new(io::ErrorKind::InvalidInput, error))),
    }
}
