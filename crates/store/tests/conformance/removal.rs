//! What the operator removes, figures, and what outlives a process.

use stentor_event::{Event, Timestamp};
use stentor_store::{
    ChangeKind, EventNumber, Outcome, Refusal, Removal, Seq, StoreError, Submission,
};

use crate::common::make::{Alice, Bob, deletion, draft, note, vanish, wrap};
use crate::common::subject::NOW;
use crate::common::{Factory, Subject};

pub async fn r4_6_the_operator_removes_events_for_good(factory: &dyn Factory) {
    let subject = Subject::new(factory);
    let (one, two, three) = (
        note(Alice, 10, "one"),
        note(Alice, 20, "two"),
        note(Bob, 30, "three"),
    );
    subject.store_each(&[&one, &two, &three]).await;
    let unknown = note(Bob, 40, "unknown");
    assert_eq!(
        subject
            .store()
            .remove(&[three.id(), one.id(), unknown.id(), one.id()])
            .await
            .unwrap(),
        2
    );
    assert_eq!(subject.store().remove(&[one.id()]).await.unwrap(), 0);
    assert_eq!(subject.store().remove(&[]).await.unwrap(), 0);
    assert_eq!(subject.ids("{}").await, [two.id()]);
    let entries: Vec<(u64, ChangeKind)> = subject
        .changes(Seq(3))
        .await
        .iter()
        .map(|change| (change.number.0, change.kind))
        .collect();
    let dropped = ChangeKind::Removed(Removal::Dropped);
    assert_eq!(entries, [(1, dropped), (3, dropped)]);
    // Whether it may come back is for the policy to say: to the store it is a new event.
    assert_eq!(subject.put(&one).await, Outcome::Stored(EventNumber(4)));
}

pub async fn r8_5_statistics_add_up(factory: &dyn Factory) {
    let subject = Subject::new(factory);
    let empty = subject.store().statistics();
    assert_eq!((empty.events, empty.last_number, empty.last_seq), (0, 0, 0));
    let event = note(Alice, 10, "gone");
    let batch = [
        &event,
        &draft(Bob, 0, 10).sign(),
        &draft(Bob, 0, 11).sign(),
        &note(Bob, 1, "one"),
        &note(Bob, 2, "two"),
    ];
    subject.put_all(&batch).await;
    subject.store_one(&deletion(Alice, 11, &[&event])).await;
    let figures = subject.store().statistics();
    assert_eq!(
        (figures.events, figures.last_number, figures.last_seq),
        (4, 6, 8)
    );
    let by_kind: Vec<(u16, u64)> = figures
        .by_kind
        .into_iter()
        .filter(|(_, count)| *count > 0)
        .collect();
    assert_eq!(by_kind, [(0, 1), (1, 2), (5, 1)]);
}

pub async fn r8_3_everything_is_there_after_reopening(factory: &dyn Factory) {
    let mut subject = Subject::new(factory);
    let deleted = note(Alice, 10, "deleted");
    let unseen = note(Alice, 11, "deleted before it came");
    let dropped = note(Bob, 10, "dropped");
    let events = [
        deleted.clone(),
        deletion(Alice, 20, &[&deleted, &unseen]),
        draft(Bob, 0, 10).sign(),
        draft(Bob, 0, 11).sign(),
        wrap(Alice, Bob, 12),
        dropped.clone(),
        vanish(Bob, 5),
        draft(Alice, 1, 30).expiring(NOW + 5).sign(),
    ];
    subject.store_each(&events.iter().collect::<Vec<_>>()).await;
    subject.store().remove(&[dropped.id()]).await.unwrap();
    let (ids, feed, next) = (
        subject.ids("{}").await,
        feed(&subject).await,
        subject.store().next_number(),
    );
    for _ in 0..3 {
        subject.engine.reopen().await;
        assert_eq!(subject.ids("{}").await, ids);
        assert_eq!(self::feed(&subject).await, feed);
        assert_eq!(subject.store().next_number(), next);
        subject.refused(&deleted, Refusal::Deleted).await;
        subject.refused(&unseen, Refusal::Deleted).await;
        assert!(!subject.has(&dropped).await);
        subject
            .refused(&note(Bob, 5, "vanished"), Refusal::Vanished)
            .await;
        subject.refused(&events[2], Refusal::Superseded).await;
        assert_eq!(subject.put(&events[4]).await, Outcome::Duplicate);
    }
    subject.now += 5;
    subject.engine.reopen().await;
    assert_eq!(subject.purge().await, 1);
    assert_eq!(subject.store_one(&note(Alice, 40, "goes on")).await, next);
}

/// Positions, event numbers and kinds of the whole feed.
async fn feed(subject: &Subject) -> Vec<(Seq, u64, ChangeKind)> {
    subject
        .changes(Seq(0))
        .await
        .iter()
        .map(|change| (change.seq, change.number.0, change.kind))
        .collect()
}

pub async fn r8_3_what_was_acknowledged_while_closing_is_there(factory: &dyn Factory) {
    let mut subject = Subject::new(factory);
    let notes: Vec<Event> = (0..40)
        .map(|at| note(Alice, at, "in time or not"))
        .collect();
    let submit = |event: &Event| {
        let (store, event) = (subject.store(), event.clone());
        tokio::spawn(async move {
            let batch = vec![Submission {
                event: event.clone(),
                verified: false,
            }];
            (event, store.submit(batch, Timestamp(NOW)).await)
        })
    };
    let submitted: Vec<_> = notes.iter().map(submit).collect();
    let closing = {
        let store = subject.store();
        tokio::spawn(async move { store.close().await })
    };
    let mut acknowledged = Vec::new();
    for task in submitted {
        match task.await.unwrap() {
            (event, Ok(outcomes)) => match outcomes.as_slice() {
                [Outcome::Stored(_)] => acknowledged.push(event),
                [Outcome::Refused(Refusal::Unavailable(_))] => {}
                other => panic!("{other:?}"),
            },
            (_, Err(StoreError::Closed)) => {}
            (_, Err(error)) => panic!("{error}"),
        }
    }
    closing.await.unwrap().unwrap();
    subject.engine.reopen().await;
    for event in &acknowledged {
        assert!(subject.has(event).await, "{event:?}");
    }
}
