//! The rows of attempts: what was tried, and what came of it (G4.5).

use stentor_sql::{Error, Row, Sql, Transaction, Value};
use uuid::Uuid;

use super::{bytes, signed, unsigned, uuid};

/// An attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Attempt {
    /// In the order of time (UUIDv7).
    pub id: Uuid,
    pub delivery: Uuid,
    pub envelope: Uuid,
    pub event_type: String,
    /// The how many-eth of its delivery, from 1 on; 0 for a test.
    pub number: u32,
    pub at_ms: u64,
    pub outcome: String,
    pub status: Option<u16>,
    pub latency_ms: u64,
    /// A word for what went wrong, when there was no answer.
    pub error: Option<String>,
    /// The beginning of the answer's body.
    pub response: Vec<u8>,
    /// When it is tried again.
    pub next_ms: Option<u64>,
}

fn attempt(row: &Row) -> Result<Attempt, Error> {
    let next_ms: Option<i64> = row.get("next_ms")?;
    Ok(Attempt {
        id: uuid(&row.get::<Vec<u8>>("id")?),
        delivery: uuid(&row.get::<Vec<u8>>("delivery")?),
        envelope: uuid(&row.get::<Vec<u8>>("envelope")?),
        event_type: row.get("type")?,
        number: row.get("number")?,
        at_ms: unsigned(row.get("at_ms")?),
        outcome: row.get("outcome")?,
        status: row.get("status")?,
        latency_ms: unsigned(row.get("latency_ms")?),
        error: row.get("error")?,
        response: row.get("response")?,
        next_ms: next_ms.map(unsigned),
    })
}

pub(crate) fn insert(
    tx: &mut Transaction<'_>,
    endpoint: Uuid,
    attempt: &Attempt,
) -> Result<(), Error> {
    let values: Vec<Value> = vec![
        bytes(attempt.id).into(),
        bytes(endpoint).into(),
        bytes(attempt.delivery).into(),
        bytes(attempt.envelope).into(),
        attempt.event_type.clone().into(),
        attempt.number.into(),
        signed(attempt.at_ms).into(),
        attempt.outcome.clone().into(),
        attempt.status.into(),
        signed(attempt.latency_ms).into(),
        attempt.error.clone().into(),
        attempt.response.clone().into(),
        attempt.next_ms.map(signed).into(),
    ];
    tx.execute(
        "INSERT INTO webhook_attempts (id, endpoint, delivery, envelope, type, number, at_ms, outcome, status, latency_ms, error,
            response, next_ms)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        values,
    )?;
    Ok(())
}

/// Attempts of an endpoint, the newest first, before this one.
pub(crate) fn list(
    tx: &mut Transaction<'_>,
    endpoint: Uuid,
    before: Option<Uuid>,
    limit: u64,
) -> Result<Vec<Attempt>, Error> {
    let sql = "SELECT id, delivery, envelope, type, number, at_ms, outcome, status, latency_ms, error, response, next_ms
        FROM webhook_attempts WHERE endpoint = ? AND id < ? ORDER BY id DESC LIMIT ?";
    let before = before.unwrap_or(Uuid::max());
    let values = (bytes(endpoint), bytes(before), signed(limit));
    let rows: Vec<Row> = tx.fetch_all(Sql::Both(sql), values)?;
    rows.iter().map(attempt).collect()
}

/// Forgets those before a moment, and of each endpoint the oldest beyond so many; how many there were.
pub(crate) fn trim(tx: &mut Transaction<'_>, before_ms: u64, most: u64) -> Result<u64, Error> {
    let old = tx.execute(
        "DELETE FROM webhook_attempts WHERE at_ms < ?",
        (signed(before_ms),),
    )?;
    let many: Vec<(Vec<u8>,)> = tx.fetch_all(
        "SELECT endpoint FROM webhook_attempts GROUP BY endpoint HAVING COUNT(*) > ?",
        (signed(most),),
    )?;
    let mut forgotten = old;
    for (endpoint,) in many {
        forgotten += tx.execute(
            "DELETE FROM webhook_attempts WHERE id IN
                (SELECT id FROM webhook_attempts WHERE endpoint = ? ORDER BY id DESC LIMIT 1000000 OFFSET ?)",
            (endpoint, signed(most)),
        )?;
    }
    Ok(forgotten)
}
