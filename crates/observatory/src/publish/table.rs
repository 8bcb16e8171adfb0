//! What was published last, and who has got how far with it.

use bytes::Bytes;
use stentor_event::{Event, Kind};
use stentor_sql::{Database, Error, FromRow, Row, Transaction};

use super::discovery::{DISCOVERY, Reached};
use crate::clock::{read, stored};
use crate::relay_url::RelayUrl;
use crate::table::{Cursor, RelayId, cursor_in, set_cursor};

/// The name of the reader that remembers whose key has signed what is kept.
const KEY: &str = "publish.key";
/// What the names of targets' readers begin with.
const TARGET: &str = "publish.target.";

/// What was published last of something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Last {
    /// What it said ([`super::statement::Statement::hash`]).
    pub hash: [u8; 32],
    /// When that was, in Unix milliseconds.
    pub at_ms: u64,
    /// The time in the event, in Unix seconds.
    pub created_at: u64,
}

impl Last {
    /// What a row says that may have nothing of it.
    fn from_row(row: &Row) -> Result<Option<Self>, Error> {
        let Some(hash) = row.get("hash")? else {
            return Ok(None);
        };
        Ok(Some(Self {
            hash,
            at_ms: read(row.get("at_ms")?),
            created_at: read(row.get("created_at")?),
        }))
    }
}

/// A relay that has answered, with what was published of it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Found {
    /// Its number.
    pub relay: RelayId,
    /// When it answered, in Unix milliseconds.
    pub seen_ms: u64,
    /// What is known of it.
    pub reached: Reached,
    /// What was published last.
    pub last: Option<Last>,
}

impl FromRow for Found {
    fn from_row(row: Row) -> Result<Self, Error> {
        let url: String = row.get("url")?;
        let url = RelayUrl::parse(&url).map_err(|error| Error::Column {
            column: "url".to_owned(),
            wanted: "the URL of a relay",
            found: error.to_string(),
        })?;
        let number = |column| row.get::<Option<i64>>(column).map(|some| some.map(read));
        Ok(Self {
            relay: RelayId(row.get("id")?),
            seen_ms: read(row.get("seen_ms")?),
            reached: Reached {
                url,
                open_ms: number("open_ms")?,
                read_ms: number("read_ms")?,
                write_ms: number("write_ms")?,
                auth: row.get("auth_required")?,
                payment: row.get("payment_required")?,
                writes: row.get("writes_restricted")?,
                software: row.get("software")?,
                geohash: row.get("geohash")?,
                country: row.get("country")?,
                asn: number("asn")?,
                document: row.get("document")?,
            },
            last: Last::from_row(&row)?,
        })
    }
}

/// Relays that are online by an answer that is newer than the one that was published of them last, or after one that is later than now,
/// as the clock was set back since; those after this place, in the order of their answers.
pub(super) async fn found(
    records: &Database,
    (seen_ms, relay): (u64, RelayId),
    now_ms: u64,
    limit: u32,
) -> Result<Vec<Found>, Error> {
    records
        .fetch_all(
            "SELECT r.id, r.url, r.seen_ms, r.open_ms, r.read_ms, r.write_ms, r.auth_required, r.payment_required,
                r.writes_restricted, r.software, r.geohash, r.country, r.asn, d.body AS document, p.hash, p.at_ms, p.created_at
             FROM observatory_relays r
             LEFT JOIN observatory_documents d ON d.hash = r.document
             LEFT JOIN observatory_published p ON p.kind = ? AND p.relay = r.id
             WHERE (r.seen_ms, r.id) > (?, ?) AND r.state = 'relay' AND r.status = 'online' AND (p.seen_ms IS NULL OR r.seen_ms > p.seen_ms
                 OR (p.seen_ms > ? AND r.seen_ms <> p.seen_ms))
             ORDER BY r.seen_ms, r.id LIMIT ?",
            (
                i64::from(DISCOVERY.0),
                stored(seen_ms),
                relay.0,
                stored(now_ms),
                limit,
            ),
        )
        .await
}

/// What was published last of the monitor itself.
pub(super) async fn last_of_monitor(records: &Database, kind: Kind) -> Result<Option<Last>, Error> {
    struct Wrapped(Option<Last>);
    impl FromRow for Wrapped {
        fn from_row(row: Row) -> Result<Self, Error> {
            Last::from_row(&row).map(Self)
        }
    }
    let row: Option<Wrapped> = records
        .fetch_optional(
            "SELECT hash, at_ms, created_at FROM observatory_published WHERE kind = ? AND relay = 0",
            (i64::from(kind.0),),
        )
        .await?;
    Ok(row.and_then(|row| row.0))
}

/// An event that was signed and is to be kept.
#[derive(Debug, Clone)]
pub(super) struct Signed {
    /// The relay that it is about; `None`: the monitor itself.
    pub relay: Option<RelayId>,
    /// When that relay answered, in Unix milliseconds.
    pub seen_ms: u64,
    /// What it says.
    pub hash: [u8; 32],
    /// The event.
    pub event: Event,
}

/// Keeps what was signed, at the end of the order of publication; the last place. What is not newer than what is kept is left out: it was
/// signed by what was read before somebody else kept that, such as a transaction of this service from before it was begun anew.
pub(super) async fn keep(
    records: &Database,
    signed: Vec<Signed>,
    now_ms: u64,
) -> Result<u64, Error> {
    let count = stored(signed.len() as u64);
    records
        .write(move |tx| {
            let (last,): (i64,) = tx.fetch_one(
                "INSERT INTO observatory_cursors (name, place, at_ms) VALUES ('publish.numbered', ?, ?)
                 ON CONFLICT (name) DO UPDATE SET place = observatory_cursors.place + excluded.place, at_ms = excluded.at_ms RETURNING place",
                (count, stored(now_ms)),
            )?;
            for (place, signed) in (last - count + 1..).zip(&signed) {
                keep_one(tx, signed, place, now_ms)?;
            }
            Ok(read(last))
        })
        .await
}

fn keep_one(
    tx: &mut Transaction<'_>,
    signed: &Signed,
    place: i64,
    now_ms: u64,
) -> Result<u64, Error> {
    tx.execute(
        "INSERT INTO observatory_published (kind, relay, hash, seen_ms, at_ms, created_at, place, event) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
         ON CONFLICT (kind, relay) DO UPDATE SET hash = excluded.hash, seen_ms = excluded.seen_ms, at_ms = excluded.at_ms,
            created_at = excluded.created_at, place = excluded.place, event = excluded.event
         WHERE observatory_published.created_at < excluded.created_at",
        (
            i64::from(signed.event.kind().0),
            signed.relay.map_or(0, |relay| relay.0),
            signed.hash,
            stored(signed.seen_ms),
            stored(now_ms),
            stored(signed.event.created_at().0),
            place,
            String::from_utf8_lossy(signed.event.json()).into_owned(),
        ),
    )
}

/// An event and its place.
#[derive(Debug, Clone)]
pub(super) struct Published {
    /// Its place in the order of publication.
    pub place: u64,
    /// The event.
    pub event: Event,
}

impl FromRow for Published {
    fn from_row(row: Row) -> Result<Self, Error> {
        let text: String = row.get("event")?;
        let event = Event::from_canonical(Bytes::from(text)).map_err(|error| Error::Column {
            column: "event".to_owned(),
            wanted: "an event",
            found: error.to_string(),
        })?;
        Ok(Self {
            place: read(row.get("place")?),
            event,
        })
    }
}

/// What comes behind a place, in order. What was said of a relay before this time, which has not been heard of since, is left out.
pub(super) async fn behind(
    records: &Database,
    place: u64,
    since_ms: u64,
    limit: u32,
) -> Result<Vec<Published>, Error> {
    records
        .fetch_all(
            "SELECT place, event FROM observatory_published WHERE place > ? AND (relay = 0 OR at_ms >= ?) ORDER BY place LIMIT ?",
            (stored(place), stored(since_ms), limit),
        )
        .await
}

/// How much of that there is.
pub(super) async fn count_behind(
    records: &Database,
    place: u64,
    since_ms: u64,
) -> Result<u64, Error> {
    let (count,): (i64,) = records
        .fetch_one(
            "SELECT COUNT(*) FROM observatory_published WHERE place > ? AND (relay = 0 OR at_ms >= ?)",
            (stored(place), stored(since_ms)),
        )
        .await?;
    Ok(read(count))
}

/// The name of the reader of this target.
pub(super) fn reader(target: &str) -> String {
    format!("{TARGET}{target}")
}

/// Notes how far a target has got. Never back: a transaction that was begun before the service was may be written after it.
pub(super) async fn got_to(
    records: &Database,
    target: &str,
    place: u64,
    now_ms: u64,
) -> Result<(), Error> {
    let name = reader(target);
    let cursor = Cursor { place, note: None };
    records
        .write(move |tx| {
            if cursor_in(tx, &name)?.place < cursor.place {
                set_cursor(tx, &name, &cursor, now_ms)?;
            }
            Ok(())
        })
        .await
}

/// Forgets what another key has signed, and how far targets have got that there are no more.
pub(super) async fn begin(
    records: &Database,
    key: String,
    targets: Vec<String>,
    now_ms: u64,
) -> Result<(), Error> {
    records
        .write(move |tx| {
            let before: Option<(Option<String>,)> = tx.fetch_optional(
                "SELECT note FROM observatory_cursors WHERE name = ?",
                (KEY,),
            )?;
            if before.and_then(|(note,)| note).as_ref() != Some(&key) {
                tx.execute("DELETE FROM observatory_published", ())?;
                let cursor = Cursor {
                    place: 0,
                    note: Some(key.clone()),
                };
                set_cursor(tx, KEY, &cursor, now_ms)?;
            }
            let readers: Vec<(String,)> = tx.fetch_all(
                "SELECT name FROM observatory_cursors WHERE name LIKE 'publish.target.%' ORDER BY name LIMIT 1000",
                (),
            )?;
            let gone = readers.into_iter().filter(|(name,)| {
                let target = name.strip_prefix(TARGET).unwrap_or_default();
                !targets.iter().any(|one| one == target)
            });
            for (name,) in gone {
                tx.execute("DELETE FROM observatory_cursors WHERE name = ?", (name,))?;
            }
            Ok(())
        })
        .await
}
