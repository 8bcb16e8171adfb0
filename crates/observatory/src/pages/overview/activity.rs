//! Events and authors by day, over the time that the address asks for.

use maud::{Markup, html};
use stentor_console::Query;
use stentor_console::chart::{Bar, Histogram, bars};
use stentor_console::component::{Tab, empty, tabs};

use crate::answer::{AskError, Parameters, word};
use crate::ground::Ground;
use crate::pages::days::{self, Back, Span};
use crate::pages::kind;
use crate::pages::source::source;
use crate::statistics::answer::{self, ActiveAuthors, PartSum};
use crate::statistics::period::Period;

/// Kinds that are shown.
const KINDS: usize = 12;
/// Periods of a chart of authors, the last ones.
const PERIODS: usize = 120;

/// What the address asks for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked {
    back: Back,
    period: Period,
}

impl Asked {
    /// Takes it from the parameters, which have nothing else.
    ///
    /// # Errors
    /// For what is wrong with them.
    pub fn read(mut parameters: Parameters) -> Result<Self, AskError> {
        let back = Back::read(&mut parameters)?;
        let period = word(&mut parameters, "period", &Period::ALL, Period::as_str)?;
        parameters.end()?;
        Ok(Self {
            back,
            period: period.unwrap_or(Period::Day),
        })
    }
}

/// Events and authors of a time.
#[derive(Debug)]
pub(crate) struct Activity {
    /// What was asked for.
    pub asked: Asked,
    /// The days.
    pub span: Span,
    /// The first and the last day that have any event.
    pub known: Option<(i64, i64)>,
    /// Events.
    pub events: Vec<PartSum>,
    /// Events by kind, the most frequent ones.
    pub kinds: Vec<(u16, u64)>,
    /// Authors whose first event it was.
    pub new_authors: Vec<PartSum>,
    /// Authors that were active in each period.
    pub authors: Vec<ActiveAuthors>,
}

impl Activity {
    /// Reads it.
    ///
    /// # Errors
    /// Those of the records.
    pub async fn read(ground: &Ground, asked: Asked) -> Result<Self, AskError> {
        let records = &ground.records;
        let today = i64::try_from(ground.clock.now().0 / 86_400).unwrap_or(i64::MAX / 2);
        let known = answer::days_with_events(records).await?;
        let span = asked.back.span(today, known);
        let days = (span.from, span.to);
        // Of days there may be many: the last ones.
        let longest = PERIODS as i64 * length(asked.period);
        let since = asked.period.start(span.from.max(span.to - longest + 1));
        let authors = answer::active_authors(records, asked.period, since, span.to, answer::MOST);
        Ok(Self {
            asked,
            span,
            known,
            events: answer::event_sums(records, days, span.step).await?,
            kinds: answer::kind_sums(records, days, KINDS).await?,
            new_authors: answer::new_author_sums(records, days, span.step).await?,
            authors: authors.await?,
        })
    }

    /// The charts.
    pub fn render(&self, query: &Query) -> Markup {
        let asked = self.span.asked();
        html! {
            (self.asked.back.tabs(query))
            @if self.events.is_empty() {
                (self.nothing(query))
            } @else {
                (Histogram { title: "Events", unit: "events", buckets: &self.span.filled(&self.events) }.render())
                (source(&format!("{}, by their authors' times", self.span.said()), &format!("statistics/kinds?{asked}"), true))
                div class="pair" {
                    div {
                        (self.kinds())
                        (source("Of the same time", &format!("statistics/kinds?{asked}"), true))
                    }
                    div {
                        (Histogram { title: "New authors", unit: "authors", buckets: &self.span.filled(&self.new_authors) }.render())
                        (source("By the day of their first event", &format!("statistics/new-authors?{asked}"), true))
                        (self.active(query))
                    }
                }
            }
        }
    }

    fn nothing(&self, query: &Query) -> Markup {
        let then = html! {
            @match self.known {
                Some((first, last)) => {
                    "The archive has events from " (days::long(first)) " to " (days::long(last)) ": "
                    a href=(query.with("days", "all").href()) { "show all of them" } "."
                }
                None => "Nothing has been counted yet: events are as soon as the archive fetches some.",
            }
        };
        empty("No event is of these days", then)
    }

    fn kinds(&self) -> Markup {
        let rows: Vec<(String, String, u64)> = self
            .kinds
            .iter()
            .map(|(kind, count)| {
                let href = format!("/observatory/events?kinds={kind}");
                (kind::named(*kind), href, *count)
            })
            .collect();
        let rows: Vec<Bar<'_>> = rows
            .iter()
            .map(|(label, href, count)| Bar {
                label,
                href,
                count: *count,
            })
            .collect();
        bars("Events by kind", "events", &rows)
    }

    fn active(&self, query: &Query) -> Markup {
        let period = self.asked.period;
        let entries = Period::ALL.map(|one| Tab {
            href: query.with("period", one.as_str()).href(),
            label: format!("By {}", one.as_str()),
            current: one == period,
        });
        let shown = self.authors.len().saturating_sub(PERIODS);
        let shown = self.authors.get(shown..).unwrap_or_default();
        let buckets: Vec<(String, u64)> = shown
            .iter()
            .map(|row| (self.span.named(row.start), row.authors))
            .collect();
        let title = format!("Active authors by {}", period.as_str());
        let question = format!(
            "statistics/authors?period={}&{}",
            period.as_str(),
            self.span.asked()
        );
        html! {
            (tabs("Authors by", &entries))
            (Histogram { title: &title, unit: "authors", buckets: &buckets }.render())
            (source("Without those of gift wraps", &question, true))
        }
    }
}

/// Days of a period, at most.
const fn length(period: Period) -> i64 {
    match period {
        Period::Day => 1,
        Period::Week => 7,
        Period::Month => 31,
    }
}
