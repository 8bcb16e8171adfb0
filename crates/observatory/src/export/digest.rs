//! The SHA-256 of a file.

use std::fs::File;
use std::io::{self, Read};

use sha2::{Digest, Sha256};

use super::manifest::Hash;

/// Bytes that are hashed at once.
const PIECE: usize = 256 * 1024;

/// The SHA-256 of a file, from where it stands to its end.
///
/// # Errors
/// Those of the disk.
pub(super) fn sha256(file: &mut File) -> io::Result<Hash> {
    let (mut hash, mut bytes) = (Sha256::new(), vec![0; PIECE]);
    loop {
        let read = file.read(&mut bytes)?;
        if read == 0 {
            return Ok(hash.finalize().into());
        }
        hash.update(bytes.get(..read).unwrap_or_default());
    }
}
