//! Counts of buckets, as columns.

use maud::{Markup, html};

use super::frame::{ABOVE, Frame, HEIGHT, LABELS, PLOT};
use super::share;
use super::ticks::ValueTicks;
use crate::format::{compact, number};

/// How many buckets are drawn; those beyond are added up in the last.
pub const MAX_BUCKETS: usize = 120;
/// How many of them are named below, at most.
const MAX_LABELS: usize = 10;
/// Characters of names that have room below, in a chart of half a page.
const ROOM: usize = 66;

/// Columns side by side. The buckets are the reader's: their order and widths are as given.
#[derive(Debug, Clone, PartialEq)]
pub struct Histogram<'a> {
    /// What it shows.
    pub title: &'a str,
    /// What is counted, as `relays`.
    pub unit: &'a str,
    /// Names and counts.
    pub buckets: &'a [(String, u64)],
}

impl Histogram<'_> {
    /// The chart.
    #[must_use]
    pub fn render(&self) -> Markup {
        let buckets = bounded(self.buckets);
        let largest = buckets.iter().map(|(_, count)| *count).max().unwrap_or(0);
        let ticks = ValueTicks::up_to(largest as f64, 4, true);
        let all = buckets
            .iter()
            .fold(0u64, |sum, (_, count)| sum.saturating_add(*count));
        let most = buckets
            .iter()
            .max_by_key(|(_, count)| *count)
            .map_or_else(String::new, |(name, count)| {
                format!(", most in {name}: {}", number(*count))
            });
        let summary = format!(
            "{} {} in {} groups{most}",
            number(all),
            self.unit,
            buckets.len()
        );
        let frame = Frame {
            title: self.title,
            summary: &summary,
            ticks: &ticks,
            format: |value| compact(value as u64),
        };
        frame.around(&html! {}, &self.drawn(&buckets, &frame))
    }

    fn drawn(&self, buckets: &[(String, u64)], frame: &Frame<'_>) -> Markup {
        let width = 1.0 / buckets.len().max(1) as f64;
        let every = buckets.len().div_ceil(labels(buckets)).max(1);
        html! {
            @for (at, (name, count)) in buckets.iter().enumerate() {
                @let left = at as f64 * width;
                @let top = frame.y(*count as f64);
                rect class="column" x=(share(left + width * 0.1)) width=(share(width * 0.8)) y=(top)
                    height=((ABOVE + PLOT - top).max(0.0)) {}
                @if at % every == 0 {
                    text class=[(at / every % 2 == 1).then_some("spare")] x=(share(left + width / 2.0)) y=(LABELS)
                        text-anchor="middle" { (name) }
                }
            }
            @if buckets.is_empty() { text class="nothing" x="50%" y=(ABOVE + PLOT / 2.0 - 8.0) text-anchor="middle" { "Nothing to count" } }
            @for (at, (name, count)) in buckets.iter().enumerate() {
                rect class="hit" x=(share(at as f64 * width)) width=(share(width)) y="0" height=(HEIGHT) {
                    title { (name) ": " (number(*count)) " " (self.unit) }
                }
            }
        }
    }
}

/// How many names fit below.
fn labels(buckets: &[(String, u64)]) -> usize {
    let lengths = buckets.iter().map(|(name, _)| name.chars().count());
    let longest = lengths.max().unwrap_or(0);
    (ROOM / (longest + 1)).clamp(2, MAX_LABELS)
}

fn bounded(buckets: &[(String, u64)]) -> Vec<(String, u64)> {
    let mut drawn: Vec<(String, u64)> = buckets.iter().take(MAX_BUCKETS).cloned().collect();
    let rest = buckets.iter().skip(MAX_BUCKETS);
    if let Some((name, count)) = drawn.last_mut()
        && buckets.len() > MAX_BUCKETS
    {
        name.push('…');
        *count = rest.fold(*count, |sum, (_, more)| sum.saturating_add(*more));
    }
    drawn
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn o4_4_buckets_beyond_the_last_are_added_up() {
        let buckets: Vec<(String, u64)> =
            (0..MAX_BUCKETS + 10).map(|n| (n.to_string(), 1)).collect();
        let drawn = bounded(&buckets);
        assert_eq!(drawn.len(), MAX_BUCKETS);
        assert_eq!(drawn.last(), Some(&("119…".to_owned(), 11)));
        assert_eq!(bounded(&buckets[..3]).len(), 3);
    }

    #[test]
    fn o4_4_long_names_stand_further_apart() {
        let named = |name: &str| vec![(name.to_owned(), 1); 60];
        assert_eq!(labels(&named("7")), MAX_LABELS);
        assert_eq!(labels(&named("16 May 2025")), 5);
        assert_eq!(labels(&named(&"x".repeat(200))), 2);
        assert_eq!(labels(&[]), MAX_LABELS);
    }

    #[test]
    fn o4_4_columns_tell_their_counts() {
        let buckets = [("1 relay".to_owned(), 1_500), ("2".to_owned(), 0)];
        let html = Histogram {
            title: "Copies",
            unit: "events",
            buckets: &buckets,
        }
        .render()
        .into_string();
        assert!(html.contains("<title>1 relay: 1\u{202f}500 events</title>"));
        assert!(html.contains("most in 1 relay"));
        assert!(
            Histogram {
                title: "x",
                unit: "y",
                buckets: &[]
            }
            .render()
            .into_string()
            .contains("Nothing to count")
        );
    }
}
