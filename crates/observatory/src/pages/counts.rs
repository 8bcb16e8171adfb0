//! Counts of named things as pages draw them.

use maud::Markup;
use stentor_console::chart::{Bar, bars};

/// Bars of rows: what is counted, a page that tells more (may be empty), and how much there is.
pub(super) fn counts(
    caption: &str,
    unit: &str,
    rows: impl IntoIterator<Item = (String, String, u64)>,
) -> Markup {
    let rows: Vec<_> = rows.into_iter().collect();
    let drawn: Vec<Bar<'_>> = rows
        .iter()
        .map(|(label, href, count)| Bar {
            label,
            count: *count,
            href,
        })
        .collect();
    bars(caption, unit, &drawn)
}
