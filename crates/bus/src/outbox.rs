//! The log of the records: what is published in the transaction that makes it so (G1.2).
//!
//! Positions are given out within the transaction, from a row that it holds until it commits: so they are dense, and whoever
//! reads up to a position will not find an earlier one there later. On PostgreSQL that means that transactions which publish
//! go one after the other.

use std::sync::{Arc, OnceLock};

use stentor_sql::{Database, Migrations, Row, Step, Transaction};
use uuid::Uuid;

use crate::cursor::Place;
use crate::entry::{Entry, Page};
use crate::envelope::{Data, Envelope, new_id};
use crate::{BusError, EventType};

/// The tables of the bus.
pub(crate) const MIGRATIONS: Migrations = Migrations {
    role: "bus",
    steps: &[Step::new(
        1,
        "log and jobs",
        "CREATE TABLE bus_log (
            name TEXT PRIMARY KEY,
            epoch BIGINT NOT NULL,
            first_seq BIGINT NOT NULL,
            last_seq BIGINT NOT NULL,
            bytes BIGINT NOT NULL
        );
        CREATE TABLE bus_outbox (
            seq BIGINT PRIMARY KEY,
            id BYTEA NOT NULL,
            type TEXT NOT NULL,
            time_ms BIGINT NOT NULL,
            subject TEXT,
            tenant TEXT,
            owner TEXT,
            actor TEXT,
            traceparent TEXT,
            data TEXT NOT NULL,
            detail TEXT,
            bytes BIGINT NOT NULL
        );
        CREATE TABLE bus_jobs (
            id BYTEA PRIMARY KEY,
            node TEXT NOT NULL,
            kind TEXT NOT NULL,
            tenant TEXT NOT NULL,
            owner TEXT NOT NULL,
            status TEXT NOT NULL,
            percent BIGINT NOT NULL,
            reason TEXT,
            created_ms BIGINT NOT NULL,
            ended_ms BIGINT,
            cancel BOOLEAN NOT NULL
        );
        CREATE INDEX bus_jobs_of_tenants ON bus_jobs (tenant, id)",
    )],
};

/// What is to be published.
#[derive(Debug, Clone)]
pub struct Draft {
    /// What has happened; of the log of the records.
    pub event_type: EventType,
    /// To what.
    pub subject: Option<String>,
    /// The tenant that it belongs to.
    pub tenant: Option<String>,
    /// Whose it is within the tenant.
    pub owner: Option<String>,
    /// Who did it.
    pub actor: Option<String>,
    /// The trace that it belongs to.
    pub traceparent: Option<String>,
    /// The data: an object of the form that the catalogue says. Categories, nothing raw (G2.4).
    pub data: serde_json::Value,
    /// What only readers with a right to it see, as `detail` in the data: causes in words, addresses.
    pub detail: Option<serde_json::Value>,
}

impl Draft {
    /// Something that belongs to nobody, and to the trace of the task that tells of it.
    pub fn new(event_type: EventType, data: serde_json::Value) -> Self {
        Self {
            event_type,
            subject: None,
            tenant: None,
            owner: None,
            actor: None,
            traceparent: stentor_trace::current().map(|it| it.to_string()),
            data,
            detail: None,
        }
    }
}

/// How far the log reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Extent {
    /// What tells this log from that of another installation.
    pub epoch: u64,
    /// The first position that is there; one behind the last when there is none.
    pub first: u64,
    /// The last position given out.
    pub last: u64,
}

/// Bytes that an entry takes, about.
fn size(draft: &Draft, (data, detail): &(String, Option<String>)) -> i64 {
    let texts = [
        &draft.subject,
        &draft.tenant,
        &draft.owner,
        &draft.actor,
        detail,
    ];
    let texts = texts.iter().filter_map(|text| text.as_ref());
    let length = 128 + data.len() + texts.map(String::len).sum::<usize>();
    i64::try_from(length).unwrap_or(i64::MAX)
}

/// Data and detail as they are kept.
fn texts(draft: &Draft) -> (String, Option<String>) {
    let detail = draft.detail.as_ref().map(ToString::to_string);
    (draft.data.to_string(), detail)
}

/// Publishes within a transaction: it is so when, and only if, that commits. The readers of this node must be woken
/// afterwards ([`crate::Bus::wake`]); those of others look now and then. While the log is closed ([`close`]), nothing is
/// published.
///
/// # Errors
/// What the database has against it.
pub fn append(tx: &mut Transaction<'_>, drafts: &[Draft], now_ms: u64) -> Result<(), BusError> {
    let texts: Vec<_> = drafts.iter().map(texts).collect();
    let sizes = drafts.iter().zip(&texts);
    let sizes: Vec<i64> = sizes.map(|(draft, text)| size(draft, text)).collect();
    let count = signed(drafts.len() as u64);
    if drafts.is_empty() {
        return Ok(());
    }
    let given: Option<(i64,)> = tx.fetch_optional(
        "UPDATE bus_log SET last_seq = last_seq + ?, bytes = bytes + ? WHERE name = 'records' RETURNING last_seq",
        (count, sizes.iter().sum::<i64>()),
    )?;
    let Some((last,)) = given else {
        return Ok(());
    };
    let texts = texts.into_iter().zip(sizes);
    for ((seq, draft), ((text, detail), bytes)) in (last - count + 1..).zip(drafts).zip(texts) {
        let id = new_id(now_ms).map_err(|_| BusError::NoRandomness)?;
        tx.execute(
            "INSERT INTO bus_outbox (seq, id, type, time_ms, subject, tenant, owner, actor, traceparent, data, detail, bytes)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                seq,
                id.as_bytes().to_vec(),
                draft.event_type.name(),
                signed(now_ms),
                draft.subject.clone(),
                draft.tenant.clone(),
                draft.owner.clone(),
                draft.actor.clone(),
                draft.traceparent.clone(),
                text,
                detail,
                bytes,
            ),
        )?;
    }
    Ok(())
}

/// Brings the tables of the bus up to date. [`crate::Bus::open`] does it by itself.
///
/// # Errors
/// What the records have against it.
pub async fn migrate(database: &Database) -> Result<(), BusError> {
    Ok(database.migrate(&MIGRATIONS).await?)
}

/// Closes the log, with all that is in it, for as long as nobody keeps it in bounds: the next one is another, so that nobody
/// who comes back with a cursor takes what happened in between for nothing.
///
/// # Errors
/// What the records have against it.
pub async fn close(database: &Database) -> Result<(), BusError> {
    database.migrate(&MIGRATIONS).await?;
    database
        .write(|tx| {
            tx.execute("DELETE FROM bus_outbox", ())?;
            tx.execute("DELETE FROM bus_log WHERE name = 'records'", ())?;
            Ok::<_, BusError>(())
        })
        .await
}

/// Makes the log if there is none.
pub(crate) async fn open(database: &Database) -> Result<Extent, BusError> {
    database.migrate(&MIGRATIONS).await?;
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes).map_err(|_| BusError::NoRandomness)?;
    let epoch = i64::from_be_bytes(bytes);
    database
        .write(move |tx| {
            tx.execute(
                "INSERT INTO bus_log (name, epoch, first_seq, last_seq, bytes) VALUES ('records', ?, 1, 0, 0)
                 ON CONFLICT DO NOTHING",
                (epoch,),
            )?;
            Ok::<_, BusError>(())
        })
        .await?;
    extent(database).await
}

/// How far the log reaches.
pub(crate) async fn extent(database: &Database) -> Result<Extent, BusError> {
    let (epoch, first, last): (i64, i64, i64) = database
        .fetch_one(
            "SELECT epoch, first_seq, last_seq FROM bus_log WHERE name = 'records'",
            (),
        )
        .await?;
    Ok(Extent {
        epoch: epoch.cast_unsigned(),
        first: unsigned(first),
        last: unsigned(last),
    })
}

/// What the log holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Kept {
    /// About so many bytes.
    pub bytes: u64,
    /// The time of the oldest entry, in Unix milliseconds; `None` for none.
    pub oldest_ms: Option<u64>,
}

/// How much there is.
pub(crate) async fn kept(database: &Database) -> Result<Kept, BusError> {
    let (bytes, oldest): (i64, Option<i64>) = database
        .fetch_one(
            "SELECT bytes, (SELECT time_ms FROM bus_outbox ORDER BY seq LIMIT 1) FROM bus_log WHERE name = 'records'",
            (),
        )
        .await?;
    Ok(Kept {
        bytes: unsigned(bytes),
        oldest_ms: oldest.map(unsigned),
    })
}

/// Entries behind a place, oldest first.
pub(crate) async fn read(database: &Database, after: Place, limit: u64) -> Result<Page, BusError> {
    let rows: Vec<Row> = database
        .fetch_all(
            "SELECT seq, id, type, time_ms, subject, tenant, owner, actor, traceparent, data, detail
             FROM bus_outbox WHERE seq > ? ORDER BY seq LIMIT ?",
            (signed(after.seq), signed(limit)),
        )
        .await?;
    let mut page = Page {
        entries: Vec::with_capacity(rows.len()),
        end: after,
        full: rows.len() as u64 >= limit,
    };
    for row in &rows {
        let (place, known) = entry(row)?;
        page.end = place;
        page.entries.extend(known.map(Arc::new));
    }
    Ok(page)
}

/// The entry, and where it stands; `None` for a type of a newer program, which this one cannot judge.
fn entry(row: &Row) -> Result<(Place, Option<Entry>), BusError> {
    let id: Vec<u8> = row.get("id")?;
    let id = Uuid::from_slice(&id).unwrap_or_default();
    let (seq, mark) = (unsigned(row.get("seq")?), mark(&id));
    let place = Place { seq, mark };
    let name: String = row.get("type")?;
    let Some(event_type) = EventType::parse(&name) else {
        return Ok((place, None));
    };
    let envelope = Envelope {
        id,
        event_type,
        subject: row.get("subject")?,
        time_ms: unsigned(row.get("time_ms")?),
        seq: Some(seq),
        tenant: row.get("tenant")?,
        owner: row.get("owner")?,
        actor: row.get("actor")?,
        traceparent: row.get("traceparent")?,
        data: Data::Json(row.get("data")?),
        detail: row.get("detail")?,
        text: OnceLock::new(),
        full_text: OnceLock::new(),
    };
    Ok((place, Some(Entry::new(place, envelope, None))))
}

/// The mark of the entry at a position; `None` when it is not there.
pub(crate) async fn mark_at(database: &Database, seq: u64) -> Result<Option<u32>, BusError> {
    let id: Option<(Vec<u8>,)> = database
        .fetch_optional("SELECT id FROM bus_outbox WHERE seq = ?", (signed(seq),))
        .await?;
    Ok(id.map(|(id,)| mark(&Uuid::from_slice(&id).unwrap_or_default())))
}

/// The position of the last entry before a moment; 0 when there is none.
pub(crate) async fn last_before(database: &Database, time_ms: u64) -> Result<u64, BusError> {
    let first: Option<(i64,)> = database
        .fetch_optional(
            "SELECT seq FROM bus_outbox WHERE time_ms >= ? ORDER BY seq LIMIT 1",
            (signed(time_ms),),
        )
        .await?;
    match first {
        Some((first,)) => Ok(unsigned(first - 1)),
        None => Ok(extent(database).await?.last),
    }
}

/// The end of an id is random.
fn mark(id: &Uuid) -> u32 {
    let end = id.as_bytes().last_chunk().copied();
    end.map_or(0, u32::from_be_bytes)
}

/// Removes at most `limit` entries that are older than `before_ms`, or whatever is oldest while the log has more than `bytes`
/// (0: any number). Returns how many.
pub(crate) async fn prune(
    database: &Database,
    before_ms: u64,
    bytes: u64,
    limit: u64,
) -> Result<u64, BusError> {
    database
        .write(move |tx| {
            let (first, last, held): (i64, i64, i64) = tx.fetch_one(
                "SELECT first_seq, last_seq, bytes FROM bus_log WHERE name = 'records'",
                (),
            )?;
            let rows: Vec<(i64, i64, i64)> = tx.fetch_all(
                "SELECT seq, time_ms, bytes FROM bus_outbox ORDER BY seq LIMIT ?",
                (signed(limit),),
            )?;
            let (mut end, mut freed) = (first, 0);
            for (seq, time_ms, size) in rows {
                let old = time_ms < signed(before_ms);
                let many = bytes != 0 && held - freed > signed(bytes);
                if !old && !many {
                    break;
                }
                (end, freed) = (seq + 1, freed + size);
            }
            let end = end.min(last + 1);
            if end == first {
                return Ok(0);
            }
            tx.execute("DELETE FROM bus_outbox WHERE seq < ?", (end,))?;
            tx.execute(
                "UPDATE bus_log SET first_seq = ?, bytes = bytes - ? WHERE name = 'records'",
                (end, freed),
            )?;
            Ok::<_, BusError>(unsigned(end - first))
        })
        .await
}

/// Databases have no unsigned integers.
pub(crate) fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

pub(crate) fn unsigned(value: i64) -> u64 {
    u64::try_from(value).unwrap_or_default()
}
