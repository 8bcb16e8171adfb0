//! The master key: what secrets are encrypted with at rest (G4.1), in a file that only its owner can read.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use ring::rand::{SecureRandom, SystemRandom};
use secrecy::{ExposeSecret, SecretBox, SecretString};
use stentor_event::hexadecimal;

use super::sealed::{Vault, VaultError};

/// The file in the folder of secrets, where the configuration names no other.
const FILE: &str = "master.key";
/// Bytes of the key.
const BYTES: usize = 32;

/// Why there is no master key.
#[derive(Debug, thiserror::Error)]
pub enum MasterKeyError {
    /// The file cannot be read or written.
    #[error("{path}: {error}")]
    Io {
        /// Which file.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// Others can read it.
    #[error("{path} can be read by others (mode {mode:o}): chmod 600 it")]
    Open {
        /// Which file.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// It does not hold a key.
    #[error("{0} does not hold a key of 64 hex digits")]
    Form(PathBuf),
    /// It cannot be used.
    #[error(transparent)]
    Vault(#[from] VaultError),
}

/// Opens the vault with the key in `file`, which must be there; without one with that in the folder of secrets, which is made when it
/// is not.
///
/// # Errors
/// [`MasterKeyError`].
pub(crate) fn vault(file: Option<&Path>, secrets: &Path) -> Result<Vault, MasterKeyError> {
    let path = file.map_or_else(|| secrets.join(FILE), Path::to_owned);
    let io = |error| MasterKeyError::Io {
        path: path.clone(),
        error,
    };
    let text = match read(&path) {
        Err(MasterKeyError::Io { error, .. })
            if file.is_none() && error.kind() == io::ErrorKind::NotFound =>
        {
            make(secrets, &path).map_err(io)?
        }
        read => read?,
    };
    let key = hexadecimal::decode_array::<BYTES>(text.expose_secret().trim().as_bytes());
    let key = key.ok_or(MasterKeyError::Form(path))?;
    Ok(Vault::new(&SecretBox::new(Box::new(key.to_vec())))?)
}

fn read(path: &Path) -> Result<SecretString, MasterKeyError> {
    let io = |error| MasterKeyError::Io {
        path: path.to_owned(),
        error,
    };
    let mode = fs::metadata(path).map_err(io)?.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(MasterKeyError::Open {
            path: path.to_owned(),
            mode,
        });
    }
    Ok(SecretString::from(fs::read_to_string(path).map_err(io)?))
}

/// Makes a key, in a file that appears whole or not at all.
fn make(folder: &Path, path: &Path) -> io::Result<SecretString> {
    let mut key = [0; BYTES];
    SystemRandom::new()
        .fill(&mut key)
        .map_err(|_| io::Error::other("the system gives no random bytes"))?;
    let text = SecretString::from(hexadecimal::encode(&key));
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
    writeln!(file, "{}", text.expose_secret())?;
    file.sync_all()?;
    fs::rename(&draft, path)?;
    fs::File::open(folder)?.sync_all()?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn g4_1_the_master_key_is_made_once_and_readable_by_its_owner_only() {
        let folder = tempfile::tempdir().unwrap();
        let secrets = folder.path().join("secrets");
        let secret = SecretString::from("whsec_abc");
        let sealed = vault(None, &secrets).unwrap().seal(&secret, "x").unwrap();
        let path = secrets.join(FILE);
        let mode = fs::metadata(&path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600);
        let again = vault(Some(&path), Path::new("/nowhere")).unwrap();
        assert_eq!(
            again.open(&sealed, "x").unwrap().expose_secret(),
            secret.expose_secret()
        );
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        let error = vault(None, &secrets).err().unwrap();
        assert!(matches!(error, MasterKeyError::Open { mode: 0o640, .. }));
    }

    #[test]
    fn g4_1_a_file_that_is_named_is_not_made() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        let error = vault(Some(&path), folder.path()).err().unwrap();
        assert!(matches!(error, MasterKeyError::Io { .. }));
        fs::write(&path, "00ff").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        let error = vault(Some(&path), folder.path()).err().unwrap();
        assert!(matches!(error, MasterKeyError::Form(_)));
    }
}
