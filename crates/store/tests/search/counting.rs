//! COUNT with search.

use super::house::{House, SetUp};
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
