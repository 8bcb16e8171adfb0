//! The header of the PROXY protocol, versions 1 and 2, with which a proxy names the client of a connection (R8.4).
//! <https://www.haproxy.org/download/3.0/doc/proxy-protocol.txt>
//!
//! A parser of our own because of how it must read: it says how many bytes surely belong to the header, so that nothing past it is
//! read and has to be carried over into the connection.

mod v1;
mod v2;

#[cfg(test)]
mod tests;

use std::io;
use std::net::SocketAddr;

use thiserror::Error;
use tokio::io::{AsyncRead, AsyncReadExt};

/// The shortest header: `PROXY UNKNOWN\r\n`.
const SHORTEST: usize = 15;

/// Whom a header names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Named {
    /// This client.
    Client(SocketAddr),
    /// Nobody: the proxy speaks for itself (`LOCAL`), or does not know or not tell an IP address.
    Nobody,
}

/// What the bytes so far come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Parsed {
    /// At least so many more bytes belong to the header.
    Needs(usize),
    /// They are the whole header.
    Whole(Named),
}

/// Why bytes are no header, or none that is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum HeaderError {
    /// They do not begin as one.
    #[error("the connection does not begin with a PROXY protocol header")]
    Missing,
    /// Version 1: no line end within 107 bytes; version 2: more than [`v2::MOST`] bytes behind the fixed part.
    #[error("the PROXY protocol header is too long")]
    TooLong,
    /// It begins as one and breaks the rules.
    #[error("the PROXY protocol header is malformed")]
    Malformed,
    /// It names a version, command, family or transport that does not exist or cannot reach us.
    #[error("the PROXY protocol header is of an unknown version, command, family or transport")]
    Unknown,
}

/// Looks at the bytes from the first on. Ask again with as many more as it says.
///
/// # Errors
/// When no continuation makes them a header.
pub fn parse(bytes: &[u8]) -> Result<Parsed, HeaderError> {
    let seen = bytes.len();
    let begins = |signature: &[u8]| {
        let common = seen.min(signature.len());
        bytes.get(..common) == signature.get(..common)
    };
    if begins(v2::SIGNATURE) {
        if seen < v2::FIXED {
            return Ok(Parsed::Needs(SHORTEST.saturating_sub(seen).max(1)));
        }
        v2::parse(bytes)
    } else if begins(v1::SIGNATURE) {
        if seen < SHORTEST {
            return Ok(Parsed::Needs(SHORTEST - seen));
        }
        v1::parse(bytes)
    } else {
        Err(HeaderError::Missing)
    }
}

/// Reads a header and nothing past it.
///
/// # Errors
/// Those of the stream, and [`HeaderError`] as [`io::ErrorKind::InvalidData`].
pub(crate) async fn read(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Named> {
    let mut bytes = Vec::new();
    loop {
        match parse(&bytes).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))? {
            Parsed::Whole(named) => return Ok(named),
            Parsed::Needs(more) => {
                let seen = bytes.len();
                bytes.resize(seen + more, 0);
                stream
                    .read_exact(bytes.get_mut(seen..).unwrap_or_default())
                    .await?;
            }
        }
    }
}
