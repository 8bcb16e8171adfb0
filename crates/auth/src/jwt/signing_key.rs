//! The private key that signs our tokens: one file that only its owner can read.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use jsonwebtoken::EncodingKey;
use ring::rand::SystemRandom;
use ring::signature::{Ed25519KeyPair, KeyPair};
use stentor_event::{Timestamp, hexadecimal};

use crate::random;

/// The file, in the folder of secrets.
const FILE: &str = "token.key";

/// A key of Ed25519 with the time of its making.
pub(super) struct SigningKey {
    pub kid: String,
    pub public: [u8; 32],
    pub created_at: Timestamp,
    pub key: EncodingKey,
}

/// Why there is no key to sign with.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The file or its folder cannot be read or made.
    #[error("{}: {error}", path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// Others can read it.
    #[error("{} can be read by others (mode {mode:o}): chmod 600 it", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// It holds something else.
    #[error("{} does not hold a secret of the kind that belongs there", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
    },
    /// The system has no random numbers to give.
    #[error("the system has no random numbers to give")]
    NoRandomness,
}

impl SigningKey {
    /// Reads the key in this folder; `None` when there is none yet.
    pub fn read(folder: &Path) -> Result<Option<Self>, SecretError> {
        let path = folder.join(FILE);
        let Some(text) = read_private(&path)? else {
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
        write(folder, &path, &text).map_err(|error| SecretError::Io {
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

/// Reads a file that only its owner may be able to read; `None` when there is none.
pub(crate) fn read_private(path: &Path) -> Result<Option<String>, SecretError> {
    let io = |error| SecretError::Io {
        path: path.to_owned(),
        error,
    };
    let metadata = match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        metadata => metadata.map_err(io)?,
    };
    let mode = metadata.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        let path = path.to_owned();
        return Err(SecretError::Open { path, mode });
    }
    fs::read_to_string(path).map(Some).map_err(io)
}

/// Writes a file that appears whole or not at all, even when the machine stops meanwhile.
fn write(folder: &Path, path: &Path, text: &str) -> io::Result<()> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)?;
    let draft = path.with_extension("new");
    // What a crash has left may have other permissions.
    match fs::remove_file(&draft) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&draft)?;
    writeln!(file, "{text}")?;
    file.sync_all()?;
    fs::rename(&draft, path)?;
    fs::File::open(folder)?.sync_all()
}
