//! A point in time.

use maud::{Markup, html};

use crate::format::{relative, rfc3339, utc};

/// How long ago `at` was or how far it is ahead (both in seconds since 1970), with the exact time for the pointer and for machines. The script keeps it
/// up to date.
#[must_use]
pub fn timestamp(at: i64, now: i64) -> Markup {
    html! {
        time datetime=(rfc3339(at)) title=(utc(at)) data-relative { (relative(at, now)) }
    }
}
