//! The archive written out for others, and taken in again (O4.3).
//!
//! An export has events by day and kind, the table of relays, what they were asked about and, if wanted, who holds what: as lines of
//! JSON or as Parquet (`name`, `table`, `encoder`), in a folder or a bucket (`place`), with a manifest that is written last
//! (`manifest`). `out` writes: it looks at which days and kinds have changed since the manifest that is there, and writes these
//! alone; the same archive gives the same bytes. It takes the manifest away with its first change, and leaves a memory of it by which
//! an export that was ended early goes on. Memory does not grow with the archive: events pass in slices of the store, pairs of
//! holders in ranges of event numbers, and files are bounded.
//!
//! Taking in has two halves, as the files may be anybody's. `source` checks files against the manifest and decodes them; it belongs to
//! the process of a command. What it has found passes as lines (`wire`) to `take`, which may be in the running node: events are
//! parsed, their ids recomputed and their signatures verified as if they came from a relay.

mod digest;
mod encoder;
mod jsonl;
mod manifest;
mod name;
mod out;
mod parquet;
mod place;
mod source;
mod table;
mod take;
#[cfg(test)]
mod tests;
mod wire;

pub use manifest::{ManifestError, Selection};
pub use name::Format;
pub use out::{Exported, Wish};
pub use place::Place;
pub use source::{Broken, Lines, Source};
pub use take::{BadRow, Imported};

pub(crate) use place::check;

/// The first and the last second of a day in UTC, such as `2024-05-01`; `None` when it is none, or before 1970.
#[must_use]
pub fn seconds_of_day(text: &str) -> Option<(u64, u64)> {
    name::Day::parse(text).map(|day| (day.start(), day.end()))
}

/// Reads a manifest that anybody may have written; what it is written as again, and the paths that it names.
pub(crate) fn reread(bytes: &[u8]) -> Option<(Vec<u8>, Vec<String>)> {
    let manifest = manifest::Manifest::parse(bytes).ok()?;
    let paths = manifest.files.keys().map(|name| name.path(manifest.format));
    Some((manifest.write().ok()?, paths.collect()))
}
