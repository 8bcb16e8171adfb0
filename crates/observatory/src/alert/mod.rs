//! Alerts (O4.5): who watches a relay is told that it is down, that it has recovered, and that its certificate expires.
//!
//! An operator makes a watch (`watch`). Each check of a relay calls [`observed()`] in its own transaction, which judges by a pure state
//! machine (`judge`) what there is to tell and writes it there and then: envelopes `relay.monitor.*` for streams and webhooks, and, where
//! the watch has a recipient, a message to be sent (`table`). So an alert is there exactly when the check is, and is told once whatever
//! happens to the process. A service ([`run`]) sends the messages as private messages of NIP-17 (`message`) to the relays at which the
//! recipient wants them (`inbox`).
//!
//! Limits: watches in all (`alert.watches`) and of one relay, messages that wait for one recipient, relays of one recipient. A message
//! that no relay takes is tried again with back-off for a day, then given up. It may arrive twice when the process is killed between the
//! relay's answer and our note of it; it then is the same message inside another wrap, which readers show once.
//!
//! What a message says is never logged, nor who gets it.

mod inbox;
mod judge;
mod message;
mod metrics;
mod observed;
mod service;
mod table;
#[cfg(test)]
mod tests;
mod text;
mod watch;

pub(crate) use observed::{Observed, committed, observed};
pub(crate) use service::run;
pub(crate) use table::is_watched;
pub use watch::{Watch, WatchState};
