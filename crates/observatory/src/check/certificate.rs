//! What a certificate says, read from its DER. Pure.

use serde::Serialize;
use sha2::{Digest, Sha256};
use stentor_event::hexadecimal;
use stentor_net::dial::TlsFacts;
use x509_cert::Certificate as X509;
use x509_cert::der::Decode;
use x509_cert::time::Time;

/// Characters of a name, or of what is wrong, that are kept.
const MOST: usize = 256;

/// TLS as a relay has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Tls {
    /// Whether the certificate stands up.
    pub valid: bool,
    /// Why not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
    /// The protocol.
    pub version: Option<&'static str>,
    /// The cipher suite.
    pub cipher: Option<String>,
    /// The relay's own certificate, if it can be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificate: Option<Certificate>,
}

/// A certificate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Certificate {
    /// Whose it is (RFC 4514).
    pub subject: String,
    /// Who has signed it (RFC 4514).
    pub issuer: String,
    /// The first second in which it is valid, since 1970.
    pub from: u64,
    /// The last.
    pub until: u64,
    /// The SHA-256 of all of it, in hex.
    pub sha256: String,
}

impl Tls {
    /// Reads what a handshake has shown.
    pub fn of(facts: &TlsFacts) -> Self {
        let problem = facts.verified.as_ref().err();
        Self {
            valid: problem.is_none(),
            problem: problem.map(|text| clipped(text, MOST)),
            version: facts.version,
            cipher: facts.cipher.clone(),
            certificate: facts.certificates.first().and_then(|der| read(der)),
        }
    }

    /// When the certificate begins, in Unix milliseconds.
    pub fn certificate_from_ms(&self) -> Option<u64> {
        let certificate = self.certificate.as_ref()?;
        Some(certificate.from.saturating_mul(1_000))
    }
}

fn read(der: &[u8]) -> Option<Certificate> {
    let read = X509::from_der(der).ok()?.tbs_certificate;
    let seconds = |time: Time| time.to_unix_duration().as_secs();
    Some(Certificate {
        subject: clipped(&read.subject.to_string(), MOST),
        issuer: clipped(&read.issuer.to_string(), MOST),
        from: seconds(read.validity.not_before),
        until: seconds(read.validity.not_after),
        sha256: hexadecimal::encode(&Sha256::digest(der)),
    })
}

/// A stranger's text without control characters, no longer than this.
pub(crate) fn clipped(text: &str, most: usize) -> String {
    let shown = text.trim().chars().filter(|c| !c.is_control());
    shown.take(most).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn o2_1_a_certificate_is_read() {
        let key = rcgen::KeyPair::generate().unwrap();
        let mut params = rcgen::CertificateParams::new(["relay.example.org".to_owned()]).unwrap();
        params.not_before = rcgen::date_time_ymd(2020, 1, 1);
        params.not_after = rcgen::date_time_ymd(2021, 1, 1);
        let der = params.self_signed(&key).unwrap().der().to_vec();
        let facts = |certificates| TlsFacts {
            version: Some("TLSv1.3"),
            cipher: Some("TLS_AES_128_GCM_SHA256".to_owned()),
            alpn: None,
            certificates,
            verified: Err("expired".to_owned()),
            took: Duration::ZERO,
        };
        let tls = Tls::of(&facts(vec![der]));
        assert!(!tls.valid && tls.problem.as_deref() == Some("expired"));
        let from_ms = tls.certificate_from_ms();
        let certificate = tls.certificate.unwrap();
        assert_eq!(
            (certificate.from, certificate.until),
            (1_577_836_800, 1_609_459_200)
        );
        assert_eq!(from_ms, Some(1_577_836_800_000));
        assert_eq!(certificate.issuer, certificate.subject);
        assert_eq!(certificate.sha256.len(), 64);
        assert_eq!(Tls::of(&facts(vec![vec![1, 2, 3]])).certificate, None);
        assert_eq!(Tls::of(&facts(vec![])).certificate, None);
    }
}
