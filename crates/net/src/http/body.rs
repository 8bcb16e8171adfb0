//! What is sent: bytes in memory, or a file as it is read.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use hyper::body::{Body, Frame, SizeHint};
use tokio::fs::File;
use tokio::io::{AsyncRead, ReadBuf};

/// Bytes of a file that are read at once.
const PIECE: usize = 64 * 1024;

/// The body of a request. Its length is told beforehand.
pub(super) enum Outgoing {
    /// In memory.
    Bytes(Bytes),
    /// So many bytes of a file.
    File {
        /// The file.
        file: File,
        /// Bytes of it that are still to be sent.
        left: u64,
        /// Where they are read to.
        piece: BytesMut,
    },
}

impl Outgoing {
    /// So many bytes of a file, from where it stands.
    pub fn file(file: File, bytes: u64) -> Self {
        Self::File {
            file,
            left: bytes,
            piece: BytesMut::new(),
        }
    }
}

impl Body for Outgoing {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        match &mut *self {
            Self::Bytes(bytes) if bytes.is_empty() => Poll::Ready(None),
            Self::Bytes(bytes) => Poll::Ready(Some(Ok(Frame::data(std::mem::take(bytes))))),
            Self::File { left: 0, .. } => Poll::Ready(None),
            Self::File { file, left, piece } => {
                let wanted = usize::try_from(*left).unwrap_or(PIECE).min(PIECE);
                piece.resize(wanted, 0);
                let mut to = ReadBuf::new(piece);
                ready!(Pin::new(file).poll_read(cx, &mut to))?;
                let read = to.filled().len();
                if read == 0 {
                    return Poll::Ready(Some(Err(io::ErrorKind::UnexpectedEof.into())));
                }
                *left -= read as u64;
                Poll::Ready(Some(Ok(Frame::data(piece.split_to(read).freeze()))))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.size_hint().exact() == Some(0)
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::File { left, .. } => *left,
        })
    }
}
