//! Secrets at rest (G4.1): encrypted with the node's master key, each bound to what it belongs to.

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::rand::{SecureRandom, SystemRandom};
use secrecy::{ExposeSecret, SecretBox, SecretString};

/// The form of what is written.
const VERSION: u8 = 1;

/// Encrypts secrets.
pub struct Vault(LessSafeKey);

/// A secret that cannot be sealed or opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum VaultError {
    /// It was encrypted with another key, belongs to something else, or is damaged.
    #[error("a secret cannot be decrypted: it belongs to another master key, or was changed")]
    Sealed,
    /// The system has no randomness.
    #[error("the system gives no random bytes")]
    NoRandomness,
    /// The master key is not 32 bytes.
    #[error("the master key has 32 bytes")]
    Key,
}

impl Vault {
    /// With this master key of 32 bytes.
    ///
    /// # Errors
    /// [`VaultError::Key`].
    pub fn new(key: &SecretBox<Vec<u8>>) -> Result<Self, VaultError> {
        let key = UnboundKey::new(&AES_256_GCM, key.expose_secret());
        Ok(Self(LessSafeKey::new(key.map_err(|_| VaultError::Key)?)))
    }

    /// Encrypts a secret that belongs to `whose`; under another name it cannot be opened. Nonces are random: with 96 bits, and the few
    /// thousand secrets that a node ever seals, they do not meet.
    ///
    /// # Errors
    /// [`VaultError::NoRandomness`].
    pub fn seal(&self, secret: &SecretString, whose: &str) -> Result<Vec<u8>, VaultError> {
        let mut nonce = [0; NONCE_LEN];
        SystemRandom::new()
            .fill(&mut nonce)
            .map_err(|_| VaultError::NoRandomness)?;
        let mut text = secret.expose_secret().as_bytes().to_vec();
        let unique = Nonce::assume_unique_for_key(nonce);
        self.0
            .seal_in_place_append_tag(unique, Aad::from(whose), &mut text)
            .map_err(|_| VaultError::Sealed)?;
        let mut sealed = vec![VERSION];
        sealed.extend(nonce);
        sealed.extend(text);
        Ok(sealed)
    }

    /// Decrypts what [`Vault::seal`] has written.
    ///
    /// # Errors
    /// [`VaultError::Sealed`].
    pub fn open(&self, sealed: &[u8], whose: &str) -> Result<SecretString, VaultError> {
        let (version, rest) = sealed.split_first().ok_or(VaultError::Sealed)?;
        let (nonce, text) = rest.split_first_chunk().ok_or(VaultError::Sealed)?;
        if *version != VERSION {
            return Err(VaultError::Sealed);
        }
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let mut text = text.to_vec();
        let opened = self
            .0
            .open_in_place(nonce, Aad::from(whose), &mut text)
            .map_err(|_| VaultError::Sealed)?;
        let text = str::from_utf8(opened).map_err(|_| VaultError::Sealed)?;
        Ok(SecretString::from(text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vault(byte: u8) -> Vault {
        Vault::new(&SecretBox::new(Box::new(vec![byte; 32]))).unwrap()
    }

    #[test]
    fn g4_1_a_secret_is_opened_by_its_key_and_under_its_name_only() {
        let secret = SecretString::from("whsec_abc");
        let sealed = vault(1).seal(&secret, "endpoint 1").unwrap();
        assert!(!sealed.windows(5).any(|part| part == b"whsec"));
        let opened = vault(1).open(&sealed, "endpoint 1").unwrap();
        assert_eq!(opened.expose_secret(), "whsec_abc");
        assert!(vault(2).open(&sealed, "endpoint 1").is_err());
        assert!(vault(1).open(&sealed, "endpoint 2").is_err());
        for place in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[place] ^= 1;
            assert!(vault(1).open(&changed, "endpoint 1").is_err(), "{place}");
        }
        assert!(vault(1).open(&[], "endpoint 1").is_err());
        assert_ne!(sealed, vault(1).seal(&secret, "endpoint 1").unwrap());
    }

    #[test]
    fn g4_1_a_short_master_key_is_refused() {
        let short = SecretBox::new(Box::new(vec![1; 16]));
        assert_eq!(Vault::new(&short).err(), Some(VaultError::Key));
    }
}
