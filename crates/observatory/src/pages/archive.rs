//! `/observatory/archive`: how far the archive has got, and how it stands with each relay (O5.3).

use std::time::Duration;

use axum::extract::State;
use axum::response::Response;
use maud::{Markup, html};
use stentor_console::Query;
use stentor_console::chart::sparkline;
use stentor_console::component::{
    Column, Level, Pager, Row, Stat, State as Is, Table, badge_with, definitions, empty, meter,
    notice, stats, timestamp,
};
use stentor_console::format::{bytes, compact, decimal, duration, number, utc};
use stentor_console::live::fragment;

use super::Pages;
use super::overview::{eta, rate};
use super::shell::Shown;
use super::source::source;
use super::visit::{Visit, seconds};
use super::words::{self, clipped};
use crate::answer::{ArchivingPage, ArchivingQuery, Progress, Standing, archiving};
use crate::archive::{Sample, Task};
use crate::config;

/// Characters of a relay's words.
const SAID: usize = 160;
/// Relays that are listed of those that are followed or fetched.
const LISTED: usize = 100;

/// What the page shows.
struct Known {
    progress: Progress,
    page: ArchivingPage,
    samples: Vec<Sample>,
    /// How many relays are being fetched, and how many followed.
    fetching: usize,
    live: usize,
    /// Events that one relay alone is known to hold.
    exclusive: u64,
    events: u64,
    config: config::Archive,
    now_ms: u64,
}

/// The page.
pub(super) async fn page(State(pages): State<Pages>, visit: Visit) -> Response {
    let shown = async {
        let mut parameters = visit.parameters()?;
        let asked = ArchivingQuery::read(&mut parameters)?;
        parameters.end()?;
        let ground = pages.ground();
        let pairs = crate::statistics::answer::pairs(&ground.records).await?;
        let known = Known {
            progress: Progress::clone(&*pages.progress().await?),
            page: archiving(ground, &asked).await?,
            samples: ground.activity.samples(),
            fetching: ground.activity.relays(Task::Fetching).len(),
            live: ground.activity.relays(Task::Live).len(),
            exclusive: pairs.exclusive,
            events: ground.archive.statistics().events,
            config: ground.config.archive.clone(),
            now_ms: visit.now_ms,
        };
        Ok(Shown {
            title: "Archive".to_owned(),
            body: body(&visit.query, &known),
        })
    };
    visit.answer(shown).await
}

fn body(query: &Query, known: &Known) -> Markup {
    html! {
        h1 { "Archive" }
        @if !known.config.enabled {
            (notice(Level::Info, html! {
                p { "The archive is switched off (" code { "observatory.archive.enabled" } "): nothing is fetched. What it has is kept." }
            }))
        }
        (fragment("archive-progress", progress(known)))
        h2 id="relays" { "By relay" }
        (fragment("archive-relays", relays(query, known)))
        h2 id="settings" { "What is kept, and who comes first" }
        (settings(&known.config, known.now_ms))
    }
}

/// How far it is.
fn progress(known: &Known) -> Markup {
    let progress = &known.progress;
    html! {
        (covered(progress))
        (stats(&[
            Stat::new("Events", compact(known.events)).href("/observatory/events"),
            rate(progress).note(pace(known)),
            Stat::new("Bytes a second", bytes_a_second(progress)).note("as relays send them"),
            Stat::new("Being fetched", number(known.fetching as u64))
                .note(html! { "relays at this moment, of at most " (known.config.parallel) }),
            Stat::new("Followed live", number(known.live as u64))
                .note(html! { "relays, of at most " (known.config.live) }),
            Stat::new("At one relay only", compact(known.exclusive)).note("events, fetched before others"),
        ]))
        (stats(&[
            Stat::new("Sent to us and new", number(progress.new_events)),
            Stat::new("Were there already", number(progress.duplicates)),
            Stat::new("Not taken", number(progress.rejected)).note("forged, malformed, or not asked for"),
            Stat::new("Sent in all", bytes(progress.bytes)),
        ]))
        (source(&format!("As of {}", utc(seconds(known.now_ms))), "progress", false))
    }
}

fn covered(progress: &Progress) -> Markup {
    html! {
        div class="progress" {
            @match progress.share {
                Some(share) => {
                    p class="progress-text" { strong { (stentor_console::format::percent(share)) } " of the time that is wanted is settled: " (eta(progress)) }
                    (meter(share, "Settled"))
                }
                None => p class="progress-text" { "Nothing has been asked for yet: the first relay is as soon as one is known." },
            }
            p class="source" {
                (number(progress.relays)) @if progress.relays == 1 { " relay was" } @else { " relays were" } " asked, "
                (number(progress.complete)) " of them without a gap; a second of one relay and filter is what is counted. "
                a href="/observatory/coverage" { "Coverage relay by relay" }
            }
        }
    }
}

/// New events in each minute of the last hour.
fn pace(known: &Known) -> Markup {
    let counts: Vec<f64> = known
        .samples
        .iter()
        .zip(known.samples.iter().skip(1))
        .map(|(one, next)| next.new_events.saturating_sub(one.new_events) as f64)
        .collect();
    html! {
        @match &known.progress.pace {
            Some(pace) => { "mean of the last " (duration(Duration::from_secs(pace.seconds))) },
            None => "not measured yet",
        }
        @if counts.len() > 1 { (sparkline("New events in each minute", &counts, |value| decimal(value, 0))) }
    }
}

fn bytes_a_second(progress: &Progress) -> String {
    progress.pace.as_ref().map_or_else(
        || "–".to_owned(),
        |pace| bytes(pace.bytes / pace.seconds.max(1)),
    )
}

/// How it stands with each relay.
fn relays(query: &Query, known: &Known) -> Markup {
    const COLUMNS: [Column<'static>; 8] = [
        Column::text("Relay"),
        Column::text("Now"),
        Column::number("Behind"),
        Column::text("Asked by"),
        Column::text("Last visit"),
        Column::number("New from it"),
        Column::number("Only there"),
        Column::number("Sent"),
    ];
    let page = &known.page;
    if page.relays.is_empty() {
        let then = html! { "Relays are taken up as soon as they are known. The " a href="/observatory" { "overview" } " says how many there are." };
        return empty("No relay has been taken up yet", then);
    }
    let now = seconds(known.now_ms);
    let rows: Vec<Row> = page
        .relays
        .iter()
        .map(|one| {
            Row::new(vec![
                html! { (clipped(&one.url, 120)) (marks(one)) },
                doing(one, now),
                html! { (behind(one.behind_seconds)) },
                html! {
                    @match &one.method {
                        Some(method) => {
                            (words::method(method))
                            @if let Some(limit) = one.page_limit { ", " (number(limit)) " at once" }
                        },
                        None => (words::nothing("not asked yet")),
                    }
                },
                last(one, now),
                html! { (number(one.events)) },
                html! { (number(one.exclusive)) },
                html! { (bytes(one.bytes)) },
            ])
            .href(format!("/observatory/relays/{}", one.relay))
        })
        .collect();
    let table = Table {
        caption: "The one most behind first",
        columns: &COLUMNS,
        rows: &rows,
        query,
        sort: None,
        empty: "",
    };
    html! {
        (table.render())
        (Pager { query, next: page.next.as_deref(), shown: rows.len(), total: None }.render())
        (source("How the archive stands with each relay", "archiving", true))
    }
}

/// What makes a relay come first.
fn marks(one: &Standing) -> Markup {
    html! {
        @if one.live { " " span class="mark-word" { "live" } }
        @if one.first { " " span class="mark-word" { "first" } }
        @if one.leaving { " " span class="mark-word" { "shuts down" } }
    }
}

/// What is done about it, or why nothing is.
fn doing(one: &Standing, now: i64) -> Markup {
    let next = seconds(one.next_ms);
    let (state, word, why) = match one.doing {
        "fetching" => (Is::Online, "fetching", html! {}),
        "waiting" => (
            Is::Unknown,
            "waiting",
            html! { "for its turn, since " (timestamp(next, now)) },
        ),
        "offline" => (
            Is::Offline,
            "offline",
            html! { (words::outcome(one.reason.as_deref().unwrap_or("unknown"))) },
        ),
        "failed" => (
            Is::Degraded,
            "failed",
            html! {
                @if one.failures == 1 { "once" } @else { (number(one.failures)) " times in a row" }
                "; again " (timestamp(next, now))
            },
        ),
        "left_out" => (Is::Paused, "left out", html! { "by the configuration" }),
        _ => (
            Is::Online,
            "up to date",
            html! { "asked again " (timestamp(next, now)) },
        ),
    };
    html! {
        (badge_with(state, word))
        span class="why" { (why) }
    }
}

/// How much of its past is not had.
fn behind(seconds: u64) -> String {
    match seconds {
        0 => "nothing".to_owned(),
        some => duration(Duration::from_secs(some)),
    }
}

/// What came of the last visit.
fn last(one: &Standing, now: i64) -> Markup {
    html! {
        @match one.last_ms {
            Some(at) => {
                (timestamp(seconds(at), now))
                @if let Some(outcome) = &one.last_outcome { span class="why" { (clipped(said(outcome), SAID)) } }
            },
            None => (words::nothing("never")),
        }
    }
}

/// What came of a visit, in words.
fn said(outcome: &str) -> &str {
    match outcome {
        "done" => "nothing left to ask",
        "more" => "there was more than a turn's time",
        "failed" => "it gave nothing",
        other => other,
    }
}

/// What the configuration says.
fn settings(config: &config::Archive, now_ms: u64) -> Markup {
    let urls = |urls: &[String], none: &'static str| {
        html! {
            @if urls.is_empty() { (none) } @else {
                ul class="plain" {
                    @for url in urls.iter().take(LISTED) { li { (clipped(url, 120)) } }
                    @if urls.len() > LISTED { li { "and " (urls.len() - LISTED) " more" } }
                }
            }
        }
    };
    let kept = match config.keep_days {
        0 => html! { "for ever" },
        days => html! { (number(days)) " days, by the events' own time" },
    };
    let filters = html! {
        @if config.filters.is_empty() { "all events" } @else {
            ul class="plain" { @for filter in config.filters.iter().take(LISTED) { li { code { (clipped(filter, 200)) } } } }
        }
    };
    let oldest = seconds(config.oldest(now_ms / 1_000).saturating_mul(1_000));
    let second = match config.second_look_hours {
        0 => html! { "none" },
        hours => {
            html! { "all of the past once in " (duration(Duration::from_secs(hours.saturating_mul(3_600)))) }
        }
    };
    html! {
        (definitions(&[
            ("What is fetched", filters),
            ("From when on", html! { (utc(oldest)) }),
            ("Events are kept", kept),
            ("Visits", html! { "once in " (duration(Duration::from_secs(config.interval_seconds))) ", " (number(config.parallel as u64)) " at once" }),
            ("Second look", second),
            ("Come first", urls(&config.first, "nobody; observatory.archive.first names relays with a share of their own")),
            ("Are left out", urls(&config.never, "nobody")),
        ]))
    }
}

#[cfg(test)]
mod tests;
