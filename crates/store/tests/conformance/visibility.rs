//! Who sees what (R2.1).

use stentor_event::{Event, Viewer};
use stentor_store::Seq;

use crate::common::make::{Alice, Bob, Carol, Dave, anonymous, draft, note, viewer, wrap};
use crate::common::subject::{NO_LIMITS, ids_of};
use crate::common::{Factory, Subject};

async fn sees(subject: &Subject, viewer: &Viewer, filters: &[&str], expected: &[&Event]) {
    assert_eq!(
        subject.answer(filters, viewer, NO_LIMITS).await.0,
        ids_of(expected),
        "{filters:?}"
    );
    assert_eq!(
        subject.count(filters, viewer).await.count,
        expected.len() as u64,
        "{filters:?}"
    );
}

pub async fn r2_1_private_kinds_are_for_their_parties(factory: &dyn Factory) {
    let subject = Subject::new(factory);
    let message = draft(Alice, 4, 20).tag("p", &Bob.hex()).sign();
    let wrapped = wrap(Carol, Bob, 10);
    subject.store_each(&[&message, &wrapped]).await;
    let id = format!(r#"{{"ids":["{}"]}}"#, message.id());
    let kinds = r#"{"kinds":[4,1059]}"#;
    let both = [&message, &wrapped];
    for (viewer, seen) in [
        (anonymous(), &[][..]),
        (Alice.viewer(), &both[..1]),
        (Bob.viewer(), &both),
        (Carol.viewer(), &both[1..]),
        (Dave.viewer(), &[]),
        (viewer(&[Dave, Alice, Carol]), &both),
    ] {
        sees(&subject, &viewer, &["{}"], seen).await;
        sees(&subject, &viewer, &[kinds], seen).await;
        let named: Vec<&Event> = seen
            .iter()
            .copied()
            .filter(|event| event.id() == message.id())
            .collect();
        sees(&subject, &viewer, &[&id], &named).await;
        let shown = subject
            .store()
            .changes(Seq(0), 10, &viewer, stentor_event::Timestamp(subject.now))
            .await
            .unwrap();
        assert_eq!(
            shown.iter().filter(|change| change.event.is_some()).count(),
            seen.len()
        );
        assert_eq!(
            shown.iter().filter(|change| change.id.is_some()).count(),
            seen.len()
        );
    }
}

pub async fn r2_1_judged_by_the_event_not_the_filter(factory: &dyn Factory) {
    let subject = Subject::new(factory);
    let (to_bob, to_carol) = (wrap(Alice, Bob, 20), wrap(Alice, Carol, 10));
    subject.store_each(&[&to_bob, &to_carol]).await;
    let filter = format!(r##"{{"#p":["{}","{}"]}}"##, Bob.hex(), Carol.hex());
    sees(&subject, &Bob.viewer(), &[&filter], &[&to_bob]).await;
    sees(&subject, &Carol.viewer(), &[&filter], &[&to_carol]).await;
    sees(&subject, &Dave.viewer(), &[&filter], &[]).await;
    let registers = |viewer: Viewer| {
        let (subject, filter) = (&subject, filter.as_str());
        async move { subject.count(&[filter], &viewer).await.hll }
    };
    assert_eq!(registers(Dave.viewer()).await, Some(Box::new([0; 256])));
    assert_ne!(registers(Bob.viewer()).await, Some(Box::new([0; 256])));
}

pub async fn r2_1_group_messages_only_through_h(factory: &dyn Factory) {
    let subject = Subject::new(factory);
    let message = draft(Alice, 445, 20).tag("h", "group").sign();
    let plain = note(Alice, 10, "plain");
    subject.store_each(&[&message, &plain]).await;
    let (id, author) = (
        format!(r#"{{"ids":["{}"]}}"#, message.id()),
        format!(r#"{{"authors":["{}"]}}"#, Alice.hex()),
    );
    for viewer in [anonymous(), Alice.viewer()] {
        sees(&subject, &viewer, &["{}"], &[&plain]).await;
        sees(&subject, &viewer, &[r#"{"kinds":[445]}"#], &[]).await;
        sees(&subject, &viewer, &[&id], &[]).await;
        sees(&subject, &viewer, &[&author], &[&plain]).await;
        sees(&subject, &viewer, &[r##"{"#h":["group"]}"##], &[&message]).await;
        sees(
            &subject,
            &viewer,
            &[r##"{"#h":["group"],"kinds":[445]}"##],
            &[&message],
        )
        .await;
        sees(&subject, &viewer, &[r##"{"#h":["other"]}"##], &[]).await;
    }
}

pub async fn r2_1_each_filter_judged_by_itself(factory: &dyn Factory) {
    let subject = Subject::new(factory);
    let mine = draft(Alice, 445, 20).tag("h", "mine").sign();
    let other = draft(Alice, 445, 10).tag("h", "other").sign();
    subject.store_each(&[&mine, &other]).await;
    // The first filter matches both messages, but only the second has an `#h`.
    sees(
        &subject,
        &anonymous(),
        &["{}", r##"{"#h":["mine"]}"##],
        &[&mine],
    )
    .await;
    sees(
        &subject,
        &anonymous(),
        &[r#"{"kinds":[445]}"#, r##"{"#h":["other"]}"##],
        &[&other],
    )
    .await;
}

pub async fn r2_1_an_operator_sees_everything(factory: &dyn Factory) {
    let subject = Subject::new(factory);
    let events = [
        draft(Alice, 445, 20).sign(),
        draft(Alice, 4, 19).sign(),
        wrap(Alice, Bob, 18),
        note(Alice, 17, "open"),
    ];
    subject.store_each(&events.iter().collect::<Vec<_>>()).await;
    sees(
        &subject,
        &Viewer::operator(),
        &["{}"],
        &events.iter().collect::<Vec<_>>(),
    )
    .await;
}
