//! Where an event comes from.

use std::borrow::Cow;
use std::net::IpAddr;
use std::sync::Arc;

use crate::config::SourceType;

/// Where an event comes from, as plugins are told (R4.3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A client; its address.
    Client(IpAddr),
    /// An import; what is imported, such as the name of a file.
    Import(Arc<str>),
    /// A live stream from another relay; its URL.
    Stream(Arc<str>),
    /// A synchronisation with another relay; its URL.
    Sync(Arc<str>),
    /// The store: the event is on its way to another relay.
    Stored,
}

impl Source {
    /// Its type in the plugins' protocol.
    pub fn kind(&self) -> SourceType {
        match self {
            Self::Client(address) if address.to_canonical().is_ipv4() => SourceType::Ip4,
            Self::Client(_) => SourceType::Ip6,
            Self::Import(_) => SourceType::Import,
            Self::Stream(_) => SourceType::Stream,
            Self::Sync(_) => SourceType::Sync,
            Self::Stored => SourceType::Stored,
        }
    }

    /// The address, the URL or the name; empty for the store.
    pub fn info(&self) -> Cow<'_, str> {
        match self {
            Self::Client(address) => address.to_canonical().to_string().into(),
            Self::Import(what) | Self::Stream(what) | Self::Sync(what) => Cow::Borrowed(what),
            Self::Stored => Cow::Borrowed(""),
        }
    }
}
