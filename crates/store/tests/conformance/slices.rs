//! Scans that are paused and resumed (R8.2), and what changes meanwhile.

use stentor_event::{Event, EventId, Viewer};
use stentor_store::{Budget, Query, ScanEnd, ScanLimits, StoreError};

use crate::common::make::{Alice, Bob, anonymous, deletion, draft, filter, note, viewer, wrap};
use crate::common::subject::{NO_LIMITS, WHOLE, batch_ids, drain, ids_of};
use crate::common::{Factory, Subject};

/// One event in a slice.
const ONE: Budget = Budget { events: 1, ..WHOLE };

async fn with_notes(factory: &dyn Factory, count: u64) -> (Subject, Vec<Event>) {
    let subject = Subject::new(factory);
    let mut events: Vec<Event> = (0..count)
        .map(|index| note(Alice, 10 + index / 3, &index.to_string()))
        .collect();
    subject.put_all(&events.iter().collect::<Vec<_>>()).await;
    events.sort_by_key(|event| (std::cmp::Reverse(event.created_at()), event.id()));
    (subject, events)
}

pub async fn r8_2_any_slicing_gives_the_same_answer(factory: &dyn Factory) {
    let (subject, _) = with_notes(factory, 50).await;
    let filters = [
        filter(r#"{"kinds":[1],"limit":20}"#),
        filter(r#"{"until":18}"#),
        filter("{}"),
    ];
    let query = Query {
        limits: ScanLimits { cap: 25, rows: 0 },
        ..subject.query(&filters)
    };
    let whole = subject.answer_to(query.clone(), &anonymous()).await;
    for budget in [
        ONE,
        Budget { events: 7, ..WHOLE },
        Budget { rows: 1, ..WHOLE },
        Budget { rows: 5, ..WHOLE },
        Budget { bytes: 1, ..WHOLE },
        Budget {
            bytes: 1_000,
            ..WHOLE
        },
        Budget {
            events: 3,
            bytes: 500,
            rows: 4,
        },
    ] {
        let sliced = drain(subject.store().scan(query.clone()), &anonymous(), budget)
            .await
            .unwrap();
        assert_eq!(sliced, whole, "{budget:?}");
    }
}

pub async fn r8_2_a_runaway_scan_is_cut(factory: &dyn Factory) {
    let (subject, events) = with_notes(factory, 60).await;
    let query = |rows| Query {
        limits: ScanLimits { cap: 0, rows },
        ..subject.query(&[filter("{}")])
    };
    let cut = drain(subject.store().scan(query(20)), &anonymous(), WHOLE).await;
    assert!(
        matches!(cut, Err(StoreError::TooExpensive { allowed: 20, .. })),
        "{cut:?}"
    );
    let sliced = drain(
        subject.store().scan(query(20)),
        &anonymous(),
        Budget { rows: 4, ..WHOLE },
    )
    .await;
    assert!(
        matches!(sliced, Err(StoreError::TooExpensive { allowed: 20, .. })),
        "{sliced:?}"
    );
    let within = drain(subject.store().scan(query(10_000)), &anonymous(), WHOLE)
        .await
        .unwrap();
    assert_eq!(
        within,
        (
            ids_of(&events.iter().collect::<Vec<_>>()),
            ScanEnd::Finished
        )
    );
}

/// Takes `count` events in slices of one, and leaves the scan there.
async fn take(
    scan: &mut Box<dyn stentor_store::Scan>,
    viewer: &Viewer,
    count: usize,
) -> Vec<EventId> {
    let mut ids = Vec::new();
    while ids.len() < count {
        let batch = scan.next(viewer, ONE).await.unwrap();
        assert_eq!(batch.end, None);
        ids.extend(batch_ids(&batch));
    }
    ids
}

pub async fn r8_2_what_is_removed_between_slices_is_not_returned(factory: &dyn Factory) {
    let (subject, events) = with_notes(factory, 30).await;
    let mut scan = subject
        .store()
        .scan(subject.query(&[filter(r#"{"kinds":[1]}"#)]));
    let mut met = take(&mut scan, &anonymous(), 10).await;
    // One that was returned, the next one, and the last.
    subject
        .store_one(&deletion(
            Alice,
            50,
            &[&events[3], &events[10], &events[29]],
        ))
        .await;
    let (rest, end) = drain(scan, &anonymous(), ONE).await.unwrap();
    met.extend(rest);
    let expected: Vec<&Event> = events
        .iter()
        .enumerate()
        .filter(|(index, _)| ![10, 29].contains(index))
        .map(|(_, event)| event)
        .collect();
    assert_eq!((met, end), (ids_of(&expected), ScanEnd::Finished));
}

pub async fn r8_2_what_comes_between_slices_is_not_returned(factory: &dyn Factory) {
    let (subject, events) = with_notes(factory, 30).await;
    let mut scan = subject.store().scan(subject.query(&[filter("{}")]));
    let mut met = take(&mut scan, &anonymous(), 10).await;
    subject
        .store_each(&[
            &note(Bob, 1, "oldest"),
            &note(Bob, 12, "between"),
            &note(Bob, 90, "newest"),
        ])
        .await;
    let (rest, end) = drain(scan, &anonymous(), Budget { rows: 3, ..WHOLE })
        .await
        .unwrap();
    met.extend(rest);
    assert_eq!(
        (met, end),
        (
            ids_of(&events.iter().collect::<Vec<_>>()),
            ScanEnd::Finished
        )
    );
}

pub async fn r2_1_a_key_that_authenticates_during_a_scan(factory: &dyn Factory) {
    let subject = Subject::new(factory);
    let wraps: Vec<Event> = (0..6).map(|at| wrap(Alice, Bob, 10 + at)).collect();
    let notes: Vec<Event> = (0..6).map(|at| draft(Alice, 1, 10 + at).sign()).collect();
    subject
        .put_all(&wraps.iter().chain(&notes).collect::<Vec<_>>())
        .await;
    let mut scan = subject.store().scan(Query {
        limits: NO_LIMITS,
        ..subject.query(&[filter("{}")])
    });
    let before = take(&mut scan, &anonymous(), 3).await;
    assert_eq!(before, ids_of(&[&notes[5], &notes[4], &notes[3]]));
    let (after, _) = drain(scan, &viewer(&[Bob]), ONE).await.unwrap();
    let all = subject.answer(&["{}"], &Bob.viewer(), NO_LIMITS).await.0;
    // Everything older than the last event that was returned is judged anew.
    let older: Vec<EventId> = all
        .iter()
        .skip_while(|id| **id != notes[3].id())
        .skip(1)
        .copied()
        .collect();
    assert_eq!(after, older);
}
