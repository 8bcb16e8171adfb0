//! The overview's part on the archive.

use std::time::Duration;

use maud::{Markup, html};
use stentor_console::Query;
use stentor_console::chart::Histogram;
use stentor_console::component::{Column, Row, Stat, Table, empty, stats};
use stentor_console::format::{bytes, compact, decimal, duration, number, percent};

use super::Figures;
use super::relays::as_of;
use crate::answer::Progress;
use crate::pages::source::source;
use crate::pages::words;
use crate::statistics::answer::Replication;

/// Numbers of copies that are drawn; more of them are one.
const COPIES: u64 = 30;

/// Events, bytes, rate, coverage.
pub(super) fn figures(figures: &Figures) -> Markup {
    let (totals, progress) = (&figures.totals, &figures.progress);
    let size = html! { (bytes(figures.network.bytes)) " on disk" };
    let counted = html! {
        @if totals.absurd_events > 0 { (number(totals.absurd_events)) " events have a time that cannot be true" }
        @else { "without those of gift wraps" }
    };
    let share = totals.exclusive as f64 / totals.events.max(1) as f64;
    html! {
        (stats(&[
            Stat::new("Events", compact(figures.network.events)).note(size).href("/observatory/events"),
            Stat::new("Authors", compact(totals.authors)).note(counted),
            rate(progress),
            Stat::new("Covered", progress.share.map_or_else(|| "–".to_owned(), percent))
                .note(eta(progress))
                .href("/observatory/coverage"),
            Stat::new("At one relay only", compact(totals.exclusive))
                .note(html! { (percent(share)) " of all events" })
                .href("/observatory/relays?sort=-exclusive"),
        ]))
        (source(&as_of(figures), "progress", false))
    }
}

/// New events in a second.
pub(crate) fn rate(progress: &Progress) -> Stat<'static> {
    let Some(pace) = &progress.pace else {
        return Stat::new("New events a second", "–").note("not measured yet");
    };
    let rate = pace.new_events as f64 / pace.seconds.max(1) as f64;
    let places = if rate < 10.0 { 2 } else { 0 };
    let over = duration(Duration::from_secs(pace.seconds));
    Stat::new("New events a second", decimal(rate, places))
        .note(html! { "mean of the last " (over) })
}

/// When nothing will be left, in words.
pub(crate) fn eta(progress: &Progress) -> String {
    match (progress.share, progress.eta_seconds) {
        (None, _) => "nothing asked for yet".to_owned(),
        (_, Some(0)) => "nothing is left to ask for".to_owned(),
        (_, Some(left)) => format!("about {} to go", duration(Duration::from_secs(left))),
        (_, None) => "no pace in the last hour".to_owned(),
    }
}

/// By how many relays events are held.
pub(super) fn copies(figures: &Figures) -> Markup {
    if figures.replication.is_empty() {
        let then = "It is told as soon as the archive has fetched events.";
        return empty("It is not known yet who holds what", then);
    }
    html! {
        (Histogram { title: "Events by the number of relays that hold them", unit: "events", buckets: &buckets(&figures.replication) }.render())
        (source("Relays that are known to hold them", "statistics/replication", true))
    }
}

/// From one copy on, without gaps.
fn buckets(rows: &[Replication]) -> Vec<(String, u64)> {
    let most = rows.iter().map(|row| row.copies).max().unwrap_or(0);
    let of = |copies: u64| {
        let found = rows.iter().find(|row| row.copies == copies);
        found.map_or(0, |row| row.events)
    };
    let mut buckets: Vec<(String, u64)> = (1..=most.min(COPIES))
        .map(|copies| (copies.to_string(), of(copies)))
        .collect();
    if most > COPIES {
        let rest = rows.iter().filter(|row| row.copies > COPIES);
        let events = rest.fold(0_u64, |sum, row| sum.saturating_add(row.events));
        buckets.push((format!("more than {COPIES}"), events));
    }
    buckets
}

/// How long events took to arrive.
pub(super) fn latency(query: &Query, figures: &Figures) -> Markup {
    const COLUMNS: [Column<'static>; 6] = [
        Column::text("Relay"),
        Column::number("Events"),
        Column::number("Half within"),
        Column::number("95 % within"),
        Column::number("Before their time"),
        Column::number("Older than a day"),
    ];
    let time = |time: Option<u64>| match time {
        Some(ms) => html! { (duration(Duration::from_millis(ms))) },
        None => words::nothing("not known"),
    };
    let rows: Vec<Row> = figures
        .latencies
        .iter()
        .map(|relay| {
            Row::new(vec![
                html! { (words::clipped(&relay.url, 120)) },
                html! { (number(relay.events)) },
                time(relay.p50_ms),
                time(relay.p95_ms),
                html! { (number(relay.early)) },
                html! { (number(relay.late)) },
            ])
            .href(format!("/observatory/relays/{}", relay.relay))
        })
        .collect();
    let table = Table {
        caption: "From the author's time until it came here, live",
        columns: &COLUMNS,
        rows: &rows,
        query,
        sort: None,
        empty: "No event has come on a live subscription yet. The archive follows the best relays; observatory.archive.live says how many.",
    };
    html! {
        (table.render())
        @if !rows.is_empty() { (source("Relays that most came from", "statistics/latency", true)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn o4_4_many_copies_are_one_column() {
        let row = |copies, events| Replication { copies, events };
        let drawn = buckets(&[row(1, 5), row(3, 2), row(40, 7), row(90, 1)]);
        assert_eq!(drawn.len() as u64, COPIES + 1);
        assert_eq!(drawn[1], ("2".to_owned(), 0));
        assert_eq!(drawn.last().unwrap(), &("more than 30".to_owned(), 8));
        assert_eq!(buckets(&[row(2, 9)]).len(), 2);
    }

    #[test]
    fn o4_4_what_is_left_is_told_in_words() {
        let eta = |share, eta_seconds| {
            eta(&Progress {
                share,
                eta_seconds,
                ..Progress::default()
            })
        };
        assert_eq!(eta(None, None), "nothing asked for yet");
        assert_eq!(eta(Some(1.0), Some(0)), "nothing is left to ask for");
        assert_eq!(eta(Some(0.5), None), "no pace in the last hour");
        assert!(eta(Some(0.5), Some(7_260)).starts_with("about 2\u{a0}h"));
    }
}
