//! SOCKS5 (RFC 1928): which proxy leads to a target, and the way through it. Names go to the proxy as they are (G5.3).

use tokio::net::TcpStream;
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
        .map_err(|error| Failure::Proxy(error.to_string()))
}
