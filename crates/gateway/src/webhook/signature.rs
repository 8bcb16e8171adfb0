//! Signatures by Standard Webhooks (G4.2): `v1` with a shared secret (HMAC-SHA256), `v1a` with a key pair (Ed25519).
//!
//! What is signed is `ID.TIMESTAMP.BODY`. The header lists a signature for each secret in force, so that receivers can change
//! over while the one before still holds.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use ring::hmac;
use ring::rand::{SecureRandom, SystemRandom};
use ring::signature::{Ed25519KeyPair, KeyPair};
use secrecy::{ExposeSecret, SecretBox, SecretString};

/// Bytes of a new shared secret; Standard Webhooks asks for 24 to 64.
const SECRET_BYTES: usize = 32;
/// Bytes from which a key pair is made.
const SEED_BYTES: usize = 32;

/// How an endpoint is signed for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// A secret that both sides have.
    Shared,
    /// A key that only we have; the receiver has the public one.
    KeyPair,
}

/// What we sign with.
pub enum Key {
    /// `v1`.
    Shared(SecretBox<Vec<u8>>),
    /// `v1a`, by its seed.
    KeyPair(SecretBox<Vec<u8>>),
}

/// A text that is no secret of Standard Webhooks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Neither `whsec_` nor `whsk_` and base64.
    #[error("a secret is `whsec_` or `whsk_` and base64")]
    Form,
    /// Too short or too long.
    #[error("a shared secret has 24 to 64 bytes, the seed of a key pair 32")]
    Length,
    /// The system has no randomness.
    #[error("the system gives no random bytes")]
    NoRandomness,
}

impl Key {
    /// A new one.
    ///
    /// # Errors
    /// [`KeyError::NoRandomness`].
    pub fn generate(scheme: Scheme) -> Result<Self, KeyError> {
        let length = match scheme {
            Scheme::Shared => SECRET_BYTES,
            Scheme::KeyPair => SEED_BYTES,
        };
        let mut bytes = vec![0; length];
        SystemRandom::new()
            .fill(&mut bytes)
            .map_err(|_| KeyError::NoRandomness)?;
        Ok(Self::of(scheme, bytes))
    }

    fn of(scheme: Scheme, bytes: Vec<u8>) -> Self {
        let secret = SecretBox::new(Box::new(bytes));
        match scheme {
            Scheme::Shared => Self::Shared(secret),
            Scheme::KeyPair => Self::KeyPair(secret),
        }
    }

    /// Reads what [`Key::text`] has written, or a secret that the receiver has chosen.
    ///
    /// # Errors
    /// [`KeyError::Form`] and [`KeyError::Length`].
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let (scheme, encoded) = match (text.strip_prefix("whsec_"), text.strip_prefix("whsk_")) {
            (Some(encoded), _) => (Scheme::Shared, encoded),
            (_, Some(encoded)) => (Scheme::KeyPair, encoded),
            _ => return Err(KeyError::Form),
        };
        let bytes = BASE64_STANDARD
            .decode(encoded)
            .map_err(|_| KeyError::Form)?;
        let fits = match scheme {
            Scheme::Shared => (24..=64).contains(&bytes.len()),
            Scheme::KeyPair => bytes.len() == SEED_BYTES,
        };
        if fits {
            Ok(Self::of(scheme, bytes))
        } else {
            Err(KeyError::Length)
        }
    }

    /// Which it is.
    pub const fn scheme(&self) -> Scheme {
        match self {
            Self::Shared(_) => Scheme::Shared,
            Self::KeyPair(_) => Scheme::KeyPair,
        }
    }

    /// The secret as text: to be kept, encrypted.
    pub fn text(&self) -> SecretString {
        let (prefix, secret) = match self {
            Self::Shared(secret) => ("whsec_", secret),
            Self::KeyPair(seed) => ("whsk_", seed),
        };
        SecretString::from(format!(
            "{prefix}{}",
            BASE64_STANDARD.encode(secret.expose_secret())
        ))
    }

    /// What the receiver is given: the shared secret, or the public key (`whpk_`).
    ///
    /// # Errors
    /// [`KeyError::Length`] for a seed that is none.
    pub fn for_receiver(&self) -> Result<SecretString, KeyError> {
        match self {
            Self::Shared(_) => Ok(self.text()),
            Self::KeyPair(seed) => {
                let pair = pair(seed)?;
                let public = BASE64_STANDARD.encode(pair.public_key());
                Ok(SecretString::from(format!("whpk_{public}")))
            }
        }
    }

    /// The signature of a message, as the header has it.
    ///
    /// # Errors
    /// [`KeyError::Length`] for a seed that is none.
    pub fn sign(&self, id: &str, timestamp: u64, body: &[u8]) -> Result<String, KeyError> {
        let mut content = format!("{id}.{timestamp}.").into_bytes();
        content.extend_from_slice(body);
        let (version, signature) = match self {
            Self::Shared(secret) => {
                let key = hmac::Key::new(hmac::HMAC_SHA256, secret.expose_secret());
                let tag = hmac::sign(&key, &content);
                ("v1", BASE64_STANDARD.encode(tag.as_ref()))
            }
            Self::KeyPair(seed) => {
                let signature = pair(seed)?.sign(&content);
                ("v1a", BASE64_STANDARD.encode(signature.as_ref()))
            }
        };
        Ok(format!("{version},{signature}"))
    }
}

fn pair(seed: &SecretBox<Vec<u8>>) -> Result<Ed25519KeyPair, KeyError> {
    Ed25519KeyPair::from_seed_unchecked(seed.expose_secret()).map_err(|_| KeyError::Length)
}

/// The value of `webhook-signature`: one signature for each key.
///
/// # Errors
/// As [`Key::sign`].
pub fn header(keys: &[Key], id: &str, timestamp: u64, body: &[u8]) -> Result<String, KeyError> {
    let signatures: Result<Vec<String>, KeyError> = keys
        .iter()
        .map(|key| key.sign(id, timestamp, body))
        .collect();
    Ok(signatures?.join(" "))
}

#[cfg(test)]
mod tests {
    use ring::signature::{ED25519, UnparsedPublicKey};

    use super::*;

    /// From the test vectors of the specification's own libraries.
    #[test]
    fn g4_2_v1_is_that_of_standard_webhooks() {
        let key = Key::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let signed = key.sign(
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            1_614_265_330,
            br#"{"test": 2432232314}"#,
        );
        assert_eq!(
            signed.unwrap(),
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
        );
    }

    #[test]
    fn g4_2_v1a_verifies_with_the_public_key_that_the_receiver_has() {
        let key = Key::generate(Scheme::KeyPair).unwrap();
        let given = key.for_receiver().unwrap();
        let public = given.expose_secret().strip_prefix("whpk_").unwrap();
        let public = BASE64_STANDARD.decode(public).unwrap();
        let signed = key.sign("msg_1", 7, b"{}").unwrap();
        let signature = signed.strip_prefix("v1a,").unwrap();
        let signature = BASE64_STANDARD.decode(signature).unwrap();
        let verifier = UnparsedPublicKey::new(&ED25519, public);
        assert!(verifier.verify(b"msg_1.7.{}", &signature).is_ok());
        assert!(verifier.verify(b"msg_1.8.{}", &signature).is_err());
    }

    #[test]
    fn g4_2_rotation_signs_with_all_that_are_in_force() {
        let keys = [Scheme::Shared, Scheme::KeyPair].map(|scheme| Key::generate(scheme).unwrap());
        let header = header(&keys, "msg_1", 7, b"{}").unwrap();
        let parts: Vec<&str> = header.split(' ').collect();
        assert_eq!(parts.len(), 2);
        assert_eq!(parts[0], keys[0].sign("msg_1", 7, b"{}").unwrap());
        assert!(parts[1].starts_with("v1a,"));
    }

    #[test]
    fn g4_2_secrets_are_read_as_they_were_written_and_others_refused() {
        for scheme in [Scheme::Shared, Scheme::KeyPair] {
            let key = Key::generate(scheme).unwrap();
            let read = Key::parse(key.text().expose_secret()).unwrap();
            assert_eq!(read.scheme(), scheme);
            let sign = |key: &Key| key.sign("a", 1, b"b").unwrap();
            assert_eq!(sign(&read), sign(&key));
        }
        let error = |text: &str| Key::parse(text).err();
        assert_eq!(error("whsec_AAAA"), Some(KeyError::Length));
        assert_eq!(
            error("whsk_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
            Some(KeyError::Length)
        );
        assert_eq!(error("whsec_!"), Some(KeyError::Form));
        assert_eq!(
            error("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
            Some(KeyError::Form)
        );
    }
}
