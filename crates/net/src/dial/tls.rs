//! TLS, always verified (G5.3).

use std::io;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::config::ConfigError;
use super::error::Failure;
use super::target::Host;

/// A connector that trusts the authorities of the web (Mozilla's list) and those in the PEM files.
///
/// # Errors
/// A file that cannot be read or has no certificate.
pub(super) fn connector(extra_roots: &[String]) -> Result<TlsConnector, ConfigError> {
    let mut roots = RootCertStore {
        roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
    };
    for (index, path) in extra_roots.iter().enumerate() {
        add_file(&mut roots, path)
            .map_err(|problem| ConfigError::new(format!("extra_roots[{index}]"), problem))?;
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| ConfigError::new("extra_roots", error.to_string()))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsConnector::from(Arc::new(config)))
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

/// Speaks TLS with the host that was meant, whatever address it has.
pub(super) async fn handshake(
    connector: &TlsConnector,
    host: &Host,
    stream: TcpStream,
) -> Result<TlsStream<TcpStream>, Failure> {
    let name = match host {
        Host::Address(address) => ServerName::IpAddress((*address).into()),
        Host::Name(name) => ServerName::try_from(name.clone())
            .map_err(|error| Failure::Tls(io::Error::new(io::ErrorKind::InvalidInput, error)))?,
    };
    connector.connect(name, stream).await.map_err(Failure::Tls)
}
