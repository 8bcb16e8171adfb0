//! What the observatory knows, for whoever asks (O4.2): REST, the command line and the pages ask the same [`Question`]s.
//!
//! A question is read from a path and a query (`question`, `parameters`), apart from any I/O: what is wrong with it is said before anything is
//! read. The readers are bounded: a page has at most 500 rows, goes on at an opaque cursor (`place`) and never at an offset, and a
//! search through events looks at a bounded number of them, and says so. What is answered is what everybody may see: events that are
//! private by the rules of visibility, or protected, are not told.
//!
//! Times are Unix milliseconds where the name ends in `_ms`, else Unix seconds.

mod archiving;
mod arrivals;
mod ask;
mod check;
mod coverage;
mod csv;
mod detail;
mod event_query;
mod events;
mod network;
mod parameters;
mod place;
mod places;
mod question;
mod recent;
mod relay_query;
mod relays;
mod rows;
mod statistics;
mod strips;
#[cfg(test)]
mod tests;

pub(crate) use crate::archive::Progress;
pub(crate) use archiving::{ArchivingPage, ArchivingQuery, Standing, archiving};
pub(crate) use arrivals::arrivals;
pub use ask::Answer;
pub(crate) use ask::{DEADLINE, WatchPage};
pub(crate) use check::{
    Back, ChangePage, CheckPage, DayPage, Range, RelayCheck, SeriesAnswer, changes, checks, series,
};
pub(crate) use coverage::{CoveragePage, CoverageQuery, Interval, coverage};
pub(crate) use detail::{Archiving, Mention, RelayDetail, RelayName, relay};
pub(crate) use event_query::EventQuery;
#[cfg(test)]
pub(crate) use events::Holder;
pub(crate) use events::{COUNTED, EventAnswer, EventPage, event, events};
pub(crate) use network::{Names, Network, Share, names, network};
pub(crate) use parameters::{AskError, Parameters, wrong};
pub(crate) use places::{Placed, Places, places};
pub use question::Question;
pub(crate) use recent::Recent;
pub(crate) use relay_query::{RelayQuery, Sort, word};
pub(crate) use relays::{RelayPage, RelaySummary, relays};
pub(crate) use statistics::{DeadPage, Rows};
pub(crate) use strips::{CoverageAsked, CoverageStrip, CoveredPage, covered_relays};
