//! The archive against simulated relays.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use stentor_event::{EventId, Filter, Timestamp};
use stentor_peer::Window;
use stentor_simulation::{Asked, Character, Network, Reason, Spec};
use stentor_sql::both_engines;
use stentor_sql::testing::House;
use tokio::time::{sleep, timeout};

use super::coverage::Coverage;
use super::own::own_set;
use super::progress::progress;
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

/// Makes relays due at once.
async fn visit_again(ground: &Ground, relays: [i64; 2]) {
    let [one, other] = relays;
    let sql = "UPDATE observatory_archiving SET next_ms = 0 WHERE relay = ? OR relay = ?";
    let again = ground
        .records
        .write(move |tx| tx.execute(sql, (one, other)));
    again.await.unwrap();
}

async fn archived(ground: &Ground) -> BTreeSet<EventId> {
    let all = Window {
        since: 0,
        until: u64::MAX,
    };
    let now = Timestamp(now());
    let everything = Filter::default();
    let set = own_set(&*ground.archive, &everything, all, now, 1_000_000);
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

async fn asked_windows(network: &Network) -> u64 {
    network.relays().iter().map(|relay| relay.requests()).sum()
}

async fn o5_4_the_archive_is_the_union_of_what_could_be_fetched(house: House) {
    let cast: Vec<Character> = Character::ALL.to_vec();
    let network = Network::start(spec(&cast, 2_500)).await.unwrap();
    let ground = ground(&house, config()).await;
    let ids = enter(&ground, &network).await;
    archive(&ground, ids.len()).await;
    // From relays whose answers do not end, a part comes with each visit.
    let endless =
        [Character::NeverEose, Character::Flooding].map(|one| network.relay(one).unwrap());
    let all = |got: &BTreeSet<EventId>| endless.iter().all(|one| one.truth().honest.is_subset(got));
    for _ in 0..20 {
        if all(&archived(&ground).await) {
            break;
        }
        let relays = endless.map(|relay| ids[relay.url()].0);
        visit_again(&ground, relays).await;
        archive(&ground, ids.len()).await;
    }
    // Nobody trusts the network's certificates here.
    let is_reached = |character| character != Character::Tls;
    let expected = network.union(|_, _| true);
    let got = archived(&ground).await;
    let mut wrong = Vec::new();
    for relay in network.relays() {
        let missing = relay.truth().honest.difference(&got).count();
        if missing > 0 && is_reached(relay.character()) {
            wrong.push((relay.character(), missing));
        }
    }
    assert_eq!(wrong, Vec::new(), "missing");
    assert_eq!(got.difference(&expected).count(), 0, "not honest");
    for relay in network.relays() {
        let character = relay.character();
        let known = covered(&ground, ids[relay.url()]).await;
        let said = format!("{character}: {known:?}");
        assert!(!known.is_empty(), "{said}");
        for hole in &relay.truth().holes {
            let names = known.iter().any(|(since, until, state, reason)| {
                *since <= hole.since
                    && hole.until <= *until
                    && state == "capped"
                    && reason.is_some()
            });
            assert!(names, "{hole:?} {said}");
            assert!(matches!(hole.reason, Reason::BeyondCap | Reason::TooLarge));
        }
        let complete = known.iter().all(|one| one.2 == Coverage::Complete.as_str());
        let reasons = known
            .iter()
            .all(|one| one.2 == "complete" || one.3.is_some());
        assert!(reasons, "{said}");
        if !relay.truth().provable && character != Character::Withholding {
            assert!(!complete, "{said}");
        }
        if is_plain(character) {
            assert!(complete, "{said}");
            assert_eq!(known.len(), 1, "{said}");
        }
    }
    let gated = network.relay(Character::AuthReads).unwrap();
    let told = gated
        .asked()
        .into_iter()
        .any(|asked| matches!(asked, Asked::Auth(_)));
    assert!(
        !told,
        "who we are is told to those only that the operator named"
    );
    let known = covered(&ground, ids[gated.url()]).await;
    assert!(known.iter().all(|one| one.2 == "refused"), "{known:?}");
    network.stop().await;
}

/// Characters of which a correct client knows that it has all.
fn is_plain(character: Character) -> bool {
    use Character as C;
    matches!(
        character,
        C::Honest
            | C::Mirror
            | C::Negentropy
            | C::NegentropyLimited
            | C::NegentropyLying
            | C::Hints
            | C::Capped
            | C::CappedHints
            | C::CappedTold
            | C::BurstWithinCap
            | C::OldestFirst
            | C::Arbitrary
            | C::IgnoresSince
            | C::IgnoresLimit
            | C::Duplicating
            | C::SlowEvents
            | C::SlowOpen
            | C::SlowEose
            | C::BadSignatures
            | C::BadIds
            | C::Malformed
            | C::Future
            | C::Disconnecting
            | C::RateLimited
            | C::PowWrites
            | C::WritesBlocked
            | C::WritesLost
            | C::EphemeralOnly
            | C::Empty
            | C::ShuttingDown
            | C::InformationHuge
    )
}

async fn o3_5_a_second_run_fetches_nothing_new(house: House) {
    let characters = [Character::Negentropy, Character::Capped, Character::Honest];
    let network = Network::start(spec(&characters, 400)).await.unwrap();
    let ground = ground(&house, config()).await;
    let ids = enter(&ground, &network).await;
    archive(&ground, ids.len()).await;
    let before = (archived(&ground).await, progress(&ground).await.unwrap());
    assert_eq!(
        (before.1.relays, before.1.complete),
        (3, 3),
        "{:?}",
        before.1
    );
    assert_eq!(before.1.events, before.0.len() as u64);
    ground
        .records
        .write(|tx| tx.execute("UPDATE observatory_archiving SET next_ms = 0", ()))
        .await
        .unwrap();
    archive(&ground, ids.len()).await;
    let after = progress(&ground).await.unwrap();
    assert_eq!(archived(&ground).await, before.0);
    assert_eq!(after.events, before.1.events, "nothing new");
    // Everything that a relay showed is credited to it, what never travelled twice included.
    let holdings: Vec<(i64, i64)> = ground
        .records
        .fetch_all(
            "SELECT relay, events FROM observatory_relay_counts ORDER BY relay LIMIT 9",
            (),
        )
        .await
        .unwrap();
    for relay in network.relays() {
        let id = ids[relay.url()].0;
        let held = holdings
            .iter()
            .find(|row| row.0 == id)
            .map_or(0, |row| row.1);
        assert_eq!(
            held as usize,
            relay.truth().honest.len(),
            "{}",
            relay.character()
        );
    }
}

async fn o3_5_killed_at_any_point_it_goes_on_where_it_was(house: House) {
    let characters = [Character::Capped];
    let spec = Spec {
        pause: Duration::from_millis(1),
        ..spec(&characters, 600)
    };
    let whole = Network::start(spec.clone()).await.unwrap();
    let archive_config = || Archive {
        page_events: 20,
        ..config()
    };
    let first_house = House::new(house.dialect).await;
    let first = ground(&first_house, archive_config()).await;
    enter(&first, &whole).await;
    archive(&first, 1).await;
    let needed = asked_windows(&whole).await;
    whole.stop().await;

    let network = Network::start(spec).await.unwrap();
    let ground = ground(&house, archive_config()).await;
    enter(&ground, &network).await;
    let mut kills = 0;
    while ended(&ground).await < 1 {
        assert!(kills < 500, "it comes to an end");
        let life = Duration::from_millis(15 + 23 * (kills % 9));
        let ended = timeout(life, run(ground.clone())).await;
        assert!(ended.is_err(), "{ended:?}");
        kills += 1;
        // A turn that was begun anew is due at once.
        let sql = "UPDATE observatory_archiving SET next_ms = 0 WHERE behind > 0";
        ground
            .records
            .write(move |tx| tx.execute(sql, ()))
            .await
            .unwrap();
    }
    let union = network.union(|_, _| true);
    assert_eq!(archived(&ground).await, union);
    let asked = asked_windows(&network).await;
    // Each life may ask again for one window, of some 60 events, and for the last minutes, which are asked for at each visit.
    let most = needed + kills * 15;
    assert!(needed > 40 && asked <= most, "{asked} {needed} {kills}");
}

async fn o3_1_who_we_are_is_told_where_the_operator_says_so(house: House) {
    let characters = [Character::AuthReads, Character::AuthRefused];
    let network = Network::start(spec(&characters, 100)).await.unwrap();
    let mut archive_config = config();
    archive_config.auth = network.urls();
    let ground = ground(&house, archive_config).await;
    let ids = enter(&ground, &network).await;
    archive(&ground, 2).await;
    assert_eq!(
        archived(&ground).await,
        network.authenticated_union(|_, _| true)
    );
    let relay = network.relay(Character::AuthReads).unwrap();
    let keys: BTreeSet<_> = relay
        .asked()
        .into_iter()
        .filter_map(|asked| match asked {
            Asked::Auth(key) => Some(key),
            _ => None,
        })
        .collect();
    assert_eq!(keys, BTreeSet::from([ground.archive_key.public_key()]));
    let known = covered(
        &ground,
        ids[network.relay(Character::AuthRefused).unwrap().url()],
    )
    .await;
    assert!(known.iter().all(|one| one.2 == "refused"), "{known:?}");
}

async fn o3_7_relays_that_are_never_asked_are_never_asked(house: House) {
    let characters = [Character::Honest, Character::Honest];
    let network = Network::start(spec(&characters, 50)).await.unwrap();
    let mut archive_config = config();
    archive_config.never = vec![network.relays()[0].url().to_owned()];
    let ground = ground(&house, archive_config).await;
    enter(&ground, &network).await;
    archive(&ground, 1).await;
    assert_eq!(network.relays()[0].connections(), 0);
    assert!(network.relays()[1].connections() > 0);
}

async fn o3_3_new_events_come_as_they_are_published(house: House) {
    let network = Network::start(spec(&[Character::Honest], 20))
        .await
        .unwrap();
    let ground = ground(
        &house,
        Archive {
            live: 4,
            ..config()
        },
    )
    .await;
    let ids = enter(&ground, &network).await;
    let relay = &network.relays()[0];
    let event = network.fresh_event(1, 1, now() + 1, "live");
    let id = event.id();
    let seen = async {
        // The subscription is one of those with a limit of 1.
        relay.until(|relay| relay.asked().iter().any(is_live)).await;
        relay.publish(event).await;
        loop {
            let number = ground.archive.numbers(&[id]).await.unwrap()[0];
            if let Some(number) = number {
                let held = crate::provenance::holders(&ground.records, number.0)
                    .await
                    .unwrap();
                if let Some(held) = held.first() {
                    return *held;
                }
            }
            sleep(Duration::from_millis(20)).await;
        }
    };
    let held = timeout(LIMIT, async {
        tokio::select! {
            ended = run(ground.clone()) => panic!("{ended:?}"),
            held = seen => held,
        }
    });
    let held = held.await.expect("in time");
    assert_eq!(held.relay, ids[relay.url()]);
    assert_eq!(held.how, crate::provenance::How::Live);
}

fn is_live(asked: &Asked) -> bool {
    matches!(asked, Asked::Req { filters, .. } if filters.iter().any(|filter| filter.limit == Some(1)))
}

async fn o3_2_what_came_late_is_found_by_the_second_look(house: House) {
    let characters = [Character::Backdating, Character::Negentropy];
    let network = Network::start(spec(&characters, 100)).await.unwrap();
    let ground = ground(
        &house,
        Archive {
            second_look_hours: 1,
            ..config()
        },
    )
    .await;
    enter(&ground, &network).await;
    archive(&ground, 2).await;
    let late: Vec<_> = (0..2)
        .map(|n| network.fresh_event(n, 1, now() - 3 * DAY, "late"))
        .collect();
    for (relay, event) in network.relays().iter().zip(&late) {
        relay.publish(event.clone()).await;
    }
    // As if two hours had passed, in which all of the past is due once more.
    ground
        .records
        .write(|tx| {
            tx.execute(
                "UPDATE observatory_archiving SET next_ms = 0, last_ms = last_ms - 7200000",
                (),
            )
        })
        .await
        .unwrap();
    archive(&ground, 2).await;
    let got = archived(&ground).await;
    assert!(late.iter().all(|event| got.contains(&event.id())));
}

both_engines!(
    o5_4_the_archive_is_the_union_of_what_could_be_fetched,
    o3_5_a_second_run_fetches_nothing_new,
    o3_5_killed_at_any_point_it_goes_on_where_it_was,
    o3_1_who_we_are_is_told_where_the_operator_says_so,
    o3_7_relays_that_are_never_asked_are_never_asked,
    o3_3_new_events_come_as_they_are_published,
    o3_2_what_came_late_is_found_by_the_second_look,
);
