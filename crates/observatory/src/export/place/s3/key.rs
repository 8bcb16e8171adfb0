//! The keys to a bucket, each in a file of its own.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use crate::config;
use crate::error::Error;

/// The most bytes of a file with a key.
const MOST_BYTES: u64 = 4_096;

/// Whether the files with the keys can be read (O5.2).
///
/// # Errors
/// [`Error::File`].
pub(crate) fn check(config: &config::Export, data: &Path) -> Result<(), Error> {
    for file in [&config.access_key_file, &config.secret_key_file]
        .into_iter()
        .flatten()
    {
        read(&data.join(file))?;
    }
    Ok(())
}

/// The key in a file.
///
/// # Errors
/// [`Error::File`]: it cannot be read, or has no key in it.
pub(super) fn read(path: &Path) -> Result<String, Error> {
    let failed = |problem: String| Error::File {
        path: path.to_owned(),
        problem,
    };
    let file = File::open(path).map_err(|error| failed(error.to_string()))?;
    let mut text = String::new();
    let read = file.take(MOST_BYTES).read_to_string(&mut text);
    read.map_err(|error| failed(error.to_string()))?;
    let text = text.trim();
    if text.is_empty() || text.contains(char::is_whitespace) {
        return Err(failed("has no key in it, or more than one".into()));
    }
    Ok(text.to_owned())
}
