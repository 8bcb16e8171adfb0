//! Watches: making, removing and listing them, for REST and the command line.

use serde::Serialize;
use stentor_bus::{BusError, new_id};
use stentor_event::PublicKey;
use stentor_sql::{Database, FromRow, Row, Transaction};

use super::table::{PER_RELAY, UP, down_since_ms, is_watched};
use crate::clock::{read, stored};
use crate::error::Error;
use crate::relay_url::RelayUrl;
use crate::role::Observatory;
use crate::table::{RelayId, Status, mention};

/// Watches that one list shows.
const PAGE: u32 = 500;
/// Characters of what is kept of who made a watch.
const MADE_BY: usize = 200;

/// How a watch stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum WatchState {
    /// The relay was never checked: it is not known yet to be one, or was not reached by our own network.
    Unknown,
    /// The relay was checked; nothing was told, or that it has recovered.
    Up,
    /// It was told that the relay is down.
    Down,
}

/// A relay that somebody watches.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Watch {
    /// Its id. Later ones are greater.
    pub id: String,
    /// The relay's URL.
    pub url: String,
    /// The public key, in hex, that private messages go to; without one, there are envelopes only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recipient: Option<String>,
    /// When it was made, in Unix milliseconds.
    pub made_ms: u64,
    /// Who made it.
    pub made_by: String,
    /// How it stands.
    pub state: WatchState,
    /// Since when the relay is down, in Unix milliseconds, if that was told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub down_since_ms: Option<u64>,
}

impl FromRow for Watch {
    fn from_row(row: Row) -> Result<Self, stentor_sql::Error> {
        let recipient: Option<[u8; 32]> = row.get("recipient")?;
        let down_since_ms = down_since_ms(&row)?;
        let status = Status::parse(&row.get::<String>("status")?);
        Ok(Self {
            id: row.get("id")?,
            url: row.get("url")?,
            recipient: recipient.map(|key| PublicKey(key).to_string()),
            made_ms: read(row.get("made_ms")?),
            made_by: row.get("made_by")?,
            state: match (down_since_ms, status) {
                (Some(_), _) => WatchState::Down,
                (None, Status::Unknown) => WatchState::Unknown,
                (None, Status::Online | Status::Offline) => WatchState::Up,
            },
            down_since_ms,
        })
    }
}

impl Observatory {
    /// Watches a relay: what happens to it is told in envelopes `relay.monitor.*`, and to the recipient, if there is one, in private
    /// messages. A relay that is not known yet is taken up; nothing is told of it, and its watch is `unknown`, until it has once been found
    /// to be a relay and was checked. One that is known is checked at once. The same watch a second time is the first one.
    ///
    /// # Errors
    /// [`Error::Full`] when there are as many watches as there may be, else [`Error::Records`] and [`Error::Bus`].
    pub async fn watch(
        &self,
        url: &RelayUrl,
        recipient: Option<PublicKey>,
        by: &str,
    ) -> Result<Watch, Error> {
        let ground = &self.ground;
        let limit = ground.config.alert.watches as u64;
        let now_ms = ground.clock.now_ms();
        let made = watch(&ground.records, url, recipient, by, limit, now_ms).await?;
        ground.signals.candidates.notify_one();
        Ok(made)
    }

    /// Ends a watch, with the messages that wait for it; `false` if there is none of this id.
    ///
    /// # Errors
    /// [`Error::Records`].
    pub async fn unwatch(&self, id: &str) -> Result<bool, Error> {
        unwatch(&self.ground.records, id).await
    }

    /// Watches in the order in which they were made, those after this id; at most `limit`, and no more than 500.
    ///
    /// # Errors
    /// [`Error::Records`].
    pub async fn watches(&self, after: Option<&str>, limit: u32) -> Result<Vec<Watch>, Error> {
        watches(&self.ground.records, after, limit).await
    }
}

/// See [`Observatory::watch`]; `limit` is how many watches there may be.
pub(super) async fn watch(
    records: &Database,
    url: &RelayUrl,
    recipient: Option<PublicKey>,
    by: &str,
    limit: u64,
    now_ms: u64,
) -> Result<Watch, Error> {
    let (url, by): (_, String) = (url.clone(), by.chars().take(MADE_BY).collect());
    records
        .write(move |tx| {
            let (relay, _) = mention(tx, &url, "watch", None, now_ms)?;
            if let Some(there) = of(tx, relay, recipient)? {
                return Ok(there);
            }
            if let Some(problem) = no_room(tx, relay, limit)? {
                return Err(Error::Full(problem));
            }
            if !is_watched(tx, relay)? {
                // It may have been left alone for long, as it was away.
                tx.execute(
                    "UPDATE observatory_relays SET next_ms = ?1 WHERE id = ?2 AND state = 'relay' AND next_ms > ?1",
                    (stored(now_ms), relay.0),
                )?;
            }
            let id = new_id(now_ms).map_err(|_| BusError::NoRandomness)?;
            tx.execute(
                "INSERT INTO observatory_watches (id, relay, recipient, made_ms, made_by, state) VALUES (?, ?, ?, ?, ?, ?)",
                (
                    id.to_string(),
                    relay.0,
                    recipient.map(|key| key.0),
                    stored(now_ms),
                    &by,
                    UP,
                ),
            )?;
            of(tx, relay, recipient)?.ok_or_else(|| Error::Invalid("the watch is gone".to_owned()))
        })
        .await
}

/// Why there can be no further watch of this relay, if there cannot.
fn no_room(
    tx: &mut Transaction<'_>,
    relay: RelayId,
    limit: u64,
) -> Result<Option<String>, stentor_sql::Error> {
    let (all,): (i64,) = tx.fetch_one("SELECT COUNT(*) FROM observatory_watches", ())?;
    if read(all) >= limit {
        return Ok(Some(format!("there are {limit} watches already")));
    }
    let (here,): (i64,) = tx.fetch_one(
        "SELECT COUNT(*) FROM observatory_watches WHERE relay = ?",
        (relay.0,),
    )?;
    let full = read(here) >= PER_RELAY;
    Ok(full.then(|| format!("there are {PER_RELAY} watches of this relay already")))
}

/// The watch of a relay with this recipient.
fn of(
    tx: &mut Transaction<'_>,
    relay: RelayId,
    recipient: Option<PublicKey>,
) -> Result<Option<Watch>, stentor_sql::Error> {
    // Watches of one relay are few. `NULL` equals nothing, so they are compared here.
    let all: Vec<Watch> = tx.fetch_all(
        "SELECT w.id, r.url, w.recipient, w.made_ms, w.made_by, w.state, w.since_ms, r.status
         FROM observatory_watches w JOIN observatory_relays r ON r.id = w.relay WHERE w.relay = ? ORDER BY w.id LIMIT ?",
        (relay.0, stored(PER_RELAY)),
    )?;
    let recipient = recipient.map(|key| key.to_string());
    Ok(all.into_iter().find(|watch| watch.recipient == recipient))
}

/// See [`Observatory::unwatch`].
pub(super) async fn unwatch(records: &Database, id: &str) -> Result<bool, Error> {
    let id = id.to_owned();
    let gone = records
        .write(move |tx| {
            tx.execute("DELETE FROM observatory_messages WHERE watch = ?", (&id,))?;
            tx.execute("DELETE FROM observatory_watches WHERE id = ?", (&id,))
        })
        .await?;
    Ok(gone > 0)
}

/// See [`Observatory::watches`].
pub(super) async fn watches(
    records: &Database,
    after: Option<&str>,
    limit: u32,
) -> Result<Vec<Watch>, Error> {
    let found = records
        .fetch_all(
            "SELECT w.id, r.url, w.recipient, w.made_ms, w.made_by, w.state, w.since_ms, r.status
             FROM observatory_watches w JOIN observatory_relays r ON r.id = w.relay WHERE w.id > ? ORDER BY w.id LIMIT ?",
            (after.unwrap_or_default(), limit.min(PAGE)),
        )
        .await?;
    Ok(found)
}
