//! The private key that signs our tokens: one file that only its owner can read.

use std::path::Path;

use jsonwebtoken::EncodingKey;
use ring::rand::SystemRandom;
use ring::signature::{Ed25519KeyPair, KeyPair};
use stentor_event::{Timestamp, hexadecimal};

use crate::random;
use crate::secret_file::{self, SecretError};

/// The file, in the folder of secrets.
const FILE: &str = "token.key";

/// A key of Ed25519 with the time of its making.
pub(super) struct SigningKey {
    pub kid: String,
    pub public: [u8; 32],
    pub created_at: Timestamp,
    pub key: EncodingKey,
}

impl SigningKey {
    /// Reads the key in this folder; `None` when there is none yet.
    pub fn read(folder: &Path) -> Result<Option<Self>, SecretError> {
        let path = folder.join(FILE);
        let Some(text) = secret_file::read(&path)? else {
            return Ok(None);
        };
        let key = Self::parse(&text).ok_or(SecretError::Damaged { path })?;
        Ok(Some(key))
    }

    /// Makes a new key in the place of the one in this folder.
    pub fn replace(folder: &Path, now: Timestamp) -> Result<Self, SecretError> {
        let pair = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new())
            .map_err(|_| SecretError::NoRandomness)?;
        let path = folder.join(FILE);
        let text = format!("{now} {}", random::text(pair.as_ref()));
        secret_file::write(folder, &path, &text).map_err(|error| SecretError::Io {
            path: path.clone(),
            error,
        })?;
        Self::parse(&text).ok_or(SecretError::Damaged { path })
    }

    /// Reads `<seconds> <PKCS#8 in base64url>`.
    fn parse(text: &str) -> Option<Self> {
        let (created_at, key) = text.trim().split_once(' ')?;
        let der = random::from_text(key)?;
        let pair = Ed25519KeyPair::from_pkcs8(&der).ok()?;
        let public: [u8; 32] = pair.public_key().as_ref().try_into().ok()?;
        let mut kid = hexadecimal::encode(&random::hash(&public));
        kid.truncate(16);
        Some(Self {
            kid,
            public,
            created_at: Timestamp(created_at.parse().ok()?),
            key: EncodingKey::from_ed_der(&der),
        })
    }
}
