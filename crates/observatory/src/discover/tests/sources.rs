//! Each source is read once, and goes on where it was (O1.1).

use sha2::{Digest, Sha256};
use stentor_sql::both_engines;
use stentor_sql::testing::House;
use stentor_store::EventStore;

use super::super::intake::{Mentions, Step};
use super::super::source::Source;
use super::super::{documents, events, seeds};
use super::{config, event, intake, mentioned, row, store};
use crate::clock::stored;
use crate::config::Discover;
use crate::error::Error;
use crate::ground::Ground;
use crate::relay_url::RelayUrl;
use crate::table::Cursor;
use crate::testing::ground;

const OWN: &str = "discover.events.own";

/// What a reader that has just been started does.
async fn read_events(ground: &std::sync::Arc<Ground>, from: &dyn EventStore, name: &str) {
    let intake = intake(ground).await;
    let reader = events::Reader::open(ground, &intake, from, name).await;
    reader.unwrap().read_on().await.unwrap();
}

async fn o1_1_events_are_read_once_over_restarts(house: House) {
    let ground = ground(&house, config(Discover::default())).await;
    let relay_list: &[&[&str]] = &[&["r", "wss://a.example"], &["r", "wss://b.example", "read"]];
    let list = event(&ground, 3, 10_002, relay_list);
    let hint = event(&ground, 4, 1, &[&["e", "00", "wss://a.example/", "reply"]]);
    store(&ground, &*ground.own, [list, hint.clone()]).await;
    for _ in 0..2 {
        read_events(&ground, &*ground.own, OWN).await;
        let expected = [
            row("wss://a.example/", "hint", 1),
            row("wss://a.example/", "kind_10002", 1),
            row("wss://b.example/", "kind_10002", 1),
        ];
        assert_eq!(mentioned(&ground).await, expected);
    }
    let found: Vec<(String, String, String)> = ground
        .records
        .fetch_all(
            "SELECT state, found_by, found_in FROM observatory_relays ORDER BY url LIMIT 9",
            (),
        )
        .await
        .unwrap();
    assert_eq!(found.len(), 2);
    assert!(
        found
            .iter()
            .all(|(state, _, id)| state == "candidate" && id.len() == 64)
    );
    let more = event(
        &ground,
        5,
        1,
        &[&["r", "wss://a.example"], &["p", "00", "wss://b.example"]],
    );
    store(&ground, &*ground.own, [more, hint]).await;
    read_events(&ground, &*ground.own, OWN).await;
    let expected = [
        row("wss://a.example/", "hint", 1),
        row("wss://a.example/", "kind_10002", 1),
        row("wss://a.example/", "tag", 1),
        row("wss://b.example/", "hint", 1),
        row("wss://b.example/", "kind_10002", 1),
    ];
    assert_eq!(mentioned(&ground).await, expected);
    // The archive is a feed of its own, with the same event in it once more.
    let archived = event(&ground, 6, 1, &[&["r", "wss://a.example"]]);
    store(&ground, &*ground.archive, [archived]).await;
    read_events(&ground, &*ground.archive, "discover.events.archive").await;
    assert_eq!(
        mentioned(&ground).await[2],
        row("wss://a.example/", "tag", 2)
    );
}

async fn o1_1_many_events_are_written_in_parts(house: House) {
    let ground = ground(&house, config(Discover::default())).await;
    let made = (0..6_u32).map(|n| {
        let urls: Vec<String> = (0..150).map(|m| format!("wss://{n}-{m}.example")).collect();
        let tags: Vec<[&str; 2]> = urls.iter().map(|url| ["r", url.as_str()]).collect();
        let tags: Vec<&[&str]> = tags.iter().map(|tag| tag.as_slice()).collect();
        event(&ground, 10 + u8::try_from(n).unwrap(), 1, &tags)
    });
    let made: Vec<_> = made.collect();
    store(&ground, &*ground.own, made).await;
    read_events(&ground, &*ground.own, OWN).await;
    let mentioned = mentioned(&ground).await;
    assert_eq!(mentioned.len(), 900);
    assert!(mentioned.iter().all(|(_, _, times)| *times == 1));
}

async fn o1_1_what_is_private_or_ours_is_not_used(house: House) {
    let ground = ground(&house, config(Discover::default())).await;
    let private = event(&ground, 3, 1_059, &[&["p", "00", "wss://secret.example"]]);
    let ours = event(&ground, 1, 30_166, &[&["d", "wss://ours.example"]]);
    let others = event(&ground, 5, 30_166, &[&["d", "wss://theirs.example"]]);
    assert_eq!(ours.pubkey(), ground.monitor_key.public_key());
    store(&ground, &*ground.own, [private, ours, others]).await;
    read_events(&ground, &*ground.own, OWN).await;
    let expected = [row("wss://theirs.example/", "kind_30166", 1)];
    assert_eq!(mentioned(&ground).await, expected);
}

async fn o1_1_a_store_that_was_replaced_is_read_from_its_beginning(house: House) {
    let ground = ground(&house, config(Discover::default())).await;
    let first = event(&ground, 3, 1, &[&["r", "wss://a.example"]]);
    let second = event(&ground, 4, 1, &[&["r", "wss://b.example"]]);
    store(&ground, &*ground.own, [first, second.clone()]).await;
    read_events(&ground, &*ground.own, OWN).await;
    store(&ground, &*ground.archive, [second]).await;
    read_events(&ground, &*ground.archive, OWN).await;
    let expected = [
        row("wss://a.example/", "tag", 1),
        row("wss://b.example/", "tag", 2),
    ];
    assert_eq!(mentioned(&ground).await, expected);
}

async fn o1_1_seeds_are_read_again_when_they_change(house: House) {
    let file = house.folder().join("seeds");
    std::fs::write(&file, "wss://b.example\n# nothing\n").unwrap();
    let discover = Discover {
        seeds: vec!["wss://a.example".to_owned()],
        seed_file: Some("seeds".to_owned()),
        ..Discover::default()
    };
    seeds::check(&discover, house.folder()).await.unwrap();
    let ground = ground(&house, config(discover)).await;
    for _ in 0..2 {
        seeds::read(&ground, &*intake(&ground).await).await.unwrap();
        let expected = [
            row("wss://a.example/", "seeds", 1),
            row("wss://b.example/", "seed_file", 1),
        ];
        assert_eq!(mentioned(&ground).await, expected);
    }
    // Whoever asks where a relay was found is not told of the operator's files.
    let sql = "SELECT COUNT(*) FROM observatory_relays WHERE found_in IS NOT NULL";
    let (told,): (i64,) = ground.records.fetch_one(sql, ()).await.unwrap();
    assert_eq!(told, 0);
    std::fs::write(&file, "wss://b.example\nwss://c.example").unwrap();
    seeds::read(&ground, &*intake(&ground).await).await.unwrap();
    let expected = [
        row("wss://a.example/", "seeds", 1),
        row("wss://b.example/", "seed_file", 2),
        row("wss://c.example/", "seed_file", 1),
    ];
    assert_eq!(mentioned(&ground).await, expected);
    // A file that is gone is no reason to stop.
    std::fs::remove_file(&file).unwrap();
    seeds::read(&ground, &*intake(&ground).await).await.unwrap();
    assert!(
        seeds::check(&ground.config.discover, &ground.folder)
            .await
            .is_err()
    );
}

async fn o1_1_a_long_list_goes_on_where_it_was_interrupted(house: House) {
    let seeds: Vec<String> = (0..1_200)
        .map(|n| format!("wss://{n:04}.example/"))
        .collect();
    let discover = Discover {
        seeds,
        ..Discover::default()
    };
    let ground = ground(&house, config(discover)).await;
    seeds::read(&ground, &*intake(&ground).await).await.unwrap();
    // As if the process had been killed after the first part of three.
    let undone = ground.records.write(|tx| {
        tx.execute("UPDATE observatory_cursors SET place = 500, note = REPLACE(note, ?, ?) WHERE name = 'discover.seeds'", (r#""done":true"#, r#""done":false"#))?;
        tx.execute("DELETE FROM observatory_mentions WHERE relay IN (SELECT id FROM observatory_relays WHERE url >= 'wss://0500')", ())
    });
    assert_eq!(undone.await.unwrap(), 700);
    seeds::read(&ground, &*intake(&ground).await).await.unwrap();
    let counts: (i64, i64) = ground
        .records
        .fetch_one(
            "SELECT COUNT(*), MAX(mentions) FROM observatory_mentions",
            (),
        )
        .await
        .unwrap();
    assert_eq!(counts, (1_200, 1));
}

async fn o1_1_documents_are_read_once_over_restarts(house: House) {
    let ground = ground(&house, config(Discover::default())).await;
    let write = async |body: &'static str, kind: &'static str, first_ms: u64| {
        let hash: [u8; 32] = Sha256::digest(body.as_bytes()).into();
        let written = ground.records.write(move |tx| {
            tx.execute(
                "INSERT INTO observatory_documents (hash, kind, body, first_ms, last_ms) VALUES (?1, ?2, ?3, ?4, ?4)",
                (hash, kind, body, stored(first_ms)),
            )
        });
        written.await.unwrap();
    };
    let read = async |until_ms| {
        let intake = intake(&ground).await;
        while documents::step(&ground, &intake, until_ms).await.unwrap() {}
    };
    write(r#"{"mirror":"wss://a.example"}"#, "nip11", 1_000).await;
    write(r#"{"x":["ws://b.example"]}"#, "nip11", 1_000).await;
    write(r#"{"x":["ws://c.example"]}"#, "facts", 1_000).await;
    write("no JSON", "nip11", 1_000).await;
    write(r#"{"mirrors":"wss://a.example","y":1}"#, "nip11", 3_000).await;
    let expected = [
        row("ws://b.example/", "nip11", 1),
        row("wss://a.example/", "nip11", 1),
    ];
    for _ in 0..2 {
        read(2_000).await;
        assert_eq!(mentioned(&ground).await, expected);
    }
    read(3_000).await;
    read(3_000).await;
    let expected = [
        row("ws://b.example/", "nip11", 1),
        row("wss://a.example/", "nip11", 2),
    ];
    assert_eq!(mentioned(&ground).await, expected);
}

async fn o1_1_there_are_no_more_candidates_than_there_may_be(house: House) {
    let names = ["a", "b", "c", "d", "e"].map(|name| format!("wss://{name}.example/"));
    let discover = Discover {
        seeds: names.to_vec(),
        candidates: 3,
        ..Discover::default()
    };
    let ground = ground(&house, config(discover)).await;
    seeds::read(&ground, &*intake(&ground).await).await.unwrap();
    assert_eq!(mentioned(&ground).await.len(), 3);
    // What is known is mentioned all the same, also after a restart.
    let tags: Vec<[&str; 2]> = names.iter().map(|url| ["r", url.as_str()]).collect();
    let tags: Vec<&[&str]> = tags.iter().map(|tag| tag.as_slice()).collect();
    store(&ground, &*ground.own, [event(&ground, 3, 1, &tags)]).await;
    read_events(&ground, &*ground.own, OWN).await;
    let mentioned = mentioned(&ground).await;
    let tagged = mentioned.iter().filter(|(_, source, _)| source == "tag");
    assert_eq!((mentioned.len(), tagged.count()), (6, 3));
}

async fn o1_1_a_write_that_comes_late_counts_nothing_twice(house: House) {
    let ground = ground(&house, config(Discover::default())).await;
    let intake = intake(&ground).await;
    let step = |from, to| Step {
        name: "x".to_owned(),
        from,
        to: Cursor {
            place: to,
            note: None,
        },
    };
    let take = async |step| {
        let mut found = Mentions::default();
        let url = RelayUrl::parse("wss://a.example").unwrap();
        found.add(url, Source::Tag, || None);
        intake.take(found, step).await
    };
    let first = take(step(Cursor::default(), 5)).await.unwrap();
    assert!(matches!(
        take(step(Cursor::default(), 5)).await,
        Err(Error::Invalid(_))
    ));
    assert_eq!(
        mentioned(&ground).await,
        [row("wss://a.example/", "tag", 1)]
    );
    take(step(first, 6)).await.unwrap();
    assert_eq!(
        mentioned(&ground).await,
        [row("wss://a.example/", "tag", 2)]
    );
}

both_engines!(
    o1_1_a_write_that_comes_late_counts_nothing_twice,
    o1_1_events_are_read_once_over_restarts,
    o1_1_many_events_are_written_in_parts,
    o1_1_what_is_private_or_ours_is_not_used,
    o1_1_a_store_that_was_replaced_is_read_from_its_beginning,
    o1_1_seeds_are_read_again_when_they_change,
    o1_1_a_long_list_goes_on_where_it_was_interrupted,
    o1_1_documents_are_read_once_over_restarts,
    o1_1_there_are_no_more_candidates_than_there_may_be,
);
