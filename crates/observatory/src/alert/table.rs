//! Watches and messages in the records, as checks and the service see them.

use stentor_bus::{BusError, new_id};
use stentor_event::PublicKey;
use stentor_sql::{Database, Error, FromRow, Row, Transaction, Value, placeholders};

use super::judge::{Alert, Told};
use crate::clock::{read, stored};
use crate::table::RelayId;

/// Watches of one relay.
pub(super) const PER_RELAY: u64 = 100;
/// Messages that wait for one recipient; with more, the oldest is left out.
const PER_RECIPIENT: i64 = 100;

/// The state of a watch that has been told that its relay is down.
const DOWN: &str = "down";
/// The state of any other.
pub(super) const UP: &str = "up";

/// A watch, as far as a check needs it.
#[derive(Debug, Clone)]
pub(super) struct Watching {
    pub id: String,
    pub recipient: Option<PublicKey>,
    pub told: Told,
}

impl FromRow for Watching {
    fn from_row(row: Row) -> Result<Self, Error> {
        Ok(Self {
            id: row.get("id")?,
            recipient: row.get::<Option<[u8; 32]>>("recipient")?.map(PublicKey),
            told: Told {
                down_since_ms: down_since_ms(&row)?,
                certificate_ms: row.get::<Option<i64>>("certificate_told_ms")?.map(read),
            },
        })
    }
}

/// Since when a relay is down, as far as a watch has been told.
pub(super) fn down_since_ms(row: &Row) -> Result<Option<u64>, Error> {
    let (state, since): (String, Option<i64>) = (row.get("state")?, row.get("since_ms")?);
    Ok(since.filter(|_| state == DOWN).map(read))
}

/// Who watches a relay.
pub(super) fn watching(tx: &mut Transaction<'_>, relay: RelayId) -> Result<Vec<Watching>, Error> {
    tx.fetch_all(
        "SELECT id, recipient, state, since_ms, certificate_told_ms FROM observatory_watches WHERE relay = ? ORDER BY id LIMIT ?",
        (relay.0, stored(PER_RELAY)),
    )
}

/// Whether anybody watches a relay.
///
/// # Errors
/// Those of the records.
pub(crate) fn is_watched(tx: &mut Transaction<'_>, relay: RelayId) -> Result<bool, Error> {
    let found: Option<(i64,)> = tx.fetch_optional(
        "SELECT relay FROM observatory_watches WHERE relay = ? LIMIT 1",
        (relay.0,),
    )?;
    Ok(found.is_some())
}

/// Remembers what a watch has been told.
pub(super) fn set_told(tx: &mut Transaction<'_>, watch: &str, told: Told) -> Result<(), Error> {
    tx.execute(
        "UPDATE observatory_watches SET state = ?, since_ms = ?, certificate_told_ms = ? WHERE id = ?",
        (
            if told.down_since_ms.is_some() { DOWN } else { UP },
            told.down_since_ms.map(stored),
            told.certificate_ms.map(stored),
            watch,
        ),
    )?;
    Ok(())
}

/// Counts an alert, durably, as it is told once whatever happens to the process.
pub(super) fn count(tx: &mut Transaction<'_>, alert: Alert, now_ms: u64) -> Result<(), Error> {
    tx.execute(
        "INSERT INTO observatory_cursors (name, place, at_ms) VALUES (?, 1, ?)
         ON CONFLICT (name) DO UPDATE SET place = observatory_cursors.place + 1, at_ms = excluded.at_ms",
        (format!("alert.{}", alert.word()), stored(now_ms)),
    )?;
    Ok(())
}

/// Puts a message on its way.
pub(super) fn add_message(
    tx: &mut Transaction<'_>,
    watch: &str,
    recipient: PublicKey,
    text: &str,
    now_ms: u64,
) -> Result<(), BusError> {
    tx.execute(
        "DELETE FROM observatory_messages WHERE id IN (SELECT id FROM observatory_messages WHERE recipient = ? ORDER BY id DESC LIMIT 1 OFFSET ?)",
        (recipient.0, PER_RECIPIENT - 1),
    )?;
    let id = new_id(now_ms).map_err(|_| BusError::NoRandomness)?;
    tx.execute(
        "INSERT INTO observatory_messages (id, watch, recipient, text, made_ms, next_ms, attempts) VALUES (?, ?, ?, ?, ?, ?, 0)",
        (
            id.to_string(),
            watch,
            recipient.0,
            text,
            stored(now_ms),
            stored(now_ms),
        ),
    )?;
    Ok(())
}

/// A message on its way.
#[derive(Debug, Clone)]
pub(super) struct Message {
    pub id: String,
    pub recipient: PublicKey,
    pub text: String,
    pub made_ms: u64,
    pub attempts: u64,
}

impl FromRow for Message {
    fn from_row(row: Row) -> Result<Self, Error> {
        Ok(Self {
            id: row.get("id")?,
            recipient: PublicKey(row.get("recipient")?),
            text: row.get("text")?,
            made_ms: read(row.get("made_ms")?),
            attempts: read(row.get("attempts")?),
        })
    }
}

/// Messages whose turn has come, those first that have waited longest.
pub(super) async fn due(
    records: &Database,
    now_ms: u64,
    limit: u32,
) -> Result<Vec<Message>, Error> {
    records
        .fetch_all(
            "SELECT id, recipient, text, made_ms, attempts FROM observatory_messages WHERE next_ms <= ? ORDER BY next_ms, id LIMIT ?",
            (stored(now_ms), limit),
        )
        .await
}

/// How many messages wait, and when the first has its turn.
pub(super) async fn waiting(records: &Database) -> Result<(u64, Option<u64>), Error> {
    let (count, next): (i64, Option<i64>) = records
        .fetch_one(
            "SELECT COUNT(*), MIN(next_ms) FROM observatory_messages",
            (),
        )
        .await?;
    Ok((read(count), next.map(read)))
}

/// Alerts told so far, by their words.
pub(super) async fn counted(records: &Database) -> Result<Vec<(String, u64)>, Error> {
    let rows: Vec<(String, i64)> = records
        .fetch_all(
            "SELECT name, place FROM observatory_cursors WHERE name IN ('alert.down', 'alert.recovered', 'alert.certificate')",
            (),
        )
        .await?;
    let word = |name: String| name.trim_start_matches("alert.").to_owned();
    Ok(rows
        .into_iter()
        .map(|(name, told)| (word(name), read(told)))
        .collect())
}

/// Forgets messages that are older than this; how many.
pub(super) async fn give_up(records: &Database, before_ms: u64) -> Result<u64, Error> {
    records
        .write(move |tx| {
            tx.execute(
                "DELETE FROM observatory_messages WHERE made_ms < ?",
                (stored(before_ms),),
            )
        })
        .await
}

/// Notes what became of messages: those that were delivered are gone, the others, which had been tried so often before, have their next
/// turn at these times. One that has been tried since by somebody else, who was begun later, is left as it is.
pub(super) async fn settle(
    records: &Database,
    delivered: Vec<String>,
    again: Vec<(String, u64, u64)>,
) -> Result<(), Error> {
    records
        .write(move |tx| {
            if !delivered.is_empty() {
                let sql = format!(
                    "DELETE FROM observatory_messages WHERE id IN ({})",
                    placeholders(delivered.len())
                );
                let ids: Vec<Value> = delivered.iter().map(Value::from).collect();
                tx.execute(stentor_sql::Sql::Built(sql), ids)?;
            }
            for (id, attempts, next_ms) in &again {
                tx.execute(
                    "UPDATE observatory_messages SET attempts = attempts + 1, next_ms = ? WHERE id = ? AND attempts = ?",
                    (stored(*next_ms), id, stored(*attempts)),
                )?;
            }
            Ok(())
        })
        .await
}
