//! What can be asked, as a path and a query. Reading a question does no I/O.

use std::borrow::Cow;

use stentor_event::EventId;

use super::archiving::ArchivingQuery;
use super::check::{Back, Range};
use super::coverage::CoverageQuery;
use super::detail::RelayName;
use super::event_query::EventQuery;
use super::parameters::{AskError, Parameters, wrong};
use super::relay_query::RelayQuery;
use super::statistics::Statistic;
use crate::error::Error;

/// A question to the observatory.
#[derive(Debug, Clone, PartialEq)]
pub struct Question(pub(super) Asked);

/// What is asked.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Asked {
    /// Which relays there are.
    Relays(RelayQuery),
    /// What is known of one.
    Relay(RelayName),
    /// Its checks.
    Checks(RelayName, Back),
    /// Its checks, as a chart.
    Series(RelayName, (Range, Option<u64>)),
    /// Its days.
    Days(RelayName, u64),
    /// What has changed at it.
    Changes(RelayName, Back),
    /// What was asked of a relay, or of all.
    Coverage(Option<RelayName>, CoverageQuery),
    /// Events of the archive.
    Events(EventQuery),
    /// One of them, with who holds it.
    Event(EventId),
    /// The network in figures.
    Network,
    /// How far the archive has got.
    Progress,
    /// How it stands with each relay.
    Archiving(ArchivingQuery),
    /// Statistics, and the ranking of relays.
    Statistic(Statistic),
    /// Who watches what.
    Watches(Back),
}

impl Question {
    /// Reads a question: a path such as `relays` or `relays/3/checks`, with each part percent-encoded, and a query such as
    /// `status=online&limit=10`.
    ///
    /// # Errors
    /// [`Error::Invalid`] with the name of what is wrong.
    pub fn parse(path: &str, query: &str) -> Result<Self, Error> {
        Self::read(path, query).map_err(|error| match error {
            AskError::Failed(error) => error,
            other => Error::Invalid(other.to_string()),
        })
    }

    pub(crate) fn read(path: &str, query: &str) -> Result<Self, AskError> {
        let mut parameters = Parameters::read(query)?;
        let parts: Vec<Cow<'_, str>> = path.split('/').map(decoded).collect();
        let parts: Vec<&str> = parts.iter().map(AsRef::as_ref).collect();
        let asked = Asked::read(&parts, &mut parameters)?;
        parameters.end()?;
        Ok(Self(asked))
    }
}

impl Asked {
    fn read(parts: &[&str], parameters: &mut Parameters) -> Result<Self, AskError> {
        Ok(match parts {
            ["relays"] => Self::Relays(RelayQuery::read(parameters)?),
            ["relays", relay] => Self::Relay(RelayName::read(relay)?),
            ["relays", relay, "checks"] => {
                Self::Checks(RelayName::read(relay)?, Back::read(parameters)?)
            }
            ["relays", relay, "series"] => {
                Self::Series(RelayName::read(relay)?, Range::read(parameters)?)
            }
            ["relays", relay, "days"] => {
                let days = parameters.number("days")?.unwrap_or(90);
                if !(1..=400).contains(&days) {
                    return Err(wrong("days", "not between 1 and 400"));
                }
                Self::Days(RelayName::read(relay)?, days)
            }
            ["relays", relay, "changes"] => {
                Self::Changes(RelayName::read(relay)?, Back::read(parameters)?)
            }
            ["relays", relay, "coverage"] => Self::Coverage(
                Some(RelayName::read(relay)?),
                CoverageQuery::read(parameters)?,
            ),
            ["coverage"] => {
                let relay = parameters.text("relay")?;
                let relay = relay.as_deref().map(RelayName::read).transpose()?;
                Self::Coverage(relay, CoverageQuery::read(parameters)?)
            }
            ["events"] => Self::Events(EventQuery::read(parameters)?),
            ["events", id] => {
                let id = EventId::from_hex(id.as_bytes());
                Self::Event(id.ok_or_else(|| wrong("id", "not 64 lower-case hex digits"))?)
            }
            ["network"] => Self::Network,
            ["progress"] => Self::Progress,
            ["archiving"] => Self::Archiving(ArchivingQuery::read(parameters)?),
            ["statistics" | "ranking", ..] => Self::Statistic(Statistic::read(parts, parameters)?),
            ["watches"] => Self::Watches(Back::read(parameters)?),
            _ => return Err(AskError::Missing),
        })
    }
}

/// A part of a path without its percent-encoding. A text that is none after it stays as it is, and is then found nowhere.
fn decoded(part: &str) -> Cow<'_, str> {
    if !part.contains('%') {
        return Cow::Borrowed(part);
    }
    let mut bytes = Vec::with_capacity(part.len());
    let mut rest = part.as_bytes();
    while let [first, after @ ..] = rest {
        let digits = after.first_chunk::<2>().filter(|_| *first == b'%');
        let byte = digits.and_then(|digits| {
            let digits = std::str::from_utf8(digits).ok()?;
            u8::from_str_radix(digits, 16).ok()
        });
        bytes.push(byte.unwrap_or(*first));
        rest = match byte {
            Some(_) => after.get(2..).unwrap_or_default(),
            None => after,
        };
    }
    String::from_utf8(bytes).map_or(Cow::Borrowed(part), Cow::Owned)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn o4_2_a_relay_is_asked_for_by_number_or_url() {
        let asked = |path: &str| Question::read(path, "").unwrap().0;
        let url = crate::relay_url::RelayUrl::parse("wss://relay.example/path").unwrap();
        assert_eq!(asked("relays/7"), Asked::Relay(RelayName::Number(7)));
        let by_url = Asked::Relay(RelayName::Url(url));
        assert_eq!(asked("relays/wss%3A%2F%2Frelay.example%2Fpath"), by_url);
        assert_eq!(asked("relays/wss%3a%2f%2fRELAY.example%2fpath"), by_url);
    }

    #[test]
    fn o4_2_what_cannot_be_asked_is_said() {
        let problem =
            |path: &str, query: &str| Question::parse(path, query).unwrap_err().to_string();
        assert_eq!(problem("relay", ""), "there is none");
        assert_eq!(problem("relays/x", ""), "relay: not a URL");
        assert_eq!(
            problem("network", "x=1"),
            "x: there is no such parameter here"
        );
        assert_eq!(
            problem("relays/1/series", "hours=1&to_ms=5"),
            "hours: not together with from_ms or to_ms"
        );
        assert_eq!(
            problem("relays/1/days", "days=0"),
            "days: not between 1 and 400"
        );
        assert_eq!(problem("events/00", ""), "id: not 64 lower-case hex digits");
    }

    proptest! {
        #[test]
        fn o4_2_any_path_is_read_or_refused(path in "[ -~]{0,60}", query in "[ -~]{0,60}") {
            let _ = Question::parse(&path, &query);
            let _ = Question::parse(&format!("relays/{path}"), &query);
        }
    }
}
