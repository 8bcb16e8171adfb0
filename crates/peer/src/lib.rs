//! A Nostr client connection to another relay, over the dialer of `stentor-net`.
//!
//! One connection is one task (`driver`), which owns the socket, and any number of handles: a [`Peer`] can be cloned, and each
//! [`Subscription`], [`Pending`] answer and [`Reconciliation`] is a handle of its own. A task rather than a struct that the caller
//! drives, because a relay speaks when it likes: pings, challenges and answers to one question come while the caller waits for
//! another. The task ends with the connection, and the connection ends when the last handle is dropped.
//!
//! Nothing here is unbounded. A subscription has a queue of limited length and size; while it is full the connection is not read, so
//! that a slow consumer slows the relay down through TCP, and a consumer that takes nothing for too long loses its subscription.
//! Events on their way to the relay are limited by a window, and so are the subscriptions of a connection and every wait.
//!
//! A relay is a stranger. What it sends is parsed strictly; events are checked for id, signature and the filters of their
//! subscription, and what does not fit is counted and dropped. A relay that sends too much of that is left.
//!
//! For whoever brings the events of a relay here there is, above the messages: [`compare()`], which learns what a relay has and a set
//! of ours has not, and [`Pages`], which walks through a [`Window`] of time with a relay that does not reconcile.

mod answer;
mod auth;
mod check;
mod compare;
mod config;
mod connect;
mod count;
mod driver;
mod error;
mod information;
mod judge;
mod link;
mod metrics;
mod negentropy;
mod pages;
mod peer;
mod publish;
mod routes;
mod sieve;
mod signer;
mod subscription;
mod window;

pub use answer::{Counted, Incoming, OkAnswer, Over};
pub use check::{Dropped, Drops};
pub use compare::{Compare, Compared, compare};
pub use config::{AuthWhen, Config, ConfigError};
pub use error::{Ended, PeerError};
pub use information::{Information, InformationError, ask_information, fetch_information};
pub use judge::{Refused, does_not_know, refused};
pub use link::{Link, LinkTimes};
pub use negentropy::Reconciliation;
pub use pages::{Page, Pages, Turn};
pub use peer::Peer;
pub use publish::Pending;
pub use sieve::{Sieve, Sifted};
pub use signer::{KeySigner, Signer, SignerError};
pub use subscription::Subscription;
pub use window::Window;
