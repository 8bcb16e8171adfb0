//! Version 1: one line of text.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::{HeaderError, Named, Parsed};

/// How it begins.
pub(super) const SIGNATURE: &[u8] = b"PROXY ";
/// Longest line with its end.
const LONGEST: usize = 107;

/// Looks at a line that begins with [`SIGNATURE`].
pub(super) fn parse(bytes: &[u8]) -> Result<Parsed, HeaderError> {
    let Some(line) = bytes.strip_suffix(b"\n") else {
        if bytes.contains(&b'\n') {
            return Err(HeaderError::Malformed);
        }
        return if bytes.len() < LONGEST {
            let least = least(bytes).saturating_sub(bytes.len()).max(1);
            Ok(Parsed::Needs(least))
        } else {
            Err(HeaderError::TooLong)
        };
    };
    let line = line.strip_suffix(b"\r").ok_or(HeaderError::Malformed)?;
    let line = std::str::from_utf8(line).map_err(|_| HeaderError::Malformed)?;
    let mut words = line.split(' ').skip(1);
    let client = match words.next() {
        // Whatever else it says is to be ignored.
        Some("UNKNOWN") => return Ok(Parsed::Whole(Named::Nobody)),
        Some("TCP4") => endpoints::<Ipv4Addr>(words),
        Some("TCP6") => endpoints::<Ipv6Addr>(words),
        _ => return Err(HeaderError::Unknown),
    };
    let client = client.ok_or(HeaderError::Malformed)?;
    Ok(Parsed::Whole(Named::Client(client)))
}

/// The length of the shortest line that begins like this.
fn least(bytes: &[u8]) -> usize {
    if bytes.starts_with(b"PROXY TCP4 ") {
        b"PROXY TCP4 0.0.0.0 0.0.0.0 0 0\r\n".len()
    } else if bytes.starts_with(b"PROXY TCP6 ") {
        b"PROXY TCP6 :: :: 0 0\r\n".len()
    } else {
        0
    }
}

/// The source of `SOURCE DESTINATION SOURCEPORT DESTINATIONPORT`, all of which must be good.
fn endpoints<'a, A>(mut words: impl Iterator<Item = &'a str>) -> Option<SocketAddr>
where
    A: std::str::FromStr,
    IpAddr: From<A>,
{
    let mut address = || words.next()?.parse::<A>().ok();
    let (source, _) = (address()?, address()?);
    let mut port = || words.next().and_then(port);
    let (source_port, _) = (port()?, port()?);
    let source = IpAddr::from(source).to_canonical();
    words
        .next()
        .is_none()
        .then(|| SocketAddr::new(source, source_port))
}

fn port(text: &str) -> Option<u16> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| digits)
}
