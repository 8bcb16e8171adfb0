//! What stands in the place of a relay list that has left the archive: the newest that is left of its author.

use std::sync::Arc;

use stentor_event::{Event, EventId, Filter, Kind, Timestamp, Viewer};
use stentor_store::{Budget, Query, ScanLimits};

use super::batch::key;
use super::lists::List;
use super::period;
use crate::error::Error;
use crate::ground::Ground;

/// A list that left, and what comes in its place.
#[derive(Debug, Clone)]
pub(crate) struct Replaced {
    /// The number of its author.
    pub author: u64,
    /// Its kind.
    pub kind: u16,
    /// The event that left.
    pub event: EventId,
    /// The newest that is left.
    pub by: Option<List>,
}

/// Finds what stands in the place of these events, for those that are the newest of their authors as far as we have counted.
pub(super) async fn replaced(ground: &Ground, events: &[EventId]) -> Result<Vec<Replaced>, Error> {
    let mut all = Vec::new();
    for event in events {
        let head: Option<(i64, i64, [u8; 32])> = ground
            .records
            .fetch_optional(
                "SELECT heads.author, heads.kind, authors.pubkey FROM observatory_list_heads heads
                 JOIN observatory_authors authors ON authors.number = heads.author WHERE heads.event = ?",
                (event.0,),
            )
            .await?;
        let Some((author, kind, pubkey)) = head else {
            continue;
        };
        let kind = u16::try_from(kind).unwrap_or(0);
        all.push(Replaced {
            author: u64::try_from(author).unwrap_or(0),
            kind,
            event: *event,
            by: newest(ground, pubkey, kind).await?,
        });
    }
    Ok(all)
}

/// The newest list of this author and kind in the archive, of those whose time may be true.
async fn newest(ground: &Ground, author: [u8; 32], kind: u16) -> Result<Option<List>, Error> {
    let now_ms = ground.clock.now_ms();
    let filter = Filter {
        authors: Some(vec![key(author)]),
        kinds: Some(vec![Kind(kind)]),
        until: Some(Timestamp(now_ms / 1_000 + 86_400)),
        limit: Some(1),
        ..Filter::default()
    };
    let query = Query {
        filters: Arc::from([filter]),
        now: Timestamp(0),
        before: None,
        limits: ScanLimits { cap: 1, rows: 0 },
    };
    let budget = Budget {
        events: 1,
        bytes: 1,
        rows: 1_000,
    };
    let (mut scan, viewer) = (ground.archive.scan(query), Viewer::operator());
    loop {
        let batch = scan.next(&viewer, budget).await?;
        if let Some(stored) = batch.events.into_iter().next() {
            let event = Event::from_canonical(stored.json)
                .map_err(|error| Error::Invalid(error.to_string()))?;
            let is_sane = period::day(event.created_at().0, now_ms) != period::ABSURD;
            return Ok(is_sane.then(|| List::of(&event)));
        }
        if batch.end.is_some() {
            return Ok(None);
        }
    }
}
