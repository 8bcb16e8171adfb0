//! The observatory: which relays exist, how healthy each is, what they hold, how complete our copy is.
//!
//! Five services work on one set of records (`schema`) and one budget of connections (`budget`), and never call each other: what one
//! finds, the next reads. `discover` turns mentions into candidates and candidates into relays; `check` measures relays; `publish`
//! tells others of it; `archive` fetches what they hold into a store of its own and keeps account of what it has asked for
//! (coverage) and of who holds what (provenance); `statistics` follows the archive's change feed. Each is a task under the supervisor,
//! may be switched off, and can be killed at any moment: whatever it had finished is in the records, the rest it does again.
//!
//! `ground` is what all of them stand on; `role` puts it together.

mod alert;
mod answer;
mod api;
mod archive;
mod binding;
mod budget;
mod check;
mod clock;
pub mod config;
mod discover;
mod error;
mod export;
mod ground;
mod history;
#[cfg(feature = "measure")]
pub mod measure;
mod pages;
mod provenance;
mod publish;
mod ranking;
mod relay_url;
mod role;
mod schema;
mod signals;
mod statistics;
mod table;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod testing_target;
#[doc(hidden)]
pub mod untrusted;

pub use alert::{Watch, WatchState};
pub use answer::{Answer, Question};
pub use api::Door;
pub use clock::Clock;
pub use config::Config;
pub use error::Error;
pub use export::{
    BadRow, Broken, Exported, Format, Imported, Lines, ManifestError, Place, Selection, Source,
    Wish, seconds_of_day,
};
pub use relay_url::{Network, RelayUrl, RelayUrlError};
pub use role::{Observatory, Parts};
