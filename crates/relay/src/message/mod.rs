//! What each message of a client does: one file for each.

mod auth;
mod close;
mod count;
mod event;
mod invite;
mod neg;
mod query;
mod req;
mod search;
mod stored;

pub(crate) use count::Counts;
pub(crate) use event::{Events, Receipt};
pub(crate) use invite::Invites;
pub(crate) use neg::{Negs, Totals as NegTotals};
pub(crate) use stored::Scans;
