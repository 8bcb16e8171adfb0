//! A verifier that lets every handshake finish and remembers what the real one thinks of it.

use std::sync::Arc;

use parking_lot::Mutex;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{DigitallySignedStruct, DistinguishedName, Error, SignatureScheme};

/// For one handshake, after which nothing is said. Never for a connection that carries data: it is with anybody.
#[derive(Debug)]
pub(super) struct Witness {
    real: Arc<WebPkiServerVerifier>,
    objection: Mutex<Option<Error>>,
}

impl Witness {
    /// Beside this verifier.
    pub(super) fn new(real: Arc<WebPkiServerVerifier>) -> Self {
        Self {
            real,
            objection: Mutex::new(None),
        }
    }

    /// What the real verifier says of the handshake that is done: its first objection.
    pub(super) fn verdict(&self) -> Result<(), String> {
        match &*self.objection.lock() {
            Some(error) => Err(error.to_string()),
            None => Ok(()),
        }
    }

    /// Remembers the first objection; the others may follow from it.
    fn note<T>(&self, judged: Result<T, Error>) {
        if let Err(error) = judged {
            self.objection.lock().get_or_insert(error);
        }
    }
}

impl ServerCertVerifier for Witness {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let judged = self.real.verify_server_cert(
            end_entity,
            intermediates,
            server_name,
            ocsp_response,
            now,
        );
        self.note(judged);
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let judged = self
            .real
            .verify_tls12_signature(message, certificate, signed);
        self.note(judged);
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let judged = self
            .real
            .verify_tls13_signature(message, certificate, signed);
        self.note(judged);
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.real.supported_verify_schemes()
    }

    fn root_hint_subjects(&self) -> Option<&[DistinguishedName]> {
        self.real.root_hint_subjects()
    }
}
