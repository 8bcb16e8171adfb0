//! Requests to vanish (R1.13, NIP-62).

use stentor_event::Event;
use stentor_store::{EventNumber, Keep, Outcome, Refusal};

use crate::common::engine::RELAY_URL;
use crate::common::make::{Alice, Bob, Carol, deletion, draft, note, vanish, vanish_from, wrap};
use crate::common::subject::ids_of;
use crate::common::{Factory, Subject};

pub async fn r1_13_everything_up_to_the_time_goes(factory: &dyn Factory) {
    let subject = Subject::new(factory);
    let gone = [
        note(Alice, 10, "note"),
        draft(Alice, 0, 19).sign(),
        draft(Alice, 30_000, 20).tag("d", "a").sign(),
        draft(Alice, 4, 1).tag("p", &Bob.hex()).sign(),
        draft(Alice, 445, 0).tag("h", "g").sign(),
        wrap(Alice, Bob, 5),
    ];
    let kept = [
        note(Bob, 10, "his"),
        note(Alice, 21, "later"),
        draft(Bob, 1, 5).tag("p", &Alice.hex()).sign(),
    ];
    subject
        .store_each(&gone.iter().chain(&kept).collect::<Vec<_>>())
        .await;
    let request = vanish(Alice, 20);
    subject.store_one(&request).await;
    assert_eq!(
        subject.ids("{}").await,
        ids_of(&[&kept[1], &request, &kept[0], &kept[2]])
    );
}

pub async fn r1_13_deletion_requests_go_too(factory: &dyn Factory) {
    let subject = Subject::new(factory);
    let late = note(Alice, 30, "deleted, then its deletion vanished");
    let early = note(Alice, 5, "early");
    let request = deletion(Alice, 10, &[&late, &early]);
    subject.store_each(&[&request, &vanish(Alice, 20)]).await;
    assert!(!subject.has(&request).await);
    subject.refused(&request, Refusal::Vanished).await;
    subject.refused(&early, Refusal::Vanished).await;
    // The request to delete it is no more, and the request to vanish does not reach it.
    subject.store_one(&late).await;
}

pub async fn r1_13_gift_wraps_to_the_key_go_too(factory: &dyn Factory) {
    let subject = Subject::new(factory);
    let gone = [
        wrap(Bob, Alice, 10),
        draft(Bob, 1059, 20)
            .tag("p", &Carol.hex())
            .tag("p", &Alice.hex())
            .sign(),
    ];
    let kept = [
        wrap(Bob, Alice, 21),
        wrap(Bob, Carol, 10),
        draft(Bob, 4, 10).tag("p", &Alice.hex()).sign(),
    ];
    subject
        .store_each(&gone.iter().chain(&kept).collect::<Vec<_>>())
        .await;
    subject.store_one(&vanish(Alice, 20)).await;
    for event in &gone {
        assert!(!subject.has(event).await);
        subject.refused(event, Refusal::Vanished).await;
    }
    for event in &kept {
        assert!(subject.has(event).await);
    }
    subject
        .refused(&wrap(Carol, Alice, 15), Refusal::Vanished)
        .await;
    subject.store_one(&wrap(Carol, Alice, 22)).await;
}

pub async fn r1_13_nothing_comes_back(factory: &dyn Factory) {
    let subject = Subject::new(factory);
    let event = note(Alice, 10, "again");
    subject.store_each(&[&event, &vanish(Alice, 20)]).await;
    for event in [
        &event,
        &note(Alice, 20, "at the time"),
        &draft(Alice, 0, 15).sign(),
        &deletion(Alice, 3, &[&event]),
    ] {
        subject.refused(event, Refusal::Vanished).await;
    }
    subject.store_one(&note(Alice, 21, "a new life")).await;
    subject.store_one(&note(Bob, 10, "another's")).await;
}

pub async fn r1_13_by_the_url_of_the_relay(factory: &dyn Factory) {
    for url in [
        RELAY_URL,
        "wss://relay.example.com/",
        "WSS://Relay.Example.COM",
        "wss://relay.example.com:443/",
    ] {
        let subject = Subject::new(factory);
        let event = note(Alice, 10, "gone");
        let elsewhere = draft(Alice, 62, 20)
            .tag("relay", "wss://elsewhere.example")
            .tag("relay", url)
            .sign();
        subject.store_each(&[&event, &elsewhere]).await;
        assert!(!subject.has(&event).await, "{url}");
        subject.refused(&event, Refusal::Vanished).await;
    }
}

pub async fn r1_13_a_request_to_another_relay_means_nothing_here(factory: &dyn Factory) {
    let subject = Subject::new(factory);
    let event = note(Alice, 10, "stays");
    subject.store_one(&event).await;
    for (at, url) in (20..).zip([
        "wss://elsewhere.example",
        "wss://relay.example.com.evil.example",
        "wss://relay.example.com/other",
        "ws://relay.example.com",
        "all_relays",
        "ALL_RELAYS ",
        "",
    ]) {
        subject.store_one(&vanish_from(Alice, at, url)).await;
        assert!(subject.has(&event).await, "{url}");
    }
    subject.store_one(&draft(Alice, 62, 40).sign()).await;
    subject
        .store_one(
            &draft(Alice, 62, 41)
                .tag("r", "ALL_RELAYS")
                .tag_of(&["relay", "", "ALL_RELAYS"])
                .sign(),
        )
        .await;
    assert!(subject.has(&event).await);
    subject.store_one(&note(Alice, 11, "still welcome")).await;
}

pub async fn r1_13_requests_are_kept(factory: &dyn Factory) {
    let subject = Subject::new(factory);
    let older = vanish(Alice, 10);
    let elsewhere = vanish_from(Alice, 11, "wss://elsewhere.example");
    let request = vanish(Alice, 20);
    subject.store_each(&[&older, &elsewhere, &request]).await;
    assert_eq!(
        subject.ids(r#"{"kinds":[62]}"#).await,
        ids_of(&[&request, &elsewhere, &older])
    );
    assert_eq!(subject.put(&older).await, Outcome::Duplicate);
    let late = vanish(Alice, 5);
    subject.store_one(&late).await;
    assert!(subject.has(&late).await);
}

pub async fn r1_13_a_request_that_comes_late(factory: &dyn Factory) {
    let subject = Subject::new(factory);
    let (early, later) = (note(Alice, 10, "early"), note(Alice, 30, "later"));
    // The younger request came first; the older one adds nothing.
    subject
        .store_each(&[&early, &later, &vanish(Alice, 20), &vanish(Alice, 5)])
        .await;
    assert!(!subject.has(&early).await && subject.has(&later).await);
    subject
        .refused(&note(Alice, 15, "between"), Refusal::Vanished)
        .await;
    // A younger one reaches further.
    subject.store_one(&vanish(Alice, 40)).await;
    assert!(!subject.has(&later).await);
    subject.refused(&later, Refusal::Vanished).await;
}

pub async fn r1_13_in_an_archive(factory: &dyn Factory) {
    let subject = Subject::keeping(factory, Keep::History);
    let versions: Vec<Event> = (10..14).map(|at| draft(Alice, 0, at).sign()).collect();
    subject.put_all(&versions.iter().collect::<Vec<_>>()).await;
    subject.store_one(&vanish(Alice, 12)).await;
    assert_eq!(subject.ids(r#"{"kinds":[0]}"#).await, [versions[3].id()]);
    subject.refused(&versions[0], Refusal::Vanished).await;
}

pub async fn r1_13_in_one_batch(factory: &dyn Factory) {
    let subject = Subject::new(factory);
    let (event, other) = (note(Alice, 10, "gone"), note(Alice, 11, "refused"));
    let wrapped = wrap(Bob, Alice, 12);
    let outcomes = subject
        .put_all(&[&event, &wrapped, &vanish(Alice, 20), &other, &wrapped])
        .await;
    let (stored, vanished) = (
        |number| Outcome::Stored(EventNumber(number)),
        Outcome::Refused(Refusal::Vanished),
    );
    assert_eq!(
        outcomes,
        [stored(1), stored(2), stored(3), vanished.clone(), vanished]
    );
    assert_eq!(subject.ids(r#"{"until":19}"#).await, []);
}
