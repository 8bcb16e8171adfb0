//! Listening Unix sockets and their files.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use socket2::{Domain, SockAddr, Socket, Type};

use super::bind::BACKLOG;

/// A listening Unix socket.
#[derive(Debug)]
pub struct UnixSocket {
    pub(super) listener: UnixListener,
    pub(super) file: Option<Arc<SocketFile>>,
}

/// The file of a Unix socket: removed with the last handle on it, unless another is in its place by then.
#[derive(Debug)]
pub struct SocketFile {
    path: PathBuf,
    /// Device and inode.
    identity: (u64, u64),
    left: AtomicBool,
}

impl SocketFile {
    pub(super) fn of(path: &Path) -> io::Result<Self> {
        Ok(Self {
            path: path.to_owned(),
            identity: identity(path)?,
            left: AtomicBool::new(false),
        })
    }

    /// Gives it these permissions, unless another file is in its place.
    ///
    /// # Errors
    /// When it is not this process's to change.
    pub fn permit(&self, mode: u32) -> io::Result<()> {
        if identity(&self.path)? != self.identity {
            return Err(io::Error::other("another file is in its place"));
        }
        fs::set_permissions(&self.path, Permissions::from_mode(mode))
    }

    /// Leaves the file to somebody else, who listens at it too.
    pub fn leave(&self) {
        self.left.store(true, Ordering::Relaxed);
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        let left = self.left.load(Ordering::Relaxed);
        if !left && identity(&self.path).is_ok_and(|now| now == self.identity) {
            // Who finds a file without a listener replaces it.
            let _ = fs::remove_file(&self.path);
        }
    }
}

fn identity(path: &Path) -> io::Result<(u64, u64)> {
    let metadata = fs::symlink_metadata(path)?;
    Ok((metadata.dev(), metadata.ino()))
}

/// Binds a Unix socket with these permissions. The file of one that nobody listens at any more is replaced.
///
/// # Errors
/// When somebody listens there, when there is something else at the path, or the socket cannot be made.
pub fn bind_unix(path: &Path, mode: u32) -> io::Result<UnixSocket> {
    remove_stale(path)?;
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    socket.set_nonblocking(true)?;
    socket.bind(&SockAddr::unix(path)?)?;
    let file = SocketFile::of(path)?;
    // Nobody can connect before it listens, so nobody does with other permissions.
    fs::set_permissions(path, Permissions::from_mode(mode))?;
    socket.listen(BACKLOG)?;
    Ok(UnixSocket {
        listener: socket.into(),
        file: Some(Arc::new(file)),
    })
}

fn remove_stale(path: &Path) -> io::Result<()> {
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
        Ok(metadata) if !metadata.file_type().is_socket() => {
            let message = "there is a file that is no socket";
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, message));
        }
        Ok(_) => {}
    }
    match UnixStream::connect(path) {
        Ok(_) => Err(io::ErrorKind::AddrInUse.into()),
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => fs::remove_file(path),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r8_4_a_stale_file_is_replaced_and_a_live_one_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s");
        drop(UnixListener::bind(&path).unwrap());
        assert!(path.exists(), "left behind");
        let first = bind_unix(&path, 0o640).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o640);
        assert_eq!(
            bind_unix(&path, 0o640).unwrap_err().kind(),
            io::ErrorKind::AddrInUse
        );
        drop(first);
        assert!(!path.exists());
        fs::write(&path, "data").unwrap();
        assert_eq!(
            bind_unix(&path, 0o640).unwrap_err().kind(),
            io::ErrorKind::AlreadyExists
        );
        assert_eq!(fs::read(&path).unwrap(), b"data");
    }

    #[test]
    fn r8_4_only_the_own_file_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s");
        let first = bind_unix(&path, 0o600).unwrap();
        fs::rename(&path, folder.path().join("away")).unwrap();
        let second = bind_unix(&path, 0o600).unwrap();
        drop(first);
        assert!(path.exists(), "that of the second");
        second.file.as_ref().unwrap().leave();
        drop(second);
        assert!(path.exists(), "left to a successor");
    }
}
