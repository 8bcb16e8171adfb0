//! Retention (R4.6): what the relay keeps, and for how long.
//!
//! [`Rules`] say which events go: by kind, age, class of author and total size. A [`Retention`] walks the store from its oldest
//! event on, a rule after the other, and removes what has to go in small commits at a set pace. Kinds 5 and 62 stay whatever the
//! rules say (R1.13), for a deletion must last longer than what it deletes; so do the events of protected authors.

mod classes;
mod pace;
mod pass;
mod rules;
mod service;
mod standing;
mod sweep;
mod walk;

pub use classes::AuthorClasses;
pub use pass::{Mode, Report, Retention, RetentionError};
pub use rules::{Rule, Rules};
pub(crate) use standing::Known;
pub use standing::{CLASSES, Unknown};
pub use sweep::Total;
