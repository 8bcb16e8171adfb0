//! Discovery: mentions become candidates, candidates become relays (O1).
//!
//! Sources bring URLs: seeds (`seeds`), events of the two stores (`events`, `mentions`), NIP-11 documents that checks have brought
//! (`documents`), and lists on web servers (`lists`). Each has a cursor, which is written together with what was found up to it
//! (`intake`): whatever is interrupted goes on where it was, and nothing is counted twice. What is new becomes a candidate, of which
//! there are `observatory.discover.candidates` at most, and not many of one host (`places`).
//!
//! Candidates that are due are tried (`attempts`), fair between networks (`turns`): connected to as strangers, and asked for an event
//! (`probe`). Who answers in Nostr's words is a relay from then on, with what proved it, unless there are as many as there may be, in all
//! or of its host; who does not is tried again after a wait that doubles (`backoff`), and forgotten when nobody mentions it any more
//! (`upkeep`). What the operator has named is taken up in any case (`named`). A URL that may not be dialled is not dialled, but
//! remembered, so that it is not judged at each mention.
//!
//! All state is in the records. While our own network is down nobody is tried.

mod attempts;
mod backoff;
mod candidates;
mod document;
mod documents;
mod events;
mod hosts;
mod import;
mod intake;
mod lists;
mod mentions;
mod metrics;
mod named;
mod places;
mod probe;
mod promotion;
mod seeds;
mod service;
mod source;
#[cfg(test)]
mod tests;
mod text;
mod turns;
mod upkeep;
mod verdict;

pub(crate) use document::urls_in;
pub(crate) use import::{imported, room};
pub(crate) use lists::urls as listed;
pub(crate) use mentions::{MAX_MENTIONS, mentions};
pub(crate) use probe::kept;
pub(crate) use seeds::check;
pub(crate) use service::run;
