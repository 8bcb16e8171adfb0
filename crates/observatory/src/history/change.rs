//! What has changed in relays' information documents (O2.4).

use serde::Serialize;
use serde_json::Value;
use stentor_sql::{Database, Error, FromRow, Row, Transaction};
use utoipa::ToSchema;

use crate::clock::{read, stored};
use crate::table::RelayId;

/// The kind of change that there is.
pub(super) const INFORMATION: &str = "information";
/// Changes of a relay that are kept: a document that is another at each check says little.
pub(super) const MOST_KEPT: i64 = 200;
/// Most changes that are read at once.
const MOST_READ: u64 = 100;

/// A change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = RelayChange)]
pub(crate) struct Change {
    /// When it was noticed, in Unix milliseconds.
    pub at_ms: u64,
    /// What has changed: `information`, the document.
    pub kind: String,
    /// Its keys that came, went or have another value, in order; empty where one of the documents is not kept any more.
    pub keys: Vec<String>,
    /// Whether there was a document before.
    pub before: bool,
    /// Whether there is one since.
    pub after: bool,
}

impl FromRow for Change {
    fn from_row(row: Row) -> Result<Self, Error> {
        let body = |name: &str| row.get::<Option<String>>(name);
        let hash = |name: &str| row.get::<Option<Vec<u8>>>(name);
        Ok(Self {
            at_ms: read(row.get("at_ms")?),
            kind: row.get("kind")?,
            keys: keys(
                body("before_body")?.as_deref(),
                body("after_body")?.as_deref(),
            ),
            before: hash("before")?.is_some(),
            after: hash("after")?.is_some(),
        })
    }
}

/// The keys in which two documents differ.
fn keys(before: Option<&str>, after: Option<&str>) -> Vec<String> {
    let object = |text: Option<&str>| match serde_json::from_str(text?).ok()? {
        Value::Object(object) => Some(object),
        _ => None,
    };
    let (before, after) = match (object(before), object(after)) {
        (None, None) => return Vec::new(),
        (before, after) => (before.unwrap_or_default(), after.unwrap_or_default()),
    };
    let mut keys: Vec<String> = before
        .keys()
        .chain(after.keys())
        .filter(|key| before.get(*key) != after.get(*key))
        .cloned()
        .collect();
    keys.sort_unstable();
    keys.dedup();
    keys
}

/// Notes a change. The first document of a relay is none; that one is there again is.
pub(super) fn note(
    tx: &mut Transaction<'_>,
    relay: RelayId,
    at_ms: u64,
    before: Option<&[u8]>,
    after: Option<&[u8]>,
) -> Result<(), Error> {
    if before.is_none() {
        let earlier: Option<(i64,)> = tx.fetch_optional(
            "SELECT at_ms FROM observatory_changes WHERE relay = ? AND kind = ? LIMIT 1",
            (relay.0, INFORMATION),
        )?;
        if earlier.is_none() {
            return Ok(());
        }
    }
    tx.execute(
        "INSERT INTO observatory_changes (relay, at_ms, kind, before, after) VALUES (?, ?, ?, ?, ?) ON CONFLICT (relay, at_ms, kind) DO NOTHING",
        (relay.0, stored(at_ms), INFORMATION, before, after),
    )?;
    tx.execute(
        "DELETE FROM observatory_changes WHERE relay = ?1 AND kind = ?2 AND at_ms <= (
             SELECT at_ms FROM observatory_changes WHERE relay = ?1 AND kind = ?2 ORDER BY at_ms DESC LIMIT 1 OFFSET ?3)",
        (relay.0, INFORMATION, MOST_KEPT),
    )?;
    Ok(())
}

/// The changes of a relay before a time, newest first, at most `limit` (and never more than 100).
///
/// # Errors
/// Those of the records.
pub(crate) async fn changes(
    records: &Database,
    relay: RelayId,
    before_ms: u64,
    limit: u64,
) -> Result<Vec<Change>, Error> {
    records
        .fetch_all(
            "SELECT c.at_ms, c.kind, c.before, c.after, b.body AS before_body, a.body AS after_body FROM observatory_changes c
             LEFT JOIN observatory_documents b ON b.hash = c.before LEFT JOIN observatory_documents a ON a.hash = c.after
             WHERE c.relay = ? AND c.at_ms < ? ORDER BY c.at_ms DESC, c.kind LIMIT ?",
            (relay.0, stored(before_ms), stored(limit.clamp(1, MOST_READ))),
        )
        .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn o2_4_a_change_names_its_keys() {
        let one = Some(r#"{"name":"a","version":"1","x":1}"#);
        let other = Some(r#"{"name":"a","version":"2","y":1}"#);
        assert_eq!(keys(one, other), ["version", "x", "y"]);
        assert_eq!(keys(None, Some(r#"{"name":"a"}"#)), ["name"]);
        assert!(keys(one, one).is_empty() && keys(None, None).is_empty());
    }
}
