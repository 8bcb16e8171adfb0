//! `/observatory/coverage`: of each relay, which times were asked for and what came of it (O3.2).
//!
//! A page has a bounded number of relays; of each so many intervals are drawn, and the rest is a link away.

use axum::extract::State;
use axum::response::Response;
use maud::{Markup, html};
use stentor_console::Query;
use stentor_console::component::{
    Coverage, Field, Filters, Interval, Intervals, Pager, Stat, definitions, empty, stats,
};
use stentor_console::format::{number, percent, utc};
use stentor_console::live::fragment;

use super::Pages;
use super::shell::Shown;
use super::source::source;
use super::visit::{Visit, seconds};
use super::words;
use crate::answer::{
    AskError, CoverageAsked, CoverageStrip, CoveredPage, Interval as Asked, Parameters, Progress,
    covered_relays,
};

/// Relays of a page, unless another number is asked for.
const RELAYS: u32 = 20;
/// Characters of a filter.
const FILTER: usize = 200;

/// What the page shows.
struct Known {
    page: CoveredPage,
    progress: Progress,
    /// The first second that is wanted.
    since: u64,
    now_ms: u64,
    /// Whether the archive is switched on.
    is_on: bool,
}

/// The page.
pub(super) async fn page(State(pages): State<Pages>, visit: Visit) -> Response {
    let shown = async {
        let asked = asked(visit.parameters()?)?;
        let ground = pages.ground();
        let config = &ground.config.archive;
        let known = Known {
            page: covered_relays(&ground.records, &asked).await?,
            progress: Progress::clone(&*pages.progress().await?),
            since: config.oldest(visit.now_ms / 1_000),
            now_ms: visit.now_ms,
            is_on: config.enabled,
        };
        Ok(Shown {
            title: "Coverage".to_owned(),
            body: body(&visit.query, &known),
        })
    };
    visit.answer(shown).await
}

fn asked(mut parameters: Parameters) -> Result<CoverageAsked, AskError> {
    let asked = CoverageAsked::read(&mut parameters, RELAYS)?;
    parameters.end()?;
    Ok(asked)
}

fn body(query: &Query, known: &Known) -> Markup {
    html! {
        h1 { "Coverage" }
        (fragment("coverage-totals", totals(known)))
        (how())
        h2 { "By relay" }
        (filters(query))
        (fragment("coverage", relays(query, known)))
    }
}

fn totals(known: &Known) -> Markup {
    let progress = &known.progress;
    let told = progress.complete_seconds + progress.capped_seconds + progress.refused_seconds;
    // What failed is among what is left.
    let all = told.saturating_add(progress.left_seconds).max(1) as f64;
    let never = progress
        .left_seconds
        .saturating_sub(progress.failed_seconds);
    let share = |seconds: u64| percent(seconds as f64 / all);
    html! {
        (stats(&[
            Stat::new("Relays asked", number(progress.relays))
                .note(html! { (number(progress.complete)) " of them without a gap" }),
            Stat::new("Complete", share(progress.complete_seconds)),
            Stat::new("Capped", share(progress.capped_seconds)),
            Stat::new("Refused", share(progress.refused_seconds)),
            Stat::new("Failed", share(progress.failed_seconds)).note("asked again"),
            Stat::new("Never asked", share(never)),
        ]))
        (source(
            &format!("Of what is wanted of the time since {}, of all relays that were asked", utc(seconds(known.since.saturating_mul(1_000)))),
            "progress",
            false,
        ))
    }
}

/// How it is to be read.
fn how() -> Markup {
    let term = |coverage: Coverage| coverage.label();
    html! {
        details class="how" {
            summary { "How this is to be read" }
            (definitions(&[
                (term(Coverage::Complete), html! { "All that the relay was ready to give for that time is here, and that this is all was proven." }),
                (term(Coverage::Capped), html! { "The relay has more than it gives." }),
                (term(Coverage::Refused), html! { "It does not want to: it asks for authentication, payment, or membership." }),
                (term(Coverage::Failed), html! { "It did not work. It is asked again." }),
                (term(Coverage::NeverAsked), html! { "Nobody has asked for that time yet." }),
            ]))
            p {
                "A bar goes from the first time that is wanted, on the left, until now. More is in the guide for operators, “The observatory”,
                 section “The archive, and how its coverage is to be read”."
            }
        }
    }
}

fn filters(query: &Query) -> Markup {
    let fields = [
        Field::Text {
            name: "text",
            label: "Name or URL",
            placeholder: "wss://relay.example",
        },
        Field::Select {
            name: "state",
            label: "With any time that is",
            options: &[
                ("", "in any state"),
                ("complete", "complete"),
                ("capped", "capped"),
                ("refused", "refused"),
                ("failed", "failed"),
            ],
        },
    ];
    Filters {
        query,
        fields: &fields,
        folded: &[],
        target: "coverage",
    }
    .render()
}

fn relays(query: &Query, known: &Known) -> Markup {
    let page = &known.page;
    if page.relays.is_empty() {
        return nothing(query, known);
    }
    html! {
        @for strip in &page.relays { (relay(strip, known)) }
        (Pager { query, next: page.next.as_deref(), shown: page.relays.len(), total: None }.render())
        (source("By relay, filter and time", &question(query), true))
    }
}

/// The question for the intervals of the same relays.
fn question(query: &Query) -> String {
    let kept = ["relay", "state"]
        .iter()
        .filter_map(|name| query.get(name).map(|value| (*name, value)));
    let asked = kept.fold(Query::new("/coverage", None), |asked, (name, value)| {
        asked.with(name, value)
    });
    asked.href().trim_start_matches('/').to_owned()
}

fn nothing(query: &Query, known: &Known) -> Markup {
    if query.pairs().next().is_some() {
        let then = html! { a href=(query.path()) { "Drop all filters" } };
        return empty("Of no relay is there such a time", then);
    }
    let then = html! {
        @if known.is_on {
            "The archive asks each relay soon after it has become known. The " a href="/observatory/archive" { "archive's page" }
            " says whose turn it is."
        } @else {
            "The archive is switched off (" code { "observatory.archive.enabled" } ")."
        }
    };
    empty("No relay was asked for events yet", then)
}

/// The intervals of one relay, filter by filter.
fn relay(strip: &CoverageStrip, known: &Known) -> Markup {
    let groups = strip
        .intervals
        .chunk_by(|one, other| one.filter == other.filter);
    html! {
        section class="covered" id={ "relay-" (strip.relay) } {
            h3 { a href={ "/observatory/relays/" (strip.relay) } { (words::clipped(&strip.url, 120)) } }
            @for (number, group) in groups.enumerate() {
                (bar(strip, number, group, known))
            }
            @if strip.is_cut {
                p class="source" {
                    "The first " (strip.intervals.len()) " intervals are shown, and what is behind them is left blank: "
                    a href={ "/api/v1/observatory/relays/" (strip.relay) "/coverage" } { "all of them" } "."
                }
            }
        }
    }
}

fn bar(strip: &CoverageStrip, number: usize, group: &[Asked], known: &Known) -> Markup {
    let Some(first) = group.first() else {
        return html! {};
    };
    let since = first.since.min(known.since);
    let last = group.iter().map(|one| one.until).max().unwrap_or(0);
    let now = known.now_ms / 1_000;
    // What is not shown of it is not never asked for.
    let until = if strip.is_cut { last.min(now) } else { now };
    let reasons: Vec<String> = group.iter().map(reason).collect();
    let pieces: Vec<Interval<'_>> = group
        .iter()
        .zip(&reasons)
        .map(|(one, reason)| Interval {
            from: second(one.since),
            to: second(one.until.saturating_add(1)),
            coverage: words::coverage(&one.state),
            reason,
        })
        .collect();
    let events: u64 = group.iter().map(|one| one.events).sum();
    let label = format!(
        "{}, {} events",
        filter(&first.filter),
        stentor_console::format::number(events)
    );
    Intervals {
        id: &format!("c{}-{number}", strip.relay),
        label: &label,
        from: second(since),
        to: second(until.max(since + 1)),
        intervals: &pieces,
    }
    .render()
}

fn second(at: u64) -> i64 {
    i64::try_from(at).unwrap_or(i64::MAX)
}

/// A filter, as people read it.
fn filter(text: &str) -> String {
    match text {
        "{}" => "All events".to_owned(),
        other => words::clipped(other, FILTER).into_owned(),
    }
}

/// Why, and how it was asked.
fn reason(interval: &Asked) -> String {
    let why = interval.reason.as_deref().unwrap_or_default();
    let how = interval.method.as_deref().map(words::method);
    match (why, how.unwrap_or_default()) {
        ("", how) => how.to_owned(),
        (why, "") => why.to_owned(),
        (why, how) => format!("{why} (by {how})"),
    }
}

#[cfg(test)]
mod tests;
