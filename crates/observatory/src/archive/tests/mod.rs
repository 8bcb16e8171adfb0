//! The archive against simulated relays, with its records at hand. The whole service is looked at from outside in `tests/network`.

mod believing;
mod coverage_rows;
mod new_events;
mod resuming;
mod whom;

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use stentor_event::{EventId, Filter, Timestamp};
use stentor_peer::Window;
use stentor_simulation::{Character, Network, Spec};
use stentor_sql::testing::House;
use tokio::time::{sleep, timeout};

use super::own::own_set;
use super::service::run;
use crate::config::{Archive, Config};
use crate::ground::Ground;
use crate::relay_url::RelayUrl;
use crate::table::{RelayId, mention};

const DAY: u64 = 86_400;
/// How long anything here may take.
const LIMIT: Duration = Duration::from_secs(240);

fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs()
}

fn spec(characters: &[Character], events: usize) -> Spec {
    Spec {
        now: now() - 3_600,
        days: 5,
        events,
        pause: Duration::from_millis(20),
        ..Spec::of(7, characters.iter().copied())
    }
}

fn config() -> Archive {
    Archive {
        since: now() - 20 * DAY,
        live: 0,
        interval_seconds: 3_600,
        page_events: 100,
        ..Archive::default()
    }
}

async fn ground(house: &House, archive: Archive) -> Arc<Ground> {
    let config = Config {
        archive,
        ..Config::default()
    };
    let ground = crate::testing::ground(house, config).await;
    let mut ground = Arc::into_inner(ground).unwrap();
    ground.peer.answer_seconds = 2;
    ground.peer.handshake_seconds = 3;
    Arc::new(ground)
}

/// Enters all relays of a network as proven; their numbers by URL.
async fn enter(ground: &Ground, network: &Network) -> BTreeMap<String, RelayId> {
    let urls: Vec<String> = network.urls();
    let entered = ground.records.write(move |tx| {
        let mut ids = BTreeMap::new();
        for url in &urls {
            let parsed = RelayUrl::parse(url).unwrap();
            let (id, _) = mention(tx, &parsed, "test", None, 1)?;
            tx.execute(
                "UPDATE observatory_relays SET state = 'relay', status = 'online' WHERE id = ?",
                (id.0,),
            )?;
            ids.insert(url.clone(), id);
        }
        Ok::<_, stentor_sql::Error>(ids)
    });
    entered.await.unwrap()
}

/// Relays whose turns have come to an end: all is settled, or the relay gave nothing.
async fn ended(ground: &Ground) -> usize {
    let now_ms = i64::try_from(ground.clock.now_ms()).unwrap();
    let (ended,): (i64,) = ground
        .records
        .fetch_one(
            "SELECT COUNT(*) FROM observatory_archiving WHERE last_ms IS NOT NULL AND next_ms > ?",
            (now_ms,),
        )
        .await
        .unwrap();
    usize::try_from(ended).unwrap()
}

/// Archives until every relay has had what turns it needs.
async fn archive(ground: &Arc<Ground>, relays: usize) {
    let settled = async {
        while ended(ground).await < relays {
            sleep(Duration::from_millis(50)).await;
        }
    };
    let work = async {
        tokio::select! {
            ended = run(ground.clone()) => panic!("{ended:?}"),
            () = settled => {}
        }
    };
    if timeout(LIMIT, work).await.is_err() {
        let rows: Vec<(String, i64, i64, Option<String>)> = ground
            .records
            .fetch_all(
                "SELECT r.url, a.behind, a.failures, a.last_outcome FROM observatory_archiving a
                 JOIN observatory_relays r ON r.id = a.relay WHERE a.last_ms IS NULL OR a.behind > 0 LIMIT 99",
                (),
            )
            .await
            .unwrap();
        panic!("not in time: {rows:?}");
    }
}

async fn archived(ground: &Ground) -> BTreeSet<EventId> {
    let all = Window {
        since: 0,
        until: u64::MAX,
    };
    let now = Timestamp(now());
    let everything = Filter::default();
    let nothing = HashSet::new();
    let set = own_set(&*ground.archive, &everything, all, &nothing, now);
    let set = set.await.unwrap().unwrap();
    set.events.iter().map(|own| own.id).collect()
}

/// Intervals of a relay: since, until, state, reason.
async fn covered(ground: &Ground, relay: RelayId) -> Vec<(u64, u64, String, Option<String>)> {
    let rows: Vec<(i64, i64, String, Option<String>)> = ground
        .records
        .fetch_all(
            "SELECT since, until, state, reason FROM observatory_coverage WHERE relay = ? ORDER BY since",
            (relay.0,),
        )
        .await
        .unwrap();
    rows.into_iter()
        .map(|(since, until, state, reason)| (since as u64, until as u64, state, reason))
        .collect()
}
