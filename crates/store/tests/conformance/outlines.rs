//! Outlines: what reconciliation (R5.1) and retention (R4.6) gather.

use stentor_event::{Event, EventId, Viewer};
use stentor_store::{
    Budget, Direction, Outline, OutlineBatch, OutlineQuery, OutlineScan, StoreError,
};

use crate::common::make::{Alice, Bob, anonymous, deletion, draft, filter, note, viewer, wrap};
use crate::common::subject::{NOW, WHOLE};
use crate::common::{Factory, Subject};

use Direction::{NewestFirst, OldestFirst};

fn query(json: &str, direction: Direction) -> OutlineQuery {
    OutlineQuery {
        filter: filter(json),
        now: stentor_event::Timestamp(NOW),
        direction,
        rows: 0,
    }
}

/// Takes a scan to its end in slices of this budget.
pub async fn drain(
    mut scan: Box<dyn OutlineScan>,
    viewer: &Viewer,
    budget: Budget,
) -> Result<Vec<Outline>, StoreError> {
    let mut all = Vec::new();
    loop {
        let OutlineBatch {
            outlines,
            rows,
            end,
        } = scan.next(viewer, budget).await?;
        assert!(outlines.len() <= budget.events && rows <= budget.rows.max(1));
        all.extend(outlines);
        if end {
            return Ok(all);
        }
    }
}

async fn ids(subject: &Subject, json: &str, direction: Direction, viewer: &Viewer) -> Vec<EventId> {
    let scan = subject.store().outline(query(json, direction));
    let all = drain(scan, viewer, WHOLE).await.unwrap();
    all.iter().map(|outline| outline.id).collect()
}

async fn with_notes(factory: &dyn Factory, count: u64) -> (Subject, Vec<EventId>) {
    let subject = Subject::new(factory);
    let mut events: Vec<Event> = (0..count)
        .map(|index| {
            note(
                if index % 2 == 0 { Alice } else { Bob },
                10 + index / 3,
                &index.to_string(),
            )
        })
        .collect();
    subject.put_all(&events.iter().collect::<Vec<_>>()).await;
    events.sort_by_key(|event| (std::cmp::Reverse(event.created_at()), event.id()));
    (subject, events.iter().map(Event::id).collect())
}

fn reversed(mut ids: Vec<EventId>) -> Vec<EventId> {
    ids.reverse();
    ids
}

pub async fn r5_1_outlines_are_those_of_the_answer(factory: &dyn Factory) {
    let subject = Subject::new(factory);
    let event = draft(Alice, 1, 20).tag("t", "x").content("é\n").sign();
    subject.store_each(&[&note(Bob, 10, "other"), &event]).await;
    let scan = subject
        .store()
        .outline(query(r##"{"#t":["x"]}"##, NewestFirst));
    let found = drain(scan, &anonymous(), WHOLE).await.unwrap();
    let expected = Outline {
        number: stentor_store::EventNumber(2),
        created_at: event.created_at(),
        id: event.id(),
        author: Alice.key(),
        kind: event.kind(),
        bytes: event.json().len() as u32,
    };
    assert_eq!(found, [expected]);
}

pub async fn r5_1_outlines_come_from_either_end(factory: &dyn Factory) {
    let (subject, all) = with_notes(factory, 50).await;
    let nobody = anonymous();
    for json in ["{}", r#"{"kinds":[1]}"#, r#"{"kinds":[1,2],"until":30}"#] {
        assert_eq!(
            ids(&subject, json, NewestFirst, &nobody).await,
            all,
            "{json}"
        );
        assert_eq!(
            ids(&subject, json, OldestFirst, &nobody).await,
            reversed(all.clone()),
            "{json}"
        );
    }
    let some = format!(r#"{{"ids":["{}","{}"]}}"#, all[3], all[40]);
    assert_eq!(
        ids(&subject, &some, OldestFirst, &nobody).await,
        [all[40], all[3]]
    );
    assert_eq!(
        ids(&subject, &some, NewestFirst, &nobody).await,
        [all[3], all[40]]
    );
}

pub async fn r5_1_a_limit_counts_from_the_end_that_comes_first(factory: &dyn Factory) {
    let (subject, all) = with_notes(factory, 20).await;
    let nobody = anonymous();
    let newest = ids(&subject, r#"{"kinds":[1],"limit":5}"#, NewestFirst, &nobody).await;
    assert_eq!(newest, all[..5]);
    let oldest = ids(&subject, r#"{"kinds":[1],"limit":5}"#, OldestFirst, &nobody).await;
    assert_eq!(oldest, reversed(all[15..].to_vec()));
    assert!(
        ids(&subject, r#"{"limit":0}"#, NewestFirst, &nobody)
            .await
            .is_empty()
    );
    assert!(
        ids(&subject, r#"{"kinds":[]}"#, OldestFirst, &nobody)
            .await
            .is_empty()
    );
    assert!(
        ids(&subject, r#"{"since":9,"until":8}"#, OldestFirst, &nobody)
            .await
            .is_empty()
    );
}

pub async fn r5_1_any_slicing_gives_the_same_outlines(factory: &dyn Factory) {
    let (subject, _) = with_notes(factory, 60).await;
    let authors = format!(r#"{{"authors":["{}"],"since":12,"until":26}}"#, Alice.hex());
    for json in ["{}", r#"{"kinds":[1],"limit":17}"#, &authors] {
        for direction in [NewestFirst, OldestFirst] {
            let scan = || subject.store().outline(query(json, direction));
            let whole = drain(scan(), &anonymous(), WHOLE).await.unwrap();
            for budget in [
                Budget { events: 1, ..WHOLE },
                Budget { events: 7, ..WHOLE },
                Budget { rows: 1, ..WHOLE },
                Budget { rows: 5, ..WHOLE },
            ] {
                let sliced = drain(scan(), &anonymous(), budget).await.unwrap();
                assert_eq!(sliced, whole, "{json} {direction:?} {budget:?}");
            }
        }
    }
}

pub async fn r5_1_outlines_that_cost_too_much_are_cut(factory: &dyn Factory) {
    let (subject, _) = with_notes(factory, 60).await;
    for budget in [WHOLE, Budget { rows: 4, ..WHOLE }] {
        let limited = OutlineQuery {
            rows: 20,
            ..query("{}", OldestFirst)
        };
        let cut = drain(subject.store().outline(limited), &anonymous(), budget).await;
        assert!(
            matches!(cut, Err(StoreError::TooExpensive { allowed: 20, .. })),
            "{cut:?}"
        );
    }
    let enough = OutlineQuery {
        rows: 1_000,
        ..query("{}", OldestFirst)
    };
    assert_eq!(
        drain(subject.store().outline(enough), &anonymous(), WHOLE)
            .await
            .unwrap()
            .len(),
        60
    );
}

pub async fn r5_1_what_is_gone_or_expired_has_no_outline(factory: &dyn Factory) {
    let subject = Subject::new(factory);
    let (deleted, dropped) = (note(Alice, 10, "deleted"), note(Bob, 11, "dropped"));
    let old = draft(Alice, 0, 12).sign();
    let new = draft(Alice, 0, 13).sign();
    let expiring = draft(Bob, 1, 14).expiring(NOW + 5).sign();
    let request = deletion(Alice, 20, &[&deleted]);
    subject
        .store_each(&[&deleted, &dropped, &old, &new, &expiring, &request])
        .await;
    subject.store().remove(&[dropped.id()]).await.unwrap();
    let left = [new.id(), expiring.id(), request.id()];
    assert_eq!(ids(&subject, "{}", OldestFirst, &anonymous()).await, left);
    let later = OutlineQuery {
        now: stentor_event::Timestamp(NOW + 5),
        ..query("{}", OldestFirst)
    };
    let found = drain(subject.store().outline(later), &anonymous(), WHOLE)
        .await
        .unwrap();
    assert_eq!(found.len(), 2, "one has expired, though it is not purged");
}

pub async fn r2_1_outlines_are_judged_by_the_viewer(factory: &dyn Factory) {
    let subject = Subject::new(factory);
    let open = note(Bob, 1, "open");
    let mine = wrap(Bob, Alice, 2);
    let others = wrap(Alice, Bob, 3);
    let group = draft(Bob, 445, 4).tag("h", "room").sign();
    subject.store_each(&[&open, &mine, &others, &group]).await;
    let seen_by = |viewer: Viewer, json: &'static str| {
        let subject = &subject;
        async move { ids(subject, json, OldestFirst, &viewer).await }
    };
    assert_eq!(seen_by(anonymous(), "{}").await, [open.id()]);
    assert_eq!(
        seen_by(viewer(&[Alice]), r#"{"kinds":[1,1059]}"#).await,
        [open.id(), mine.id(), others.id()]
    );
    let by_bob = seen_by(viewer(&[Bob]), "{}").await;
    assert_eq!(by_bob, [open.id(), mine.id(), others.id()]);
    assert_eq!(
        seen_by(viewer(&[crate::common::make::Carol]), "{}").await,
        [open.id()]
    );
    assert_eq!(
        seen_by(anonymous(), r##"{"#h":["room"]}"##).await,
        [group.id()]
    );
    assert_eq!(seen_by(Viewer::operator(), "{}").await.len(), 4);
}

pub async fn r8_2_what_changes_between_slices_of_outlines(factory: &dyn Factory) {
    let subject = Subject::new(factory);
    let events: Vec<Event> = (0..6).map(|at| note(Alice, 10 + at, "here")).collect();
    subject.put_all(&events.iter().collect::<Vec<_>>()).await;
    let mut scan = subject.store().outline(query("{}", OldestFirst));
    let two = Budget { events: 2, ..WHOLE };
    let first = scan.next(&anonymous(), two).await.unwrap();
    subject
        .store()
        .remove(&[events[0].id(), events[3].id()])
        .await
        .unwrap();
    subject.store_one(&note(Bob, 50, "too late")).await;
    let rest = drain(scan, &anonymous(), two).await.unwrap();
    let ids: Vec<EventId> = first
        .outlines
        .iter()
        .chain(&rest)
        .map(|outline| outline.id)
        .collect();
    assert_eq!(ids, [0, 1, 2, 4, 5].map(|at: usize| events[at].id()));
}

pub async fn r4_6_the_bytes_of_what_is_there_are_known(factory: &dyn Factory) {
    let mut subject = Subject::new(factory);
    assert_eq!(subject.store().statistics().live_bytes, 0);
    let (small, large) = (
        note(Alice, 1, "small"),
        note(Alice, 2, &"large".repeat(200)),
    );
    subject.store_each(&[&small, &large]).await;
    let both = (small.json().len() + large.json().len()) as u64;
    assert_eq!(subject.store().statistics().live_bytes, both);
    subject.store().remove(&[large.id()]).await.unwrap();
    for _ in 0..2 {
        let left = subject.store().statistics().live_bytes;
        assert_eq!(left, small.json().len() as u64);
        subject.engine.reopen().await;
    }
}
