//! The byte streams that connections run on: TCP, a Unix socket, or TLS over either.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::task::{Context, Poll};

use rustix::net::{RecvFlags, recv};
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::server::TlsStream;

/// What stands for the address of a client on a Unix socket, which has none: it is on this machine.
pub const UNIX_PEER: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// An accepted socket.
#[derive(Debug)]
pub enum Socket {
    /// Of a TCP listener.
    Tcp(TcpStream),
    /// Of a Unix listener.
    Unix(UnixStream),
}

impl Socket {
    /// The first byte that the client sends, which stays to be read; `None` when it ends the stream instead.
    pub(crate) async fn peek(&self) -> io::Result<Option<u8>> {
        let mut byte = [0];
        let count = match self {
            Self::Tcp(tcp) => {
                let look = || Ok(recv(tcp, &mut byte, RecvFlags::PEEK)?.0);
                tcp.async_io(Interest::READABLE, look).await?
            }
            Self::Unix(unix) => {
                let look = || Ok(recv(unix, &mut byte, RecvFlags::PEEK)?.0);
                unix.async_io(Interest::READABLE, look).await?
            }
        };
        Ok((count > 0).then(|| u8::from_ne_bytes(byte)))
    }
}

/// What a connection reads and writes. No larger than a TCP socket alone, as most are nothing else.
#[derive(Debug)]
pub(crate) enum Stream {
    Tcp(TcpStream),
    Unix(Box<UnixStream>),
    Tls(Box<TlsStream<Socket>>),
}

impl From<Socket> for Stream {
    fn from(socket: Socket) -> Self {
        match socket {
            Socket::Tcp(tcp) => Self::Tcp(tcp),
            Socket::Unix(unix) => Self::Unix(Box::new(unix)),
        }
    }
}

/// Passes every call on to the variant that there is.
macro_rules! streams {
    ($stream:ty, $($variant:ident),+) => {
        impl AsyncRead for $stream {
            fn poll_read(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                buffer: &mut ReadBuf<'_>,
            ) -> Poll<io::Result<()>> {
                match self.get_mut() {
                    $(Self::$variant(io) => Pin::new(io).poll_read(cx, buffer),)+
                }
            }
        }

        impl AsyncWrite for $stream {
            fn poll_write(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                bytes: &[u8],
            ) -> Poll<io::Result<usize>> {
                match self.get_mut() {
                    $(Self::$variant(io) => Pin::new(io).poll_write(cx, bytes),)+
                }
            }

            fn poll_write_vectored(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                parts: &[io::IoSlice<'_>],
            ) -> Poll<io::Result<usize>> {
                match self.get_mut() {
                    $(Self::$variant(io) => Pin::new(io).poll_write_vectored(cx, parts),)+
                }
            }

            fn is_write_vectored(&self) -> bool {
                match self {
                    $(Self::$variant(io) => io.is_write_vectored(),)+
                }
            }

            fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
                match self.get_mut() {
                    $(Self::$variant(io) => Pin::new(io).poll_flush(cx),)+
                }
            }

            fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
                match self.get_mut() {
                    $(Self::$variant(io) => Pin::new(io).poll_shutdown(cx),)+
                }
            }
        }
    };
}

streams!(Socket, Tcp, Unix);
streams!(Stream, Tcp, Unix, Tls);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_connection_does_not_pay_for_the_others() {
        assert_eq!(size_of::<Stream>(), size_of::<TcpStream>());
    }
}
