//! Relay lists of authors: the newest of each (NIP-65, NIP-17), by which it is told who names relays that are dead.
//!
//! URLs have numbers of their own here: what an author names need be neither relay nor candidate, and outlives both.

use std::collections::BTreeMap;

use stentor_event::{Event, EventId, Kind};
use stentor_sql::{Error, Transaction};

use crate::clock::stored;
use crate::relay_url::RelayUrl;
use crate::table::{for_rows, rows};

/// Relay lists (NIP-65), and relays for private messages (NIP-17).
pub(super) const KINDS: [Kind; 2] = [Kind::RELAY_LIST, Kind(10_050)];
/// Most entries of a list that are looked at; NIP-65 asks for two to four of each sort.
const MOST: usize = 50;

/// A relay list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct List {
    /// The event.
    pub id: EventId,
    /// Its time, in Unix seconds.
    pub created_at: u64,
    /// What it names: whether for reading, whether for writing. What is no relay's URL is left out.
    pub entries: BTreeMap<RelayUrl, (bool, bool)>,
}

impl List {
    /// Reads a list.
    pub fn of(event: &Event) -> Self {
        let mut entries = BTreeMap::new();
        let is_outbox = event.kind() == Kind::RELAY_LIST;
        let name: &[u8] = if is_outbox { b"r" } else { b"relay" };
        let view = event.view();
        let tags = view.tags().filter(|tag| tag.name().is(name));
        for tag in tags.take(MOST) {
            let Some(url) = tag.value() else {
                continue;
            };
            let Ok(url) = RelayUrl::parse(&url.to_text()) else {
                continue;
            };
            let marker = tag.get(2).filter(|_| is_outbox);
            let is = |word: &[u8]| marker.is_some_and(|marker| marker.is(word));
            let entry: &mut (bool, bool) = entries.entry(url).or_default();
            entry.0 |= !is(b"write");
            entry.1 |= !is(b"read");
        }
        Self {
            id: event.id(),
            created_at: event.created_at().0,
            entries,
        }
    }

    /// Whether the event replaces it (NIP-01: the newer one, and of two at once the one with the lower id).
    pub fn is_older_than(&self, event: &Event) -> bool {
        self.yields_to(event.created_at().0, &event.id().0)
    }

    fn yields_to(&self, created_at: u64, id: &[u8]) -> bool {
        self.created_at < created_at || (self.created_at == created_at && id < self.id.0.as_slice())
    }
}

/// Makes this list the author's one of the kind, unless there is a newer one.
pub(super) fn keep(
    tx: &mut Transaction<'_>,
    author: u64,
    kind: u16,
    list: &List,
    now_ms: u64,
) -> Result<(), Error> {
    let head: Option<(i64, Vec<u8>)> = tx.fetch_optional(
        "SELECT created_at, event FROM observatory_list_heads WHERE author = ? AND kind = ?",
        (stored(author), kind),
    )?;
    if let Some((created_at, event)) = head {
        let created_at = u64::try_from(created_at).unwrap_or(0);
        if !list.yields_to(created_at, &event) && event != list.id.0 {
            clear(tx, author, kind)?;
        } else {
            return Ok(());
        }
    }
    tx.execute(
        "INSERT INTO observatory_list_heads (author, kind, created_at, event) VALUES (?, ?, ?, ?)
         ON CONFLICT (author, kind) DO UPDATE SET created_at = excluded.created_at, event = excluded.event",
        (stored(author), kind, stored(list.created_at), list.id.0),
    )?;
    for (url, (reads, writes)) in &list.entries {
        let id = named(tx, url, now_ms)?;
        tx.execute(
            "INSERT INTO observatory_lists (author, kind, url, reads, writes) VALUES (?, ?, ?, ?, ?)",
            (stored(author), kind, id, *reads, *writes),
        )?;
    }
    Ok(())
}

/// Takes out the author's list of the kind, if it is this event; returns whether it was.
pub(super) fn forget(
    tx: &mut Transaction<'_>,
    author: u64,
    kind: u16,
    event: &EventId,
) -> Result<bool, Error> {
    let gone = tx.execute(
        "DELETE FROM observatory_list_heads WHERE author = ? AND kind = ? AND event = ?",
        (stored(author), kind, event.0),
    )?;
    if gone > 0 {
        clear(tx, author, kind)?;
    }
    Ok(gone > 0)
}

/// Takes out the entries of a list, and URLs that no list names any more.
fn clear(tx: &mut Transaction<'_>, author: u64, kind: u16) -> Result<(), Error> {
    let urls: Vec<(i64,)> = tx.fetch_all(
        "DELETE FROM observatory_lists WHERE author = ? AND kind = ? RETURNING url",
        (stored(author), kind),
    )?;
    if urls.is_empty() {
        return Ok(());
    }
    let urls = rows(urls.into_iter().map(|(url,)| [url]));
    tx.execute(
        for_rows!(
            "UPDATE observatory_list_urls SET entries = entries - 1 WHERE id IN (SELECT CAST(value ->> 0 AS BIGINT)",
            ")"
        ),
        (urls.clone(),),
    )?;
    tx.execute(
        for_rows!(
            "DELETE FROM observatory_list_urls WHERE entries <= 0 AND id IN (SELECT CAST(value ->> 0 AS BIGINT)",
            ")"
        ),
        (urls,),
    )?;
    Ok(())
}

/// Counts one more entry with this URL, and gives it a number if it has none.
fn named(tx: &mut Transaction<'_>, url: &RelayUrl, now_ms: u64) -> Result<i64, Error> {
    let known: Option<(i64,)> = tx.fetch_optional(
        "UPDATE observatory_list_urls SET entries = entries + 1 WHERE url = ? RETURNING id",
        (url.as_str(),),
    )?;
    if let Some((id,)) = known {
        return Ok(id);
    }
    let id = super::authors::next_numbers(tx, "lists.urls.numbered", 1, now_ms)?;
    tx.execute(
        "INSERT INTO observatory_list_urls (id, url, entries, first_ms) VALUES (?, ?, 1, ?)",
        (id, url.as_str(), stored(now_ms)),
    )?;
    Ok(id)
}
