//! Statistics and ranking: read as questions, answered page by page. What is counted and how is told in `statistics` and `ranking`.

use std::sync::Arc;

use serde::Serialize;
use stentor_event::{PublicKey, VisibilityRules};
use utoipa::ToSchema;

use super::ask::Answer;
use super::coverage::STATES;
use super::parameters::{AskError, Parameters, wrong};
use super::place::{Part, Place};
use super::relay_query::{nips, text, word};
use super::rows::digest;
use crate::clock::{read, stored};
use crate::ground::Ground;
use crate::history;
use crate::ranking::{self, AliveQuery};
use crate::relay_url::Network;
use crate::statistics::answer::{self, RelayCountSort, RelayCountsQuery};
use crate::statistics::period::Period;

/// Relays of a page of latencies: each has many buckets.
const LATENCIES: u32 = 199;
/// The longest time whose checks are summed, in whole hours beside the one under way.
const MOST_HOURS: u64 = 168;
/// The longest time that deliveries are looked for in, in days.
const MOST_DAYS: u64 = 3_650;

/// A page of rows.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct Rows<T> {
    /// The rows.
    pub rows: Vec<T>,
    /// The `after` of the next page; none behind the last.
    pub next: Option<String>,
}

/// What is asked of the statistics.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Statistic {
    what: What,
    limit: u32,
    after: Option<String>,
    /// What the page is a page of: a cursor is good for no other.
    list: String,
}

#[derive(Debug, Clone, PartialEq)]
enum What {
    Totals,
    Kinds((i64, i64), Vec<u16>),
    Authors((i64, i64), Period),
    NewAuthors((i64, i64)),
    Replication,
    Relays(RelayCountSort),
    Latency,
    Software,
    Nips,
    Lists,
    Coverage(Option<&'static str>),
    Checks(u64),
    Ranking(AliveQuery),
    Deliveries(PublicKey, u64),
}

impl Statistic {
    /// Reads `statistics/…` and `ranking/…`.
    pub fn read(parts: &[&str], parameters: &mut Parameters) -> Result<Self, AskError> {
        let what = match parts {
            ["statistics", "totals"] => What::Totals,
            ["statistics", "kinds"] => What::Kinds(days(parameters)?, kinds(parameters)?),
            ["statistics", "authors"] => {
                let period = word(parameters, "period", &Period::ALL, Period::as_str)?;
                What::Authors(days(parameters)?, period.unwrap_or(Period::Day))
            }
            ["statistics", "new-authors"] => What::NewAuthors(days(parameters)?),
            ["statistics", "replication"] => What::Replication,
            ["statistics", "relays"] => {
                let sorts = [RelayCountSort::Events, RelayCountSort::Exclusive];
                What::Relays(word(parameters, "sort", &sorts, sort_word)?.unwrap_or_default())
            }
            ["statistics", "latency"] => What::Latency,
            ["statistics", "software"] => What::Software,
            ["statistics", "nips"] => What::Nips,
            ["statistics", "lists"] => What::Lists,
            ["statistics", "coverage"] => {
                What::Coverage(word(parameters, "state", &STATES, |state| state)?)
            }
            ["statistics", "checks"] => {
                let hours = parameters.number("hours")?.unwrap_or(24);
                if !(1..=MOST_HOURS).contains(&hours) {
                    return Err(wrong("hours", format!("not between 1 and {MOST_HOURS}")));
                }
                What::Checks(hours)
            }
            ["ranking"] => What::Ranking(alive(parameters)?),
            ["ranking", "authors", author] => {
                let key = PublicKey::from_hex(author.as_bytes());
                let key = key.ok_or_else(|| wrong("pubkey", "not 64 lower-case hex digits"))?;
                let days = parameters.number("days")?.unwrap_or(30);
                if !(1..=MOST_DAYS).contains(&days) {
                    return Err(wrong("days", format!("not between 1 and {MOST_DAYS}")));
                }
                What::Deliveries(key, days)
            }
            _ => return Err(AskError::Missing),
        };
        let list = format!("statistics:{}", digest(&format!("{what:?}")));
        let is_whole = matches!(what, What::Totals | What::Deliveries(..));
        let has_pages = !is_whole && !matches!(what, What::Software | What::Nips | What::Checks(_));
        Ok(Self {
            what,
            limit: if is_whole { 1 } else { parameters.limit()? },
            after: if has_pages {
                parameters.text("after")?
            } else {
                None
            },
            list,
        })
    }

    /// Answers it with what everybody may see by these rules.
    pub async fn answer(
        &self,
        ground: &Ground,
        rules: Arc<VisibilityRules>,
    ) -> Result<Answer, AskError> {
        let (records, most) = (&ground.records, self.limit as usize + 1);
        Ok(match &self.what {
            What::Totals => Answer::one(&answer::totals(records).await?),
            What::Kinds((from, to), kinds) => {
                let after = self
                    .numbers::<2>()?
                    .map(|[day, kind]| (day, u16::try_from(kind).unwrap_or(u16::MAX)));
                let rows = answer::kinds(records, *from, *to, kinds, after, most).await?;
                self.page(rows, &["day", "kind", "events", "bytes"], |row| {
                    vec![Part::Integer(row.day), Part::Integer(row.kind.into())]
                })
            }
            What::Authors((from, to), period) => {
                let from = self
                    .numbers::<1>()?
                    .map_or(*from, |[start]| start.saturating_add(1));
                let rows = answer::active_authors(records, *period, from, *to, most).await?;
                self.page(rows, &["start", "authors"], |row| {
                    vec![Part::Integer(row.start)]
                })
            }
            What::NewAuthors((from, to)) => {
                let from = self
                    .numbers::<1>()?
                    .map_or(*from, |[day]| day.saturating_add(1));
                let rows = answer::new_authors(records, from, *to, most).await?;
                self.page(rows, &["day", "authors"], |row| {
                    vec![Part::Integer(row.day)]
                })
            }
            What::Replication => {
                let after = self.numbers::<1>()?.map_or(0, |[copies]| read(copies));
                let rows = answer::replication(records, after, most).await?;
                self.page(rows, &["copies", "events"], |row| {
                    vec![Part::Integer(stored(row.copies))]
                })
            }
            What::Relays(sort) => {
                let after = self
                    .numbers::<2>()?
                    .map(|[count, relay]| (read(count), relay));
                let query = RelayCountsQuery {
                    sort: *sort,
                    after,
                    limit: most,
                };
                let rows = answer::relay_counts(records, &query).await?;
                let count = |row: &answer::RelayCount| match sort {
                    RelayCountSort::Events => row.events,
                    RelayCountSort::Exclusive => row.exclusive,
                };
                self.page(rows, &["relay", "url", "events", "exclusive"], |row| {
                    vec![Part::Integer(stored(count(row))), Part::Integer(row.relay)]
                })
            }
            What::Latency => {
                let after = self.numbers::<1>()?.map_or(i64::MIN, |[relay]| relay);
                let limit = self.limit.min(LATENCIES);
                let rows = answer::latencies(records, after, limit as usize + 1).await?;
                let page = Self {
                    limit,
                    ..self.clone()
                };
                let columns = &[
                    "relay", "url", "events", "p50_ms", "p95_ms", "early", "late",
                ];
                page.page(rows, columns, |row| vec![Part::Integer(row.relay)])
            }
            What::Software => {
                let software = answer::software(records, self.limit as usize).await?;
                Answer::rows(&software, "software", &["software", "version", "relays"])
            }
            What::Nips => {
                let nips = answer::nips(records, self.limit as usize).await?;
                Answer::rows(&nips, "nips", &["nip", "relays"])
            }
            What::Lists => self.lists(ground).await?,
            What::Coverage(state) => {
                let after = self.numbers::<1>()?.map_or(i64::MIN, |[relay]| relay);
                let rows = answer::coverage(records, *state, after, most).await?;
                let columns = &[
                    "relay",
                    "url",
                    "complete_seconds",
                    "capped_seconds",
                    "refused_seconds",
                    "failed_seconds",
                ];
                self.page(rows, columns, |row| vec![Part::Integer(row.relay)])
            }
            What::Checks(hours) => {
                let now_ms = ground.clock.now_ms();
                let from_ms = now_ms.saturating_sub(hours * 3_600_000);
                let mut rows = history::outcomes(records, from_ms).await?;
                rows.truncate(self.limit as usize);
                Answer::rows(&Rows { rows, next: None }, "rows", &["outcome", "checks"])
            }
            What::Ranking(query) => {
                let query = AliveQuery {
                    after: self.score()?,
                    limit: most,
                    ..query.clone()
                };
                let rows = ranking::alive(records, &query).await?;
                let columns = &[
                    "relay", "url", "network", "country", "read_ms", "events", "score",
                ];
                self.page(rows, columns, |row| {
                    vec![Part::Real(row.score.score), Part::Integer(row.relay)]
                })
            }
            What::Deliveries(author, days) => {
                let deliveries = ranking::deliveries(ground, *author, *days, rules).await?;
                let columns = &["relay", "url", "held", "held_so_far", "listed", "online"];
                Answer::rows(&deliveries, "relays", columns)
            }
        })
    }

    /// Dead entries: a page of URLs below sums of all.
    async fn lists(&self, ground: &Ground) -> Result<Answer, AskError> {
        let after = match self.place(b"it")?.as_deref() {
            Some([Part::Integer(entries), Part::Text(url)]) => Some((read(*entries), url.clone())),
            _ => None,
        };
        let now_ms = ground.clock.now_ms();
        let most = self.limit as usize + 1;
        let mut entries = answer::dead_entries(&ground.records, now_ms, after, most).await?;
        let next = self.next(&mut entries.urls, |row| {
            vec![
                Part::Integer(stored(row.entries)),
                Part::Text(row.url.clone()),
            ]
        });
        let page = DeadPage { entries, next };
        Ok(Answer::rows(
            &page,
            "urls",
            &["url", "entries", "was_relay", "offline_since_ms"],
        ))
    }

    fn place(&self, kinds: &[u8]) -> Result<Option<Vec<Part>>, AskError> {
        let place = self
            .after
            .as_deref()
            .map(|after| Place::read(after, &self.list, kinds));
        place.transpose().map_err(|error| wrong("after", error))
    }

    fn numbers<const N: usize>(&self) -> Result<Option<[i64; N]>, AskError> {
        let Some(parts) = self.place(&[b'i'; N])? else {
            return Ok(None);
        };
        let numbers: Vec<i64> = parts
            .into_iter()
            .filter_map(|part| match part {
                Part::Integer(number) => Some(number),
                _ => None,
            })
            .collect();
        Ok(numbers.try_into().ok())
    }

    fn score(&self) -> Result<Option<(f64, i64)>, AskError> {
        match self.place(b"ri")?.as_deref() {
            Some([Part::Real(score), Part::Integer(relay)]) => Ok(Some((*score, *relay))),
            _ => Ok(None),
        }
    }

    /// Leaves a page of the rows, and says where the next begins.
    fn next<T>(&self, rows: &mut Vec<T>, parts: impl Fn(&T) -> Vec<Part>) -> Option<String> {
        let limit = self.limit as usize;
        let more = rows.len() > limit;
        rows.truncate(limit);
        let last = rows.last().filter(|_| more)?;
        let (list, parts) = (self.list.clone(), parts(last));
        Some(Place { list, parts }.text())
    }

    fn page<T: Serialize>(
        &self,
        mut rows: Vec<T>,
        columns: &'static [&'static str],
        parts: impl Fn(&T) -> Vec<Part>,
    ) -> Answer {
        let next = self.next(&mut rows, parts);
        Answer::rows(&Rows { rows, next }, "rows", columns)
    }
}

/// Entries of relay lists that lead nowhere, page by page.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct DeadPage {
    /// The sums of all, and a page of the URLs.
    #[serde(flatten)]
    pub entries: answer::DeadEntries,
    /// The `after` of the next page; none behind the last.
    pub next: Option<String>,
}

const fn sort_word(sort: RelayCountSort) -> &'static str {
    match sort {
        RelayCountSort::Events => "events",
        RelayCountSort::Exclusive => "exclusive",
    }
}

/// From one day to another; all of them, those whose time cannot be true included, where nothing is said.
fn days(parameters: &mut Parameters) -> Result<(i64, i64), AskError> {
    let from = parameters.number("from_day")?.map_or(-1, stored);
    let to = parameters.number("to_day")?.map_or(i64::MAX, stored);
    if from > to {
        return Err(wrong("from_day", "after to_day"));
    }
    Ok((from, to))
}

fn kinds(parameters: &mut Parameters) -> Result<Vec<u16>, AskError> {
    let texts = parameters.list("kinds");
    if texts.len() > answer::MOST_KINDS {
        return Err(wrong("kinds", format!("more than {}", answer::MOST_KINDS)));
    }
    let kinds = texts.iter().map(|text| text.parse());
    kinds
        .collect::<Result<_, _>>()
        .map_err(|_| wrong("kinds", "not numbers to 65535"))
}

fn alive(parameters: &mut Parameters) -> Result<AliveQuery, AskError> {
    let nips = nips(parameters.list("nip"))?;
    if nips.iter().any(|(_, has)| !has) {
        return Err(wrong("nip", "not a number"));
    }
    Ok(AliveQuery {
        network: word(parameters, "network", &Network::ALL, Network::as_str)?,
        country: text(parameters, "country")?.map(|text| text.to_uppercase()),
        nips: nips.into_iter().map(|(nip, _)| i64::from(nip)).collect(),
        read_ms: parameters.number("read_ms")?,
        open: parameters.truth("open")?.unwrap_or(false),
        after: None,
        limit: 0,
    })
}
