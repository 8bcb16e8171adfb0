//! New events as they come, from the best relays (O3.3): what tells when an event was first seen where.
//!
//! A subscription proves nothing of the past, so coverage does not learn of it; the visits of these relays ask for the same time again.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::select_all;
use stentor_event::{Filter, Timestamp};
use stentor_net::dial::Trust;
use stentor_peer::{Dropped, Incoming, Link, LinkTimes, Over, Peer};
use stentor_sql::Sql;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{sleep, timeout};

use super::activity::Task;
use super::due::{json, urls};
use super::intake::{Basket, Taken};
use super::metrics;
use super::settle::Settlement;
use super::standing::Counts;
use super::visit::manner;
use super::work::Work;
use crate::budget::Class;
use crate::clock::read;
use crate::error::Error;
use crate::ground::Ground;
use crate::provenance::How;
use crate::relay_url::RelayUrl;
use crate::table::{RelayId, for_rows};

/// How often the relays are chosen anew, and looked for while there are too few.
const CHOOSE: Duration = Duration::from_secs(3_600);
const LOOK: Duration = Duration::from_secs(60);
/// How long a relay is left alone that has closed the subscription.
const REFUSED: Duration = Duration::from_secs(300);
/// Filters in one REQ; relays allow 10 and more.
const FILTERS: usize = 10;
/// Events handed over at once, of those that have come already, and how long the first of them waits.
const BATCH: usize = 128;
const WAIT: Duration = Duration::from_millis(500);
/// Old events that a relay may send before it says that what follows is new.
const OLD: u64 = 10_000;

/// A relay that may be followed.
#[derive(Debug, Clone, PartialEq)]
struct Candidate {
    relay: RelayId,
    url: RelayUrl,
    /// Milliseconds that an answer takes.
    read_ms: Option<u64>,
    /// Events that it is known to hold.
    events: u64,
    first: bool,
}

impl Candidate {
    /// More is better: those that the operator put first, then many events, then short answers. Twice the events weigh as much as a
    /// second.
    fn weight(&self) -> i64 {
        let events = i64::from(u64::BITS - self.events.leading_zeros());
        let slow = self.read_ms.unwrap_or(2_000).min(60_000);
        let slow = i64::try_from(slow).unwrap_or(60_000);
        (if self.first { 1_000_000 } else { 0 }) + events * 1_000 - slow
    }
}

/// The best of these.
fn best(mut candidates: Vec<Candidate>, places: usize) -> Vec<Candidate> {
    candidates.sort_by_key(|one| (std::cmp::Reverse(one.weight()), one.relay));
    candidates.truncate(places);
    candidates
}

/// What may be followed, before a condition and what it is ordered by.
macro_rules! may_be_followed {
    () => {
        "SELECT r.id, r.url, r.read_ms, COALESCE(c.events, 0) AS held
         FROM observatory_relays r LEFT JOIN observatory_relay_counts c ON c.relay = r.id
         WHERE r.state = 'relay' AND r.status <> 'offline'"
    };
}
const MOST_EVENTS: &str = concat!(may_be_followed!(), " ORDER BY held DESC, r.id LIMIT ?");
const NAMED: Sql = for_rows!(
    concat!(
        may_be_followed!(),
        " AND r.url IN (SELECT CAST(value ->> 0 AS TEXT)"
    ),
    ")"
);

/// Relays that may be followed: those that the operator put first, whatever they hold, and those with the most events.
async fn candidates(ground: &Ground, places: usize) -> Result<Vec<Candidate>, Error> {
    let config = &ground.config.archive;
    let (first, never) = (urls(&config.first), urls(&config.never));
    let mut rows: Vec<(i64, String, Option<i64>, i64)> = Vec::new();
    if !first.is_empty() {
        rows = ground.records.fetch_all(NAMED, (json(&first),)).await?;
    }
    let most = i64::try_from(places.saturating_mul(8).saturating_add(64)).unwrap_or(i64::MAX);
    rows.extend(ground.records.fetch_all(MOST_EVENTS, (most,)).await?);
    let mut seen = HashSet::new();
    rows.retain(|row| seen.insert(row.0));
    let candidates = rows
        .into_iter()
        .filter_map(|(relay, url, read_ms, events)| {
            let url = RelayUrl::parse(&url).ok()?;
            (!never.contains(&url)).then(|| Candidate {
                relay: RelayId(relay),
                read_ms: read_ms.map(read),
                events: read(events),
                first: first.contains(&url),
                url,
            })
        });
    Ok(candidates.collect())
}

/// Follows the best relays for ever.
///
/// # Errors
/// Those of the records and of the archive's store.
pub(super) async fn run(work: &Work) -> Result<(), Error> {
    let ground = &work.intake.ground;
    let places = ground.config.archive.live;
    let mut tasks: JoinSet<(RelayId, Result<(), Error>)> = JoinSet::new();
    let mut followed: HashMap<RelayId, AbortHandle> = HashMap::new();
    loop {
        let chosen = if places == 0 {
            Vec::new()
        } else {
            best(candidates(ground, places).await?, places)
        };
        let ids: HashSet<RelayId> = chosen.iter().map(|one| one.relay).collect();
        followed.retain(|relay, task| {
            let stays = ids.contains(relay);
            if !stays {
                task.abort();
            }
            stays
        });
        for one in chosen {
            if !followed.contains_key(&one.relay) {
                let (relay, work) = (one.relay, work.clone());
                let task = tasks.spawn(async move { (relay, follow(work, one).await) });
                followed.insert(relay, task);
            }
        }
        let wait = if followed.len() < places {
            LOOK
        } else {
            CHOOSE
        };
        tokio::select! {
            Some(ended) = tasks.join_next() => match ended {
                Ok((relay, ended)) => {
                    followed.remove(&relay);
                    ended?;
                }
                Err(error) if error.is_cancelled() => {}
                Err(error) => return Err(Error::Invalid(format!("a live subscription: {error}"))),
            },
            () = ground.clock.sleep(wait) => {}
            () = ground.signals.relays.notified(), if followed.len() < places => {}
        }
    }
}

/// Follows one relay for ever, or until its URL may not be dialled.
async fn follow(work: Work, one: Candidate) -> Result<(), Error> {
    let ground = work.intake.ground.clone();
    let class = if one.first {
        Class::First
    } else {
        Class::Common
    };
    let _permit = ground.budget.permit(one.url.network(), class).await;
    let (config, signer) = manner(&ground, &one.url);
    let times = LinkTimes::default();
    let dialer = ground.dialer.clone();
    let mut link = Link::new(dialer, one.url.as_str(), Trust::Stranger, config, &times);
    if let Some(signer) = signer {
        link = link.signed_by(signer);
    }
    loop {
        let failed = |error: &stentor_peer::PeerError, wait| {
            tracing::debug!(url = one.url.as_str(), %error, ?wait, "no live subscription");
        };
        let Ok(peer) = link.peer(failed).await else {
            // Not before the next choice, which is a while.
            ground.clock.sleep(CHOOSE).await;
            return Ok(());
        };
        let _open = Open::new();
        let _doing = ground
            .activity
            .begin(Task::Live, one.relay, ground.clock.now_ms());
        let closed = listen(&work, &one, &peer).await?;
        if closed {
            peer.close().await;
            sleep(REFUSED).await;
        }
    }
}

/// Counts a subscription as long as it is there.
struct Open;

impl Open {
    fn new() -> Self {
        metrics::live(1);
        Self
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        metrics::live(-1);
    }
}

/// Takes in what comes until a subscription ends; whether the relay does not want it.
async fn listen(work: &Work, one: &Candidate, peer: &Peer) -> Result<bool, Error> {
    let ground = &work.intake.ground;
    let now = ground.clock.now();
    let mut streams = Vec::new();
    let filters: Vec<Filter> = work
        .filters
        .iter()
        .map(|(_, filter)| live(filter, now))
        .collect();
    for some in filters.chunks(FILTERS) {
        match peer.req(some.to_vec()).await {
            Ok(subscription) => streams.push(subscription.into_stream().boxed()),
            Err(_) => return Ok(false),
        }
    }
    let ends = streams.len();
    let mut batches = select_all(streams).ready_chunks(BATCH);
    let mut basket = Basket::new(work.intake.clone(), one.relay, How::Live);
    let (mut taken, mut old, mut live) = (Taken::default(), 0_u64, 0);
    loop {
        // Dropping this loses nothing: what was ready is handed out whole.
        let batch = match timeout(WAIT, batches.next()).await {
            Ok(Some(batch)) => batch,
            Ok(None) => return Ok(false),
            Err(_) => Vec::new(),
        };
        let is_quiet = batch.is_empty();
        let mut over = None;
        for incoming in batch {
            match incoming {
                Incoming::Event(event) if live >= ends || event.created_at() >= now => {
                    basket.put(event).await?;
                }
                Incoming::Event(_) => old += 1,
                Incoming::Eose(_) => live += 1,
                Incoming::Over(why) => over = Some(matches!(why, Over::Closed(_))),
            }
        }
        basket.flush().await?;
        let forged = basket.forged();
        (0..forged).for_each(|_| peer.report(Dropped::Signature));
        taken.add(basket.taken());
        if taken.pairs.len() >= BATCH || is_quiet || over.is_some() {
            write(work, one.relay, std::mem::take(&mut taken)).await?;
        }
        if let Some(closed) = over {
            return Ok(closed);
        }
        if old > OLD {
            return Ok(true);
        }
    }
}

/// New events of a filter: none of what is stored, as far as the relay understands that.
fn live(filter: &Filter, now: Timestamp) -> Filter {
    Filter {
        since: Some(now.max(filter.since.unwrap_or(now))),
        limit: Some(1),
        ..filter.clone()
    }
}

async fn write(work: &Work, relay: RelayId, taken: Taken) -> Result<(), Error> {
    if taken.pairs.is_empty() {
        return Ok(());
    }
    let settlement = Settlement {
        relay,
        // What visits bring is counted.
        came: Counts::default(),
        pairs: taken.pairs,
        change: None,
        standing: None,
    };
    work.desk.settle(settlement).await
}

#[cfg(test)]
mod tests;
