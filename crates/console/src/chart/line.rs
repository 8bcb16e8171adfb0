//! Values over time, as lines.

mod path;

use maud::{Markup, html};

use super::frame::{ABOVE, Frame, HEIGHT, LABELS, PLOT};
use super::ticks::{TimeTicks, ValueTicks};
use super::{percent_of, share};
use crate::format::{axis_label, utc};
use path::{Columns, path, reduce};

/// How many lines a chart has: as many as can be told apart. Those beyond are dropped.
pub const MAX_SERIES: usize = 6;

/// A line: its name and a value for each of the chart's times, none where there is none.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Series<'a> {
    /// What it shows.
    pub name: &'a str,
    /// Its values. Those that are no numbers, or below 0, count as none.
    pub values: &'a [Option<f64>],
}

/// Lines over one axis of time and one of values from 0 up.
#[derive(Debug, Clone)]
pub struct LineChart<'a> {
    /// What it shows.
    pub title: &'a str,
    /// Where the axis of time begins, in seconds since 1970.
    pub from: i64,
    /// Where it ends.
    pub to: i64,
    /// The times of the values, ascending. Those outside of the axis are not drawn.
    pub times: &'a [i64],
    /// The lines; the first 6 are drawn.
    pub series: &'a [Series<'a>],
    /// A value as it is written, with its unit.
    pub format: fn(f64) -> String,
}

impl LineChart<'_> {
    /// The chart. More than 300 times are drawn as 300 stretches, each with the largest value within it, as a peak must not vanish.
    #[must_use]
    pub fn render(&self) -> Markup {
        let series = self.series.get(..MAX_SERIES).unwrap_or(self.series);
        let columns = reduce(self.from, self.to, self.times, series);
        let largest = columns
            .values
            .iter()
            .flatten()
            .flatten()
            .fold(0.0, |a, b| b.max(a));
        let ticks = ValueTicks::up_to(largest, 4, false);
        let summary = self.summary(series, &columns);
        let frame = Frame {
            title: self.title,
            summary: &summary,
            ticks: &ticks,
            format: self.format,
        };
        frame.around(&legend(series), &self.drawn(series, &columns, ticks.top()))
    }

    fn drawn(&self, series: &[Series<'_>], columns: &Columns, top: f64) -> Markup {
        let length = self.to.saturating_sub(self.from);
        let ticks = TimeTicks::between(self.from, self.to, 6);
        let none = columns.values.iter().flatten().all(Option::is_none);
        html! {
            @for (number, at) in ticks.values.iter().enumerate() {
                text class=[(number % 2 == 1).then_some("spare")] x=(percent_of(at.saturating_sub(self.from), length)) y=(LABELS)
                    text-anchor=(ticks.anchor(*at)) { (axis_label(*at, ticks.step)) }
            }
            svg x="0" y=(ABOVE) width="100%" height=(PLOT) viewBox="0 0 1000 1000" preserveAspectRatio="none" class="lines" {
                @for (number, values) in columns.values.iter().enumerate() {
                    path class={ "line s" (number + 1) } d=(path(&columns.shares, values, top)) {}
                }
            }
            @if none { text class="nothing" x="50%" y=(ABOVE + PLOT / 2.0 - 8.0) text-anchor="middle" { "No values in this period" } }
            line class="cursor" data-cursor y1=(ABOVE) y2=(ABOVE + PLOT) x1="0" x2="0" visibility="hidden" {}
            @for (number, (left, width)) in columns.areas().into_iter().enumerate() {
                rect class="hit" x=(share(left)) width=(share(width)) y="0" height=(HEIGHT)
                    data-at=(share(columns.shares.get(number).copied().unwrap_or_default())) {
                    title { (self.said(series, columns, number)) }
                }
            }
        }
    }

    /// What is known of one time.
    fn said(&self, series: &[Series<'_>], columns: &Columns, number: usize) -> String {
        let at = columns.times.get(number).copied().unwrap_or_default();
        let values = series.iter().zip(&columns.values).map(|(series, values)| {
            let value = values.get(number).copied().flatten();
            format!(
                "{} {}",
                series.name,
                value.map_or_else(|| "–".to_owned(), self.format)
            )
        });
        let values: Vec<String> = values.collect();
        format!("{}: {}", utc(at), values.join(", "))
    }

    fn summary(&self, series: &[Series<'_>], columns: &Columns) -> String {
        let told = series.iter().zip(&columns.values).map(|(series, values)| {
            let known: Vec<f64> = values.iter().copied().flatten().collect();
            let Some(last) = known.last() else {
                return format!("{}: no values", series.name);
            };
            let (low, high) = known.iter().fold((f64::MAX, 0f64), |(low, high), value| {
                (low.min(*value), high.max(*value))
            });
            let format = self.format;
            format!(
                "{}: {} to {}, last {}",
                series.name,
                format(low),
                format(high),
                format(*last)
            )
        });
        let told: Vec<String> = told.collect();
        format!(
            "{} to {}. {}",
            utc(self.from),
            utc(self.to),
            told.join("; ")
        )
    }
}

fn legend(series: &[Series<'_>]) -> Markup {
    html! {
        ul class="legend" {
            @for (number, series) in series.iter().enumerate() {
                li {
                    svg width="24" height="10" aria-hidden="true" { line class={ "line s" (number + 1) } x1="1" y1="5" x2="23" y2="5" {} }
                    (series.name)
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn o4_4_a_chart_tells_each_value_in_words() {
        let html = LineChart {
            title: "Round trips",
            from: 0,
            to: 3_600,
            times: &[0, 1_800, 3_600],
            series: &[
                Series {
                    name: "open",
                    values: &[Some(10.0), None, Some(f64::NAN)],
                },
                Series {
                    name: "read",
                    values: &[Some(1.0), Some(2.0), Some(3.0)],
                },
            ],
            format: |value| format!("{value} ms"),
        }
        .render()
        .into_string();
        assert!(html.contains("<title>1970-01-01 00:00 UTC: open 10 ms, read 1 ms</title>"));
        assert!(html.contains("<title>1970-01-01 01:00 UTC: open –, read 3 ms</title>"));
        assert!(html.contains("read: 1 ms to 3 ms, last 3 ms"));
        assert!(!html.contains("NaN"));
    }

    #[test]
    fn o4_4_a_chart_without_values_says_so() {
        let html = LineChart {
            title: "T",
            from: 0,
            to: 10,
            times: &[],
            series: &[Series {
                name: "a",
                values: &[],
            }],
            format: |value| value.to_string(),
        }
        .render()
        .into_string();
        assert!(html.contains("No values in this period") && html.contains("a: no values"));
    }
}
