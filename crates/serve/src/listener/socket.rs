//! A listening socket of any kind.

use std::fmt;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

use socket2::{Domain, SockRef, Type};

use super::unix::{SocketFile, UnixSocket};

/// A socket that listens, not yet in a runtime.
#[derive(Debug)]
pub enum ListeningSocket {
    /// At an address and port.
    Tcp(TcpListener),
    /// At a path.
    Unix(UnixSocket),
}

impl ListeningSocket {
    /// Takes a descriptor that somebody else made. The file of a Unix socket is not this process's to remove, unless
    /// [`ListeningSocket::adopt`] is called.
    ///
    /// # Errors
    /// When it is not a listening stream socket of TCP or Unix.
    pub fn from_fd(fd: OwnedFd) -> io::Result<Self> {
        let socket = SockRef::from(&fd);
        if socket.r#type()? != Type::STREAM || !socket.is_listener()? {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "not a listening socket",
            ));
        }
        match socket.domain()? {
            Domain::IPV4 | Domain::IPV6 => Ok(Self::Tcp(fd.into())),
            Domain::UNIX => Ok(Self::Unix(UnixSocket {
                listener: fd.into(),
                file: None,
            })),
            _ => Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "neither TCP nor Unix",
            )),
        }
    }

    /// Makes the file of a Unix socket this process's to remove, as its maker will not.
    pub fn adopt(&mut self) {
        if let Self::Unix(unix) = self {
            let address = unix.listener.local_addr();
            let path = address
                .as_ref()
                .ok()
                .and_then(|address| address.as_pathname());
            unix.file = path
                .and_then(|path| SocketFile::of(path).ok())
                .map(Arc::new);
        }
    }

    /// Another handle on the same socket.
    ///
    /// # Errors
    /// When there are no descriptors left.
    pub fn try_clone(&self) -> io::Result<Self> {
        Ok(match self {
            Self::Tcp(tcp) => Self::Tcp(tcp.try_clone()?),
            Self::Unix(unix) => Self::Unix(UnixSocket {
                listener: unix.listener.try_clone()?,
                file: unix.file.clone(),
            }),
        })
    }

    /// The address; `None` for a Unix socket.
    #[must_use]
    pub fn local_addr(&self) -> Option<SocketAddr> {
        match self {
            Self::Tcp(tcp) => tcp.local_addr().ok(),
            Self::Unix(_) => None,
        }
    }

    /// The file that this process is to remove, if any.
    #[must_use]
    pub const fn file(&self) -> Option<&Arc<SocketFile>> {
        match self {
            Self::Tcp(_) => None,
            Self::Unix(unix) => unix.file.as_ref(),
        }
    }
}

impl AsFd for ListeningSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Tcp(tcp) => tcp.as_fd(),
            Self::Unix(unix) => unix.listener.as_fd(),
        }
    }
}

/// `ADDRESS:PORT` or `unix:/PATH`.
impl fmt::Display for ListeningSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(tcp) => match tcp.local_addr() {
                Ok(address) => write!(f, "{address}"),
                Err(_) => f.write_str("?"),
            },
            Self::Unix(unix) => {
                let address = unix.listener.local_addr();
                let path = address
                    .as_ref()
                    .ok()
                    .and_then(|address| address.as_pathname());
                write!(
                    f,
                    "unix:{}",
                    path.unwrap_or_else(|| std::path::Path::new("?")).display()
                )
            }
        }
    }
}
