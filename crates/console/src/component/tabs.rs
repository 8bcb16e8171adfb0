//! Views of the same thing, each at an address of its own.

use maud::{Markup, html};

use crate::link::safe;
use crate::query::{CURSOR, Query};

/// The periods of charts: the parameter's value, the label, and the length in seconds.
pub const PERIODS: [(&str, &str, i64); 5] = [
    ("1h", "1 hour", 3_600),
    ("24h", "24 hours", 86_400),
    ("7d", "7 days", 604_800),
    ("30d", "30 days", 2_592_000),
    ("90d", "90 days", 7_776_000),
];

/// A view.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tab {
    /// Its address.
    pub href: String,
    /// What it is called.
    pub label: String,
    /// Whether it is the one shown.
    pub current: bool,
}

/// Links to views; `label` says what differs between them.
#[must_use]
pub fn tabs(label: &str, tabs: &[Tab]) -> Markup {
    html! {
        nav class="tabs" aria-label=(label) {
            ul {
                @for tab in tabs {
                    li {
                        a href=[safe(&tab.href)] aria-current=[tab.current.then_some("true")] { (tab.label) }
                    }
                }
            }
        }
    }
}

/// Links to the [`PERIODS`] by the parameter `name`, which keep all else of the address. Also gives the length of the period that the address asks for,
/// in seconds; without one, or with one that is not known, it is `usual`'s.
#[must_use]
pub fn period_tabs(query: &Query, name: &str, usual: &str) -> (Markup, i64) {
    let asked = query.get(name).unwrap_or(usual);
    let known = |value: &str| PERIODS.iter().find(|(other, ..)| *other == value);
    let (current, _, seconds) = known(asked)
        .or_else(|| known(usual))
        .copied()
        .unwrap_or(("24h", "24 hours", 86_400));
    let entries: Vec<Tab> = PERIODS
        .iter()
        .map(|(value, label, _)| Tab {
            href: query.without(CURSOR).with(name, value).href(),
            label: (*label).to_owned(),
            current: *value == current,
        })
        .collect();
    (tabs("Period", &entries), seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn o4_4_a_period_is_in_the_address() {
        let query = Query::new("/r", Some("url=wss%3A%2F%2Fx&period=7d"));
        let (markup, seconds) = period_tabs(&query, "period", "24h");
        let html = markup.into_string();
        assert_eq!(seconds, 604_800);
        assert!(html.contains("href=\"/r?url=wss%3A%2F%2Fx&amp;period=7d\" aria-current=\"true\""));
        assert_eq!(html.matches("aria-current").count(), 1);
        let unknown = Query::new("/r", Some("period=1y"));
        assert_eq!(period_tabs(&unknown, "period", "1h").1, 3_600);
    }
}
