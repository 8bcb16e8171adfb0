//! How the archive stands with a relay, in the records.

use stentor_sql::{Database, Error, FromRow, Row, Transaction};

use super::coverage::Method;
use crate::clock::{read, stored};
use crate::table::RelayId;

/// How the archive stands with a relay.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Standing {
    /// How it was asked last.
    pub method: Option<Method>,
    /// Events that may be asked for at once, where the relay cannot do more.
    pub page_limit: Option<u64>,
    /// When it was found that reconciling does not work, in Unix milliseconds.
    pub negentropy_refused_ms: Option<u64>,
    /// Whether it says that it shuts down.
    pub leaving: bool,
    /// When it is due again, in Unix milliseconds.
    pub next_ms: u64,
    /// Turns in a row that failed.
    pub failures: u64,
    /// When its last turn was, in Unix milliseconds.
    pub last_ms: Option<u64>,
    /// What came of it.
    pub last_outcome: Option<String>,
    /// The second down from which the second look goes on.
    pub second_look_from: Option<u64>,
    /// Seconds of its past that are neither had nor known not to be had, over all filters.
    pub behind: u64,
}

/// What came from a relay.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Events that were new to the archive.
    pub events: u64,
    /// Events that it had.
    pub duplicates: u64,
    /// Events that it did not take.
    pub rejected: u64,
    /// Bytes of all these.
    pub bytes: u64,
}

impl FromRow for Standing {
    fn from_row(row: Row) -> Result<Self, Error> {
        let maybe = |name| Ok::<_, Error>(row.get::<Option<i64>>(name)?.map(read));
        let number = |name| Ok::<_, Error>(read(row.get(name)?));
        let method: Option<String> = row.get("method")?;
        Ok(Self {
            method: method.as_deref().and_then(Method::parse),
            page_limit: maybe("page_limit")?,
            negentropy_refused_ms: maybe("negentropy_refused_ms")?,
            leaving: row.get("leaving")?,
            next_ms: number("next_ms")?,
            failures: number("failures")?,
            last_ms: maybe("last_ms")?,
            last_outcome: row.get("last_outcome")?,
            second_look_from: maybe("second_look_from")?,
            behind: number("behind")?,
        })
    }
}

/// Reads it; as for a relay that was never asked when there is nothing.
///
/// # Errors
/// Those of the records.
pub(crate) async fn standing(records: &Database, relay: RelayId) -> Result<Standing, Error> {
    let sql = "SELECT method, page_limit, negentropy_refused_ms, leaving, next_ms, failures, last_ms, last_outcome,
                   second_look_from, behind
               FROM observatory_archiving WHERE relay = ?";
    let found = records.fetch_optional(sql, (relay.0,)).await?;
    Ok(found.unwrap_or_default())
}

/// Writes it.
///
/// # Errors
/// Those of the records.
pub(crate) fn write(
    tx: &mut Transaction<'_>,
    relay: RelayId,
    standing: &Standing,
) -> Result<(), Error> {
    tx.execute(
        "UPDATE observatory_archiving SET method = ?, page_limit = ?, negentropy_refused_ms = ?, leaving = ?, next_ms = ?,
             failures = ?, last_ms = ?, last_outcome = ?, second_look_from = ?, behind = ? WHERE relay = ?",
        (
            standing.method.map(Method::as_str),
            standing.page_limit.map(stored),
            standing.negentropy_refused_ms.map(stored),
            standing.leaving,
            stored(standing.next_ms),
            stored(standing.failures),
            standing.last_ms.map(stored),
            standing.last_outcome.clone(),
            standing.second_look_from.map(stored),
            stored(standing.behind),
            relay.0,
        ),
    )?;
    Ok(())
}

/// Adds what came. The sums are not a part of [`Standing`], so that a settlement that is written late takes nothing back.
///
/// # Errors
/// Those of the records.
pub(crate) fn add(tx: &mut Transaction<'_>, relay: RelayId, came: &Counts) -> Result<(), Error> {
    tx.execute(
        "UPDATE observatory_archiving SET events = events + ?, duplicates = duplicates + ?, rejected = rejected + ?,
             bytes = bytes + ? WHERE relay = ?",
        (
            stored(came.events),
            stored(came.duplicates),
            stored(came.rejected),
            stored(came.bytes),
            relay.0,
        ),
    )?;
    Ok(())
}
