//! Keys that belong to the node, in files that only their owner can read.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

use anyhow::{Context, bail};
use stentor_event::{SecretKey, hexadecimal};

/// The file of the relay's own key.
pub const RELAY_KEY: &str = "relay.key";

/// Reads the relay's own key; makes one when there is none yet.
///
/// # Errors
/// When the folder or file cannot be read or made, is open to others, or does not hold a key.
pub fn relay_key(folder: &Path) -> anyhow::Result<SecretKey> {
    make_folder(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let path = folder.join(RELAY_KEY);
    match fs::read_to_string(&path) {
        Ok(text) => {
            check_private(&path)?;
            SecretKey::from_hex(text.trim().as_bytes())
                .with_context(|| format!("{} does not hold a key of 64 hex digits", path.display()))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let key = generate()?;
            write_new(&path, &key).with_context(|| format!("cannot write {}", path.display()))?;
            Ok(key)
        }
        Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
    }
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

fn make_folder(folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

fn check_private(path: &Path) -> anyhow::Result<()> {
    let mode = fs::metadata(path)?.permissions().mode();
    if mode & 0o077 != 0 {
        bail!(
            "{} can be read by others (mode {:o}): chmod 600 it",
            path.display(),
            mode & 0o777
        );
    }
    Ok(())
}

/// Writes a file that appears whole or not at all, even when the machine stops meanwhile.
fn write_new(path: &Path, key: &SecretKey) -> io::Result<()> {
    let parent = path.parent().unwrap_or(Path::new("."));
    let draft = path.with_extension("new");
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&draft)?;
    writeln!(file, "{}", hexadecimal::encode(&key.to_bytes()))?;
    file.sync_all()?;
    fs::rename(&draft, path)?;
    fs::File::open(parent)?.sync_all()
}
