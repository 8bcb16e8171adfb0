//! The rows of deliveries that wait to be tried again, and of those that were given up.
//!
//! What is delivered at once has no row. One about an event of Nostr holds a reference alone: the event is joined to it at each
//! attempt, so that nothing is kept of it when it is gone. One about the records holds its text, and outlives the log.

use stentor_bus::{EventType, Log};
use stentor_sql::{Error, Row, Sql, Transaction, Value, placeholders};
use uuid::Uuid;

use super::{bytes, signed, unsigned, uuid};

const COLUMNS: &str =
    "id, envelope, log, seq, type, subject, owner, traceparent, time_ms, attempts, due_ms";

/// A delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Delivery {
    /// The same for one endpoint and envelope, whenever it is made.
    pub id: Uuid,
    pub envelope: Uuid,
    pub log: Log,
    pub seq: u64,
    pub event_type: EventType,
    pub subject: Option<String>,
    /// Whose the envelope is.
    pub owner: Option<String>,
    pub traceparent: Option<String>,
    /// When the envelope's thing happened.
    pub time_ms: u64,
    /// Attempts that were made.
    pub attempts: u32,
    /// When it is to be tried again; of a dead letter, when it was given up.
    pub due_ms: u64,
}

/// How it is with a delivery that has a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    /// It is to be tried again.
    Waiting,
    /// It was given up.
    Dead,
}

impl State {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Dead => "dead",
        }
    }
}

const fn log_word(log: Log) -> &'static str {
    match log {
        Log::Nostr => "nostr",
        Log::Records => "records",
    }
}

/// The delivery of a row; one of a type that this program does not know cannot be judged, and is none.
fn delivery(row: &Row) -> Result<Option<Delivery>, Error> {
    let name: String = row.get("type")?;
    let log: String = row.get("log")?;
    let Some(event_type) = EventType::parse(&name) else {
        return Ok(None);
    };
    let log = match &*log {
        "nostr" => Log::Nostr,
        _ => Log::Records,
    };
    Ok(Some(Delivery {
        id: uuid(&row.get::<Vec<u8>>("id")?),
        envelope: uuid(&row.get::<Vec<u8>>("envelope")?),
        log,
        seq: unsigned(row.get("seq")?),
        event_type,
        subject: row.get("subject")?,
        owner: row.get("owner")?,
        traceparent: row.get("traceparent")?,
        time_ms: unsigned(row.get("time_ms")?),
        attempts: row.get("attempts")?,
        due_ms: unsigned(row.get("due_ms")?),
    }))
}

fn deliveries(rows: &[Row]) -> Result<Vec<Delivery>, Error> {
    let deliveries = rows.iter().map(delivery);
    deliveries.filter_map(Result::transpose).collect()
}

/// Makes the row of a delivery; whether there was none.
pub(crate) fn insert(
    tx: &mut Transaction<'_>,
    endpoint: Uuid,
    delivery: &Delivery,
    state: State,
    body: Option<&str>,
) -> Result<bool, Error> {
    let values: Vec<Value> = vec![
        bytes(delivery.id).into(),
        bytes(endpoint).into(),
        state.as_str().into(),
        bytes(delivery.envelope).into(),
        log_word(delivery.log).into(),
        signed(delivery.seq).into(),
        delivery.event_type.name().into(),
        delivery.subject.clone().into(),
        delivery.owner.clone().into(),
        delivery.traceparent.clone().into(),
        signed(delivery.time_ms).into(),
        body.into(),
        delivery.attempts.into(),
        signed(delivery.due_ms).into(),
    ];
    let inserted = tx.execute(
        "INSERT INTO webhook_deliveries (id, endpoint, state, envelope, log, seq, type, subject, owner, traceparent, time_ms,
            body, attempts, due_ms)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
        values,
    )?;
    Ok(inserted > 0)
}

/// Writes what became of another attempt.
pub(crate) fn update(
    tx: &mut Transaction<'_>,
    id: Uuid,
    state: State,
    attempts: u32,
    due_ms: u64,
) -> Result<(), Error> {
    tx.execute(
        "UPDATE webhook_deliveries SET state = ?, attempts = ?, due_ms = ? WHERE id = ?",
        (state.as_str(), attempts, signed(due_ms), bytes(id)),
    )?;
    Ok(())
}

/// Removes the row of a delivery that needs nothing any more.
pub(crate) fn delete(tx: &mut Transaction<'_>, id: Uuid) -> Result<(), Error> {
    tx.execute("DELETE FROM webhook_deliveries WHERE id = ?", (bytes(id),))?;
    Ok(())
}

/// The deliveries of an endpoint that wait, those that are due first.
pub(crate) fn upcoming(
    tx: &mut Transaction<'_>,
    endpoint: Uuid,
    limit: u64,
) -> Result<Vec<Delivery>, Error> {
    let sql = format!(
        "SELECT {COLUMNS} FROM webhook_deliveries WHERE endpoint = ? AND state = 'waiting' ORDER BY due_ms, id LIMIT ?"
    );
    let rows: Vec<Row> = tx.fetch_all(Sql::Built(sql), (bytes(endpoint), signed(limit)))?;
    deliveries(&rows)
}

/// The text of a delivery about the records.
pub(crate) const BODY: &str =
    "SELECT body FROM webhook_deliveries WHERE id = ? AND state = 'waiting'";

/// How many deliveries of an endpoint wait.
pub(crate) fn waiting(tx: &mut Transaction<'_>, endpoint: Uuid) -> Result<u64, Error> {
    let (count,): (i64,) = tx.fetch_one(
        "SELECT COUNT(*) FROM webhook_deliveries WHERE endpoint = ? AND state = 'waiting'",
        (bytes(endpoint),),
    )?;
    Ok(unsigned(count))
}

/// Those of these ids that have a row.
pub(crate) fn known(tx: &mut Transaction<'_>, ids: &[Uuid]) -> Result<Vec<Uuid>, Error> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let sql = format!(
        "SELECT id FROM webhook_deliveries WHERE id IN ({})",
        placeholders(ids.len())
    );
    let values: Vec<Value> = ids.iter().map(|id| bytes(*id).into()).collect();
    let rows: Vec<(Vec<u8>,)> = tx.fetch_all(Sql::Built(sql), values)?;
    Ok(rows.iter().map(|(id,)| uuid(id)).collect())
}

/// Dead letters of an endpoint, the newest first, behind the one of this time and id.
pub(crate) fn dead(
    tx: &mut Transaction<'_>,
    endpoint: Uuid,
    before: Option<(u64, Uuid)>,
    limit: u64,
) -> Result<Vec<Delivery>, Error> {
    let (time, id) = before.map_or((i64::MAX, Uuid::max()), |(time, id)| (signed(time), id));
    let sql = format!(
        "SELECT {COLUMNS} FROM webhook_deliveries
         WHERE endpoint = ? AND state = 'dead' AND (due_ms < ? OR (due_ms = ? AND id < ?))
         ORDER BY due_ms DESC, id DESC LIMIT ?"
    );
    let values = (bytes(endpoint), time, time, bytes(id), signed(limit));
    let rows: Vec<Row> = tx.fetch_all(Sql::Built(sql), values)?;
    deliveries(&rows)
}

/// Has a dead letter tried again from the beginning; whether there is one.
pub(crate) fn revive(
    tx: &mut Transaction<'_>,
    endpoint: Uuid,
    id: Uuid,
    now_ms: u64,
) -> Result<bool, Error> {
    let revived = tx.execute(
        "UPDATE webhook_deliveries SET state = 'waiting', attempts = 0, due_ms = ? WHERE id = ? AND endpoint = ? AND state = 'dead'",
        (signed(now_ms), bytes(id), bytes(endpoint)),
    )?;
    Ok(revived > 0)
}

/// Has the dead letters of a time tried again, the oldest first, at most so many; which they were.
pub(crate) fn revive_of(
    tx: &mut Transaction<'_>,
    endpoint: Uuid,
    (since, until): (u64, u64),
    limit: u64,
    now_ms: u64,
) -> Result<Vec<Uuid>, Error> {
    let rows: Vec<(Vec<u8>,)> = tx.fetch_all(
        "UPDATE webhook_deliveries SET state = 'waiting', attempts = 0, due_ms = ? WHERE id IN
            (SELECT id FROM webhook_deliveries WHERE endpoint = ? AND state = 'dead' AND time_ms >= ? AND time_ms < ?
             ORDER BY time_ms, id LIMIT ?) RETURNING id",
        (
            signed(now_ms),
            bytes(endpoint),
            signed(since),
            signed(until),
            signed(limit),
        ),
    )?;
    Ok(rows.iter().map(|(id,)| uuid(id)).collect())
}

/// Removes the oldest dead letters beyond so many; how many there were.
pub(crate) fn trim(tx: &mut Transaction<'_>, endpoint: Uuid, most: u64) -> Result<u64, Error> {
    tx.execute(
        "DELETE FROM webhook_deliveries WHERE id IN
            (SELECT id FROM webhook_deliveries WHERE endpoint = ? AND state = 'dead' ORDER BY due_ms DESC, id DESC LIMIT 100000 OFFSET ?)",
        (bytes(endpoint), signed(most)),
    )
}
