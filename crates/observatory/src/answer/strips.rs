//! The coverage of relays, relay by relay, as strips are drawn of it.

use stentor_sql::{Database, Value};

use super::coverage::{CoverageQuery, Interval, STATES, coverage};
use super::detail::RelayName;
use super::parameters::{AskError, Parameters, wrong};
use super::place::{Part, Place};
use super::relay_query::{text, word};
use super::rows::{Conditions, digest};
use crate::table::RelayId;

/// Intervals of a relay.
const MOST: u32 = 200;
/// Relays of a page.
const RELAYS: u32 = 100;

/// Which relays.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct CoverageAsked {
    /// One of them.
    relay: Option<RelayName>,
    /// Those whose name or URL has this in it.
    text: Option<String>,
    /// Those with any time in this state.
    state: Option<&'static str>,
    limit: u32,
    after: Option<String>,
}

impl CoverageAsked {
    /// Takes it from the parameters; so many relays, unless another number is asked for.
    pub fn read(parameters: &mut Parameters, relays: u32) -> Result<Self, AskError> {
        let relay = parameters.text("relay")?;
        let limit = parameters.number("limit")?.unwrap_or(relays.into());
        let limit = u32::try_from(limit).ok();
        let limit = limit.filter(|limit| (1..=RELAYS).contains(limit));
        Ok(Self {
            relay: relay.as_deref().map(RelayName::read).transpose()?,
            text: text(parameters, "text")?,
            state: word(parameters, "state", &STATES, |state| state)?,
            limit: limit.ok_or_else(|| wrong("limit", format!("not between 1 and {RELAYS}")))?,
            after: parameters.text("after")?,
        })
    }
}

/// What a relay was asked about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CoverageStrip {
    /// The relay's number.
    pub relay: i64,
    /// Its URL.
    pub url: String,
    /// By filter and time, at most 200.
    pub intervals: Vec<Interval>,
    /// Whether there are more of them.
    pub is_cut: bool,
}

/// A page of relays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CoveredPage {
    /// In the order in which they became known.
    pub relays: Vec<CoverageStrip>,
    /// The `after` of the next page; none behind the last.
    pub next: Option<String>,
}

/// Relays that were asked, each with what it was asked about.
pub(crate) async fn covered_relays(
    records: &Database,
    asked: &CoverageAsked,
) -> Result<CoveredPage, AskError> {
    let filter = format!("{:?} {:?} {:?}", asked.relay, asked.text, asked.state);
    let list = format!("covered:{}", digest(&filter));
    let mut conditions = Conditions::default();
    if let Some(relay) = &asked.relay {
        conditions.add("r.id = ?", relay.find(records).await?.0);
    }
    if let Some(text) = &asked.text {
        conditions.add_named(text);
    }
    if let Some(after) = &asked.after {
        let place = Place::read(after, &list, b"i").map_err(|error| wrong("after", error))?;
        conditions.add_all("r.id > ?", place.into_iter().map(Value::from));
    }
    let exists = "EXISTS (SELECT 1 FROM observatory_coverage v WHERE v.relay = r.id";
    match asked.state {
        Some(state) => conditions.add(format!("{exists} AND v.state = ?)"), state),
        None => conditions.add_all(format!("{exists})"), []),
    }
    let (conditions, mut values) = conditions.into_parts();
    values.push(i64::from(asked.limit + 1).into());
    let sql =
        format!("SELECT r.id, r.url FROM observatory_relays r {conditions} ORDER BY r.id LIMIT ?");
    let sql = std::borrow::Cow::Owned(sql);
    let mut found: Vec<(i64, String)> = records.fetch_all(sql, values).await?;
    let more = found.len() > asked.limit as usize;
    found.truncate(asked.limit as usize);
    let next = found.last().filter(|_| more).map(|(last, _)| {
        let parts = vec![Part::Integer(*last)];
        Place { list, parts }.text()
    });
    let mut relays = Vec::with_capacity(found.len());
    for (relay, url) in found {
        let page = coverage(records, Some(RelayId(relay)), &CoverageQuery::first(MOST)).await?;
        relays.push(CoverageStrip {
            relay,
            url,
            intervals: page.intervals,
            is_cut: page.next.is_some(),
        });
    }
    Ok(CoveredPage { relays, next })
}
