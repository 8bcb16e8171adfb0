//! TLS 1.2 and 1.3 on a listener (R3.4), with a certificate that can be changed while it serves.

mod pair;

use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use arc_swap::ArcSwap;
use metrics::{counter, gauge};
use parking_lot::Mutex;
use rustls::crypto::{CryptoProvider, ring};
use rustls::server::{ClientHello, NoServerSessionStorage, ResolvesServerCert, ServerConfig};
use rustls::sign::CertifiedKey;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tracing::{error, info, warn};

use crate::stream::Socket;
use pair::{Files, Pair};

pub use pair::{PairError, check};

/// The first byte of a TLS handshake (RFC 8446, 5.1): what a client sends that does not speak plain HTTP.
pub(crate) const HANDSHAKE: u8 = 0x16;
/// Plain bytes that may wait, encrypted, for a client that takes none: one record. What is above it waits in the connection's own
/// bounded queue.
const BUFFER: usize = 16 << 10;

/// A listener's TLS: the settings, and the certificate in force. Tickets, by which clients resume sessions, outlive a change of
/// the certificate.
pub struct Tls {
    listener: Arc<str>,
    certificate: PathBuf,
    key: PathBuf,
    config: Arc<ServerConfig>,
    current: Arc<Current>,
    /// A hash of the files as they were tried last.
    tried: Mutex<u64>,
}

/// The certificate in force.
#[derive(Debug)]
struct Current(ArcSwap<CertifiedKey>);

impl ResolvesServerCert for Current {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.load_full())
    }
}

impl Tls {
    /// Takes the pair in these files. `listener` is the name in logs and metrics.
    ///
    /// # Errors
    /// What is wrong with the pair.
    pub fn load(
        listener: &Arc<str>,
        certificate: &Path,
        key: &Path,
    ) -> Result<Arc<Self>, PairError> {
        let provider = Arc::new(ring::default_provider());
        let files = Files::read(certificate, key)?;
        let pair = files.pair(&provider)?;
        let current = Arc::new(Current(ArcSwap::new(Arc::clone(&pair.key))));
        let config = settings(provider, Arc::clone(&current)).map_err(PairError::Rustls)?;
        let tls = Self {
            listener: Arc::clone(listener),
            certificate: certificate.to_owned(),
            key: key.to_owned(),
            config: Arc::new(config),
            current,
            tried: Mutex::new(hash(&files)),
        };
        tls.tell(&pair);
        Ok(Arc::new(tls))
    }

    /// The files of certificate and key.
    #[must_use]
    pub fn files(&self) -> (&Path, &Path) {
        (&self.certificate, &self.key)
    }

    /// Reads the files again and takes the pair in them if they have changed since they were tried last. Connections that are open
    /// keep the certificate they have. What is read is the content, so it does not matter how the files were replaced. Reads
    /// files: no work for a thread that serves connections.
    ///
    /// # Errors
    /// What is wrong with the pair; the one before stays in force. Told in the log and counted too.
    pub fn reload(&self) -> Result<bool, PairError> {
        let mut tried = self.tried.lock();
        let read = Files::read(&self.certificate, &self.key);
        // What cannot be read is a state of the files too: it is told once, not each time that somebody looks.
        let now = read.as_ref().map_or(0, hash);
        if *tried == now {
            return read.map(|_| false);
        }
        *tried = now;
        let taken = read.and_then(|files| files.pair(self.config.crypto_provider()));
        match taken {
            Ok(pair) => {
                count(&self.listener, "ok");
                self.current.0.store(Arc::clone(&pair.key));
                self.tell(&pair);
                Ok(true)
            }
            Err(error) => {
                count_failure(&self.listener);
                error!(listener = &*self.listener, %error, "the certificate before stays in force");
                Err(error)
            }
        }
    }

    fn tell(&self, pair: &Pair) {
        let listener = &*self.listener;
        let Some(expires) = pair.expires else {
            info!(listener, "certificate taken");
            return;
        };
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default()
            .as_secs();
        // Seconds since 1970: a float has room for them.
        #[allow(clippy::cast_precision_loss)]
        gauge!("stentor_tls_certificate_expires_seconds", "listener" => listener.to_owned())
            .set(expires as f64);
        if expires <= now {
            warn!(listener, "the certificate has expired");
        } else {
            info!(
                listener,
                days = (expires - now) / 86_400,
                "certificate taken"
            );
        }
    }

    /// Does the handshake.
    pub(crate) async fn accept(&self, socket: Socket) -> io::Result<TlsStream<Socket>> {
        let acceptor = TlsAcceptor::from(Arc::clone(&self.config));
        let limit = |session: &mut rustls::ServerConnection| session.set_buffer_limit(Some(BUFFER));
        acceptor.accept_with(socket, limit).await
    }
}

/// Counts a change of a listener's TLS that did not come to pass.
pub fn count_failure(listener: &str) {
    count(listener, "failed");
}

fn count(listener: &str, outcome: &'static str) {
    counter!("stentor_tls_reloads_total", "listener" => listener.to_owned(), "outcome" => outcome)
        .increment(1);
}

fn settings(
    provider: Arc<CryptoProvider>,
    current: Arc<Current>,
) -> Result<ServerConfig, rustls::Error> {
    let builder = ServerConfig::builder_with_provider(provider);
    let mut config = builder
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])?
        .with_no_client_auth()
        .with_cert_resolver(current);
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    // Sessions are resumed by what the client keeps: nothing is held here for each of them.
    config.ticketer = ring::Ticketer::new()?;
    config.session_storage = Arc::new(NoServerSessionStorage {});
    Ok(config)
}

fn hash(files: &Files) -> u64 {
    let mut hasher = DefaultHasher::new();
    files.hash(&mut hasher);
    // 0 stands for files that cannot be read.
    hasher.finish().max(1)
}
