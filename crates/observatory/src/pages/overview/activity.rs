//! Events and authors by day, over the time that the address asks for.

use maud::{Markup, html};
use stentor_console::Query;
use stentor_console::chart::Histogram;
use stentor_console::component::{Tab, empty, tabs};

use crate::answer::{AskError, Parameters, word};
use crate::ground::Ground;
use crate::pages::counts::counts;
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
    /// Authors that were active in each period of these days, those without any included; the last 120 of them.
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
        let starts = starts(asked.period, span);
        let since = starts.first().copied().unwrap_or(span.from);
        let authors = answer::active_authors(records, asked.period, since, span.to, PERIODS);
        let authors = filled(&starts, &authors.await?);
        Ok(Self {
            asked,
            span,
            known,
            events: answer::event_sums(records, days, span.step).await?,
            kinds: answer::kind_sums(records, days, KINDS).await?,
            new_authors: answer::new_author_sums(records, days, span.step).await?,
            authors,
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
        let rows = self.kinds.iter().map(|(kind, count)| {
            let href = format!("/observatory/events?kinds={kind}");
            (kind::named(*kind), href, *count)
        });
        counts("Events by kind", "events", rows)
    }

    fn active(&self, query: &Query) -> Markup {
        let period = self.asked.period;
        let entries = Period::ALL.map(|one| Tab {
            href: query.with("period", one.as_str()).href(),
            label: format!("By {}", one.as_str()),
            current: one == period,
        });
        let buckets: Vec<(String, u64)> = self
            .authors
            .iter()
            .map(|row| (self.span.named(row.start), row.authors))
            .collect();
        let title = format!("Active authors by {}", period.as_str());
        let first = self.authors.first().map_or(self.span.from, |row| row.start);
        let question = format!(
            "statistics/authors?period={}&from_day={}&to_day={}",
            period.as_str(),
            first.max(0),
            self.span.to.max(0)
        );
        let said = match first > self.span.from {
            true => format!(
                "The last {PERIODS} {}s, without those of gift wraps",
                period.as_str()
            ),
            false => "Without those of gift wraps".to_owned(),
        };
        html! {
            (tabs("Authors by", &entries))
            (Histogram { title: &title, unit: "authors", buckets: &buckets }.render())
            (source(&said, &question, true))
        }
    }
}

/// The first days of the periods that these days lie in, ascending; the last 120.
fn starts(period: Period, span: Span) -> Vec<i64> {
    let mut starts = vec![period.start(span.to)];
    while let Some(&first) = starts.last()
        && first > span.from
        && starts.len() < PERIODS
    {
        starts.push(period.start(first - 1));
    }
    starts.reverse();
    starts
}

/// Rows with those of the periods that have none.
fn filled(starts: &[i64], rows: &[ActiveAuthors]) -> Vec<ActiveAuthors> {
    let of = |start: &i64| {
        let found = rows.iter().find(|row| row.start == *start);
        ActiveAuthors {
            start: *start,
            authors: found.map_or(0, |row| row.authors),
        }
    };
    starts.iter().map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn span(from: i64, to: i64) -> Span {
        Span { from, to, step: 1 }
    }

    #[test]
    fn o4_4_each_period_has_its_place_in_the_chart_of_authors() {
        // Sunday, 1 June 2025, to the Wednesday of the week after the next.
        let days = span(20_240, 20_250);
        assert_eq!(
            starts(Period::Day, days),
            (20_240..=20_250).collect::<Vec<_>>()
        );
        assert_eq!(starts(Period::Week, days), [20_234, 20_241, 20_248]);
        assert_eq!(starts(Period::Month, days), [20_240]);
        let rows = [20_234, 20_248].map(|start| ActiveAuthors { start, authors: 5 });
        let shown = filled(&starts(Period::Week, days), &rows);
        let shown: Vec<u64> = shown.iter().map(|row| row.authors).collect();
        assert_eq!(shown, [5, 0, 5]);
    }

    #[test]
    fn o4_4_a_chart_of_authors_that_is_cut_has_the_last_periods() {
        let shown = starts(Period::Day, span(18_262, 20_250));
        assert_eq!((shown.len(), shown.last()), (PERIODS, Some(&20_250)));
        assert_eq!(starts(Period::Month, span(20_250, 20_250)), [20_240]);
    }
}
