//! SOCKS5 (RFC 1928): which proxy leads to a target, and the way through it. Names go to the proxy as they are (G5.3).

use std::io;

use tokio::net::TcpStream;
use tokio_socks::Error;
use tokio_socks::TargetAddr;
use tokio_socks::tcp::Socks5Stream;

use super::config::{ConfigError, Proxy, Socks};
use super::error::Failure;
use super::name::Network;
use super::target::Host;

/// The configured proxies.
#[derive(Debug)]
pub(super) struct Proxies(Vec<(Option<Network>, Proxy)>);

impl Proxies {
    pub(super) fn new(config: &Socks) -> Result<Self, ConfigError> {
        config.proxies().map(Self)
    }

    /// The proxy that leads to a host: that of its network, or the general one. The names of a network never go elsewhere.
    pub(super) fn of(&self, host: &Host) -> Option<&Proxy> {
        let network = match host {
            Host::Name(name) => Network::of(name),
            Host::Address(_) => None,
        };
        self.0
            .iter()
            .find(|(own, _)| *own == network)
            .map(|(_, proxy)| proxy)
    }
}

/// Has the proxy at the other end of `stream` connect to the host.
///
/// # Errors
/// [`Failure::Connect`] when the proxy says that it cannot, [`Failure::Proxy`] when it says nothing of it.
pub(super) async fn through(
    stream: TcpStream,
    host: &Host,
    port: u16,
) -> Result<TcpStream, Failure> {
    let target = match host {
        Host::Address(address) => TargetAddr::Ip((*address, port).into()),
        Host::Name(name) => TargetAddr::Domain(name.as_str().into(), port),
    };
    Socks5Stream::connect_with_socket(stream, target)
        .await
        .map(Socks5Stream::into_inner)
        .map_err(failed)
}

/// A reply of the proxy is about the target; all else is about the proxy.
fn failed(error: Error) -> Failure {
    match error {
        Error::GeneralSocksServerFailure
        | Error::ConnectionNotAllowedByRuleset
        | Error::NetworkUnreachable
        | Error::HostUnreachable
        | Error::ConnectionRefused
        | Error::TtlExpired
        | Error::CommandNotSupported
        | Error::AddressTypeNotSupported
        // So the library calls a code that it does not know, such as those that Tor adds.
        | Error::UnknownAuthMethod
        | Error::InvalidTargetAddress(_) => {
            Failure::Connect(io::Error::other(format!("the proxy says: {error}")))
        }
        other => Failure::Proxy(other.to_string()),
    }
}
