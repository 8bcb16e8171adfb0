//! Expiration (R1.10, NIP-40).

use stentor_store::{ChangeKind, Refusal, Removal, Seq};

use crate::common::make::{Alice, anonymous, deletion, draft, note, vanish};
use crate::common::subject::NOW;
use crate::common::{Factory, Subject};

pub async fn r1_10_refused_when_expired(factory: &dyn Factory) {
    let subject = Subject::new(factory);
    subject
        .refused(&draft(Alice, 1, 10).expiring(NOW).sign(), Refusal::Expired)
        .await;
    subject
        .refused(&draft(Alice, 1, 10).expiring(0).sign(), Refusal::Expired)
        .await;
    subject
        .refused(
            &draft(Alice, 30_000, 10).expiring(NOW - 1).sign(),
            Refusal::Expired,
        )
        .await;
    subject
        .store_one(&draft(Alice, 1, 10).expiring(NOW + 1).sign())
        .await;
    subject
        .store_one(&draft(Alice, 1, 10).expiring(u64::MAX).sign())
        .await;
}

pub async fn r1_10_not_served_once_expired(factory: &dyn Factory) {
    let mut subject = Subject::new(factory);
    let event = draft(Alice, 1, 10).tag("t", "x").expiring(NOW + 10).sign();
    subject.store_one(&event).await;
    let id = format!(r#"{{"ids":["{}"]}}"#, event.id());
    for (now, served) in [(NOW, 1), (NOW + 9, 1), (NOW + 10, 0), (NOW + 11, 0)] {
        subject.now = now;
        for filter in ["{}", r##"{"#t":["x"]}"##, r#"{"kinds":[1]}"#, &id] {
            assert_eq!(subject.ids(filter).await.len(), served, "{filter}");
            assert_eq!(
                subject.count(&[filter], &anonymous()).await.count,
                served as u64,
                "{filter}"
            );
        }
        let bodies = subject
            .changes(Seq(0))
            .await
            .iter()
            .filter(|change| change.event.is_some())
            .count();
        assert_eq!(bodies, served);
    }
    subject.refused(&event, Refusal::Expired).await;
}

pub async fn r1_10_purged_in_the_background(factory: &dyn Factory) {
    let mut subject = Subject::new(factory);
    let short = draft(Alice, 1, 10).expiring(NOW + 5).sign();
    let long = draft(Alice, 1, 11).expiring(NOW + 10).sign();
    subject
        .store_each(&[&short, &note(Alice, 12, "for ever"), &long])
        .await;
    assert_eq!(subject.purge().await, 0);
    subject.now += 5;
    assert_eq!(subject.purge().await, 1);
    assert_eq!(subject.purge().await, 0);
    subject.now += 100;
    assert_eq!(subject.purge().await, 1);
    let removed: Vec<ChangeKind> = subject
        .changes(Seq(3))
        .await
        .iter()
        .map(|change| change.kind)
        .collect();
    assert_eq!(removed, [ChangeKind::Removed(Removal::Expired); 2]);
    assert_eq!(subject.store().statistics().events, 1);
    subject.refused(&short, Refusal::Expired).await;
}

pub async fn r1_10_a_malformed_expiration_is_none(factory: &dyn Factory) {
    let mut subject = Subject::new(factory);
    for value in [
        "",
        "soon",
        "-1",
        "1.5",
        "1e3",
        " 1",
        "99999999999999999999999",
    ] {
        let event = draft(Alice, 1, 10).tag("expiration", value).sign();
        subject.store_one(&event).await;
        assert!(subject.has(&event).await, "{value}");
    }
    subject
        .store_one(&draft(Alice, 1, 10).tag_of(&["expiration"]).sign())
        .await;
    subject.now = u64::MAX >> 1;
    assert_eq!(subject.purge().await, 0);
    assert_eq!(subject.ids("{}").await.len(), 8);
}

pub async fn r1_10_of_replaceable_events(factory: &dyn Factory) {
    let mut subject = Subject::new(factory);
    let old = draft(Alice, 0, 10).sign();
    let new = draft(Alice, 0, 20).expiring(NOW + 5).sign();
    subject.store_each(&[&old, &new]).await;
    subject.now += 5;
    // The version that was replaced does not come back by itself.
    assert_eq!(subject.ids("{}").await, []);
    assert_eq!(subject.purge().await, 1);
    assert_eq!(subject.ids("{}").await, []);
    subject.store_one(&draft(Alice, 0, 15).sign()).await;
}

pub async fn r1_10_requests_keep_their_effect(factory: &dyn Factory) {
    let mut subject = Subject::new(factory);
    let event = note(Alice, 50, "gone");
    let request = draft(Alice, 5, 60)
        .tag("e", &event.id().to_string())
        .expiring(NOW + 5)
        .sign();
    let vanishing = draft(Alice, 62, 40)
        .tag("relay", "ALL_RELAYS")
        .expiring(NOW + 5)
        .sign();
    subject.store_each(&[&request, &vanishing]).await;
    subject.now += 5;
    assert_eq!(subject.ids("{}").await, []);
    subject.purge().await;
    subject.refused(&event, Refusal::Deleted).await;
    subject
        .refused(&note(Alice, 40, "vanished"), Refusal::Vanished)
        .await;
    // They are no protection for what they are not.
    subject.store_one(&note(Alice, 51, "new")).await;
    assert!(subject.store().statistics().events >= 1);
    let (later, last) = (deletion(Alice, 61, &[&event]), vanish(Alice, 41));
    subject.store_each(&[&later, &last]).await;
}
