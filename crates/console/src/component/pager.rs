//! The way through a list by cursors: on, and back to its beginning.

use maud::{Markup, html};

use crate::format::number;
use crate::query::{CURSOR, Query};

/// The end of a page of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pager<'a> {
    /// The address of the page.
    pub query: &'a Query,
    /// Where the next page begins; none at the last one.
    pub next: Option<&'a str>,
    /// How many entries are shown.
    pub shown: usize,
    /// How many there are in all, where that is known.
    pub total: Option<u64>,
}

impl Pager<'_> {
    /// The links and what is shown.
    #[must_use]
    pub fn render(&self) -> Markup {
        let first = self
            .query
            .get(CURSOR)
            .map(|_| self.query.without(CURSOR).href());
        let next = self
            .next
            .map(|cursor| self.query.with(CURSOR, cursor).href());
        html! {
            nav class="pager" aria-label="Pages of the list" {
                p {
                    (number(self.shown as u64)) " shown"
                    @if let Some(total) = self.total { " of " (number(total)) }
                }
                @if let Some(href) = first { a href=(href) { "First" } }
                @if let Some(href) = next { a href=(href) rel="next" { "Next" } }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn o4_4_a_list_goes_on_with_its_filters() {
        let query = Query::new("/r", Some("state=online&after=a"));
        let pager = Pager {
            query: &query,
            next: Some("b c"),
            shown: 50,
            total: Some(1_000),
        };
        let html = pager.render().into_string();
        assert!(html.contains("href=\"/r?state=online\""));
        assert!(html.contains("href=\"/r?state=online&amp;after=b+c\" rel=\"next\""));
        let query = Query::new("/r", None);
        let last = Pager {
            query: &query,
            next: None,
            shown: 1,
            total: None,
        };
        assert!(!last.render().into_string().contains("href"));
    }
}
