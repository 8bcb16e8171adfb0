//! Filters given on the command line.

use anyhow::Context;
use stentor_event::Filter;

/// Reads each text as one filter (NIP-01).
///
/// # Errors
/// The first text that is none.
pub fn parse(texts: &[String]) -> anyhow::Result<Vec<Filter>> {
    let one = |text: &String| {
        Filter::parse(text.as_bytes()).with_context(|| format!("the filter {text}"))
    };
    texts.iter().map(one).collect()
}
