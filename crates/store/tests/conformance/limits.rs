//! Limits, the cap and the hint (R1.8).

use stentor_event::{Event, EventId, Viewer};
use stentor_store::{ScanEnd, ScanLimits};

use crate::common::make::{Alice, Bob, anonymous, draft, note, wrap};
use crate::common::subject::{NO_LIMITS, ids_of};
use crate::common::{Factory, Subject};

fn cap(cap: u64) -> ScanLimits {
    ScanLimits { cap, rows: 0 }
}

/// Alice's notes at these times, stored; in the order of answers.
async fn notes(subject: &Subject, times: &[u64]) -> Vec<EventId> {
    let mut events: Vec<Event> = times
        .iter()
        .enumerate()
        .map(|(index, at)| note(Alice, *at, &format!("note {index}")))
        .collect();
    subject.put_all(&events.iter().collect::<Vec<_>>()).await;
    events.sort_by_key(|event| (std::cmp::Reverse(event.created_at()), event.id()));
    events.iter().map(Event::id).collect()
}

async fn answer(
    subject: &Subject,
    filters: &[&str],
    limits: ScanLimits,
) -> (Vec<EventId>, ScanEnd) {
    subject.answer(filters, &anonymous(), limits).await
}

pub async fn r1_8_finished_when_everything_was_sent(factory: &dyn Factory) {
    let subject = Subject::new(factory);
    assert_eq!(
        answer(&subject, &["{}"], NO_LIMITS).await,
        (vec![], ScanEnd::Finished)
    );
    let all = notes(&subject, &[10, 20, 30]).await;
    for (filter, limits) in [
        ("{}", NO_LIMITS),
        ("{}", cap(3)),
        ("{}", cap(4)),
        (r#"{"limit":3}"#, NO_LIMITS),
        (r#"{"limit":4}"#, NO_LIMITS),
        (r#"{"limit":3}"#, cap(3)),
        (r#"{"limit":18446744073709551615}"#, cap(3)),
    ] {
        assert_eq!(
            answer(&subject, &[filter], limits).await,
            (all.clone(), ScanEnd::Finished),
            "{filter} {limits:?}"
        );
    }
}

pub async fn r1_8_more_when_a_limit_cuts(factory: &dyn Factory) {
    let subject = Subject::new(factory);
    let all = notes(&subject, &[10, 20, 30]).await;
    for limit in 1..3 {
        let expected = (all[..limit].to_vec(), ScanEnd::More);
        assert_eq!(
            answer(&subject, &[&format!(r#"{{"limit":{limit}}}"#)], NO_LIMITS).await,
            expected
        );
        assert_eq!(answer(&subject, &["{}"], cap(limit as u64)).await, expected);
    }
    let (one, end) = answer(&subject, &[r#"{"limit":1,"until":10}"#], NO_LIMITS).await;
    assert_eq!((one, end), (vec![all[2]], ScanEnd::Finished));
}

pub async fn r1_8_a_limit_cuts_inside_a_second_lowest_ids_first(factory: &dyn Factory) {
    let subject = Subject::new(factory);
    let all = notes(&subject, &[10; 10]).await;
    for limit in [1, 4, 9] {
        let expected = (all[..limit].to_vec(), ScanEnd::More);
        assert_eq!(
            answer(&subject, &[&format!(r#"{{"limit":{limit}}}"#)], NO_LIMITS).await,
            expected
        );
        assert_eq!(
            answer(
                &subject,
                &[&format!(r#"{{"limit":{limit}}}"#)],
                cap(limit as u64)
            )
            .await,
            expected
        );
    }
}

pub async fn r1_8_a_limit_of_zero(factory: &dyn Factory) {
    let subject = Subject::new(factory);
    assert_eq!(
        answer(&subject, &[r#"{"limit":0}"#], cap(5)).await,
        (vec![], ScanEnd::Finished)
    );
    let all = notes(&subject, &[10, 20]).await;
    assert_eq!(
        answer(&subject, &[r#"{"limit":0}"#], cap(5)).await,
        (vec![], ScanEnd::More)
    );
    let (got, end) = answer(&subject, &[r#"{"limit":0}"#, r#"{"since":20}"#], cap(5)).await;
    assert_eq!((got, end), (vec![all[0]], ScanEnd::More));
    assert_eq!(
        answer(&subject, &[r#"{"limit":0,"kinds":[7]}"#], cap(5)).await,
        (vec![], ScanEnd::Finished)
    );
}

pub async fn r1_8_a_cap_ends_on_a_whole_second(factory: &dyn Factory) {
    let subject = Subject::new(factory);
    let all = notes(&subject, &[50, 40, 40, 40, 30, 30]).await;
    for (limit, sent) in [(1, 1), (2, 1), (3, 1), (4, 4), (5, 4), (6, 6)] {
        let end = if sent < 6 {
            ScanEnd::More
        } else {
            ScanEnd::Finished
        };
        assert_eq!(
            answer(&subject, &["{}"], cap(limit)).await,
            (all[..sent].to_vec(), end),
            "cap {limit}"
        );
        assert_eq!(
            answer(&subject, &[r#"{"kinds":[1]}"#], cap(limit)).await,
            (all[..sent].to_vec(), end)
        );
    }
}

pub async fn r1_8_a_cap_that_ends_on_a_second_keeps_it(factory: &dyn Factory) {
    let subject = Subject::new(factory);
    let all = notes(&subject, &[50, 50, 40, 30]).await;
    assert_eq!(
        answer(&subject, &["{}"], cap(2)).await,
        (all[..2].to_vec(), ScanEnd::More)
    );
    assert_eq!(
        answer(&subject, &["{}"], cap(3)).await,
        (all[..3].to_vec(), ScanEnd::More)
    );
}

pub async fn r1_8_a_second_larger_than_the_cap(factory: &dyn Factory) {
    let subject = Subject::new(factory);
    let all = notes(&subject, &[50, 50, 50, 50, 50, 40]).await;
    for limit in [1, 3, 4] {
        let expected = (all[..limit].to_vec(), ScanEnd::More);
        assert_eq!(answer(&subject, &["{}"], cap(limit as u64)).await, expected);
    }
    assert_eq!(
        answer(&subject, &["{}"], cap(5)).await,
        (all[..5].to_vec(), ScanEnd::More)
    );
    // A large second that is not the first is left out as any other.
    assert_eq!(
        answer(&subject, &[r#"{"until":50}"#], cap(3)).await.0,
        all[..3]
    );
    let first = notes(&subject, &[60]).await;
    assert_eq!(
        answer(&subject, &["{}"], cap(3)).await,
        (first, ScanEnd::More)
    );
}

pub async fn r1_8_a_limit_below_the_cap_cuts_anywhere(factory: &dyn Factory) {
    let subject = Subject::new(factory);
    let all = notes(&subject, &[50, 40, 40, 40, 30]).await;
    assert_eq!(
        answer(&subject, &[r#"{"limit":3}"#], cap(4)).await,
        (all[..3].to_vec(), ScanEnd::More)
    );
    assert_eq!(
        answer(&subject, &[r#"{"limit":3}"#], cap(3)).await,
        (all[..3].to_vec(), ScanEnd::More)
    );
}

pub async fn r1_8_a_limit_above_the_cap_is_clamped(factory: &dyn Factory) {
    let subject = Subject::new(factory);
    let all = notes(&subject, &[50, 40, 40, 40, 30]).await;
    assert_eq!(
        answer(&subject, &[r#"{"limit":4}"#], cap(3)).await,
        (all[..1].to_vec(), ScanEnd::More)
    );
    assert_eq!(
        answer(&subject, &[r#"{"limit":1000}"#], cap(4)).await,
        (all[..4].to_vec(), ScanEnd::More)
    );
}

pub async fn r1_8_each_filter_has_its_own_limit(factory: &dyn Factory) {
    let subject = Subject::new(factory);
    let alices: Vec<Event> = (0..5)
        .map(|index| note(Alice, 100 + index, "hers"))
        .collect();
    let bobs: Vec<Event> = (0..5).map(|index| note(Bob, 50 + index, "his")).collect();
    subject
        .put_all(&alices.iter().chain(&bobs).collect::<Vec<_>>())
        .await;
    let of = |author: &str, limit| format!(r#"{{"authors":["{author}"],"limit":{limit}}}"#);
    let (hers, his) = (of(&Alice.hex(), 2), of(&Bob.hex(), 1));
    let (got, end) = answer(&subject, &[&hers, &his], NO_LIMITS).await;
    assert_eq!(
        (got, end),
        (ids_of(&[&alices[4], &alices[3], &bobs[4]]), ScanEnd::More)
    );
    // The cap is for each filter too.
    let (got, _) = answer(
        &subject,
        &[&of(&Alice.hex(), 5), &of(&Bob.hex(), 5)],
        cap(2),
    )
    .await;
    assert_eq!(got, ids_of(&[&alices[4], &alices[3], &bobs[4], &bobs[3]]));
}

pub async fn r1_8_what_another_filter_returned_is_not_missing(factory: &dyn Factory) {
    let subject = Subject::new(factory);
    let all = notes(&subject, &[50, 40, 30, 20]).await;
    let (got, end) = answer(&subject, &[r#"{"limit":1}"#, "{}"], NO_LIMITS).await;
    assert_eq!((got, end), (all.clone(), ScanEnd::Finished));
    let (got, end) = answer(
        &subject,
        &[r#"{"limit":2}"#, r#"{"until":30,"limit":2}"#],
        NO_LIMITS,
    )
    .await;
    assert_eq!((got, end), (all.clone(), ScanEnd::Finished));
    let (got, end) = answer(
        &subject,
        &[r#"{"limit":2}"#, r#"{"until":30,"limit":1}"#],
        NO_LIMITS,
    )
    .await;
    assert_eq!((got, end), (all[..3].to_vec(), ScanEnd::More));
    // Two filters for the same events do not add up.
    let (got, end) = answer(
        &subject,
        &[r#"{"limit":2}"#, r#"{"limit":2,"kinds":[1]}"#],
        NO_LIMITS,
    )
    .await;
    assert_eq!((got, end), (all[..2].to_vec(), ScanEnd::More));
}

pub async fn r1_8_what_is_invisible_is_not_missing(factory: &dyn Factory) {
    let mut subject = Subject::new(factory);
    let open = note(Alice, 50, "open");
    let wrapped = wrap(Alice, Bob, 40);
    let group = draft(Alice, 445, 30).tag("h", "g").sign();
    let expiring = draft(Alice, 1, 20).expiring(subject.now + 5).sign();
    subject
        .store_each(&[&open, &wrapped, &group, &expiring])
        .await;
    subject.now += 5;
    for limit in [r#"{"limit":1}"#, r#"{"limit":2}"#] {
        assert_eq!(
            answer(&subject, &[limit], cap(7)).await,
            (vec![open.id()], ScanEnd::Finished)
        );
    }
    assert_eq!(
        answer(&subject, &["{}"], cap(1)).await,
        (vec![open.id()], ScanEnd::Finished)
    );
    let bobs = subject
        .answer(&[r#"{"limit":1}"#], &Bob.viewer(), NO_LIMITS)
        .await;
    assert_eq!(bobs, (vec![open.id()], ScanEnd::More));
    // What is invisible does not use up a limit either, nor does it end a second.
    let newest = wrap(Alice, Bob, 60);
    subject.store_one(&newest).await;
    assert_eq!(
        answer(&subject, &[r#"{"limit":1}"#], NO_LIMITS).await,
        (vec![open.id()], ScanEnd::Finished)
    );
}

pub async fn r1_8_paging_by_until_meets_everything_once(factory: &dyn Factory) {
    let subject = Subject::new(factory);
    let times: Vec<u64> = (0..60).map(|index| 10 + index * index % 17).collect();
    let all = notes(&subject, &times).await;
    for size in [8, 9, 11, 30, 60, 61] {
        let (mut met, mut until) = (Vec::new(), 1_000);
        loop {
            let filter = format!(r#"{{"until":{until},"kinds":[1]}}"#);
            let (page, end) = answer(&subject, &[&filter], cap(size)).await;
            assert!(page.len() as u64 <= size);
            met.extend(page);
            if end == ScanEnd::Finished {
                break;
            }
            let last = met.last().unwrap();
            let oldest = times
                .iter()
                .enumerate()
                .find(|(index, at)| note(Alice, **at, &format!("note {index}")).id() == *last);
            until = oldest.unwrap().1 - 1;
        }
        assert_eq!(met, all, "pages of {size}");
    }
    assert_eq!(
        subject
            .answer(&["{}"], &Viewer::operator(), cap(60))
            .await
            .1,
        ScanEnd::Finished
    );
}
