//! The master key: what secrets are encrypted with at rest (G4.1), in a file that only its owner can read.

use std::io;
use std::path::{Path, PathBuf};

use ring::rand::{SecureRandom, SystemRandom};
use secrecy::{ExposeSecret, SecretBox, SecretString};
use stentor_auth::{SecretError, secret_file};
use stentor_event::hexadecimal;

use super::sealed::{Vault, VaultError};

/// The file in the folder of secrets, where the configuration names no other.
const FILE: &str = "master.key";
/// Bytes of the key.
const BYTES: usize = 32;

/// Why there is no master key.
#[derive(Debug, thiserror::Error)]
pub enum MasterKeyError {
    /// The file cannot be read or written, or others can read it.
    #[error(transparent)]
    File(#[from] SecretError),
    /// The configuration names a file that is not there.
    #[error("{0} is not there")]
    Missing(PathBuf),
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
    let text = match secret_file::read(&path)? {
        Some(text) => SecretString::from(text),
        None if file.is_some() => return Err(MasterKeyError::Missing(path)),
        None => make(secrets, &path).map_err(|error| SecretError::Io {
            path: path.clone(),
            error,
        })?,
    };
    let key = hexadecimal::decode_array::<BYTES>(text.expose_secret().trim().as_bytes());
    let key = key.ok_or(MasterKeyError::Form(path))?;
    Ok(Vault::new(&SecretBox::new(Box::new(key.to_vec())))?)
}

/// Makes a key.
fn make(folder: &Path, path: &Path) -> io::Result<SecretString> {
    let mut key = [0; BYTES];
    SystemRandom::new()
        .fill(&mut key)
        .map_err(|_| io::Error::other("the system gives no random bytes"))?;
    let text = SecretString::from(hexadecimal::encode(&key));
    secret_file::write(folder, path, text.expose_secret())?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

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
        assert!(matches!(
            error,
            MasterKeyError::File(SecretError::Open { mode: 0o640, .. })
        ));
    }

    #[test]
    fn g4_1_a_file_that_is_named_is_not_made() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        let error = vault(Some(&path), folder.path()).err().unwrap();
        assert!(matches!(error, MasterKeyError::Missing(_)));
        fs::write(&path, "00ff").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        let error = vault(Some(&path), folder.path()).err().unwrap();
        assert!(matches!(error, MasterKeyError::Form(_)));
    }
}
