//! Deletion requests (R1.5, NIP-09).

use stentor_event::Event;
use stentor_store::{EventNumber, Keep, Outcome, Refusal};

use crate::common::make::{
    Alice, Bob, Carol, deletion, deletion_of_address, draft, note, vanish, wrap,
};
use crate::common::{Factory, Person, Subject};

fn address(kind: u16, person: Person, identifier: &str) -> String {
    format!("{kind}:{}:{identifier}", person.hex())
}

pub async fn r1_5_an_author_deletes_by_id(factory: &dyn Factory) {
    let subject = Subject::new(factory);
    // There is no `k` tag, and the kinds are of every class that is stored.
    for kind in [1, 4, 0, 10_000, 30_000, 1059, 40_000] {
        let event = draft(Alice, kind, 10).sign();
        subject.store_one(&event).await;
        subject.store_one(&deletion(Alice, 11, &[&event])).await;
        assert!(!subject.has(&event).await, "{kind}");
    }
    // A `k` tag, even a wrong one, changes nothing.
    let event = note(Alice, 10, "tagged");
    let request = draft(Alice, 5, 11)
        .tag("k", "7")
        .tag("e", &event.id().to_string())
        .sign();
    subject.store_each(&[&event, &request]).await;
    assert!(!subject.has(&event).await);
}

pub async fn r1_5_a_stranger_deletes_nothing(factory: &dyn Factory) {
    let subject = Subject::new(factory);
    let event = note(Alice, 10, "mine");
    let replaceable = draft(Alice, 0, 10).sign();
    subject
        .store_each(&[
            &event,
            &replaceable,
            &deletion(Bob, 11, &[&event, &replaceable]),
        ])
        .await;
    subject
        .store_one(&deletion_of_address(Bob, 12, &address(0, Alice, "")))
        .await;
    assert!(subject.has(&event).await && subject.has(&replaceable).await);
}

pub async fn r1_5_a_deleted_event_is_refused_when_it_comes_later(factory: &dyn Factory) {
    let subject = Subject::new(factory);
    let event = note(Alice, 10, "again");
    subject
        .store_each(&[&event, &deletion(Alice, 11, &[&event])])
        .await;
    subject.refused(&event, Refusal::Deleted).await;
    let unseen = note(Alice, 10, "never seen");
    subject.store_one(&deletion(Alice, 11, &[&unseen])).await;
    subject.refused(&unseen, Refusal::Deleted).await;
    assert!(!subject.has(&event).await && !subject.has(&unseen).await);
    // An ephemeral event can be deleted beforehand only.
    let passing = draft(Alice, 20_000, 10).sign();
    subject.store_one(&deletion(Alice, 11, &[&passing])).await;
    subject.refused(&passing, Refusal::Deleted).await;
}

pub async fn r1_5_a_strangers_request_does_not_block_an_unseen_id(factory: &dyn Factory) {
    let subject = Subject::new(factory);
    let event = note(Alice, 10, "coming");
    subject
        .store_each(&[
            &deletion(Bob, 9, &[&event]),
            &deletion(Carol, 11, &[&event]),
        ])
        .await;
    subject.store_one(&event).await;
    assert!(subject.has(&event).await);
    subject.store_one(&deletion(Alice, 12, &[&event])).await;
    subject.refused(&event, Refusal::Deleted).await;
}

pub async fn r1_5_one_request_deletes_several_events(factory: &dyn Factory) {
    let subject = Subject::new(factory);
    let notes: Vec<Event> = (1..=20).map(|at| note(Alice, at, "many")).collect();
    subject.put_all(&notes.iter().collect::<Vec<_>>()).await;
    let strangers = note(Bob, 10, "other");
    subject.store_one(&strangers).await;
    let mut targets: Vec<&Event> = notes[5..15].iter().collect();
    targets.push(&strangers);
    targets.push(&notes[5]);
    let request = deletion(Alice, 5, &targets);
    subject.store_one(&request).await;
    let left = subject.ids(r#"{"kinds":[1]}"#).await;
    assert_eq!(left.len(), 11);
    assert!(left.contains(&strangers.id()));
    assert!(notes[5..15].iter().all(|gone| !left.contains(&gone.id())));
}

pub async fn r1_5_by_id_regardless_of_time(factory: &dyn Factory) {
    let subject = Subject::new(factory);
    let event = note(Alice, 10, "later than its deletion");
    subject
        .store_each(&[&event, &deletion(Alice, 5, &[&event])])
        .await;
    subject.refused(&event, Refusal::Deleted).await;
}

pub async fn r1_5_by_address_up_to_the_time_of_the_request(factory: &dyn Factory) {
    let version = |at| draft(Alice, 30_000, at).tag("d", "a").sign();
    for (at, gone) in [(9, true), (10, true), (11, false)] {
        let subject = Subject::new(factory);
        subject
            .store_each(&[
                &version(at),
                &deletion_of_address(Alice, 10, &address(30_000, Alice, "a")),
            ])
            .await;
        assert_eq!(!subject.has(&version(at)).await, gone, "{at}");
    }
    let subject = Subject::new(factory);
    let other = draft(Alice, 30_000, 5).tag("d", "b").sign();
    let other_kind = draft(Alice, 30_001, 5).tag("d", "a").sign();
    subject
        .store_each(&[
            &other,
            &other_kind,
            &deletion_of_address(Alice, 10, &address(30_000, Alice, "a")),
        ])
        .await;
    assert!(subject.has(&other).await && subject.has(&other_kind).await);
}

pub async fn r1_5_by_address_the_author_only(factory: &dyn Factory) {
    let subject = Subject::new(factory);
    let event = draft(Alice, 30_000, 5).tag("d", "a").sign();
    // Bob's request names Alice's event; Bob's own event under the same identifier is another.
    let own = draft(Bob, 30_000, 5).tag("d", "a").sign();
    subject
        .store_each(&[
            &event,
            &own,
            &deletion_of_address(Bob, 10, &address(30_000, Alice, "a")),
        ])
        .await;
    assert!(subject.has(&event).await && subject.has(&own).await);
    let later = draft(Alice, 30_000, 6).tag("d", "a").sign();
    subject.store_one(&later).await;
}

pub async fn r1_5_an_address_deleted_before_it_came(factory: &dyn Factory) {
    let subject = Subject::new(factory);
    let version = |at| draft(Alice, 30_000, at).tag("d", "a").sign();
    subject
        .store_one(&deletion_of_address(
            Alice,
            10,
            &address(30_000, Alice, "a"),
        ))
        .await;
    subject.refused(&version(9), Refusal::Deleted).await;
    subject.refused(&version(10), Refusal::Deleted).await;
    subject.store_one(&version(11)).await;
    // The newest of several requests counts, whichever came last.
    subject
        .store_one(&deletion_of_address(
            Alice,
            20,
            &address(30_000, Alice, "a"),
        ))
        .await;
    subject
        .store_one(&deletion_of_address(
            Alice,
            15,
            &address(30_000, Alice, "a"),
        ))
        .await;
    subject.refused(&version(11), Refusal::Deleted).await;
    subject.refused(&version(18), Refusal::Deleted).await;
    subject.store_one(&version(21)).await;
}

pub async fn r1_5_addresses_of_replaceable_events(factory: &dyn Factory) {
    let subject = Subject::new(factory);
    for kind in [0, 3, 10_002] {
        let event = draft(Alice, kind, 5).tag("d", "ignored").sign();
        subject.store_one(&event).await;
        subject
            .store_one(&deletion_of_address(Alice, 10, &address(kind, Alice, "")))
            .await;
        assert!(!subject.has(&event).await, "{kind}");
        subject.refused(&event, Refusal::Deleted).await;
        let next = draft(Alice, kind, 11).sign();
        subject.store_one(&next).await;
        // Some clients leave out the last colon.
        let short = format!("{kind}:{}", Alice.hex());
        subject
            .store_one(&deletion_of_address(Alice, 12, &short))
            .await;
        assert!(!subject.has(&next).await, "{kind}");
        subject.refused(&next, Refusal::Deleted).await;
    }
    let addressable = draft(Alice, 30_000, 5).sign();
    subject.store_one(&addressable).await;
    subject
        .store_one(&deletion_of_address(
            Alice,
            13,
            &format!("30000:{}", Alice.hex()),
        ))
        .await;
    subject
        .store_one(&deletion_of_address(Alice, 14, &address(0, Alice, "d")))
        .await;
    assert!(subject.has(&addressable).await);
}

pub async fn r1_5_identifiers_with_colons(factory: &dyn Factory) {
    let subject = Subject::new(factory);
    let event = draft(Alice, 30_000, 5).tag("d", "a:b:").sign();
    let other = draft(Alice, 30_000, 5).tag("d", "a").sign();
    subject
        .store_each(&[
            &event,
            &other,
            &deletion_of_address(Alice, 10, &address(30_000, Alice, "a:b:")),
        ])
        .await;
    assert!(!subject.has(&event).await && subject.has(&other).await);
    let empty = draft(Alice, 30_000, 5).sign();
    subject
        .store_each(&[
            &empty,
            &deletion_of_address(Alice, 10, &address(30_000, Alice, "")),
        ])
        .await;
    assert!(!subject.has(&empty).await && subject.has(&other).await);
}

pub async fn r1_5_addresses_of_regular_events_mean_nothing(factory: &dyn Factory) {
    let subject = Subject::new(factory);
    let event = draft(Alice, 1, 5).tag("d", "a").sign();
    subject.store_one(&event).await;
    subject
        .store_one(&deletion_of_address(Alice, 10, &address(1, Alice, "a")))
        .await;
    subject
        .store_one(&deletion_of_address(Alice, 11, &address(1, Alice, "")))
        .await;
    assert!(subject.has(&event).await);
}

pub async fn r1_5_malformed_targets_mean_nothing(factory: &dyn Factory) {
    let subject = Subject::new(factory);
    let event = note(Alice, 5, "still here");
    let replaceable = draft(Alice, 0, 5).sign();
    let id = event.id().to_string();
    let request = draft(Alice, 5, 10)
        .tag("e", &id[..63])
        .tag("e", &id.to_uppercase())
        .tag("e", &format!("{id} "))
        .tag("E", &id)
        .tag_of(&["e", "", &id])
        .tag_of(&["e"])
        .tag("p", &id)
        .tag("a", &format!("0:{}", Alice.hex().to_uppercase()))
        .tag("a", &format!("+0:{}:", Alice.hex()))
        .tag("a", "0::")
        .tag("a", "65536:x:")
        .tag("a", ":::")
        .tag("a", "")
        .sign();
    subject.store_each(&[&event, &replaceable, &request]).await;
    assert!(subject.has(&event).await && subject.has(&replaceable).await);
}

pub async fn r1_5_requests_are_kept_and_served(factory: &dyn Factory) {
    let subject = Subject::new(factory);
    let event = note(Alice, 5, "gone");
    let request = deletion(Alice, 10, &[&event]);
    let idle = deletion(Bob, 11, &[&event]);
    subject.store_each(&[&event, &request, &idle]).await;
    assert_eq!(
        subject.ids(r#"{"kinds":[5]}"#).await,
        [idle.id(), request.id()]
    );
    assert_eq!(
        subject
            .ids(&format!(r##"{{"#e":["{}"]}}"##, event.id()))
            .await,
        [idle.id(), request.id()]
    );
    assert_eq!(subject.put(&request).await, Outcome::Duplicate);
}

pub async fn r1_5_requests_and_vanish_requests_cannot_be_deleted(factory: &dyn Factory) {
    let subject = Subject::new(factory);
    let event = note(Alice, 50, "gone");
    let request = deletion(Alice, 51, &[&event]);
    let vanishing = vanish(Alice, 40);
    subject
        .store_each(&[
            &request,
            &vanishing,
            &deletion(Alice, 52, &[&request, &vanishing]),
        ])
        .await;
    assert!(subject.has(&request).await && subject.has(&vanishing).await);
    subject.refused(&event, Refusal::Deleted).await;
    subject
        .refused(&note(Alice, 39, "vanished"), Refusal::Vanished)
        .await;
    // And in the other order.
    let (later, last) = (deletion(Alice, 53, &[&event]), vanish(Alice, 41));
    subject
        .store_each(&[&deletion(Alice, 54, &[&later, &last]), &later, &last])
        .await;
    assert!(subject.has(&later).await && subject.has(&last).await);
}

pub async fn r1_5_a_recipient_deletes_a_gift_wrap(factory: &dyn Factory) {
    let subject = Subject::new(factory);
    let to_bob = wrap(Alice, Bob, 10);
    let to_both = draft(Alice, 1059, 11)
        .tag("p", &Carol.hex())
        .tag("p", &Bob.hex())
        .sign();
    subject
        .store_each(&[&to_bob, &to_both, &deletion(Carol, 20, &[&to_bob])])
        .await;
    assert!(subject.has(&to_bob).await, "Carol is nobody to it");
    subject
        .store_one(&deletion(Bob, 20, &[&to_bob, &to_both]))
        .await;
    assert!(!subject.has(&to_bob).await && !subject.has(&to_both).await);
    subject.refused(&to_bob, Refusal::Deleted).await;
    // Its author may too.
    let own = wrap(Alice, Bob, 12);
    subject
        .store_each(&[&own, &deletion(Alice, 20, &[&own])])
        .await;
    assert!(!subject.has(&own).await);
}

pub async fn r1_5_a_recipient_deletes_a_gift_wrap_before_it_comes(factory: &dyn Factory) {
    let subject = Subject::new(factory);
    let unseen = wrap(Alice, Bob, 10);
    subject.store_one(&deletion(Carol, 20, &[&unseen])).await;
    let other = wrap(Alice, Bob, 11);
    subject
        .store_each(&[&deletion(Bob, 20, &[&other]), &unseen])
        .await;
    subject.refused(&other, Refusal::Deleted).await;
    assert!(subject.has(&unseen).await);
    // Passing gift wraps are not kept, so there is nothing that a recipient could delete.
    let passing = draft(Alice, 21_059, 10).tag("p", &Bob.hex()).sign();
    subject.store_one(&deletion(Bob, 20, &[&passing])).await;
    assert_eq!(subject.put(&passing).await, Outcome::Ephemeral);
}

pub async fn r1_5_a_recipient_deletes_nothing_but_gift_wraps(factory: &dyn Factory) {
    let subject = Subject::new(factory);
    for kind in [1, 4, 13, 14, 1060] {
        let event = draft(Alice, kind, 10).tag("p", &Bob.hex()).sign();
        subject
            .store_each(&[&event, &deletion(Bob, 20, &[&event])])
            .await;
        assert!(subject.has(&event).await, "{kind}");
        let later = draft(Alice, kind, 11).tag("p", &Bob.hex()).sign();
        subject
            .store_each(&[&deletion(Bob, 20, &[&later]), &later])
            .await;
    }
}

pub async fn r1_5_an_older_version_may_come_after_a_deletion_by_id(factory: &dyn Factory) {
    let subject = Subject::new(factory);
    let (old, new) = (draft(Alice, 0, 10).sign(), draft(Alice, 0, 11).sign());
    subject
        .store_each(&[&new, &deletion(Alice, 12, &[&new]), &old])
        .await;
    assert!(subject.has(&old).await && !subject.has(&new).await);
    subject.refused(&new, Refusal::Deleted).await;
}

pub async fn r1_5_in_an_archive_a_deletion_takes_all_versions(factory: &dyn Factory) {
    let subject = Subject::keeping(factory, Keep::History);
    let versions: Vec<Event> = (10..14)
        .map(|at| draft(Alice, 30_000, at).tag("d", "a").sign())
        .collect();
    subject.put_all(&versions.iter().collect::<Vec<_>>()).await;
    subject
        .store_one(&deletion_of_address(
            Alice,
            12,
            &address(30_000, Alice, "a"),
        ))
        .await;
    assert_eq!(
        subject.ids(r#"{"kinds":[30000]}"#).await,
        [versions[3].id()]
    );
    subject.refused(&versions[1], Refusal::Deleted).await;
}

pub async fn r1_5_in_one_batch(factory: &dyn Factory) {
    let subject = Subject::new(factory);
    let event = note(Alice, 10, "with its deletion");
    let request = deletion(Alice, 11, &[&event]);
    let (stored, deleted) = (
        |number| Outcome::Stored(EventNumber(number)),
        Outcome::Refused(Refusal::Deleted),
    );
    assert_eq!(
        subject.put_all(&[&request, &event]).await,
        [stored(1), deleted]
    );
    let other = note(Alice, 10, "other");
    assert_eq!(
        subject
            .put_all(&[&other, &deletion(Alice, 12, &[&other])])
            .await,
        [stored(2), stored(3)]
    );
    assert!(!subject.has(&event).await && !subject.has(&other).await);
}
