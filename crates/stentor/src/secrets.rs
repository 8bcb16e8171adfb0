//! Keys that belong to the node, in files that only their owner can read.

use std::path::Path;

use anyhow::{Context, bail};
use nostr::FromBech32;
use stentor_auth::secret_file;
use stentor_event::{SecretKey, hexadecimal};

/// The file of the relay's own key.
pub const RELAY_KEY: &str = "relay.key";
/// The file of the key that signs what the observatory publishes.
pub const MONITOR_KEY: &str = "monitor.key";

/// Reads the relay's own key; makes one when there is none yet.
///
/// # Errors
/// When the folder or file cannot be read or made, is open to others, or does not hold a key.
pub fn relay_key(folder: &Path) -> anyhow::Result<SecretKey> {
    own_key(folder, RELAY_KEY)
}

/// Reads a key in this folder of secrets; makes one when there is none yet.
///
/// # Errors
/// As [`relay_key`].
pub fn own_key(folder: &Path, name: &str) -> anyhow::Result<SecretKey> {
    let path = folder.join(name);
    if let Some(text) = secret_file::read(&path)? {
        return parse(&text, &path);
    }
    let key = generate()?;
    let text = hexadecimal::encode(&key.to_bytes());
    secret_file::write(folder, &path, &text)
        .with_context(|| format!("cannot write {}", path.display()))?;
    Ok(key)
}

/// Reads a key that the configuration names, as hex digits or `nsec1…` (NIP-19).
///
/// # Errors
/// When there is no such file, it is open to others, or does not hold a key.
pub fn named_key(path: &Path) -> anyhow::Result<SecretKey> {
    match secret_file::read(path)? {
        Some(text) => parse(&text, path),
        None => bail!("{} is not there", path.display()),
    }
}

fn parse(text: &str, path: &Path) -> anyhow::Result<SecretKey> {
    let text = text.trim();
    let key = if text.starts_with("nsec1") {
        let key = nostr::SecretKey::from_bech32(text).ok();
        key.and_then(|key| SecretKey::from_bytes(key.to_secret_bytes()).ok())
    } else {
        SecretKey::from_hex(text.as_bytes()).ok()
    };
    key.with_context(|| format!("{} does not hold a key of 64 hex digits", path.display()))
}

/// Makes a key from the system's source of randomness.
///
/// # Errors
/// When the system has none to give.
pub fn generate() -> anyhow::Result<SecretKey> {
    loop {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes).map_err(|error| anyhow::anyhow!("no randomness: {error}"))?;
        // One number in 2^128 is no key.
        if let Ok(key) = SecretKey::from_bytes(bytes) {
            return Ok(key);
        }
    }
}
