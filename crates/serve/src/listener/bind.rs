//! New listening sockets.

use std::io;
use std::net::{SocketAddr, TcpListener};

use socket2::{Domain, Protocol, Socket, Type};

/// Connections that may wait to be accepted; the kernel caps it at `net.core.somaxconn`.
pub(super) const BACKLOG: i32 = 4096;

/// Binds and listens on each address. `[::]` also takes IPv4, unless one of the addresses is an IPv4 one with the same port.
///
/// # Errors
/// The address that failed, and why.
pub fn bind(addresses: &[SocketAddr]) -> Result<Vec<TcpListener>, (SocketAddr, io::Error)> {
    let has_v4 = |port| {
        addresses
            .iter()
            .any(|address| address.is_ipv4() && address.port() == port && port != 0)
    };
    let one = |address: &SocketAddr| {
        bind_one(*address, has_v4(address.port())).map_err(|error| (*address, error))
    };
    addresses.iter().map(one).collect()
}

fn bind_one(address: SocketAddr, only_v6: bool) -> io::Result<TcpListener> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    // A restart must not wait for the sockets of closed connections to time out.
    socket.set_reuse_address(true)?;
    if address.is_ipv6() {
        socket.set_only_v6(only_v6)?;
    }
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r8_4_v4_and_v6_on_one_port() {
        let free = bind(&["127.0.0.1:0".parse().unwrap()]).unwrap();
        let port = free[0].local_addr().unwrap().port();
        drop(free);
        let both = [
            SocketAddr::from(([0, 0, 0, 0], port)),
            SocketAddr::from(([0u16; 8], port)),
        ];
        match bind(&both) {
            Ok(sockets) => assert_eq!(sockets.len(), 2),
            // A machine without IPv6.
            Err((address, _)) => assert!(address.is_ipv6()),
        }
    }

    #[test]
    fn a_used_address_is_named() {
        let first = bind(&["127.0.0.1:0".parse().unwrap()]).unwrap();
        let address = first[0].local_addr().unwrap();
        assert_eq!(bind(&[address]).unwrap_err().0, address);
    }
}
