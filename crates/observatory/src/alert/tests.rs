use std::time::Duration;

use nostr::JsonUtil;
use nostr::nips::nip59::UnwrappedGift;
use stentor_bus::Bus;
use stentor_event::{EventBuilder, Kind, PublicKey, Timestamp};
use stentor_sql::both_engines;
use stentor_sql::testing::House;
use stentor_store::Submission;

use super::observed::{Observed, observed};
use super::service::turn;
use super::watch::{WatchState, unwatch, watch, watches};
use crate::check::{Findings, Reason, Schedule};
use crate::config::Config;
use crate::error::Error;
use crate::ground::Ground;
use crate::history::{Entry, record};
use crate::relay_url::RelayUrl;
use crate::table::RelayId;
use crate::testing::relay_by_url;
use crate::testing::{ground, key};
use crate::testing_target::Target;

const NOW: u64 = 1_700_000_000_000;

fn url() -> RelayUrl {
    RelayUrl::parse("wss://watched.example").unwrap()
}

fn recipient(number: u8) -> PublicKey {
    key(number).public_key()
}

async fn add(ground: &Ground, recipient: Option<PublicKey>) -> (String, RelayId) {
    let url = url();
    let made = watch(&ground.records, &url, recipient, "test", 10, NOW);
    let made = made.await.unwrap();
    let relay = relay_by_url(&ground.records, &url).await.unwrap();
    (made.id, relay.unwrap().id)
}

/// One check of the relay, in a transaction that is carried out or not.
async fn check(ground: &Ground, relay: RelayId, offline_in_a_row: u64, is_kept: bool) {
    let config = ground.config.alert.clone();
    let written = ground.records.write(move |tx| {
        let status = if offline_in_a_row > 0 {
            "offline"
        } else {
            "online"
        };
        tx.execute(
            "UPDATE observatory_relays SET status = ?, status_since_ms = ? WHERE id = ?",
            (status, (NOW - 60_000) as i64, relay.0),
        )?;
        let seen = Observed {
            relay,
            url: "wss://watched.example/",
            online: offline_in_a_row == 0,
            offline_in_a_row,
            reason: Some("tcp"),
            certificate_from_ms: None,
            certificate_until_ms: None,
        };
        observed(tx, &config, &seen, NOW)?;
        match is_kept {
            true => Ok(()),
            false => Err(Error::Invalid("killed".to_owned())),
        }
    });
    assert_eq!(written.await.is_ok(), is_kept);
}

async fn envelopes(ground: &Ground) -> Vec<(String, String)> {
    let sql = "SELECT type, data FROM bus_outbox ORDER BY seq LIMIT 100";
    ground.records.fetch_all(sql, ()).await.unwrap()
}

async fn messages(ground: &Ground) -> Vec<(Vec<u8>, String)> {
    let sql = "SELECT recipient, text FROM observatory_messages ORDER BY id LIMIT 1000";
    ground.records.fetch_all(sql, ()).await.unwrap()
}

async fn with_bus(house: &House, config: Config) -> std::sync::Arc<Ground> {
    let ground = ground(house, config).await;
    let (own, records) = (ground.own.clone(), ground.records.clone());
    Bus::open(own, records, stentor_bus::Config::default())
        .await
        .unwrap();
    ground
}

async fn o4_5_what_is_told_is_told_in_the_transaction_of_the_check(house: House) {
    let ground = with_bus(&house, Config::default()).await;
    let (_, relay) = add(&ground, Some(recipient(7))).await;
    add(&ground, None).await;
    check(&ground, relay, 1, true).await;
    check(&ground, relay, 2, false).await;
    assert!(envelopes(&ground).await.is_empty() && messages(&ground).await.is_empty());

    check(&ground, relay, 2, true).await;
    check(&ground, relay, 3, true).await;
    let told = envelopes(&ground).await;
    assert_eq!(told.len(), 1, "once for both watches: {told:?}");
    assert_eq!(told[0].0, "relay.monitor.down");
    let data: serde_json::Value = serde_json::from_str(&told[0].1).unwrap();
    assert_eq!(
        data,
        serde_json::json!({
            "relay": "wss://watched.example/", "reason": "tcp", "since": "2023-11-14T22:12:20Z", "checks": 2,
        })
    );
    let waiting = messages(&ground).await;
    assert_eq!(waiting.len(), 1);
    assert_eq!(waiting[0].0, recipient(7).0);
    assert!(
        waiting[0]
            .1
            .contains("wss://watched.example/ is down since 2023-11-14T22:12:20Z")
    );

    // Who comes later is told what others know, and they are not told again.
    add(&ground, Some(recipient(8))).await;
    check(&ground, relay, 4, true).await;
    assert_eq!(envelopes(&ground).await.len(), 1);
    assert_eq!(messages(&ground).await.len(), 2);

    check(&ground, relay, 0, true).await;
    check(&ground, relay, 0, true).await;
    let told = envelopes(&ground).await;
    assert_eq!(told.len(), 2);
    assert_eq!(told[1].0, "relay.monitor.recovered");
    assert_eq!(messages(&ground).await.len(), 4);
    let mut counted = super::table::counted(&ground.records).await.unwrap();
    counted.sort();
    assert_eq!(
        counted,
        [("down".to_owned(), 3), ("recovered".to_owned(), 3)]
    );
}
both_engines!(o4_5_what_is_told_is_told_in_the_transaction_of_the_check);

async fn o4_5_watches_are_bounded_and_the_same_one_is_one(house: House) {
    let ground = ground(&house, Config::default()).await;
    let (first, relay) = add(&ground, None).await;
    assert_eq!(add(&ground, None).await.0, first);
    let (second, _) = add(&ground, Some(recipient(7))).await;
    assert_ne!(second, first);
    let full = watch(&ground.records, &url(), Some(recipient(8)), "x", 2, NOW).await;
    assert!(matches!(full, Err(Error::Full(_))), "{full:?}");

    check(&ground, relay, 2, true).await;
    let all = watches(&ground.records, None, 10).await.unwrap();
    let ids: Vec<&str> = all.iter().map(|watch| watch.id.as_str()).collect();
    assert!(ids.len() == 2 && ids.contains(&first.as_str()));
    assert!(all.iter().all(|watch| watch.state == WatchState::Down));
    assert_eq!(all[0].url, "wss://watched.example/");
    assert_eq!(all[0].down_since_ms, Some(NOW - 60_000));
    let rest = watches(&ground.records, Some(ids[0]), 10).await.unwrap();
    assert_eq!(rest, all[1..]);

    assert_eq!(messages(&ground).await.len(), 1);
    assert!(unwatch(&ground.records, &second).await.unwrap());
    assert!(
        messages(&ground).await.is_empty(),
        "nothing comes of it any more"
    );
    assert!(!unwatch(&ground.records, &second).await.unwrap());
}
both_engines!(o4_5_watches_are_bounded_and_the_same_one_is_one);

async fn o4_5_a_watch_of_what_was_never_checked_says_so(house: House) {
    let ground = ground(&house, Config::default()).await;
    let made = watch(&ground.records, &url(), None, "test", 10, NOW).await;
    assert_eq!(made.unwrap().state, WatchState::Unknown);
    let (id, relay) = add(&ground, None).await;
    let state = async || {
        let all = watches(&ground.records, None, 10).await.unwrap();
        let found = all.iter().find(|watch| watch.id == id).unwrap();
        serde_json::to_value(found.state).unwrap()
    };
    assert_eq!(state().await, "unknown");
    check(&ground, relay, 1, true).await;
    assert_eq!(state().await, "up");
    check(&ground, relay, 2, true).await;
    assert_eq!(state().await, "down");
    check(&ground, relay, 0, true).await;
    assert_eq!(state().await, "up");
}
both_engines!(o4_5_a_watch_of_what_was_never_checked_says_so);

/// When a relay is looked at next.
async fn next_ms(ground: &Ground, relay: RelayId) -> u64 {
    let sql = "SELECT next_ms FROM observatory_relays WHERE id = ?";
    let (next,): (i64,) = ground.records.fetch_one(sql, (relay.0,)).await.unwrap();
    next as u64
}

/// One more check that finds a relay offline which has been so for long.
async fn found_away(ground: &Ground, relay: RelayId, at_ms: u64) {
    let config = ground.config.alert.clone();
    let findings = Findings::offline(Reason::Tcp, "");
    let entries = [Entry::new(relay, at_ms, 1, findings)];
    let schedule = Schedule::new(Duration::from_secs(3_600));
    let written = ground.records.write(move |tx| {
        tx.execute(
            "UPDATE observatory_relays SET state = 'relay', status = 'offline', failures = 40 WHERE id = ?",
            (relay.0,),
        )?;
        record(tx, schedule, &config, &entries)
    });
    written.await.unwrap();
}

async fn o4_5_a_relay_that_is_watched_is_looked_at_in_each_interval(house: House) {
    const HOUR_MS: u64 = 3_600_000;
    let ground = ground(&house, Config::default()).await;
    let (id, relay) = add(&ground, None).await;
    unwatch(&ground.records, &id).await.unwrap();
    found_away(&ground, relay, NOW).await;
    assert!(next_ms(&ground, relay).await >= NOW + 12 * HOUR_MS);
    // Whoever begins to watch it waits for none of that.
    add(&ground, None).await;
    assert_eq!(next_ms(&ground, relay).await, NOW);
    found_away(&ground, relay, NOW + 1).await;
    let next = next_ms(&ground, relay).await;
    assert!((NOW..NOW + 2 * HOUR_MS).contains(&next), "{}", next - NOW);
    // Nobody else makes it due.
    add(&ground, Some(recipient(7))).await;
    assert_eq!(next_ms(&ground, relay).await, next);
}
both_engines!(o4_5_a_relay_that_is_watched_is_looked_at_in_each_interval);

/// One check of a relay with a certificate that ends in so many days.
async fn shown(ground: &Ground, relay: RelayId, days: u64) {
    let config = ground.config.alert.clone();
    let written = ground.records.write(move |tx| {
        let seen = Observed {
            relay,
            url: "wss://watched.example/",
            online: true,
            offline_in_a_row: 0,
            reason: None,
            certificate_from_ms: Some(NOW - 90 * 86_400_000),
            certificate_until_ms: Some(NOW + days * 86_400_000),
        };
        observed(tx, &config, &seen, NOW)
    });
    written.await.unwrap();
}

async fn o4_5_certificates_that_take_turns_are_told_of_once(house: House) {
    let ground = with_bus(&house, Config::default()).await;
    let (_, relay) = add(&ground, Some(recipient(7))).await;
    for days in [10, 12, 10, 60, 12, 10] {
        shown(&ground, relay, days).await;
    }
    assert_eq!(envelopes(&ground).await.len(), 1);
    assert_eq!(messages(&ground).await.len(), 1);
    // Who comes later is told, too, and others are not told again.
    add(&ground, Some(recipient(8))).await;
    for days in [12, 10, 12] {
        shown(&ground, relay, days).await;
    }
    assert_eq!(envelopes(&ground).await.len(), 1);
    assert_eq!(messages(&ground).await.len(), 2);
}
both_engines!(o4_5_certificates_that_take_turns_are_told_of_once);

async fn o4_5_no_more_messages_wait_for_somebody_than_may(house: House) {
    let ground = ground(&house, Config::default()).await;
    let (_, relay) = add(&ground, Some(recipient(7))).await;
    for _ in 0..60 {
        check(&ground, relay, 2, true).await;
        check(&ground, relay, 0, true).await;
    }
    assert_eq!(messages(&ground).await.len(), 100);
}
both_engines!(o4_5_no_more_messages_wait_for_somebody_than_may);

/// A ground with a message that waits for recipient 7, made just now.
async fn waiting(house: &House, config: Config) -> std::sync::Arc<Ground> {
    let ground = ground(house, config).await;
    let (_, relay) = add(&ground, Some(recipient(7))).await;
    check(&ground, relay, 2, true).await;
    let now_ms = ground.clock.now_ms() as i64;
    let made = "UPDATE observatory_messages SET made_ms = ?, next_ms = ?";
    ground
        .records
        .write(move |tx| tx.execute(made, (now_ms, now_ms)))
        .await
        .unwrap();
    ground
}

async fn opened(event: serde_json::Value, number: u8) -> UnwrappedGift {
    let secret = nostr::SecretKey::from_slice(&key(number).to_bytes()).unwrap();
    let event = nostr::Event::from_json(event.to_string()).unwrap();
    let keys = nostr::Keys::new(secret);
    let gift = UnwrappedGift::from_gift_wrap(&keys, &event);
    gift.await.unwrap()
}

async fn o4_5_a_message_goes_to_the_relays_that_its_recipient_names(house: House) {
    let (mut named, mut other) = (Target::taking().await, Target::taking().await);
    let mut config = Config::default();
    config.alert.message_relays = vec![other.url.to_string()];
    let ground = waiting(&house, config).await;
    let list = EventBuilder::new(Kind(10_050), Timestamp(1))
        .tag(["relay", named.url.as_str()])
        .sign(&key(7));
    let submission = Submission {
        event: list,
        verified: true,
    };
    ground
        .archive
        .submit(vec![submission], Timestamp(2))
        .await
        .unwrap();
    turn(&ground).await.unwrap();
    let gift = opened(named.next("EVENT").await, 7).await;
    assert!(
        gift.rumor
            .content
            .contains("wss://watched.example/ is down")
    );
    assert_eq!(
        gift.sender.to_hex(),
        ground.monitor_key.public_key().to_string()
    );
    assert!(messages(&ground).await.is_empty());

    // Somebody without a list is reached where the operator says.
    let (_, relay) = add(&ground, Some(recipient(8))).await;
    check(&ground, relay, 3, true).await;
    let now_ms = ground.clock.now_ms() as i64;
    let made = "UPDATE observatory_messages SET made_ms = ?";
    ground
        .records
        .write(move |tx| tx.execute(made, (now_ms,)))
        .await
        .unwrap();
    turn(&ground).await.unwrap();
    opened(other.next("EVENT").await, 8).await;
}
both_engines!(o4_5_a_message_goes_to_the_relays_that_its_recipient_names);

async fn o4_5_a_message_that_nobody_takes_is_tried_for_a_day(house: House) {
    let refusing =
        Target::new(|message| vec![crate::testing_target::ok(message, false, "blocked: no")]);
    let refusing = refusing.await;
    let mut config = Config::default();
    config.alert.message_relays = vec![refusing.url.to_string()];
    let ground = waiting(&house, config).await;
    let now_ms = ground.clock.now_ms();
    turn(&ground).await.unwrap();
    let sql = "SELECT attempts, next_ms FROM observatory_messages";
    let (attempts, next_ms): (i64, i64) = ground.records.fetch_one(sql, ()).await.unwrap();
    assert_eq!(attempts, 1);
    let wait_ms = next_ms as u64 - now_ms;
    assert!((60_000..90_000).contains(&wait_ms), "{wait_ms}");
    // What was begun before that, and is written after it, counts it no second time.
    let id = "SELECT id FROM observatory_messages";
    let (id,): (String,) = ground.records.fetch_one(id, ()).await.unwrap();
    let late = super::table::settle(&ground.records, Vec::new(), vec![(id, 0, 7)]);
    late.await.unwrap();
    let still: (i64, i64) = ground.records.fetch_one(sql, ()).await.unwrap();
    assert_eq!(still, (1, next_ms));
    // It is not its turn yet, so nothing happens.
    turn(&ground).await.unwrap();
    let (attempts, _): (i64, i64) = ground.records.fetch_one(sql, ()).await.unwrap();
    assert_eq!(attempts, 1);

    let old = "UPDATE observatory_messages SET made_ms = ?, next_ms = 0";
    let made_ms = (now_ms - 25 * 3_600_000) as i64;
    ground
        .records
        .write(move |tx| tx.execute(old, (made_ms,)))
        .await
        .unwrap();
    turn(&ground).await.unwrap();
    assert!(messages(&ground).await.is_empty(), "given up");
}
both_engines!(o4_5_a_message_that_nobody_takes_is_tried_for_a_day);
