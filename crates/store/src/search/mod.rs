//! Full-text search (NIP-50, R6): a tantivy index that reads the store's change feed.
//!
//! # What vouches for what
//!
//! The index proposes, the store decides. A search asks the index for the best hits that pass the filter's kinds, authors,
//! ids and times; each hit is then fetched from the store by its number, which judges whether it is there, has not expired,
//! matches the rest of the filter and may be seen. So an index that lags behind shows nothing that is gone or hidden, and
//! what is passed over does not use up the limit.
//!
//! Whether an event matches a query is decided by one piece of pure code ([`SearchQuery::matches`] on a [`Subject`]), which live
//! delivery uses alone. The index is made by the same tokenizer ([`Atoms`]).
//!
//! # What survives what
//!
//! The position in the change feed is part of the index's own commits: after a crash at any point, the index is as of one
//! of them and goes on from there. An index that is damaged (every file has a checksum, which is compared when it is opened),
//! of another version, of other kinds, or of another store is made anew from the feed.
//!
//! # What it costs
//!
//! One thread of low priority tokenizes and writes; one merges. Searches run on blocking threads, so many at a time as the
//! options say; more wait in a bounded queue. Each is bounded by time in the index and by events looked at in the store.

mod atoms;
mod bill;
mod collect;
mod count;
mod document;
mod error;
mod fold;
mod folder;
mod gate;
mod indexer;
mod language;
mod matching;
mod options;
mod plan;
mod position;
mod query;
mod rank;
mod scan;
mod schema;
mod service;
mod signals;
mod trust;

pub use atoms::{Atom, Atoms};
pub use bill::Bill;
pub use count::SearchCount;
pub use document::Document;
pub use error::SearchError;
pub use language::Language;
pub use matching::{Rules, Searches, Subject};
pub use options::Options;
pub use query::{QueryError, SearchQuery};
pub use service::{Progress, Search};
pub use trust::{Claim, DomainVerifier, SpamMarks, Trust};
