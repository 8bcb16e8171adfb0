//! What is found, what never is, and in which order.

use super::house::{House, contents};
use crate::common::make::{Alice, Bob, Carol, anonymous, deletion, draft, note, vanish, wrap};
use crate::common::subject::NOW;
use stentor_store::EventStore;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r6_all_words_must_be_there_and_the_best_come_first() {
    let house = House::new().await;
    house
        .keep(&[
            note(
                Alice,
                10,
                "an apple a day keeps many other things and people away from here",
            ),
            note(Alice, 20, "apple apple apple"),
            note(Bob, 30, "apple pie"),
            note(Bob, 40, "apple pie"),
            note(Carol, 50, "pie"),
        ])
        .await;
    let found = house.search("apple").await;
    assert_eq!(found[0], "apple apple apple");
    assert_eq!(found[1..3], ["apple pie", "apple pie"]);
    assert_eq!(found.len(), 4);
    assert_eq!(house.search("PIE apple").await.len(), 2);
    assert_eq!(house.search("apple cake").await, [] as [&str; 0]);
    let twins = house
        .scan(&[r#"{"search":"apple pie"}"#], &anonymous(), None, NOW)
        .await
        .unwrap();
    assert_eq!(
        twins
            .iter()
            .map(|event| event.created_at().0)
            .collect::<Vec<_>>(),
        [40, 30],
        "newest first"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r6_what_a_profile_or_an_article_is_called_counts_more() {
    let house = House::new().await;
    let article = draft(Alice, 30_023, 10)
        .tag("d", "1")
        .tag("title", "Lightning")
        .content("about something");
    let profile = draft(Bob, 0, 10).content(r#"{"name":"lightning","about":"nothing of it"}"#);
    house
        .keep(&[
            note(Carol, 20, "about lightning something"),
            article.sign(),
            profile.sign(),
        ])
        .await;
    let others = ["lightning strikes", "some lightning", "much lightning"];
    house.keep(&others.map(|text| note(Carol, 30, text))).await;
    let found = house
        .scan(&[r#"{"search":"lightning"}"#], &anonymous(), None, NOW)
        .await
        .unwrap();
    assert_eq!(found.len(), 6);
    assert!(
        found[..2].iter().all(|event| event.kind().0 != 1),
        "{found:?}"
    );
    assert_eq!(
        house
            .find(&[r#"{"kinds":[0],"search":"nothing"}"#])
            .await
            .len(),
        1
    );
    assert_eq!(
        house.search("about").await.len(),
        2,
        "the names of a profile's fields are not its text"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r6_languages_without_spaces() {
    let house = House::new().await;
    house
        .keep(&[
            note(Alice, 1, "我喜欢比特币和闪电网络"),
            note(Alice, 2, "私はビットコインが好きです"),
            note(Alice, 3, "나는 비트코인을 좋아한다"),
            note(Alice, 4, "أحب البيتكوين كثيرا في المساء"),
            note(Alice, 5, "Le café est très agréable aujourd'hui"),
            note(Alice, 6, "东京和京都"),
        ])
        .await;
    for (query, found) in [
        ("比特币", "我喜欢比特币和闪电网络"),
        ("ビットコイン", "私はビットコインが好きです"),
        ("비트코인", "나는 비트코인을 좋아한다"),
        ("البيتكوين", "أحب البيتكوين كثيرا في المساء"),
        ("CAFE tres", "Le café est très agréable aujourd'hui"),
        ("language:ja", "私はビットコインが好きです"),
        ("language:ko", "나는 비트코인을 좋아한다"),
        ("language:fr", "Le café est très agréable aujourd'hui"),
    ] {
        assert_eq!(house.search(query).await, [found], "{query}");
    }
    assert_eq!(
        house.search("东京都").await,
        [] as [&str; 0],
        "its pairs are there, it is not"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r6_what_is_gone_is_not_found() {
    let house = House::new().await;
    let (deleted, vanished) = (
        note(Alice, 10, "word deleted"),
        note(Bob, 11, "word vanished"),
    );
    let removed = note(Carol, 12, "word removed");
    let old = draft(Carol, 30_023, 13)
        .tag("d", "x")
        .content("word old")
        .sign();
    let new = draft(Carol, 30_023, 14)
        .tag("d", "x")
        .content("word new")
        .sign();
    let brief = draft(Carol, 1, 15)
        .expiring(NOW + 100)
        .content("word brief")
        .sign();
    house
        .keep(&[deleted.clone(), vanished, removed.clone(), old, brief])
        .await;
    assert_eq!(house.search("word").await.len(), 5);
    house
        .keep(&[new, deletion(Alice, 20, &[&deleted]), vanish(Bob, 21)])
        .await;
    house.store.remove(&[removed.id()]).await.unwrap();
    let mut found = house.search("word").await;
    found.sort();
    assert_eq!(found, ["word brief", "word new"]);
    let later = house
        .scan(&[r#"{"search":"word"}"#], &anonymous(), None, NOW + 100)
        .await
        .unwrap();
    assert_eq!(
        contents(&later),
        ["word new"],
        "expired, though nothing has purged it"
    );
    assert_eq!(
        house
            .store
            .purge(stentor_event::Timestamp(NOW + 100))
            .await
            .unwrap(),
        1
    );
    assert_eq!(house.search("word").await, ["word new"]);
    assert_eq!(
        house
            .count(&[r#"{"search":"word"}"#], &anonymous())
            .await
            .count,
        1
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r6_private_kinds_are_found_by_nobody() {
    let house = House::new().await;
    let message = draft(Alice, 4, 10)
        .tag("p", &Bob.hex())
        .content("secret word")
        .sign();
    let group = draft(Alice, 445, 11)
        .tag("h", &"a".repeat(64))
        .content("secret word")
        .sign();
    let other = draft(Alice, 7, 12).content("secret word").sign();
    house
        .keep(&[
            message,
            group,
            wrap(Alice, Bob, 13),
            other,
            note(Carol, 14, "open word"),
        ])
        .await;
    for viewer in [anonymous(), Alice.viewer(), Bob.viewer()] {
        for filter in [
            r#"{"search":"word"}"#.to_owned(),
            r#"{"search":""}"#.to_owned(),
            format!(r##"{{"search":"","#h":["{}"]}}"##, "a".repeat(64)),
            r#"{"search":"secret","kinds":[4,445,7]}"#.to_owned(),
        ] {
            let found = house.scan(&[&filter], &viewer, None, NOW).await.unwrap();
            assert!(
                found.iter().all(|event| event.kind().0 == 1),
                "{filter}: {found:?}"
            );
        }
    }
    assert_eq!(house.search("word").await, ["open word"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r6_other_fields_apply_before_the_limit() {
    let house = House::new().await;
    let mut events = Vec::new();
    for at in 0..300 {
        // Shorter, thus better, the ones that are not asked for.
        events.push(note(Alice, 1_000 + at, "word"));
        if at % 100 == 0 {
            let wanted = draft(Bob, 1, at)
                .tag("t", "rare")
                .content("word and some more that makes it longer");
            events.push(wanted.sign());
        }
    }
    house.keep(&events).await;
    let bob = Bob.hex();
    for filter in [
        format!(r#"{{"search":"word","authors":["{bob}"],"limit":2}}"#),
        r##"{"search":"word","#t":["rare"],"limit":2}"##.to_owned(),
        r#"{"search":"word","until":500,"limit":2}"#.to_owned(),
        format!(
            r#"{{"search":"word","ids":["{}","{}"],"limit":2}}"#,
            events[1].id(),
            events[102].id()
        ),
    ] {
        let found = house
            .scan(&[&filter], &anonymous(), None, NOW)
            .await
            .unwrap();
        assert_eq!(found.len(), 2, "{filter}");
        assert!(
            found.iter().all(|event| event.pubkey() == Bob.key()),
            "{filter}"
        );
        assert!(found[0].created_at() > found[1].created_at(), "{filter}");
    }
    let since = house
        .scan(
            &[r#"{"search":"word","since":1250,"kinds":[1,2]}"#],
            &anonymous(),
            None,
            NOW,
        )
        .await
        .unwrap();
    assert_eq!(since.len(), 50);
    assert_eq!(
        house
            .find(&[r#"{"search":"word","kinds":[30023]}"#])
            .await
            .len(),
        0
    );
    assert_eq!(
        house.find(&[r#"{"search":"word","limit":7}"#]).await.len(),
        7
    );
    assert_eq!(
        house.find(&[r#"{"search":"word","limit":0}"#]).await.len(),
        0
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r6_mixed_with_other_filters_nothing_comes_twice() {
    let house = House::new().await;
    house
        .keep(
            &(0..20)
                .map(|at| note(Alice, at, if at % 5 == 0 { "five" } else { "none" }))
                .collect::<Vec<_>>(),
        )
        .await;
    let filters = [
        r#"{"search":"five"}"#,
        r#"{"kinds":[1],"since":8}"#,
        r#"{"search":"none","limit":2}"#,
    ];
    let found = house.scan(&filters, &anonymous(), None, NOW).await.unwrap();
    let times: Vec<u64> = found.iter().map(|event| event.created_at().0).collect();
    let mut sorted = times.clone();
    sorted.sort_unstable();
    sorted.dedup();
    assert_eq!(sorted.len(), times.len(), "{times:?}");
    assert_eq!(times[..6], [15, 10, 5, 0, 19, 18], "by score, then newest");
    assert_eq!(
        times[6..],
        [17, 16, 14, 13, 12, 11, 9, 8],
        "in their own order"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r1_7_what_comes_live_is_not_found_too() {
    let house = House::new().await;
    house.keep(&[note(Alice, 10, "word one")]).await;
    let from = house.store.next_number();
    house.keep(&[note(Alice, 20, "word two")]).await;
    let found = house
        .scan(&[r#"{"search":"word"}"#], &anonymous(), Some(from), NOW)
        .await
        .unwrap();
    assert_eq!(contents(&found), ["word one"]);
}
