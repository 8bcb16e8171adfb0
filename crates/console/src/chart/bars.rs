//! Counts of named things, as bars: a table, so that it reads the same without being seen.

use maud::{Markup, html};

use super::share;
use crate::component::empty;
use crate::format::number;
use crate::link::link;

/// How many bars are drawn; the rest is one line.
pub const MAX_BARS: usize = 100;

/// A bar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bar<'a> {
    /// What is counted.
    pub label: &'a str,
    /// How much of it there is.
    pub count: u64,
    /// A page that tells more; may be empty.
    pub href: &'a str,
}

/// Bars in the given order, as long as their counts; `unit` heads the counts. The first 100 are drawn, and the rest added up.
#[must_use]
pub fn bars(caption: &str, unit: &str, bars: &[Bar<'_>]) -> Markup {
    if bars.is_empty() {
        return empty(caption, "Nothing has been counted.");
    }
    let (drawn, rest) = bars.split_at(bars.len().min(MAX_BARS));
    let largest = drawn.iter().map(|bar| bar.count).max().unwrap_or(0).max(1) as f64;
    let others = rest
        .iter()
        .fold(0u64, |sum, bar| sum.saturating_add(bar.count));
    html! {
        table class="bars" {
            caption { (caption) }
            thead class="unseen" { tr { th scope="col" { "Name" } td {} th scope="col" { (unit) } } }
            tbody {
                @for bar in drawn {
                    tr {
                        th scope="row" { (link(bar.href, bar.label)) }
                        td class="bar" {
                            svg width="100%" height="10" aria-hidden="true" {
                                rect class="column" width=(share(bar.count as f64 / largest)) height="10" rx="2" {}
                            }
                        }
                        td class="num" { (number(bar.count)) }
                    }
                }
                @if !rest.is_empty() {
                    tr { th scope="row" { (rest.len()) " others" } td class="bar" {} td class="num" { (number(others)) } }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn o4_4_bars_beyond_the_last_are_added_up() {
        let many = vec![
            Bar {
                label: "a",
                count: 2,
                href: ""
            };
            MAX_BARS + 3
        ];
        let html = bars("Software", "relays", &many).into_string();
        assert!(html.contains("3 others") && html.contains(">6</td>"));
        assert_eq!(html.matches("<rect").count(), MAX_BARS);
    }
}
