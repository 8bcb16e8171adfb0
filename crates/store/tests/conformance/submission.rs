//! Taking events in (R1.3).

use std::sync::{Arc, Mutex};

use stentor_event::{Event, Timestamp};
use stentor_store::{
    CommitObserver, Committed, EventNumber, EventStore, Outcome, Refusal, Seq, StoreError,
    Submission,
};

use crate::common::make::{Alice, Bob, deletion, draft, forged, note, vanish};
use crate::common::observer::Witness;
use crate::common::subject::NOW;
use crate::common::{Factory, Subject};

const STORED_1: Outcome = Outcome::Stored(EventNumber(1));
const STORED_2: Outcome = Outcome::Stored(EventNumber(2));

pub async fn r1_3_one_outcome_each_in_order(factory: &dyn Factory) {
    let subject = Subject::new(factory);
    let (first, second) = (note(Alice, 10, "first"), note(Bob, 5, "second"));
    let wrong = forged(&note(Alice, 11, "wrong"));
    let outcomes = subject.put_all(&[&first, &wrong, &second, &first]).await;
    assert_eq!(
        outcomes,
        [
            STORED_1,
            Outcome::Refused(Refusal::BadSignature),
            STORED_2,
            Outcome::Duplicate
        ]
    );
    assert_eq!(
        subject.put_all(&[&second, &first]).await,
        [Outcome::Duplicate, Outcome::Duplicate]
    );
    assert_eq!(subject.put_all(&[]).await, []);
}

pub async fn r1_3_a_batch_is_judged_one_after_the_other(factory: &dyn Factory) {
    let subject = Subject::new(factory);
    let event = note(Alice, 10, "short-lived");
    let request = deletion(Alice, 11, &[&event]);
    let outcomes = subject.put_all(&[&event, &event, &request, &event]).await;
    let deleted = Outcome::Refused(Refusal::Deleted);
    assert_eq!(outcomes, [STORED_1, Outcome::Duplicate, STORED_2, deleted]);
    assert_eq!(subject.ids("{}").await, [request.id()]);
}

/// What is committed after the first look at an event, while its signature is still being verified, counts.
pub async fn r1_3_the_last_look_is_at_the_commit(factory: &dyn Factory) {
    let subject = Subject::new(factory);
    let doomed = note(Alice, 10, "asked to be deleted meanwhile");
    let twice = note(Alice, 11, "comes a second time meanwhile");
    let (old, new) = (draft(Bob, 0, 12).sign(), draft(Bob, 0, 13).sign());
    let (later, earlier) = (draft(Alice, 0, 13).sign(), draft(Alice, 0, 12).sign());
    let busy = vec![note(Bob, 1, "takes long because it comes often"); 500];
    let submission = |event: &Event, verified| Submission {
        event: event.clone(),
        verified,
    };
    let slow = [&doomed, &twice, &old, &later].into_iter().chain(&busy);
    let slow = slow.map(|event| submission(event, false)).collect();
    let request = deletion(Alice, 20, &[&doomed]);
    let quick = [&request, &twice, &new, &earlier].map(|event| submission(event, true));
    let store = subject.store();
    let (slow, quick) = tokio::join!(
        biased;
        store.submit(slow, Timestamp(NOW)),
        store.submit(quick.into(), Timestamp(NOW)),
    );
    assert!(!slow.unwrap().is_empty() && quick.unwrap().len() == 4);
    assert_eq!(
        subject.ids("{\"kinds\":[1],\"since\":2}").await,
        [twice.id()]
    );
    assert_eq!(subject.ids("{\"kinds\":[0]}").await.len(), 2);
    assert_eq!(
        subject.ids("{\"kinds\":[0],\"since\":13}").await.len(),
        2,
        "the newest of both"
    );
}

pub async fn r1_3_a_duplicate_is_told_before_its_signature_is_looked_at(factory: &dyn Factory) {
    let subject = Subject::new(factory);
    let event = note(Alice, 10, "here");
    subject.store_one(&event).await;
    assert_eq!(subject.put(&forged(&event)).await, Outcome::Duplicate);
}

pub async fn r1_3_refusals_come_before_the_signature(factory: &dyn Factory) {
    let subject = Subject::new(factory);
    let gone = note(Alice, 10, "gone");
    subject
        .store_each(&[
            &deletion(Alice, 11, &[&gone]),
            &vanish(Bob, 20),
            &draft(Alice, 0, 20).sign(),
        ])
        .await;
    subject.refused(&forged(&gone), Refusal::Deleted).await;
    subject
        .refused(&forged(&note(Bob, 20, "vanished")), Refusal::Vanished)
        .await;
    subject
        .refused(
            &forged(&draft(Alice, 1, 10).expiring(NOW).sign()),
            Refusal::Expired,
        )
        .await;
    subject
        .refused(&forged(&draft(Alice, 0, 10).sign()), Refusal::Superseded)
        .await;
    subject
        .refused(
            &forged(&draft(Alice, 22242, 10).sign()),
            Refusal::NeverStored,
        )
        .await;
    subject
        .refused(&forged(&note(Alice, 10, "plain")), Refusal::BadSignature)
        .await;
    subject
        .refused(
            &forged(&draft(Alice, 20_000, 10).sign()),
            Refusal::BadSignature,
        )
        .await;
}

pub async fn r1_3_refusals_come_in_order(factory: &dyn Factory) {
    let subject = Subject::new(factory);
    let all = draft(Alice, 0, 10).expiring(NOW).sign();
    let two = draft(Alice, 0, 9).expiring(NOW).sign();
    let newer = draft(Alice, 0, 30).sign();
    // A request by the author would vanish with them, so it must be younger than the request to vanish.
    subject
        .store_each(&[&newer, &vanish(Alice, 20), &deletion(Alice, 21, &[&all])])
        .await;
    subject.refused(&all, Refusal::Deleted).await;
    subject.refused(&two, Refusal::Vanished).await;
    subject
        .refused(&draft(Alice, 0, 25).expiring(NOW).sign(), Refusal::Expired)
        .await;
    subject
        .refused(&draft(Alice, 0, 25).sign(), Refusal::Superseded)
        .await;
}

pub async fn r1_3_a_wrong_signature_leaves_no_trace(factory: &dyn Factory) {
    let subject = Subject::new(factory);
    let witness = Witness::new();
    subject.store().observe(witness.clone());
    let event = note(Alice, 10, "once wrong, then right");
    subject
        .refused(&forged(&event), Refusal::BadSignature)
        .await;
    assert!(!subject.has(&event).await);
    assert!(subject.changes(Seq(0)).await.is_empty());
    assert_eq!(witness.take(), []);
    assert_eq!(subject.store().next_number(), EventNumber(1));
    assert_eq!(subject.put(&event).await, STORED_1);
}

pub async fn r1_3_a_wrong_signature_in_a_batch_has_no_effect_on_the_rest(factory: &dyn Factory) {
    let subject = Subject::new(factory);
    let wrong = Outcome::Refused(Refusal::BadSignature);
    let (old, new) = (draft(Alice, 0, 10).sign(), draft(Alice, 0, 20).sign());
    assert_eq!(
        subject.put_all(&[&forged(&new), &old]).await,
        [wrong.clone(), STORED_1]
    );
    let request = deletion(Alice, 30, &[&old]);
    let vanishing = vanish(Alice, 40);
    let outcomes = subject
        .put_all(&[
            &forged(&request),
            &forged(&vanishing),
            &new,
            &forged(&new),
            &old,
        ])
        .await;
    let superseded = Outcome::Refused(Refusal::Superseded);
    assert_eq!(
        outcomes,
        [
            wrong.clone(),
            wrong.clone(),
            STORED_2,
            Outcome::Duplicate,
            superseded
        ]
    );
    // The same event twice in a batch, its first copy broken.
    let event = note(Bob, 10, "twice");
    let third = Outcome::Stored(EventNumber(3));
    assert_eq!(
        subject.put_all(&[&forged(&event), &event]).await,
        [wrong, third]
    );
}

pub async fn r1_3_a_verified_submission_is_believed(factory: &dyn Factory) {
    let subject = Subject::new(factory);
    let submission = Submission {
        event: forged(&note(Alice, 10, "from a trusted dump")),
        verified: true,
    };
    let outcomes = subject
        .store()
        .submit(vec![submission], Timestamp(NOW))
        .await
        .unwrap();
    assert_eq!(outcomes, [STORED_1]);
}

pub async fn r1_3_ephemeral_events_are_shown_and_not_stored(factory: &dyn Factory) {
    let subject = Subject::new(factory);
    let witness = Witness::new();
    subject.store().observe(witness.clone());
    let event = draft(Alice, 20_001, 10).sign();
    for _ in 0..2 {
        assert_eq!(subject.put(&event).await, Outcome::Ephemeral);
        assert_eq!(witness.take(), [(None, event.id())]);
    }
    assert_eq!(subject.ids("{}").await, []);
    assert_eq!(subject.store().last_seq(), Seq(0));
    assert_eq!(subject.store().next_number(), EventNumber(1));
    subject
        .refused(
            &draft(Alice, 29_999, 10).expiring(NOW).sign(),
            Refusal::Expired,
        )
        .await;
    subject.store_one(&vanish(Alice, 10)).await;
    subject.refused(&event, Refusal::Vanished).await;
}

pub async fn r1_3_the_observer_hears_in_commit_order(factory: &dyn Factory) {
    let subject = Subject::new(factory);
    let witness = Witness::new();
    subject.store().observe(witness.clone());
    let (old, new) = (draft(Alice, 0, 10).sign(), draft(Alice, 0, 20).sign());
    let passing = draft(Bob, 20_001, 10).sign();
    let request = deletion(Alice, 30, &[&new]);
    subject
        .put_all(&[
            &old,
            &passing,
            &forged(&note(Bob, 1, "no")),
            &new,
            &old,
            &request,
        ])
        .await;
    let number = |number| Some(EventNumber(number));
    assert_eq!(
        witness.take(),
        [
            (number(1), old.id()),
            (None, passing.id()),
            (number(2), new.id()),
            (number(3), request.id())
        ]
    );
}

/// Notes what the store said, by the time it was told of a commit, of what was to be committed.
struct Asking {
    store: std::sync::OnceLock<std::sync::Weak<dyn EventStore>>,
    heard: Mutex<Vec<(Event, EventNumber)>>,
}

impl CommitObserver for Asking {
    fn committed(&self, events: &[Committed]) {
        let store = self.store.get().unwrap().upgrade().unwrap();
        let mut heard = self.heard.lock().unwrap();
        heard.extend(
            events
                .iter()
                .map(|committed| (committed.event.clone(), store.next_number())),
        );
    }
}

pub async fn r1_3_the_observer_hears_before_the_submitter(factory: &dyn Factory) {
    let subject = Subject::new(factory);
    let asking = Arc::new(Asking {
        store: std::sync::OnceLock::new(),
        heard: Mutex::new(Vec::new()),
    });
    let _ = asking.store.set(Arc::downgrade(&subject.store()));
    subject.store().observe(asking.clone());
    for at in 1..=20 {
        let event = note(Alice, at, "heard");
        let number = subject.store_one(&event).await;
        let (heard, next) = asking.heard.lock().unwrap().pop().unwrap();
        assert_eq!(heard, event);
        assert!(
            next > number,
            "what was committed is below the next number when the observer hears of it"
        );
    }
}

pub async fn r1_3_event_numbers_are_dense(factory: &dyn Factory) {
    let subject = Subject::new(factory);
    assert_eq!(subject.store().next_number(), EventNumber(1));
    for at in 1..=5 {
        assert_eq!(
            subject.store_one(&note(Alice, at, "note")).await,
            EventNumber(at)
        );
        assert_eq!(
            subject.put(&note(Alice, at, "note")).await,
            Outcome::Duplicate
        );
        assert_eq!(
            subject.put(&draft(Alice, 20_000, at).sign()).await,
            Outcome::Ephemeral
        );
        assert_eq!(subject.store().next_number(), EventNumber(at + 1));
    }
}

pub async fn r1_11_kind_22242_is_never_stored(factory: &dyn Factory) {
    let subject = Subject::new(factory);
    let witness = Witness::new();
    subject.store().observe(witness.clone());
    subject
        .refused(&draft(Alice, 22242, 10).sign(), Refusal::NeverStored)
        .await;
    assert_eq!(subject.ids("{}").await, []);
    assert_eq!(witness.take(), []);
}

pub async fn r8_3_a_closed_store_takes_nothing(factory: &dyn Factory) {
    let subject = Subject::new(factory);
    subject.store_one(&note(Alice, 10, "in time")).await;
    let store = subject.store();
    store.close().await.unwrap();
    store.close().await.unwrap();
    let late = Submission {
        event: note(Alice, 11, "late"),
        verified: false,
    };
    let answer = store.submit(vec![late], Timestamp(NOW)).await;
    assert!(matches!(answer, Err(StoreError::Closed)), "{answer:?}");
}
