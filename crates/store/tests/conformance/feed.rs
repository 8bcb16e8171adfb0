//! The change feed.

use stentor_event::{Event, EventId, Timestamp, Viewer};
use stentor_store::{ChangeKind, EventNumber, Keep, Outcome, Removal, Seq};

use crate::common::make::{
    Alice, Bob, Carol, anonymous, deletion, draft, forged, note, vanish, wrap,
};
use crate::common::subject::NOW;
use crate::common::{Factory, Subject};

const ADDED: ChangeKind = ChangeKind::Added;

/// The entries after `after`, as position, event number and kind.
async fn entries(subject: &Subject, after: u64) -> Vec<(u64, u64, ChangeKind)> {
    let changes = subject.changes(Seq(after)).await;
    changes
        .iter()
        .map(|change| (change.seq.0, change.number.0, change.kind))
        .collect()
}

pub async fn feed_each_commit_has_its_entries(factory: &dyn Factory) {
    let subject = Subject::new(factory);
    assert_eq!(subject.store().last_seq(), Seq(0));
    let (one, two) = (note(Alice, 10, "one"), note(Alice, 20, "two"));
    subject
        .put_all(&[
            &one,
            &one,
            &forged(&note(Bob, 1, "no")),
            &draft(Bob, 20_000, 1).sign(),
            &two,
        ])
        .await;
    assert_eq!(entries(&subject, 0).await, [(1, 1, ADDED), (2, 2, ADDED)]);
    assert_eq!(subject.store().last_seq(), Seq(2));
    let changes = subject.changes(Seq(0)).await;
    assert_eq!(changes[1].event.as_ref().map(Event::id), Some(two.id()));
    assert_eq!(changes[1].event.as_ref().map(Event::json), Some(two.json()));
    assert!(
        changes[0].committed_ms > 1_600_000_000_000
            && changes[0].committed_ms <= changes[1].committed_ms
    );
}

pub async fn feed_removals_follow_their_cause(factory: &dyn Factory) {
    let subject = Subject::new(factory);
    let notes: Vec<Event> = (1..=4).map(|at| note(Alice, at, "note")).collect();
    let (old, new) = (draft(Bob, 0, 10).sign(), draft(Bob, 0, 11).sign());
    let request = deletion(Alice, 20, &[&notes[2], &notes[0]]);
    let last = vanish(Alice, 30);
    subject
        .put_all(
            &notes
                .iter()
                .chain([&old, &new, &request, &last, &notes[1]])
                .collect::<Vec<_>>(),
        )
        .await;
    let removed = ChangeKind::Removed;
    assert_eq!(
        entries(&subject, 4).await,
        [
            (5, 5, ADDED),
            (6, 6, ADDED),
            (7, 5, removed(Removal::Replaced)),
            (8, 7, ADDED),
            (9, 1, removed(Removal::Deleted)),
            (10, 3, removed(Removal::Deleted)),
            (11, 8, ADDED),
            (12, 2, removed(Removal::Vanished)),
            (13, 4, removed(Removal::Vanished)),
            (14, 7, removed(Removal::Vanished)),
        ]
    );
    let archive = Subject::keeping(factory, Keep::History);
    archive.put_all(&[&old, &new]).await;
    assert_eq!(entries(&archive, 0).await, [(1, 1, ADDED), (2, 2, ADDED)]);
}

/// What a viewer is told: the ids, and whose bodies.
async fn told(subject: &Subject, viewer: &Viewer) -> (Vec<Option<EventId>>, Vec<Option<EventId>>) {
    let changes = subject
        .store()
        .changes(Seq(0), 100, viewer, Timestamp(subject.now))
        .await
        .unwrap();
    let body = |event: &Option<Event>| event.as_ref().map(Event::id);
    (
        changes.iter().map(|change| change.id).collect(),
        changes.iter().map(|change| body(&change.event)).collect(),
    )
}

pub async fn feed_bodies_are_those_that_the_reader_may_see(factory: &dyn Factory) {
    let mut subject = Subject::new(factory);
    let open = note(Alice, 10, "open");
    let gone = note(Alice, 11, "gone");
    let wrapped = wrap(Alice, Bob, 12);
    let group = draft(Alice, 445, 13).tag("h", "g").sign();
    let expiring = draft(Alice, 1, 14).expiring(NOW + 5).sign();
    let request = deletion(Alice, 15, &[&gone]);
    subject
        .store_each(&[&open, &gone, &wrapped, &group, &expiring, &request])
        .await;
    subject.now += 5;
    let id = |event: &Event| Some(event.id());
    let seen = [id(&open), None, None, None, None, id(&request)];
    let (ids, bodies) = told(&subject, &anonymous()).await;
    assert_eq!(ids[..6], seen);
    assert_eq!(ids[6], id(&gone), "everybody is told that it is gone");
    assert_eq!(bodies, [&seen[..], &[None]].concat());
    let bobs = [id(&open), None, id(&wrapped), None, None, id(&request)];
    let (ids, bodies) = told(&subject, &Bob.viewer()).await;
    assert_eq!(ids, [&bobs[..], &[id(&gone)]].concat());
    assert_eq!(bodies, [&bobs[..], &[None]].concat());
    let (ids, bodies) = told(&subject, &Viewer::operator()).await;
    assert_eq!(
        bodies,
        [
            id(&open),
            None,
            id(&wrapped),
            id(&group),
            None,
            id(&request),
            None
        ]
    );
    let all = [&open, &gone, &wrapped, &group, &expiring, &request, &gone];
    assert_eq!(ids, all.map(id), "an operator is told every id");
}

pub async fn r2_1_parties_are_told_that_a_private_event_is_gone(factory: &dyn Factory) {
    let subject = Subject::new(factory);
    let wrapped = wrap(Alice, Bob, 12);
    let group = draft(Alice, 445, 13).tag("h", "g").sign();
    subject.store_each(&[&wrapped, &group]).await;
    let ids = [wrapped.id(), group.id()];
    assert_eq!(subject.store().remove(&ids).await.unwrap(), 2);
    let wrap_only = [Some(wrapped.id()), None];
    for (viewer, seen) in [
        (anonymous(), [None, None]),
        (Carol.viewer(), [None, None]),
        (Bob.viewer(), wrap_only),
        (Alice.viewer(), wrap_only),
        (Viewer::operator(), ids.map(Some)),
    ] {
        assert_eq!(told(&subject, &viewer).await.0[2..], seen);
        let changes = subject.changes_seen(Seq(2), &viewer).await;
        for (change, id) in changes.iter().zip(seen) {
            let former = change.former.as_ref();
            assert_eq!(former.map(|former| former.id), id);
            let author = subject.store().party_tag(&Alice.key());
            assert!(former.is_none_or(|former| former.author == author));
        }
    }
}

pub async fn feed_is_read_in_pieces_without_gaps(factory: &dyn Factory) {
    let subject = Subject::new(factory);
    for at in 1..=12 {
        subject.store_one(&draft(Alice, 0, at).sign()).await;
    }
    let all = entries(&subject, 0).await;
    assert_eq!(all.len(), 23);
    assert!(
        all.iter()
            .enumerate()
            .all(|(index, entry)| entry.0 == index as u64 + 1)
    );
    for size in [1, 2, 5, 22, 23, 100] {
        let (mut met, mut after) = (Vec::new(), Seq(0));
        loop {
            let now = Timestamp(subject.now);
            let piece = subject
                .store()
                .changes(after, size, &anonymous(), now)
                .await
                .unwrap();
            assert!(piece.len() <= size);
            let Some(last) = piece.last() else { break };
            after = last.seq;
            met.extend(
                piece
                    .iter()
                    .map(|change| (change.seq.0, change.number.0, change.kind)),
            );
        }
        assert_eq!(met, all);
    }
    assert_eq!(entries(&subject, 23).await, []);
    assert_eq!(entries(&subject, 1_000).await, []);
    let none = subject
        .store()
        .changes(Seq(0), 0, &anonymous(), Timestamp(subject.now))
        .await
        .unwrap();
    assert!(none.is_empty());
}

pub async fn feed_readers_keep_their_place(factory: &dyn Factory) {
    let mut subject = Subject::new(factory);
    assert_eq!(subject.store().cursor("search"), None);
    subject.store().set_cursor("search", Seq(5)).await.unwrap();
    subject
        .store()
        .set_cursor("statistics", Seq(7))
        .await
        .unwrap();
    subject.store().set_cursor("search", Seq(6)).await.unwrap();
    let long = "r".repeat(64);
    subject
        .store()
        .set_cursor(&long, Seq(u64::from(u32::MAX) + 1))
        .await
        .unwrap();
    for _ in 0..2 {
        let store = subject.store();
        assert_eq!(store.cursor("search"), Some(Seq(6)));
        assert_eq!(store.cursor("statistics"), Some(Seq(7)));
        assert_eq!(store.cursor(&long), Some(Seq(u64::from(u32::MAX) + 1)));
        assert_eq!(store.cursor("other"), None);
        let readers = store.statistics().readers;
        assert_eq!((readers.len(), readers["search"]), (3, 6));
        drop(store);
        subject.engine.reopen().await;
    }
    subject.store().set_cursor("search", Seq(0)).await.unwrap();
    assert_eq!(subject.store().cursor("search"), Some(Seq(0)));
}

pub async fn feed_tells_of_purges(factory: &dyn Factory) {
    let mut subject = Subject::new(factory);
    let expiring = |at: u64, after: u64| draft(Alice, 1, at).expiring(NOW + after).sign();
    subject
        .store_each(&[
            &expiring(30, 3),
            &note(Bob, 1, "stays"),
            &expiring(10, 1),
            &expiring(20, 2),
        ])
        .await;
    subject.now += 3;
    assert_eq!(subject.purge().await, 3);
    let expired = ChangeKind::Removed(Removal::Expired);
    assert_eq!(
        entries(&subject, 4).await,
        [(5, 1, expired), (6, 3, expired), (7, 4, expired)]
    );
    assert_eq!(
        subject.put(&note(Bob, 2, "next")).await,
        Outcome::Stored(EventNumber(5))
    );
    assert_eq!(entries(&subject, 7).await, [(8, 5, ADDED)]);
}

pub async fn feed_its_end_can_be_followed(factory: &dyn Factory) {
    let subject = Subject::new(factory);
    let mut end = subject.store().follow();
    assert_eq!(*end.borrow_and_update(), Seq(0));
    let one = note(Alice, 10, "one");
    subject.store_one(&one).await;
    assert!(end.has_changed().unwrap());
    assert_eq!(*end.borrow_and_update(), Seq(1));
    let passing = draft(Alice, 20_001, 10).sign();
    assert_eq!(subject.put(&passing).await, Outcome::Ephemeral);
    assert!(
        !end.has_changed().unwrap(),
        "an ephemeral event is in no log"
    );
    subject.store().remove(&[one.id()]).await.unwrap();
    assert_eq!(*end.borrow_and_update(), subject.store().last_seq());
    assert_eq!(subject.store().last_seq(), Seq(2));
}
