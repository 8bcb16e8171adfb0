//! Round trips and uptime over a range that the address has.

use std::time::Duration;

use maud::{Markup, html};
use stentor_console::chart::{LineChart, Series, Uptime, UptimeCell};
use stentor_console::component::{Tab, tabs};
use stentor_console::format::duration;
use stentor_console::query::CURSOR;

use super::gather::Gathered;
use crate::answer::SeriesAnswer;
use crate::pages::visit::seconds;

/// The ranges: in hours, and in words.
const RANGES: [(u64, &str); 5] = [
    (1, "1 hour"),
    (24, "24 hours"),
    (168, "7 days"),
    (720, "30 days"),
    (2_160, "90 days"),
];

/// Parts that are drawn at most.
const MOST_CELLS: usize = 400;

/// The charts, with the way to other ranges.
pub(super) fn charts(all: &Gathered) -> Markup {
    let (Some(series), Some(cells)) = (&all.series, &all.cells) else {
        return html! {};
    };
    let entries: Vec<Tab> = RANGES.iter().map(|range| tab(all, range)).collect();
    let said = RANGES.iter().find(|(hours, _)| Some(*hours) == all.hours);
    let said = said.map_or_else(
        || "this time".to_owned(),
        |(_, label)| format!("the last {label}"),
    );
    let label = format!("Online over {said}");
    html! {
        (tabs("Range", &entries))
        (Uptime { label: &label, cells: &uptime(cells, all.cell_ms) }.render())
        (round_trips(series, all.writes))
    }
}

fn tab(all: &Gathered, (hours, label): &(u64, &str)) -> Tab {
    let query = all
        .query
        .without(CURSOR)
        .without("from_ms")
        .without("to_ms");
    let href = query.with("hours", &hours.to_string()).href();
    Tab {
        href: format!("{href}#charts"),
        label: (*label).to_owned(),
        current: Some(*hours) == all.hours,
    }
}

/// The parts of the time, also those without a check.
fn uptime(series: &SeriesAnswer, length_ms: u64) -> Vec<UptimeCell> {
    let length_ms = length_ms.max(1);
    let mut points = series.points.iter().peekable();
    let starts = std::iter::successors(Some(series.from_ms), |from| from.checked_add(length_ms));
    starts
        .take_while(|from| *from < series.to_ms)
        .take(MOST_CELLS)
        .map(|from_ms| {
            let to_ms = from_ms.saturating_add(length_ms).min(series.to_ms);
            UptimeCell {
                from: seconds(from_ms),
                to: seconds(to_ms),
                up: points
                    .next_if(|point| point.at_ms < to_ms)
                    .and_then(|point| point.online),
                degraded: false,
            }
        })
        .collect()
}

fn round_trips(series: &SeriesAnswer, writes: bool) -> Markup {
    let times: Vec<i64> = series
        .points
        .iter()
        .map(|point| seconds(point.at_ms))
        .collect();
    let of = |value: fn(&crate::history::Point) -> Option<f64>| -> Vec<Option<f64>> {
        series.points.iter().map(value).collect()
    };
    let (open, read, write) = (
        of(|point| point.open_ms),
        of(|point| point.read_ms),
        of(|point| point.write_ms),
    );
    let mut lines = vec![
        Series {
            name: "open",
            values: &open,
        },
        Series {
            name: "read",
            values: &read,
        },
    ];
    let written = write.iter().any(Option::is_some);
    if writes || written {
        lines.push(Series {
            name: "write",
            values: &write,
        });
    }
    let chart = LineChart {
        title: "Round trips",
        from: seconds(series.from_ms),
        to: seconds(series.to_ms),
        times: &times,
        series: &lines,
        format: milliseconds,
    };
    html! {
        (chart.render())
        @if !writes && !written { p class="hint" { "Writing is not tested here (" code { "observatory.check.write" } ")." } }
    }
}

fn milliseconds(value: f64) -> String {
    if value <= 0.0 {
        return "0\u{a0}ms".to_owned();
    }
    duration(Duration::from_secs_f64(value.min(1e9) / 1_000.0))
}
