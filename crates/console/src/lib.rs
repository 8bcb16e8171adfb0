//! Web pages, rendered on the server: layout, components, charts, a map, and the style and script that go with them.
//!
//! Everything here is a function from data to [`maud::Markup`]; there is no state and no I/O but the routes of the
//! [`assets`]. A role brings its data, puts components together in a [`Page`] and answers with [`respond`].
//!
//! What holds for all of it:
//!
//! * Text is escaped by maud; addresses pass [`link::safe`], so that a stranger's text is neither markup nor a script.
//! * Nothing is loaded from another host, and there is no inline script or style: [`security::POLICY`] is strict.
//! * Without the script a page is complete. With it, parts marked by [`live::fragment`] follow changes, filters answer in
//!   place, and charts tell their values under the pointer and by the arrow keys.
//! * What is drawn is bounded: each component says how much it takes and what becomes of the rest.
//! * No meaning is carried by colour alone.

pub mod assets;
pub mod chart;
pub mod component;
pub mod format;
pub mod link;
pub mod live;
pub mod map;
pub mod page;
pub mod query;
pub mod security;

#[cfg(test)]
mod hostile;

pub use maud::{Markup, html};
pub use page::{NavEntry, Page};
pub use query::Query;
pub use security::respond;
