//! What the archive has asked it, and what came of that.

use std::time::Duration;

use maud::{Markup, html};
use stentor_console::component::{Interval, Intervals, definitions, empty, timestamp};
use stentor_console::format::{bytes, duration, number};

use super::gather::{Gathered, INTERVALS};
use crate::answer::{self, Archiving};
use crate::pages::visit::seconds;
use crate::pages::words;

/// Filters whose strips are drawn.
const MOST_FILTERS: usize = 10;

/// A strip for each filter.
pub(super) fn coverage(all: &Gathered) -> Markup {
    let Some(page) = &all.coverage else {
        return html! {};
    };
    if page.intervals.is_empty() {
        return empty(
            "Never asked",
            "The archive has not asked this relay for anything yet.",
        );
    }
    let strips: Vec<&[answer::Interval]> = page
        .intervals
        .chunk_by(|one, other| one.filter == other.filter)
        .take(MOST_FILTERS)
        .collect();
    html! {
        @for (number, intervals) in strips.into_iter().enumerate() { (strip(all, number, intervals)) }
        @if page.next.is_some() {
            p class="hint" {
                "These are the first " (INTERVALS) " intervals. "
                a href={ "/observatory/coverage?relay=" (all.detail.relay.id) } { "All of its coverage" }
            }
        }
    }
}

fn strip(all: &Gathered, number: usize, intervals: &[answer::Interval]) -> Markup {
    let filter = intervals.first().map_or("", |interval| &*interval.filter);
    let whole = if filter == "{}" { "All events" } else { filter };
    let pieces: Vec<Interval<'_>> = intervals.iter().map(piece).collect();
    let id = format!("coverage-{number}");
    Intervals {
        id: &id,
        label: whole,
        from: all.oldest,
        to: all.now,
        intervals: &pieces,
    }
    .render()
}

fn piece(interval: &answer::Interval) -> Interval<'_> {
    let at = |seconds: u64| i64::try_from(seconds).unwrap_or(i64::MAX);
    Interval {
        from: at(interval.since),
        to: at(interval.until.saturating_add(1)),
        coverage: words::coverage(&interval.state),
        reason: interval
            .reason
            .as_deref()
            .or(interval.method.as_deref())
            .unwrap_or_default(),
    }
}

/// Counts, times, and how the next visit stands.
pub(super) fn figures(all: &Gathered) -> Markup {
    let relay = &all.detail.relay;
    let latency = all.latency.as_ref();
    let ms = |value: Option<u64>| match value {
        Some(ms) => html! { (duration(Duration::from_millis(ms))) },
        None => words::nothing("not known"),
    };
    let entries = [
        ("Events it holds", html! { (number(relay.events)) }),
        ("Of these, only it", html! { (number(relay.exclusive)) }),
        (
            "Arrive within",
            html! {
                @match latency {
                    Some(latency) => {
                        (ms(latency.p50_ms)) " (half of them), " (ms(latency.p95_ms)) " (95 %), of "
                        (number(latency.events)) " events that came live"
                    }
                    None => { span class="none" { "no event has come from it live" } }
                }
            },
        ),
    ];
    html! {
        (definitions(&entries))
        @match &all.detail.archiving {
            Some(archiving) => (visits(archiving, all.now)),
            None => (empty("Not archived", "The archive has not turned to this relay yet, or it is switched off.")),
        }
    }
}

fn visits(archiving: &Archiving, now: i64) -> Markup {
    let when = |at: Option<u64>| match at {
        Some(at) => timestamp(seconds(at), now),
        None => words::nothing("never"),
    };
    let entries = [
        (
            "Asked by",
            match archiving.method.as_deref() {
                Some(method) => html! { (words::method(method)) },
                None => words::nothing("not asked yet"),
            },
        ),
        (
            "Gives at once",
            words::known(
                archiving.page_limit,
                |limit| html! { (number(limit)) " events" },
            ),
        ),
        (
            "Last visit",
            html! {
                (when(archiving.last_ms))
                @if let Some(outcome) = &archiving.last_outcome { ": " bdi { (outcome) } }
            },
        ),
        (
            "Next visit",
            html! {
                (when(Some(archiving.next_ms)))
                @if archiving.failures > 0 { ", after " (number(archiving.failures)) " failures in a row" }
            },
        ),
        ("Came from it first", html! { (number(archiving.events)) }),
        (
            "Was there already",
            html! { (number(archiving.duplicates)) },
        ),
        ("Not taken", html! { (number(archiving.rejected)) }),
        ("Has sent", html! { (bytes(archiving.bytes)) }),
        (
            "Shuts down",
            html! { @if archiving.leaving { "yes, it says" } @else { "it does not say so" } },
        ),
    ];
    definitions(&entries)
}
