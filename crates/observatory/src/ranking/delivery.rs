//! How much of an author's events each relay delivers.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use roaring::RoaringBitmap;
use serde::Serialize;
use stentor_event::{
    EventView, Filter, PublicKey, Timestamp, Viewer, VisibilityRules, embeds_protected,
};
use stentor_sql::Database;
use stentor_store::{Budget, Query, ScanLimits};
use utoipa::ToSchema;

use super::suggestion;
use crate::error::Error;
use crate::ground::Ground;
use crate::provenance::{self, Among};
use crate::table::{for_rows, rows};

/// Most events that are looked for: the newest.
const MOST_EVENTS: usize = 1_000;
/// Most events that are looked at for that, with those that are not for everybody.
const MOST_LOOKED_AT: usize = 5_000;
/// Most relays that are told.
pub(super) const MOST_RELAYS: usize = 200;
/// Events of one slice of the scan.
const SLICE: usize = 250;

/// Which relays deliver an author's events.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Deliveries {
    /// Events of the author that were looked for at every relay: those of these days that the archive has and everybody may see,
    /// the newest 1,000 at most.
    pub of: u64,
    /// Whether there may be more of them than were looked for: more than 1,000, or so far apart in the archive that only those that
    /// came to it last were.
    pub bound_reached: bool,
    /// Relays in the order in which a client should ask them: each adds more events to those before it than any that follows
    /// would. The 200 that hold most, and those that the author lists, at most as many again.
    pub relays: Vec<Delivery>,
}

/// What a relay delivers of an author's events.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Delivery {
    /// The relay's number; `None` when the author lists it and it is not known.
    pub relay: Option<i64>,
    /// Its URL.
    pub url: String,
    /// Events that it holds.
    pub held: u64,
    /// Events that it holds or a relay before it in the list does.
    pub held_so_far: u64,
    /// Whether the author says to write there (NIP-65).
    pub listed: bool,
    /// Whether it was online when it was last looked at.
    pub online: bool,
}

/// What is known of a relay while the answer is made.
#[derive(Debug, Default)]
struct Known {
    relay: Option<i64>,
    held: RoaringBitmap,
    listed: bool,
    online: bool,
}

/// How much of what an author has published in these days each relay delivers.
///
/// # Errors
/// Those of the archive and of the records.
pub(crate) async fn deliveries(
    ground: &Ground,
    author: PublicKey,
    days: u64,
    rules: Arc<VisibilityRules>,
) -> Result<Deliveries, Error> {
    let (numbers, bound_reached) = newest(ground, author, days, rules).await?;
    let Among { held, of } = provenance::held_among(&ground.records, &numbers).await?;
    let listed = listed(&ground.records, author).await?;
    let mut relays = named(&ground.records, chosen(held, &listed)).await?;
    add(listed, &mut relays);
    Ok(Deliveries {
        of: of as u64,
        bound_reached: bound_reached || of < numbers.len(),
        relays: suggested(relays),
    })
}

/// Those that hold most, and those that the author lists, however little these hold.
fn chosen(held: BTreeMap<i64, RoaringBitmap>, listed: &[Listed]) -> Vec<(i64, RoaringBitmap)> {
    let listed: BTreeSet<i64> = listed.iter().filter_map(|one| one.relay).collect();
    let mut most: Vec<(i64, RoaringBitmap)> = held.into_iter().collect();
    most.sort_by_key(|(relay, held)| (std::cmp::Reverse(held.len()), *relay));
    let ranked = most.into_iter().enumerate();
    let chosen = ranked.filter(|(rank, (relay, _))| *rank < MOST_RELAYS || listed.contains(relay));
    chosen.map(|(_, one)| one).collect()
}

/// Numbers of the author's newest events that everybody may see, ascending, and whether there may be more of them.
async fn newest(
    ground: &Ground,
    author: PublicKey,
    days: u64,
    rules: Arc<VisibilityRules>,
) -> Result<(Vec<u64>, bool), Error> {
    let now = ground.clock.now();
    let filter = Filter {
        authors: Some(vec![author]),
        since: Some(Timestamp(now.0.saturating_sub(days.saturating_mul(86_400)))),
        ..Filter::default()
    };
    let query = Query {
        filters: Arc::from([filter]),
        now,
        before: None,
        limits: ScanLimits { cap: 0, rows: 0 },
    };
    let budget = Budget {
        events: SLICE,
        bytes: 1 << 20,
        rows: 10_000,
    };
    let viewer = Viewer::anonymous(rules);
    let (mut scan, mut numbers) = (ground.archive.scan(query), BTreeSet::new());
    let mut looked_at = 0;
    loop {
        let batch = scan.next(&viewer, budget).await?;
        for event in &batch.events {
            if numbers.len() >= MOST_EVENTS || looked_at >= MOST_LOOKED_AT {
                return Ok((numbers.into_iter().collect(), true));
            }
            looked_at += 1;
            let view = EventView::from_canonical(&event.json)
                .map_err(|error| Error::Invalid(error.to_string()))?;
            if !view.is_protected() && !embeds_protected(&view) {
                numbers.insert(event.number.0);
            }
        }
        if batch.end.is_some() {
            return Ok((numbers.into_iter().collect(), false));
        }
    }
}

/// Relays by their URLs.
async fn named(
    records: &Database,
    held: Vec<(i64, RoaringBitmap)>,
) -> Result<BTreeMap<String, Known>, Error> {
    let ids = rows(held.iter().map(|(relay, _)| [*relay]));
    let urls: Vec<(i64, String, String)> = records
        .fetch_all(
            for_rows!(
                "SELECT id, url, status FROM observatory_relays WHERE id IN (SELECT CAST(value ->> 0 AS BIGINT)",
                ")"
            ),
            (ids,),
        )
        .await?;
    let mut held: BTreeMap<i64, RoaringBitmap> = held.into_iter().collect();
    let known = urls.into_iter().map(|(relay, url, status)| {
        let known = Known {
            relay: Some(relay),
            held: held.remove(&relay).unwrap_or_default(),
            listed: false,
            online: status == "online",
        };
        (url, known)
    });
    Ok(known.collect())
}

/// A relay that the author lists.
struct Listed {
    url: String,
    /// Its number, if it is known.
    relay: Option<i64>,
    online: bool,
}

/// Where the author says to write, at most 200 relays.
async fn listed(records: &Database, author: PublicKey) -> Result<Vec<Listed>, Error> {
    let listed: Vec<(String, Option<i64>, Option<String>)> = records
        .fetch_all(
            "SELECT u.url, r.id, r.status FROM observatory_authors a
             JOIN observatory_lists l ON l.author = a.number JOIN observatory_list_urls u ON u.id = l.url
             LEFT JOIN observatory_relays r ON r.url = u.url
             WHERE a.pubkey = ? AND l.kind = 10002 AND l.writes ORDER BY u.url LIMIT ?",
            (author.0, MOST_RELAYS as i64),
        )
        .await?;
    let one = |(url, relay, status): (String, Option<i64>, Option<String>)| Listed {
        url,
        relay,
        online: status.as_deref() == Some("online"),
    };
    Ok(listed.into_iter().map(one).collect())
}

/// Marks those that the author lists, and adds those of them that hold nothing.
fn add(listed: Vec<Listed>, relays: &mut BTreeMap<String, Known>) {
    for one in listed {
        let known = relays.entry(one.url).or_default();
        known.listed = true;
        known.relay = known.relay.or(one.relay);
        known.online |= one.online;
    }
}

/// Puts them in order: those that can be reached before those that cannot; among equal ones, those that the author lists first.
fn suggested(relays: BTreeMap<String, Known>) -> Vec<Delivery> {
    let mut relays: Vec<(String, Known)> = relays.into_iter().collect();
    relays.sort_by_key(|(_, known)| (!known.online, !known.listed));
    let split = relays.partition_point(|(_, known)| known.online);
    let (mut deliveries, mut so_far) = (Vec::with_capacity(relays.len()), RoaringBitmap::new());
    let (online, others) = relays.split_at(split);
    for group in [online, others] {
        let held: Vec<RoaringBitmap> = group.iter().map(|(_, known)| known.held.clone()).collect();
        let order = suggestion::order(&held);
        for (url, known) in order.into_iter().filter_map(|place| group.get(place)) {
            so_far |= &known.held;
            deliveries.push(Delivery {
                relay: known.relay,
                url: url.clone(),
                held: known.held.len(),
                held_so_far: so_far.len(),
                listed: known.listed,
                online: known.online,
            });
        }
    }
    deliveries
}
