//! The address of a Unix socket, whose path the system limits to 107 bytes.

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};

const MAX_PATH: usize = 100;

/// A path by which the socket can be reached as long as this value lives.
pub struct Address {
    path: PathBuf,
    _folder: Option<File>,
}

impl Address {
    /// The path to bind or connect to.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// The address of the socket at this path. A path that is too long is taken through a handle on its folder.
///
/// # Errors
/// When the folder cannot be opened.
pub fn of(path: &Path) -> io::Result<Address> {
    if path.as_os_str().len() <= MAX_PATH {
        return Ok(Address {
            path: path.to_owned(),
            _folder: None,
        });
    }
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "not the path of a socket",
        ));
    };
    let folder = File::open(folder)?;
    let path = PathBuf::from(format!("/proc/self/fd/{}", folder.as_raw_fd())).join(name);
    Ok(Address {
        path,
        _folder: Some(folder),
    })
}
