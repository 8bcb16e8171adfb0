//! A certificate and its private key in files.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use rustls::{Error, InconsistentKeys};
use x509_cert::Certificate;
use x509_cert::der::Decode;

/// Largest file that is read; chains have a few kilobytes.
const MOST: u64 = 1 << 20;

/// Why two files are no pair. Never holds what is in them.
#[derive(Debug, thiserror::Error)]
pub enum PairError {
    /// A file that cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Whether it is that of the key.
        key: bool,
        /// Why.
        source: io::Error,
    },
    /// The first file.
    #[error("{} holds no certificate in PEM", .0.display())]
    NoCertificate(PathBuf),
    /// The second file.
    #[error("{} holds no private key in PEM", .0.display())]
    NoKey(PathBuf),
    /// A private key of a kind that is not used in TLS, or a broken one.
    #[error("{} holds no usable private key", .0.display())]
    BadKey(PathBuf),
    /// Each of them alone is well formed.
    #[error("certificate and key cannot be used together: {0}")]
    Rustls(Error),
}

impl PairError {
    /// Whether it is the key's file that is to be looked at.
    #[must_use]
    pub const fn is_of_key(&self) -> bool {
        matches!(
            self,
            Self::NoKey(_) | Self::BadKey(_) | Self::Read { key: true, .. }
        )
    }
}

/// Checks that the files can be read and hold a certificate and the key that belongs to it.
///
/// # Errors
/// What is wrong with them.
pub fn check(certificate: &Path, key: &Path) -> Result<(), PairError> {
    Files::read(certificate, key)?
        .pair(&ring::default_provider())
        .map(drop)
}

/// What is in the files.
#[derive(Hash)]
pub(super) struct Files {
    paths: [PathBuf; 2],
    certificate: Vec<u8>,
    key: Vec<u8>,
}

/// A pair that can be used.
pub(super) struct Pair {
    pub(super) key: Arc<CertifiedKey>,
    /// The last second in which the certificate is valid, since 1970; `None` if that cannot be read from it.
    pub(super) expires: Option<u64>,
}

impl fmt::Debug for Files {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Files")
            .field("paths", &self.paths)
            .finish_non_exhaustive()
    }
}

impl Files {
    pub(super) fn read(certificate: &Path, key: &Path) -> Result<Self, PairError> {
        Ok(Self {
            paths: [certificate.to_owned(), key.to_owned()],
            certificate: read(certificate, false)?,
            key: read(key, true)?,
        })
    }

    pub(super) fn pair(&self, provider: &CryptoProvider) -> Result<Pair, PairError> {
        let [certificate, key] = &self.paths;
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&self.certificate).collect();
        let chain = chain.unwrap_or_default();
        let Some(first) = chain.first() else {
            return Err(PairError::NoCertificate(certificate.clone()));
        };
        let expires = expires(first);
        let private = PrivateKeyDer::from_pem_slice(&self.key);
        let private = private.map_err(|_| PairError::NoKey(key.clone()))?;
        let private = provider.key_provider.load_private_key(private);
        let private = private.map_err(|_| PairError::BadKey(key.clone()))?;
        let key = CertifiedKey::new(chain, private);
        match key.keys_match() {
            // Of a kind that cannot be compared.
            Ok(()) | Err(Error::InconsistentKeys(InconsistentKeys::Unknown)) => {}
            Err(error) => return Err(PairError::Rustls(error)),
        }
        Ok(Pair {
            key: Arc::new(key),
            expires,
        })
    }
}

fn read(path: &Path, key: bool) -> Result<Vec<u8>, PairError> {
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(MOST).read_to_end(&mut bytes));
    read.map(|_| bytes).map_err(|source| PairError::Read {
        path: path.to_owned(),
        key,
        source,
    })
}

fn expires(certificate: &CertificateDer<'_>) -> Option<u64> {
    let certificate = Certificate::from_der(certificate).ok()?;
    let end = certificate.tbs_certificate.validity.not_after;
    Some(end.to_unix_duration().as_secs())
}
