//! A network with one relay of each character, found from three of them (O1.3, O5.4, O3.5).

use std::collections::BTreeSet;

use serde_json::Value;
use stentor_event::{EventId, Filter};
use stentor_observatory::{Clock, Config};
use stentor_simulation::{Asked, Character, Network, Relay, Spec};
use stentor_sql::both_engines;
use stentor_sql::testing::House;

use crate::service::{Service, Setting, config, now, outbound, spec, start, until, until_right};
use crate::{archiving, checks};

both_engines!(o5_4_a_network_is_found_checked_and_archived_whole_and_once);

const DAY: u64 = 86_400;
/// How much faster the observatory's time runs: an hour takes six seconds.
const FAST: u32 = 600;
/// The second time it has to come up with the first, which was ahead of the system's time in the end.
const FASTER: u32 = 3_600;

/// How many seconds of the past the first time has looked at again, at most, before the newest that was covered.
const OVERLAP: u64 = 900;

async fn o5_4_a_network_is_found_checked_and_archived_whole_and_once(house: House) {
    let network = start(cast()).await;
    assert!(network.relays().len() >= 30);
    let seeds = [Character::Honest, Character::Negentropy, Character::Capped];
    let seeds = seeds.map(|one| network.relay(one).unwrap().url().to_owned());
    let file = format!("# to begin with\n{}\n", seeds.join("\n"));
    std::fs::write(house.folder().join("relays.txt"), file).unwrap();
    let authority = house.folder().join("authority.pem");
    std::fs::write(&authority, network.ca_pem().unwrap()).unwrap();
    let mut outbound = outbound();
    outbound.extra_roots = vec![authority.to_str().unwrap().to_owned()];

    let setting = |config, speed| Setting {
        clock: Clock::fast(speed),
        outbound: outbound.clone(),
        ..Setting::new(&house, config)
    };
    let service = setting(configured(), FAST).start().await;
    first_time(&service, &network).await;
    found_by_lists(&service, &network, &seeds).await;
    let before = Before::of(&service, &network).await;
    service.stop().await;

    // What is written to relays in checks would be new.
    let mut config = configured();
    config.check.write = stentor_observatory::config::WriteTest::Off;
    let service = setting(config, FASTER).start().await;
    second_time(&service, &network, &before).await;
    service.stop().await;
    assert_eq!(network.tripwire().touched(), 0, "redirections lead nowhere");
    network.stop().await;
}

fn cast() -> Spec {
    spec(Character::ALL, 2_500, 3)
}

fn configured() -> Config {
    let mut config = config(&[]);
    config.discover.seed_file = Some("relays.txt".to_owned());
    // All of them are at one.
    config.discover.relays_per_host = 1_000;
    config.check.write = stentor_observatory::config::WriteTest::Note;
    config.check.interval_seconds = 4 * 3_600;
    config.archive.since = now() - 5 * DAY;
    config.archive.interval_seconds = 3_600;
    // One visit to a relay whose answers do not end is not to hold up all others.
    config.archive.turn_seconds = 30;
    config
}

/// Waits until nothing is left to be found out, and nothing that is known is wrong.
async fn first_time(service: &Service, network: &Network) {
    until_right(async || {
        let mut wrong = Vec::new();
        for relay in network.relays() {
            let Some(known) = service.relay(relay.url()).await else {
                wrong.push(format!("{}: not found", relay.character()));
                continue;
            };
            if checks::is_relay(relay.character()) {
                wrong.extend(checks::wrong_of_relay(relay, &known));
                let coverage = service.coverage(relay.url()).await;
                wrong.extend(archiving::wrong_of_coverage(relay, &coverage));
            } else {
                wrong.extend(checks::wrong_of_candidate(relay, &known));
            }
        }
        wrong.extend(archiving::wrong_of_archive(service, network).await);
        wrong
    })
    .await;
    let speaking = network.relays().iter();
    let speaking = speaking.filter(|relay| checks::is_relay(relay.character()));
    let speaking: BTreeSet<String> = speaking.map(|relay| relay.url().to_owned()).collect();
    assert_eq!(service.urls("relay").await, speaking);
    let all: BTreeSet<String> = network.urls().into_iter().collect();
    assert_eq!(&all - &speaking, service.urls("candidate").await);
}

/// Nobody named most of the relays but relay lists and hints.
async fn found_by_lists(service: &Service, network: &Network, seeds: &[String]) {
    for relay in network.relays() {
        let known = service.relay(relay.url()).await.unwrap();
        let found_by = known["found_by"].as_str().unwrap();
        if seeds.contains(&relay.url().to_owned()) {
            assert_eq!(found_by, "seed_file", "{}", relay.character());
            continue;
        }
        assert!(
            !found_by.contains("seed") && known["found_in"].is_string(),
            "{}: {found_by}",
            relay.character()
        );
        let sources = known["mentions"].as_array().unwrap();
        let named = sources.iter().any(|one| one["source"] == "kind_10002");
        assert!(named, "{}: {sources:?}", relay.character());
    }
}

/// What was known when the first time was over.
struct Before {
    archived: BTreeSet<EventId>,
    new_events: Value,
    relays: Vec<OfRelay>,
}

struct OfRelay {
    connections: u64,
    /// When it was visited last.
    last_ms: u64,
    /// The newest second that is covered.
    covered: u64,
}

impl Before {
    async fn of(service: &Service, network: &Network) -> Self {
        let mut relays = Vec::new();
        for relay in network.relays() {
            let coverage = service.coverage(relay.url()).await;
            let until = coverage.iter().map(|one| one["until"].as_u64().unwrap());
            relays.push(OfRelay {
                connections: relay.connections(),
                last_ms: last_ms(service, relay).await,
                covered: until.max().unwrap_or(0),
            });
        }
        Self {
            archived: service.archived().await,
            new_events: service.ask("progress", "").await["new_events"].clone(),
            relays,
        }
    }
}

async fn last_ms(service: &Service, relay: &Relay) -> u64 {
    let known = service.relay(relay.url()).await.unwrap();
    known["archiving"]["last_ms"].as_u64().unwrap_or(0)
}

/// Every relay is visited anew, and nothing new is fetched: a relay that is complete is asked for what is new, with the quarter of an hour
/// before it (clocks differ), and for a slice of the past that goes by `second_look_hours`, and for nothing else.
async fn second_time(service: &Service, network: &Network, before: &Before) {
    let complete = |relay: &&Relay| archiving::is_plain(relay.character());
    until("a further visit to every relay", async || {
        for relay in network.relays().iter().filter(complete) {
            if last_ms(service, relay).await <= before.relays[relay.number()].last_ms {
                return false;
            }
        }
        true
    })
    .await;
    assert_eq!(service.archived().await, before.archived);
    let progress = service.ask("progress", "").await;
    assert_eq!(progress["new_events"], before.new_events);
    let hours = Config::default().archive.second_look_hours;
    // Who does not hear `since` is asked without it.
    let hears = |relay: &&Relay| relay.character() != Character::IgnoresSince;
    for relay in network.relays().iter().filter(complete).filter(hears) {
        let of = &before.relays[relay.number()];
        let from = of.covered - OVERLAP;
        let old = seconds(asked_since(relay, of.connections), from);
        // Visits go on meanwhile, so the time is taken after what was asked. The last visit of before had begun before it ended.
        let passed_ms = service.clock.now_ms() - of.last_ms + 2 * 3_600_000;
        let slice = 5 * DAY * passed_ms / (hours * 3_600_000) + 60;
        assert!(
            old <= slice,
            "{}: {} seconds of the past, not {slice}",
            relay.character(),
            old
        );
    }
}

/// How many seconds before this one were asked for, each once.
fn seconds(asked: Vec<Filter>, before: u64) -> u64 {
    let mut windows: Vec<(u64, u64)> = (asked.iter())
        .map(|filter| {
            let until = filter.until.map_or(u64::MAX, |at| at.0);
            (filter.since.map_or(0, |at| at.0), until.min(before - 1))
        })
        .filter(|(since, until)| since <= until)
        .collect();
    windows.sort_unstable();
    let (mut seconds, mut next) = (0, 0);
    for (since, until) in windows {
        seconds += (until + 1).saturating_sub(since.max(next));
        next = next.max(until + 1);
    }
    seconds
}

/// What the archive has asked a relay for by time on connections after these.
fn asked_since(relay: &Relay, connections: u64) -> Vec<Filter> {
    let asked = relay.asked_on().into_iter();
    let asked = asked.filter(|(connection, _)| *connection > connections);
    let filters = asked.flat_map(|(_, asked)| match asked {
        Asked::Req { filters, .. } => filters,
        Asked::NegOpen(filter) => vec![filter],
        _ => Vec::new(),
    });
    filters.filter(archiving::is_archives).collect()
}
