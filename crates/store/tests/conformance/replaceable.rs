//! Replaceable and addressable events (R1.4).

use stentor_event::Event;
use stentor_store::{Keep, Outcome, Refusal};

use crate::common::make::{Alice, Bob, anonymous, draft};
use crate::common::{Draft, Factory, Subject};

/// The kinds that keep one version for each author.
const KINDS: [u16; 4] = [0, 3, 10_000, 19_999];

fn addressed(identifier: &str, at: u64) -> Draft {
    draft(Alice, 30_000, at).tag("d", identifier)
}

pub async fn r1_4_the_newest_version_wins(factory: &dyn Factory) {
    let subject = Subject::new(factory);
    for kind in KINDS.into_iter().chain([30_000, 39_999]) {
        let (old, new) = (draft(Alice, kind, 10).sign(), draft(Alice, kind, 11).sign());
        subject.store_each(&[&old, &new]).await;
        assert_eq!(
            subject.ids(&format!(r#"{{"kinds":[{kind}]}}"#)).await,
            [new.id()]
        );
        assert!(!subject.has(&old).await);
    }
}

pub async fn r1_4_an_older_version_is_superseded(factory: &dyn Factory) {
    let subject = Subject::new(factory);
    for kind in KINDS.into_iter().chain([30_000, 39_999]) {
        let (old, new) = (draft(Alice, kind, 10).sign(), draft(Alice, kind, 11).sign());
        subject.store_one(&new).await;
        subject.refused(&old, Refusal::Superseded).await;
        assert_eq!(
            subject.ids(&format!(r#"{{"kinds":[{kind}]}}"#)).await,
            [new.id()]
        );
        // One that was replaced is no duplicate.
        let newest = draft(Alice, kind, 12).sign();
        subject.store_one(&newest).await;
        subject.refused(&new, Refusal::Superseded).await;
        assert_eq!(subject.put(&newest).await, Outcome::Duplicate);
    }
}

pub async fn r1_4_in_the_same_second_the_lowest_id_wins(factory: &dyn Factory) {
    for kind in [0, 10_002, 30_023] {
        let [low, high] = draft(Alice, kind, 10).pair();
        let subject = Subject::new(factory);
        subject.store_each(&[&high, &low]).await;
        assert_eq!(subject.ids("{}").await, [low.id()]);
        let subject = Subject::new(factory);
        subject.store_one(&low).await;
        subject.refused(&high, Refusal::Superseded).await;
        assert_eq!(subject.ids("{}").await, [low.id()]);
    }
}

pub async fn r1_4_versions_in_one_batch(factory: &dyn Factory) {
    let subject = Subject::new(factory);
    let versions: Vec<Event> = (10..15).map(|at| draft(Alice, 0, at).sign()).collect();
    let order = [1, 0, 3, 2, 4, 3].map(|index| &versions[index]);
    let outcomes = subject.put_all(&order).await;
    let stored: Vec<bool> = outcomes
        .iter()
        .map(|outcome| matches!(outcome, Outcome::Stored(_)))
        .collect();
    assert_eq!(stored, [true, false, true, false, true, false]);
    let refused = outcomes
        .iter()
        .filter(|outcome| **outcome == Outcome::Refused(Refusal::Superseded))
        .count();
    assert_eq!(refused, 3);
    assert_eq!(subject.ids("{}").await, [versions[4].id()]);
}

pub async fn r1_4_authors_kinds_and_identifiers_are_apart(factory: &dyn Factory) {
    let subject = Subject::new(factory);
    let events = [
        draft(Alice, 0, 10).sign(),
        draft(Bob, 0, 11).sign(),
        draft(Alice, 3, 12).sign(),
        draft(Alice, 10_000, 13).sign(),
        addressed("one", 14).sign(),
        addressed("two", 15).sign(),
        addressed("One", 16).sign(),
        addressed("one ", 17).sign(),
        draft(Bob, 30_000, 18).tag("d", "one").sign(),
        draft(Alice, 30_001, 19).tag("d", "one").sign(),
    ];
    subject.store_each(&events.iter().collect::<Vec<_>>()).await;
    assert_eq!(subject.ids("{}").await.len(), events.len());
}

pub async fn r1_4_no_d_equals_an_empty_d(factory: &dyn Factory) {
    let spellings = [
        draft(Alice, 30_000, 10),
        draft(Alice, 30_000, 11).tag("d", ""),
        draft(Alice, 30_000, 12).tag_of(&["d"]),
        draft(Alice, 30_000, 13).tag("D", "other"),
        draft(Alice, 30_000, 14).tag("d", "").tag("d", "other"),
    ];
    let subject = Subject::new(factory);
    for spelling in &spellings {
        let event = spelling.sign();
        subject.store_one(&event).await;
        assert_eq!(subject.ids("{}").await, [event.id()]);
    }
    for spelling in &spellings[..4] {
        subject.refused(&spelling.sign(), Refusal::Superseded).await;
    }
}

pub async fn r1_4_the_first_d_counts(factory: &dyn Factory) {
    let subject = Subject::new(factory);
    let first = addressed("a", 10).tag("d", "b").sign();
    let second = addressed("b", 11).tag("d", "a").sign();
    let third = draft(Alice, 30_000, 12)
        .tag("e", "x")
        .tag_of(&["d", "a", "c"])
        .sign();
    subject.store_each(&[&first, &second, &third]).await;
    assert_eq!(subject.ids("{}").await, [third.id(), second.id()]);
}

pub async fn r1_4_d_is_compared_as_text(factory: &dyn Factory) {
    let subject = Subject::new(factory);
    let plain = addressed("a/\u{e9}\u{1f600}", 10).sign();
    let text = std::str::from_utf8(plain.json()).unwrap();
    // The same text, spelled with escapes: another version of the same event. Its id is right for its bytes as text.
    let escaped = addressed("a/\u{e9}\u{1f600}", 11).sign();
    let spelled = std::str::from_utf8(escaped.json())
        .unwrap()
        .replace("a/\u{e9}\u{1f600}", r"\u0061\/\u00e9\ud83d\ude00");
    let escaped = Event::parse(spelled.as_bytes()).unwrap();
    assert!(text.contains("a/") && escaped.check_id().is_ok());
    subject.store_each(&[&plain, &escaped]).await;
    assert_eq!(subject.ids("{}").await, [escaped.id()]);
    subject.refused(&plain, Refusal::Superseded).await;
    assert_eq!(
        subject.ids("{\"#d\":[\"a/\u{e9}\u{1f600}\"]}").await,
        [escaped.id()]
    );
}

pub async fn r1_4_long_identifiers_are_apart(factory: &dyn Factory) {
    let subject = Subject::new(factory);
    let long = "x".repeat(5_000);
    let (one, two) = (
        addressed(&format!("{long}1"), 10).sign(),
        addressed(&format!("{long}2"), 11).sign(),
    );
    subject.store_each(&[&one, &two]).await;
    assert_eq!(subject.ids("{}").await, [two.id(), one.id()]);
    subject
        .refused(
            &addressed(&format!("{long}1"), 9).sign(),
            Refusal::Superseded,
        )
        .await;
    let newer = addressed(&format!("{long}1"), 12).sign();
    subject.store_one(&newer).await;
    assert_eq!(subject.ids("{}").await, [newer.id(), two.id()]);
}

pub async fn r1_4_d_means_nothing_to_replaceable_events(factory: &dyn Factory) {
    let subject = Subject::new(factory);
    let (one, two) = (
        draft(Alice, 0, 10).tag("d", "a").sign(),
        draft(Alice, 0, 11).tag("d", "b").sign(),
    );
    subject.store_each(&[&one, &two]).await;
    assert_eq!(subject.ids("{}").await, [two.id()]);
}

pub async fn r1_4_history_is_gone_from_every_read(factory: &dyn Factory) {
    let subject = Subject::new(factory);
    let (old, new) = (
        addressed("a", 10).tag("t", "x").sign(),
        addressed("a", 11).tag("t", "x").sign(),
    );
    subject.store_each(&[&old, &new]).await;
    let id = format!(r#"{{"ids":["{}"]}}"#, old.id());
    let by_author = format!(r#"{{"authors":["{}"]}}"#, Alice.hex());
    for filter in [
        "{}",
        r#"{"kinds":[30000]}"#,
        r##"{"#t":["x"]}"##,
        r##"{"#d":["a"]}"##,
        &by_author,
    ] {
        assert_eq!(subject.ids(filter).await, [new.id()], "{filter}");
        assert_eq!(
            subject.count(&[filter], &anonymous()).await.count,
            1,
            "{filter}"
        );
    }
    assert_eq!(subject.ids(&id).await, []);
    assert_eq!(subject.count(&[&id], &anonymous()).await.count, 0);
    assert_eq!(subject.ids(r#"{"until":10}"#).await, []);
}

pub async fn r1_4_an_archive_keeps_all_versions(factory: &dyn Factory) {
    let subject = Subject::keeping(factory, Keep::History);
    let versions: Vec<Event> = (10..13).map(|at| draft(Alice, 0, at).sign()).collect();
    subject
        .store_each(&versions.iter().collect::<Vec<_>>())
        .await;
    assert_eq!(
        subject.ids("{}").await,
        [versions[2].id(), versions[1].id(), versions[0].id()]
    );
    assert_eq!(
        subject
            .count(&[r#"{"kinds":[0]}"#], &anonymous())
            .await
            .count,
        3
    );
    assert_eq!(subject.put(&versions[0]).await, Outcome::Duplicate);
}

pub async fn r1_4_an_archive_takes_versions_in_any_order(factory: &dyn Factory) {
    let subject = Subject::keeping(factory, Keep::History);
    let [low, high] = addressed("a", 20).pair();
    let old = addressed("a", 10).sign();
    subject.store_each(&[&low, &old, &high]).await;
    assert_eq!(subject.ids("{}").await, [low.id(), high.id(), old.id()]);
}
