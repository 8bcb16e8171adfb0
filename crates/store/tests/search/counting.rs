//! COUNT with search.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use stentor_store::search::{Bill, SearchError, Searches};
use stentor_store::{EventStore, StoreError};

use super::house::{House, SetUp, asked};
use crate::common::make::{Alice, Bob, anonymous, deletion, draft, note};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r6_counts_are_exact_over_the_union() {
    let house = House::new().await;
    let gone = note(Alice, 99, "word");
    house
        .keep(
            &(0..40)
                .map(|at| note(Alice, at, if at < 30 { "word" } else { "other" }))
                .collect::<Vec<_>>(),
        )
        .await;
    house
        .keep(&[gone.clone(), deletion(Alice, 100, &[&gone])])
        .await;
    for (filters, count) in [
        (&[r#"{"search":"word","limit":3}"#][..], 30),
        (&[r#"{"search":"word"}"#, r#"{"search":"other word"}"#], 30),
        (&[r#"{"search":"word"}"#, r#"{"kinds":[1],"since":20}"#], 40),
        (
            &[r#"{"search":"word","until":9}"#, r#"{"search":"other"}"#],
            20,
        ),
        (&[r#"{"search":"!!!"}"#], 0),
        (&[r#"{"search":"nowhere"}"#, r#"{"kinds":[5]}"#], 1),
    ] {
        let counted = house.count(filters, &anonymous()).await;
        assert_eq!(
            (counted.count, counted.approximate),
            (count, false),
            "{filters:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r6_a_count_beyond_what_may_be_looked_at_is_an_estimate_and_says_so() {
    let mut set_up = SetUp::default();
    set_up.options.examined = 50;
    let house = House::with(set_up).await;
    let event = |at: u64| {
        let person = if at.is_multiple_of(2) { Alice } else { Bob };
        draft(person, 1, at)
            .tag("t", if at.is_multiple_of(2) { "even" } else { "odd" })
            .content("word")
            .sign()
    };
    house.keep(&(0..200).map(event).collect::<Vec<_>>()).await;
    let all = house.count(&[r#"{"search":"word"}"#], &anonymous()).await;
    assert_eq!((all.count, all.approximate), (200, true));
    let some = house
        .count(&[r##"{"search":"word","#t":["even"]}"##], &anonymous())
        .await;
    assert!(
        some.approximate && (80..=120).contains(&some.count),
        "{some:?}"
    );
    let few = house
        .count(&[r#"{"search":"word","until":20}"#], &anonymous())
        .await;
    assert_eq!((few.count, few.approximate), (21, false));
    assert_eq!(
        house
            .find(&[r##"{"search":"word","#t":["none"]}"##])
            .await
            .len(),
        0,
        "and a search ends"
    );
    assert_eq!(
        house.search("word").await.len(),
        50,
        "of what may be looked at"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r4_5_a_search_is_paid_for_whatever_comes_of_it() {
    for time in [Duration::from_secs(20), Duration::ZERO] {
        let mut set_up = SetUp::default();
        set_up.options.time = time;
        let house = House::with(set_up).await;
        house
            .keep(
                &(0..50)
                    .map(|at| note(Alice, at, "word"))
                    .collect::<Vec<_>>(),
            )
            .await;
        let payments = Arc::new(AtomicUsize::new(0));
        let paid = Arc::clone(&payments);
        let (query, searches) = asked(&house.search, &[r#"{"search":"word"}"#, r#"{"kinds":[1]}"#]);
        let searches = Searches {
            rules: Arc::clone(&searches.rules),
            queries: searches.queries.clone(),
            bill: Arc::new(Bill::paid_by(move |work| {
                assert!(work > Duration::ZERO);
                paid.fetch_add(1, Ordering::SeqCst);
            })),
        };
        let counted = house.search.count(&query, &searches, &anonymous()).await;
        match counted {
            Ok(found) => assert_eq!(found.count, 0, "all are counted by the other filter"),
            Err(StoreError::Search(error)) => {
                assert!(matches!(*error, SearchError::TooLong(_)) && time.is_zero());
            }
            Err(error) => panic!("{error}"),
        }
        let work = || payments.load(Ordering::SeqCst);
        assert_eq!(work(), 1, "the other filter is no part of the search");
        let searches = Arc::new(searches);
        let mut scan = house.search.scan(query, searches);
        let budget = stentor_store::Budget {
            events: 10,
            bytes: 1 << 20,
            rows: 1_000,
        };
        assert_eq!(
            scan.next(&anonymous(), budget).await.is_err(),
            time.is_zero()
        );
        assert_eq!(work(), 2);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r4_5_a_count_that_nobody_wants_ends() {
    let house = House::new().await;
    let notes: Vec<_> = (0..30).map(|at| note(Alice, at, "word")).collect();
    house.keep(&notes).await;
    let (query, _) = asked(
        &house.search,
        &[r#"{"kinds":[1],"since":1}"#, r#"{"kinds":[7]}"#],
    );
    let asked_for = AtomicUsize::new(0);
    let wanted = || asked_for.fetch_add(1, Ordering::SeqCst) > 0;
    let ended = house.store.count_while(&query, &anonymous(), &wanted).await;
    assert!(matches!(ended, Err(StoreError::Abandoned)), "{ended:?}");
    let counted = house.store.count_while(&query, &anonymous(), &wanted).await;
    assert_eq!(counted.unwrap().count, 29);
}
