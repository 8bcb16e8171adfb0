//! The network's certificate authority.

use std::io;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, date_time_ymd};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

use crate::manners::{Certificate, Manners};

/// Signs certificates for 127.0.0.1.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    /// Its own certificate.
    pub(crate) pem: String,
}

impl Authority {
    /// A new one.
    fn new() -> io::Result<Self> {
        let key = KeyPair::generate().map_err(io::Error::other)?;
        let mut params = CertificateParams::new([]).map_err(io::Error::other)?;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let certificate = params.self_signed(&key).map_err(io::Error::other)?;
        Ok(Self {
            pem: certificate.pem(),
            issuer: Issuer::new(params, key),
        })
    }

    /// What shows a certificate of this sort.
    fn acceptor(&self, sort: Certificate) -> io::Result<TlsAcceptor> {
        let (certificate, key) = self.certificate(sort).map_err(io::Error::other)?;
        let key = PrivateKeyDer::try_from(key.serialize_der()).map_err(io::Error::other)?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?
            .with_no_client_auth()
            .with_single_cert(vec![certificate], key)
            .map_err(io::Error::other)?;
        Ok(TlsAcceptor::from(Arc::new(config)))
    }

    fn certificate(
        &self,
        sort: Certificate,
    ) -> Result<(CertificateDer<'static>, KeyPair), rcgen::Error> {
        let key = KeyPair::generate()?;
        let mut params = CertificateParams::new(["127.0.0.1".to_owned()])?;
        params.not_before = date_time_ymd(2000, 1, 1);
        let expired = sort == Certificate::Expired;
        params.not_after = date_time_ymd(if expired { 2010 } else { 2100 }, 1, 1);
        let certificate = match sort {
            Certificate::SelfSigned => params.self_signed(&key)?,
            Certificate::Good | Certificate::Expired => params.signed_by(&key, &self.issuer)?,
        };
        Ok((certificate.der().clone(), key))
    }
}

/// What shows the certificates that a network needs.
pub(crate) struct Acceptors {
    pub(crate) authority: Option<Authority>,
    good: Option<TlsAcceptor>,
    expired: Option<TlsAcceptor>,
    self_signed: Option<TlsAcceptor>,
}

impl Acceptors {
    /// For relays of these manners; none where no relay shows a certificate.
    pub(crate) fn new(manners: &[Manners]) -> io::Result<Self> {
        let needed = manners.iter().any(|one| one.certificate.is_some());
        let authority = needed.then(Authority::new).transpose()?;
        let acceptor = |sort| {
            let authority = authority.as_ref();
            authority.map(|one| one.acceptor(sort)).transpose()
        };
        Ok(Self {
            good: acceptor(Certificate::Good)?,
            expired: acceptor(Certificate::Expired)?,
            self_signed: acceptor(Certificate::SelfSigned)?,
            authority,
        })
    }

    /// What shows a certificate of this sort.
    pub(crate) fn of(&self, sort: Option<Certificate>) -> Option<TlsAcceptor> {
        match sort? {
            Certificate::Good => self.good.clone(),
            Certificate::Expired => self.expired.clone(),
            Certificate::SelfSigned => self.self_signed.clone(),
        }
    }
}
