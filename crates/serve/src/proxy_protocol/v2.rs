//! Version 2: a fixed part of 16 bytes, addresses, and further fields, which are passed over.

use std::net::{IpAddr, SocketAddr};

use super::{HeaderError, Named, Parsed};

/// How it begins.
pub(super) const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";
/// Length of the fixed part.
pub(super) const FIXED: usize = 16;
/// Most bytes behind the fixed part: room for the addresses and the fields that proxies add, certificates of clients among them.
pub(super) const MOST: usize = 4096;

/// Looks at the bytes of a header whose fixed part is whole.
pub(super) fn parse(bytes: &[u8]) -> Result<Parsed, HeaderError> {
    let Some((fixed, rest)) = bytes.split_first_chunk::<FIXED>() else {
        return Ok(Parsed::Needs(FIXED - bytes.len()));
    };
    let [.., version_and_command, family_and_transport, high, low] = *fixed;
    let length = usize::from(u16::from_be_bytes([high, low]));
    if length > MOST {
        return Err(HeaderError::TooLong);
    }
    let Some(missing) = length.checked_sub(rest.len()) else {
        return Err(HeaderError::Malformed);
    };
    let proxied = match version_and_command {
        0x20 => false,
        0x21 => true,
        _ => return Err(HeaderError::Unknown),
    };
    let named = match family_and_transport {
        // A proxy that speaks for itself may give addresses, which are to be ignored.
        _ if !proxied => Named::Nobody,
        // Not told.
        0x00 => Named::Nobody,
        0x11 if missing == 0 => Named::Client(source::<4>(rest)?),
        0x21 if missing == 0 => Named::Client(source::<16>(rest)?),
        // Whole soon; or a Unix socket, whose client has no IP address.
        0x11 | 0x21 | 0x31 => Named::Nobody,
        _ => return Err(HeaderError::Unknown),
    };
    if missing > 0 {
        return Ok(Parsed::Needs(missing));
    }
    Ok(Parsed::Whole(named))
}

/// The source of the addresses: both addresses of `N` bytes, then both ports.
fn source<const N: usize>(block: &[u8]) -> Result<SocketAddr, HeaderError>
where
    IpAddr: From<[u8; N]>,
{
    let (source, rest) = block
        .split_first_chunk::<N>()
        .ok_or(HeaderError::Malformed)?;
    let ports = rest.get(N..).and_then(|ports| ports.first_chunk::<4>());
    let [high, low, _, _] = *ports.ok_or(HeaderError::Malformed)?;
    let address = IpAddr::from(*source).to_canonical();
    Ok(SocketAddr::new(address, u16::from_be_bytes([high, low])))
}
