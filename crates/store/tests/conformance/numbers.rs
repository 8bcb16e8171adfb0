//! The numbers of events by their ids (O3.3).

use stentor_event::{Event, EventId, Timestamp};
use stentor_store::{EventNumber, Outcome, Submission};

use crate::common::make::{Alice, Bob, deletion, draft, note};
use crate::common::subject::NOW;
use crate::common::{Factory, Subject};

/// What the store says, as plain numbers.
async fn numbers(subject: &Subject, ids: &[EventId]) -> Vec<Option<u64>> {
    let numbers = subject.store().numbers(ids).await.unwrap();
    numbers
        .into_iter()
        .map(|number| number.map(|EventNumber(number)| number))
        .collect()
}

pub async fn o3_3_numbers_are_told_by_id_in_the_order_asked_for(factory: &dyn Factory) {
    let mut subject = Subject::new(factory);
    let notes: Vec<Event> = (0..30)
        .map(|at| note(Alice, 100 - at, "each in its place"))
        .collect();
    // Some by themselves, some in one batch, so that they lie in several parts of the index.
    subject
        .store_each(&notes[..20].iter().collect::<Vec<_>>())
        .await;
    subject
        .put_all(&notes[20..].iter().collect::<Vec<_>>())
        .await;
    let unknown = note(Bob, 1, "never came").id();
    let asked = [notes[29].id(), unknown, notes[0].id(), notes[29].id()];
    let expected = [Some(30), None, Some(1), Some(30)];
    assert_eq!(numbers(&subject, &asked).await, expected);
    assert_eq!(numbers(&subject, &[]).await, []);
    subject.engine.reopen().await;
    let ids: Vec<EventId> = notes.iter().map(Event::id).collect();
    let all: Vec<Option<u64>> = (1..=30).map(Some).collect();
    assert_eq!(numbers(&subject, &ids).await, all);
}

pub async fn o3_3_ids_that_begin_alike_have_numbers_of_their_own(factory: &dyn Factory) {
    let subject = Subject::new(factory);
    let one = note(Alice, 1, "one");
    let two = note(Bob, 2, "two");
    let alike = |with: &Event| {
        let (start, end) = (one.id().to_string(), with.id().to_string());
        format!("{}{}", &start[..32], &end[32..])
    };
    let text = std::str::from_utf8(two.json()).unwrap();
    let text = text.replace(&two.id().to_string(), &alike(&two));
    let two = Event::from_canonical(text.into_bytes().into()).unwrap();
    let three = EventId::from_hex(alike(&note(Bob, 3, "three")).as_bytes()).unwrap();
    let batch = [&one, &two].map(|event| Submission {
        event: event.clone(),
        verified: true,
    });
    let stored = subject.store().submit(batch.into(), Timestamp(NOW)).await;
    assert!(matches!(
        stored.unwrap()[..],
        [Outcome::Stored(_), Outcome::Stored(_)]
    ));
    let found = numbers(&subject, &[two.id(), three, one.id()]).await;
    assert_eq!(found, [Some(2), None, Some(1)]);
}

pub async fn o3_3_what_is_gone_has_no_number_and_a_new_one_when_it_comes_back(
    factory: &dyn Factory,
) {
    let mut subject = Subject::new(factory);
    let (dropped, deleted) = (note(Alice, 1, "dropped"), note(Alice, 2, "deleted"));
    let expiring = draft(Bob, 1, 3).expiring(NOW + 5).sign();
    let old = draft(Bob, 0, 4).sign();
    let ids = [&dropped, &deleted, &expiring, &old].map(|event| event.id());
    subject
        .store_each(&[&dropped, &deleted, &expiring, &old])
        .await;
    let all = [Some(1), Some(2), Some(3), Some(4)];
    assert_eq!(numbers(&subject, &ids).await, all);
    subject.store().remove(&[dropped.id()]).await.unwrap();
    subject.store_one(&deletion(Alice, 5, &[&deleted])).await;
    subject.store_one(&draft(Bob, 0, 6).sign()).await;
    subject.now += 5;
    // What has expired is there until it is removed.
    let left = [None, None, Some(3), None];
    assert_eq!(numbers(&subject, &ids).await, left);
    assert_eq!(subject.purge().await, 1);
    assert_eq!(numbers(&subject, &ids).await, [None; 4]);
    assert_eq!(subject.put(&dropped).await, Outcome::Stored(EventNumber(7)));
    for _ in 0..2 {
        let back = [Some(7), None, None, None];
        assert_eq!(numbers(&subject, &ids).await, back);
        subject.engine.reopen().await;
    }
}
