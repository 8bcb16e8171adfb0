//! The dialer (G5): every connection to elsewhere is made here.
//!
//! There are two trusts. An address of the *operator* comes from the configuration and may lead inside. An address of a *stranger*
//! comes from an event, a user or a document: its URL is brought into canonical form and judged, its name is looked up once, every
//! address found is checked, and only checked addresses are connected to, so that neither spelling nor rebinding gets inside.
//!
//! `target`, `address`, `name` and `port` decide and are pure; `resolve`, `connect`, `socks` and `tls` do. `look`, `facts` and
//! `witness` are for whoever wants to know how a server is reached rather than to talk to it.

pub mod address;
mod config;
mod connect;
mod dialer;
mod error;
mod facts;
mod look;
mod metrics;
pub mod name;
pub mod port;
mod resolve;
mod rules;
mod socks;
mod stream;
mod target;
mod tls;
mod witness;

pub use config::{Config, ConfigError, Socks};
pub use dialer::Dialer;
pub use error::{DialError, Failure, Refusal};
pub use facts::{Look, Lookup, TlsFacts};
pub use rules::Rules;
pub use stream::Stream;
pub use target::{Family, Host, MAX_URL_BYTES, Target, Trust};
