//! Where relays are, for a map.

use serde::Serialize;
use stentor_sql::{Database, Error, FromRow, Row};

use super::parameters::AskError;
use super::relay_query::RelayQuery;
use super::relays::{FROM, conditions};
use crate::clock::{read, stored};

/// Relays whose places are told, at most.
pub(crate) const MOST: u64 = 10_000;

/// A relay whose place is known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Placed {
    /// Its number.
    pub id: i64,
    /// Its URL.
    pub url: String,
    /// Its name, as it says.
    pub name: Option<String>,
    /// `unknown`, `online` or `offline`.
    pub status: String,
    /// Whether it is slower than usual.
    pub degraded: Option<bool>,
    /// Where it is: two letters (ISO 3166).
    pub country: Option<String>,
    /// Where it is, as a geohash.
    pub geohash: String,
}

impl FromRow for Placed {
    fn from_row(row: Row) -> Result<Self, Error> {
        Ok(Self {
            id: row.get("id")?,
            url: row.get("url")?,
            name: row.get("name")?,
            status: row.get("status")?,
            degraded: row.get("degraded")?,
            country: row.get("country")?,
            geohash: row.get("geohash")?,
        })
    }
}

/// Where the relays of a query are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Places {
    /// Those whose place is known, in the order in which they became known; at most 10,000.
    pub relays: Vec<Placed>,
    /// How many that are.
    pub known: u64,
    /// How many have no place that is known.
    pub unknown: u64,
    /// How many relays are in each country, the most frequent ones first; at most 250.
    pub countries: Vec<(String, u64)>,
}

/// Where the relays of a query are, whatever its order and page.
pub(crate) async fn places(records: &Database, query: &RelayQuery) -> Result<Places, AskError> {
    let (conditions, values) = conditions(query).into_parts();
    let counts = format!("SELECT COUNT(r.geohash), COUNT(*) FROM {FROM} {conditions}");
    let (known, all): (i64, i64) = records.fetch_one(owned(counts), values.clone()).await?;
    let countries = format!(
        "SELECT r.country, COUNT(*) FROM {FROM} {conditions} AND r.country IS NOT NULL GROUP BY r.country ORDER BY 2 DESC, 1 LIMIT 250"
    );
    let countries: Vec<(String, i64)> = records.fetch_all(owned(countries), values.clone()).await?;
    let relays = format!(
        "SELECT r.id, r.url, r.name, r.status, r.degraded, r.country, r.geohash FROM {FROM} {conditions}
         AND r.geohash IS NOT NULL ORDER BY r.id LIMIT ?"
    );
    let mut with_limit = values;
    with_limit.push(stored(MOST).into());
    Ok(Places {
        relays: records.fetch_all(owned(relays), with_limit).await?,
        known: read(known),
        unknown: read(all - known),
        countries: countries
            .into_iter()
            .map(|(country, relays)| (country, read(relays)))
            .collect(),
    })
}

fn owned(sql: String) -> std::borrow::Cow<'static, str> {
    sql.into()
}
