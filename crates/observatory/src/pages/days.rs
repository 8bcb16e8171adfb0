//! Which days a page shows, and in how many parts. Pure.

use stentor_console::component::{Tab, tabs};
use stentor_console::{Markup, Query};
use time::Date;

use crate::answer::{AskError, Parameters, wrong};
use crate::statistics::answer::PartSum;

/// The parameter of the address.
const NAME: &str = "days";
/// Parts that a time is shown in, about.
const PARTS: i64 = 90;
/// 1 January 1970 as a Julian day.
const EPOCH: i64 = 2_440_588;

/// How far back it goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Back {
    /// So many days, today included.
    Days(i64),
    /// To the first event.
    All,
}

/// The choices: the parameter's value and what it is called.
const CHOICES: [(&str, &str, Back); 5] = [
    ("7", "7 days", Back::Days(7)),
    ("30", "30 days", Back::Days(30)),
    ("90", "90 days", Back::Days(90)),
    ("365", "1 year", Back::Days(365)),
    ("all", "All", Back::All),
];

impl Back {
    /// Takes it from the parameters; 30 days where nothing is said.
    ///
    /// # Errors
    /// For what is none of the choices.
    pub fn read(parameters: &mut Parameters) -> Result<Self, AskError> {
        let Some(asked) = parameters.text(NAME)? else {
            return Ok(Self::Days(30));
        };
        let found = CHOICES.iter().find(|(value, ..)| *value == asked);
        found
            .map(|(.., back)| *back)
            .ok_or_else(|| wrong(NAME, "not one of 7, 30, 90, 365, all"))
    }

    /// Links to the choices.
    pub fn tabs(self, query: &Query) -> Markup {
        let entries = CHOICES.map(|(value, label, back)| Tab {
            href: query.with(NAME, value).href(),
            label: label.to_owned(),
            current: back == self,
        });
        tabs("How far back", &entries)
    }

    /// The days, when there are events from one day to another.
    pub fn span(self, today: i64, known: Option<(i64, i64)>) -> Span {
        let (from, to) = match (self, known) {
            (Self::Days(days), _) => (today - days + 1, today),
            (Self::All, Some((first, last))) => (first, last.max(first)),
            (Self::All, None) => (today, today),
        };
        let days = to - from + 1;
        // A part is a day, a week, or as many days as it takes.
        let step = match days {
            ..=120 => 1,
            121..=730 => 7,
            _ => (days + PARTS - 1) / PARTS,
        };
        Span { from, to, step }
    }
}

/// Days in parts of the same length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    /// The first day, as the number of days since 1 January 1970 (UTC).
    pub from: i64,
    /// The last one.
    pub to: i64,
    /// Days of a part.
    pub step: i64,
}

impl Span {
    /// Sums with the parts that have none, named.
    pub fn filled(self, sums: &[PartSum]) -> Vec<(String, u64)> {
        let mut sums = sums.iter().peekable();
        let mut parts = Vec::new();
        let mut day = self.from;
        while day <= self.to {
            while sums.next_if(|sum| sum.day < day).is_some() {}
            let count = sums.next_if(|sum| sum.day < day + self.step);
            parts.push((self.named(day), count.map_or(0, |sum| sum.count)));
            day += self.step;
        }
        parts
    }

    /// A day, as a chart of these days names it: with the year where they are more than a year.
    pub fn named(self, day: i64) -> String {
        match self.to - self.from {
            ..366 => short(day),
            _ => long(day),
        }
    }

    /// From when to when, in words, and how long each part is.
    pub fn said(self) -> String {
        let parts = match self.step {
            1 => "by day".to_owned(),
            7 => "by week".to_owned(),
            days => format!("by {days} days"),
        };
        if self.from == self.to {
            return format!("{}, {parts}", long(self.from));
        }
        format!("{} to {}, {parts}", long(self.from), long(self.to))
    }

    /// The part of a question that asks for these days.
    pub fn asked(self) -> String {
        format!("from_day={}&to_day={}", self.from.max(0), self.to.max(0))
    }
}

fn date(day: i64) -> Option<Date> {
    let julian = i32::try_from(day.checked_add(EPOCH)?).ok()?;
    Date::from_julian_day(julian).ok()
}

fn short(day: i64) -> String {
    let Some(date) = date(day) else {
        return String::new();
    };
    let month = date.month().to_string();
    format!("{} {}", date.day(), month.get(..3).unwrap_or_default())
}

/// A day with its year.
pub(super) fn long(day: i64) -> String {
    date(day).map_or_else(String::new, |date| {
        format!("{} {}", short(day), date.year())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(raw: &str) -> Result<Back, AskError> {
        Back::read(&mut Parameters::read(raw).unwrap())
    }

    #[test]
    fn o4_4_the_range_of_charts_is_in_the_address() {
        assert_eq!(read("").unwrap(), Back::Days(30));
        assert_eq!(read("days=365").unwrap(), Back::Days(365));
        assert_eq!(read("days=all").unwrap(), Back::All);
        assert!(read("days=8").is_err());
        let tabs = Back::All.tabs(&Query::new("/o", Some("period=week&days=all")));
        let html = tabs.into_string();
        assert!(html.contains("href=\"/o?period=week&amp;days=7\""));
        assert_eq!(html.matches("aria-current").count(), 1);
    }

    #[test]
    fn o4_4_a_chart_has_a_bounded_number_of_parts() {
        for (back, known) in [
            (Back::Days(7), None),
            (Back::Days(365), None),
            (Back::All, None),
            (Back::All, Some((0, 100_000))),
            (Back::All, Some((18_262, 20_400))),
        ] {
            let span = back.span(20_000, known);
            let parts = span.filled(&[]).len();
            assert!((1..=120).contains(&parts), "{span:?}: {parts}");
        }
    }

    #[test]
    fn o4_4_parts_without_events_are_shown_as_such() {
        let span = Span {
            from: 20_240,
            to: 20_243,
            step: 1,
        };
        let sums = [(20_241, 5), (20_243, 7)].map(|(day, count)| PartSum { day, count });
        let filled = span.filled(&sums);
        let counts: Vec<u64> = filled.iter().map(|(_, count)| *count).collect();
        assert_eq!(counts, [0, 5, 0, 7]);
        assert_eq!(filled[0].0, "1 Jun");
        assert_eq!(span.said(), "1 Jun 2025 to 4 Jun 2025, by day");
        assert_eq!(span.asked(), "from_day=20240&to_day=20243");
    }
}
