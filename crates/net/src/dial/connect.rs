//! A TCP connection to the first of some addresses that answers: "happy eyeballs" (RFC 8305) without its sorting by history.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::net::TcpStream;

use super::error::Failure;

/// Head start of each attempt before the next one (RFC 8305, section 8).
const HEAD_START: Duration = Duration::from_millis(250);
/// Most addresses that are tried.
const MAX_ATTEMPTS: usize = 8;

/// Connects to one of the addresses: the kinds of address take turns, each attempt has a head start, and the first connection made
/// is kept. There is no time limit of its own.
///
/// # Errors
/// [`Failure::Connect`] with the last error when none of them answers.
pub(super) async fn connect(addresses: &[IpAddr], port: u16) -> Result<TcpStream, Failure> {
    let mut waiting = take_turns(addresses)
        .into_iter()
        .take(MAX_ATTEMPTS)
        .map(|address| SocketAddr::new(address, port));
    let mut attempts = FuturesUnordered::new();
    let mut last = io::Error::from(io::ErrorKind::AddrNotAvailable);
    loop {
        let next = waiting.next();
        let more = next.is_some();
        attempts.extend(next.map(TcpStream::connect));
        if attempts.is_empty() {
            return Err(Failure::Connect(last));
        }
        tokio::select! {
            Some(outcome) = attempts.next() => match outcome {
                Ok(stream) => {
                    stream.set_nodelay(true).map_err(Failure::Connect)?;
                    return Ok(stream);
                }
                Err(error) => last = error,
            },
            () = tokio::time::sleep(HEAD_START), if more => {}
        }
    }
}

/// The addresses without doubles, one of the first's kind, one of the other, and so on.
fn take_turns(addresses: &[IpAddr]) -> Vec<IpAddr> {
    let mut seen = Vec::with_capacity(addresses.len());
    for address in addresses {
        if !seen.contains(address) {
            seen.push(*address);
        }
        if seen.len() == MAX_ATTEMPTS * 2 {
            break;
        }
    }
    let six_first = seen.first().is_some_and(IpAddr::is_ipv6);
    let (mut first, mut second): (Vec<_>, Vec<_>) = seen
        .into_iter()
        .rev()
        .partition(|address| address.is_ipv6() == six_first);
    let mut turns = Vec::with_capacity(first.len() + second.len());
    while !first.is_empty() || !second.is_empty() {
        turns.extend(first.pop());
        turns.extend(second.pop());
    }
    turns
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_of_address_take_turns() {
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();
        let addresses = ["::1", "::2", "::1", "::3", "1.1.1.1", "2.2.2.2"].map(ip);
        let expected = ["::1", "1.1.1.1", "::2", "2.2.2.2", "::3"].map(ip);
        assert_eq!(take_turns(&addresses), expected);
        assert_eq!(take_turns(&[]), Vec::<IpAddr>::new());
    }

    #[tokio::test]
    async fn an_address_that_refuses_is_passed_over() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        // Nobody listens on the second loopback address.
        let addresses = ["127.0.0.2", "127.0.0.1"].map(|ip| ip.parse().unwrap());
        let stream = connect(&addresses, port).await.unwrap();
        assert_eq!(stream.peer_addr().unwrap(), listener.local_addr().unwrap());
        let nobody = connect(&addresses[..1], port).await;
        assert!(matches!(nobody, Err(Failure::Connect(_))));
        assert!(matches!(connect(&[], port).await, Err(Failure::Connect(_))));
    }
}
