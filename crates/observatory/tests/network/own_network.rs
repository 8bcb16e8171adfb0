//! While our own network is down, nothing is said of relays, and to nobody (O2.3, O2.5).

use serde_json::{Value, json};
use stentor_event::{Event, Kind};
use stentor_observatory::Clock;
use stentor_simulation::{Character, Network, Relay};
use stentor_sql::Dialect;
use stentor_sql::testing::House;

use crate::service::{Service, Setting, config, encoded, spec, start, until};

/// How much faster the observatory's time runs.
const FAST: u32 = 360;
/// Between two checks: less than two seconds.
const INTERVAL_MS: u64 = 600_000;
/// What a moment between two checks has to leave, to cut all relays without one of them being checked meanwhile.
const ROOM_MS: u64 = 300 * FAST as u64;

/// The events about relays that a relay was sent, of each the newest, by the relay's URL.
fn told(target: &Relay) -> Vec<(String, u64)> {
    let published = target.published().into_iter();
    let told = published.filter(|event| event.kind() == Kind(30_166));
    let name = |event: &Event| String::from_utf8(event.identifier().unwrap().into_owned()).unwrap();
    told.map(|event| (name(&event), event.created_at().0))
        .collect()
}

/// Whether all of these have been told of since a time.
fn all_told(target: &Relay, network: &Network, since: u64) -> bool {
    let told = told(target);
    let is_told = |url: &String| told.iter().any(|(name, at)| name == url && *at > since);
    network.urls().iter().all(is_told)
}

async fn says(service: &Service, up: bool) -> bool {
    service.ask("network", "").await["own_network"] == json!(up)
}

/// What the checks of a relay have said.
async fn checks(service: &Service, url: &str) -> Vec<Value> {
    let path = format!("relays/{}/checks", encoded(url));
    service.rows(&path, "", "checks").await
}

/// Waits for a moment at which no relay is to be checked for a while.
async fn quiet(service: &Service, network: &Network) {
    until("a moment between checks", async || {
        for url in network.urls() {
            let next_ms = service.relay(&url).await.unwrap()["next_ms"].as_u64();
            if next_ms.unwrap() < service.clock.now_ms() + ROOM_MS {
                return false;
            }
        }
        true
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn o2_3_while_our_own_network_is_down_nothing_is_said() {
    let house = House::new(Dialect::Sqlite).await;
    let network = start(spec(&[Character::Honest; 3], 30, 2)).await;
    // Beside the network: who is asked whether we are online, and who is told of relays. The latter can be reached all the time.
    let others = start(spec(&[Character::Empty; 2], 0, 2)).await;
    let [control, target] = others.relays() else {
        panic!("two relays");
    };
    let mut config = config(&[network.relays()[0].url()]);
    config.check.interval_seconds = INTERVAL_MS / 1_000;
    config.check.control = vec![control.address().to_string()];
    config.publish.enabled = true;
    config.publish.own = false;
    config.publish.relays = vec![target.url().to_owned()];
    config.publish.interval_seconds = 60;
    let service = Setting {
        clock: Clock::fast(FAST),
        ..Setting::new(&house, config)
    };
    let service = service.start().await;
    until("all relays are told of", async || {
        all_told(target, &network, 0)
    })
    .await;
    assert!(says(&service, true).await);

    quiet(&service, &network).await;
    control.cut();
    network.relays().iter().for_each(Relay::cut);
    until("it is said that we are down", async || {
        says(&service, false).await
    })
    .await;
    let down_ms = service.clock.now_ms();
    let sent = target.asked().len();
    until("several intervals pass", async || {
        service.clock.now_ms() > down_ms + 3 * INTERVAL_MS
    })
    .await;
    assert!(says(&service, false).await);
    assert!(target.is_listening());
    assert_eq!(target.asked().len(), sent, "nothing is sent at all");
    let mut untold = 0;
    for url in network.urls() {
        let known = service.relay(&url).await.unwrap();
        assert_eq!(known["relay"]["status"], "online", "{known}");
        let checks = checks(&service, &url).await;
        untold += checks
            .iter()
            .filter(|one| one["reason"] == "own_network")
            .count();
    }
    assert!(untold > 0, "a check says that it says nothing");

    network.relays().iter().for_each(Relay::restore);
    for relay in network.relays() {
        relay.until(Relay::is_listening).await;
    }
    control.restore();
    until("it is said that we are up", async || {
        says(&service, true).await
    })
    .await;
    let back = down_ms / 1_000;
    until("all relays are told of anew", async || {
        all_told(target, &network, back)
    })
    .await;
    for url in network.urls() {
        let checks = checks(&service, &url).await;
        let offline = checks.iter().filter(|one| one["online"] == json!(false));
        assert_eq!(offline.count(), 0, "{checks:?}");
    }
    service.stop().await;
}
