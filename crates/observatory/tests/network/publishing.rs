//! What the monitor tells others (O2.5): of what it has reached, and of nothing else.

use std::collections::{BTreeMap, BTreeSet};

use stentor_event::{Event, Kind};
use stentor_observatory::Clock;
use stentor_observatory::config::Config;
use stentor_simulation::{Character, Network, Relay};
use stentor_sql::Dialect;
use stentor_sql::testing::House;

use crate::checks::is_relay;
use crate::service::{Setting, config, ids, monitor_key, spec, start, until};

const DISCOVERY: Kind = Kind(30_166);
const ANNOUNCEMENT: Kind = Kind(10_166);

const CAST: [Character; 14] = [
    Character::Honest,
    Character::Negentropy,
    Character::Empty,
    Character::ClosedRestricted,
    Character::AuthReads,
    Character::NoticeOnly,
    Character::WritesBlocked,
    Character::InformationLying,
    Character::Mute,
    Character::Silent,
    Character::Refusing,
    Character::HttpPage,
    Character::TlsBroken,
    Character::HangsUp,
];

/// What a relay was sent of a kind.
fn sent(target: &Relay, kind: Kind) -> Vec<Event> {
    let published = target.published().into_iter();
    published.filter(|event| event.kind() == kind).collect()
}

/// The times of what was told of each relay.
fn told(target: &Relay) -> BTreeMap<String, Vec<u64>> {
    let mut told: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    for event in sent(target, DISCOVERY) {
        let name = String::from_utf8(event.identifier().unwrap().into_owned()).unwrap();
        told.entry(name).or_default().push(event.created_at().0);
    }
    told
}

fn configured(network: &Network, target: &Relay, about: &str) -> Config {
    let seed = network.relay(Character::Honest).unwrap();
    let mut config = config(&[seed.url()]);
    config.check.interval_seconds = 600;
    config.publish.enabled = true;
    config.publish.relays = vec![target.url().to_owned()];
    config.publish.interval_seconds = 600;
    config.publish.name = Some("eye".to_owned());
    config.publish.about = Some(about.to_owned());
    config
}

/// The tags of an event with a name, joined.
fn tags(event: &Event) -> Vec<String> {
    let event: serde_json::Value = serde_json::from_slice(event.json()).unwrap();
    let tags = event["tags"].as_array().unwrap().iter();
    let words = |tag: &serde_json::Value| {
        let words = tag.as_array().unwrap().iter();
        let words: Vec<&str> = words.map(|word| word.as_str().unwrap()).collect();
        words.join(" ")
    };
    tags.map(words).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn o2_5_what_was_reached_is_told_and_nothing_else() {
    let house = House::new(Dialect::Sqlite).await;
    let network = start(spec(&CAST, 200, 2)).await;
    let others = start(spec(&[Character::Empty], 0, 2)).await;
    let target = &others.relays()[0];
    let setting = |about| Setting {
        clock: Clock::fast(300),
        ..Setting::new(&house, configured(&network, target, about))
    };
    let service = setting("It looks.").start().await;
    // Where the monitor publishes is in its own relay list, so that it is found, too.
    let reached: BTreeSet<String> = (network.relays().iter())
        .filter(|relay| is_relay(relay.character()))
        .chain([target])
        .map(|relay| relay.url().to_owned())
        .collect();
    let complete = || told(target).into_keys().collect::<BTreeSet<_>>() == reached;
    until("each relay is told of", async || complete()).await;
    until("each is told of again when that is due", async || {
        told(target).values().all(|times| times.len() >= 2)
    })
    .await;
    assert!(complete(), "{:?}", told(target).keys());
    until("the monitor's own relay has it, too", async || {
        let own = ids(&*service.own).await;
        let newest = target.events();
        let discovery = newest.iter().filter(|event| event.kind() == DISCOVERY);
        discovery.count() == reached.len() && own.len() >= reached.len() + 3
    })
    .await;

    let gone = network.relay(Character::Honest).unwrap();
    gone.cut();
    until("it is found to be gone", async || {
        service.relay(gone.url()).await.unwrap()["relay"]["status"] == "offline"
    })
    .await;
    let before = told(target);
    until("the others are told of twice more", async || {
        let now = told(target);
        let others = now.iter().filter(|(url, _)| *url != gone.url());
        others
            .into_iter()
            .all(|(url, times)| times.len() >= before[url].len() + 2)
    })
    .await;
    assert_eq!(
        told(target)[gone.url()],
        before[gone.url()],
        "it is not told of"
    );
    assert_eq!(sent(target, Kind(5)).len(), 0, "nothing is taken back");
    gone.restore();
    until("it is told of again", async || {
        told(target)[gone.url()].len() > before[gone.url()].len()
    })
    .await;
    service.stop().await;

    check_events(target, &network);
    let profile = sent(target, Kind(0));
    let service = setting("It looks elsewhere.").start().await;
    until("what has changed of the monitor is told", async || {
        let now = sent(target, Kind(0));
        let last = now.last().unwrap();
        let text = String::from_utf8_lossy(last.json()).into_owned();
        text.contains("It looks elsewhere.")
            && last.created_at() > profile.last().unwrap().created_at()
    })
    .await;
    service.stop().await;
}

/// All that was sent is the monitor's, newer than what it replaces, and says what is so.
fn check_events(target: &Relay, network: &Network) {
    let mut newest: BTreeMap<(Kind, Option<Vec<u8>>), u64> = BTreeMap::new();
    for event in target.published() {
        assert_eq!(event.pubkey(), monitor_key().public_key());
        assert_eq!(event.check_id(), Ok(()));
        assert_eq!(event.verify_signature(), Ok(()));
        let name = event.identifier().map(std::borrow::Cow::into_owned);
        let before = newest.insert((event.kind(), name), event.created_at().0);
        assert!(before < Some(event.created_at().0), "{before:?} {event:?}");
    }
    assert_eq!(sent(target, ANNOUNCEMENT).len(), 1);
    let announced = tags(&sent(target, ANNOUNCEMENT)[0]);
    assert!(announced.contains(&"c open".to_owned()), "{announced:?}");
    assert!(
        !announced.contains(&"c write".to_owned()),
        "nothing is written: {announced:?}"
    );
    let list = tags(&sent(target, Kind(10_002))[0]);
    assert_eq!(list, [format!("r {} write", target.url())]);
    let auth = network.relay(Character::AuthReads).unwrap();
    for event in sent(target, DISCOVERY) {
        let tags = tags(&event);
        let of_auth = tags[0] == format!("d {}", auth.url());
        assert!(tags[0].starts_with("d ws://127.0.0.1:") && tags[1] == "n clearnet");
        assert!(
            tags.iter().any(|tag| tag.starts_with("rtt-open ")),
            "{tags:?}"
        );
        assert!(
            !tags.iter().any(|tag| tag.starts_with("rtt-write ")),
            "{tags:?}"
        );
        assert_eq!(tags.contains(&"R auth".to_owned()), of_auth, "{tags:?}");
    }
}
