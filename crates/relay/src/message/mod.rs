//! What each message of a client does: one file for each.

mod auth;
mod close;
mod count;
mod event;
mod query;
mod req;
mod search;
mod stored;

pub(crate) use count::Counts;
pub(crate) use event::Events;
pub(crate) use stored::Scans;
