//! Why there is no connection: for good, or for now (G5.4).

use std::net::IpAddr;

use thiserror::Error;

use super::address::Class;
use super::name::Network;

/// Why a dial did not lead to a connection.
#[derive(Debug, Error)]
pub enum DialError {
    /// The address may not be dialed: trying again is of no use while address and configuration stay the same.
    #[error("refused: {0}")]
    Refused(#[from] Refusal),
    /// It did not work this time.
    #[error("{0}")]
    Failed(#[from] Failure),
}

impl DialError {
    /// Whether trying again is of no use.
    #[must_use]
    pub const fn is_permanent(&self) -> bool {
        matches!(self, Self::Refused(_))
    }

    /// A word for metrics.
    #[must_use]
    pub const fn label(&self) -> &'static str {
        match self {
            Self::Refused(_) => "refused",
            Self::Failed(failure) => failure.label(),
        }
    }
}

/// Why an address may not be dialed. The texts are fit for whoever gave the address: they do not say what a name resolved to.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Refusal {
    /// Longer than an address may be, in bytes.
    #[error("the URL is longer than {0} bytes")]
    TooLong(usize),
    /// Not a URL, or one with characters that programs read differently.
    #[error("not a URL: {0}")]
    Url(String),
    /// Another scheme than the two that belong here.
    #[error("the scheme is not one of {0}")]
    Scheme(&'static str),
    /// A user name or password in the URL.
    #[error("the URL has user information in it")]
    UserInfo,
    /// A host name that DNS cannot have.
    #[error("not a host name")]
    Host,
    /// A port of another protocol.
    #[error("port {0} belongs to another protocol")]
    Port(u16),
    /// A name that leads inside.
    #[error("the name {0} leads to an inside network")]
    Name(String),
    /// A literal address that is not public.
    #[error("{0} is not public: {1}")]
    Address(IpAddr, Class),
    /// A name with at least one address that is not public. The class is for the log.
    #[error("the name leads to an address that is not public")]
    LeadsInside(Class),
    /// A name of a network for which no proxy is configured.
    #[error("no proxy is configured for .{} names", .0.as_str())]
    NoProxy(Network),
}

/// What did not work.
#[derive(Debug, Error)]
pub enum Failure {
    /// The name could not be looked up, or has no address.
    #[error("the name could not be looked up: {0}")]
    Lookup(String),
    /// No connection to any of the addresses, or none that the proxy could make.
    #[error("could not connect: {0}")]
    Connect(std::io::Error),
    /// Our own proxy could not be reached, or left without an answer, so that nothing is known of the target.
    #[error("the proxy does not answer: {0}")]
    Proxy(String),
    /// No TLS, or a certificate that does not stand up.
    #[error("TLS: {0}")]
    Tls(std::io::Error),
    /// It took too long.
    #[error("took too long")]
    Timeout,
}

impl Failure {
    /// A word for metrics.
    #[must_use]
    pub const fn label(&self) -> &'static str {
        match self {
            Self::Lookup(_) => "lookup",
            Self::Connect(_) => "connect",
            Self::Proxy(_) => "proxy",
            Self::Tls(_) => "tls",
            Self::Timeout => "timeout",
        }
    }
}
