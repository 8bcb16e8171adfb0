//! Events of the archive (O4.2).

use super::*;

both_engines!(
    o4_2_events_are_read_page_by_page_with_their_holders,
    o4_2_a_search_that_ends_early_goes_on,
    o4_2_what_is_not_for_everybody_is_not_told,
    o4_2_a_cursor_of_events_is_of_one_filter,
    o4_2_how_many_hold_an_event_is_told_beside_those_shown,
);

async fn o4_2_events_are_read_page_by_page_with_their_holders(house: House) {
    let observatory = observatory(&house).await;
    let records = &observatory.ground.records;
    put(records, 1).await;
    // Many in the same second.
    let events = (0..20).map(|n| {
        note(NOW - n / 10, &format!("note {n}")).tag(["1", if n < 5 { "a" } else { "b" }])
    });
    store(&observatory, events.collect()).await;
    let pair = Pair {
        number: 1,
        relay: RelayId(1),
        seen_ms: NOW * 1_000 + 5,
        created_ms: NOW * 1_000,
        how: How::Live,
    };
    records
        .write(move |tx| provenance::credit(tx, &[pair]))
        .await
        .unwrap();
    let texts = all(&observatory, "events", "limit=3", CONTENT).await;
    let once: BTreeSet<&str> = texts.iter().map(|text| text.as_str().unwrap()).collect();
    assert_eq!((texts.len(), once.len()), (20, 20));
    assert_eq!(
        all(&observatory, "events", "limit=2&%231=a", CONTENT)
            .await
            .len(),
        5
    );
    assert_eq!(
        all(
            &observatory,
            "events",
            "limit=2&!%231=a&text=NOTE%201",
            CONTENT
        )
        .await
        .len(),
        10
    );
    assert!(
        all(&observatory, "events", "!kinds=1", CONTENT)
            .await
            .is_empty()
    );
    let found = ask(&observatory, "events", "holders=true&limit=20")
        .await
        .unwrap();
    let found = found["events"].as_array().unwrap().iter();
    let held: Vec<&Value> = found
        .filter(|event| event["holders"] != serde_json::json!([]))
        .collect();
    assert_eq!(held.len(), 1);
    let id = held[0]["event"]["id"].as_str().unwrap();
    let one = ask(&observatory, &format!("events/{id}"), "")
        .await
        .unwrap();
    assert_eq!(one["event"]["content"], "note 0");
    let holder = &one["holders"][0];
    assert_eq!(
        (&holder["url"], &holder["how"]),
        (&"wss://ab1.example/".into(), &"live".into())
    );
    assert_eq!(holder["seen_ms"], NOW * 1_000 + 5);
    let none = format!("events/{}", "0".repeat(64));
    assert!(matches!(
        ask(&observatory, &none, "").await,
        Err(AskError::Missing)
    ));
}

async fn o4_2_a_search_that_ends_early_goes_on(house: House) {
    let observatory = observatory(&house).await;
    let events = (0..crate::answer::events::LOOKED_AT as u64 + 10).map(|n| note(NOW - n, "hay"));
    let mut events: Vec<EventBuilder> = events.collect();
    events.push(note(1, "needle"));
    store(&observatory, events).await;
    let first = ask(&observatory, "events", "text=needle").await.unwrap();
    assert_eq!(
        (
            &first["bound_reached"],
            first["events"].as_array().unwrap().len()
        ),
        (&true.into(), 0)
    );
    let query = format!("text=needle&after={}", first["next"].as_str().unwrap());
    let second = ask(&observatory, "events", &query).await.unwrap();
    assert_eq!(second["events"][0]["event"]["content"], "needle");
    assert_eq!(
        (&second["bound_reached"], &second["next"]),
        (&false.into(), &Value::Null)
    );
}

async fn o4_2_what_is_not_for_everybody_is_not_told(house: House) {
    let observatory = observatory(&house).await;
    let events = vec![
        note(NOW, "open"),
        note(NOW, "protected").tag(["-"]),
        EventBuilder::new(Kind::DIRECT_MESSAGE, Timestamp(NOW)).content("private"),
    ];
    store(&observatory, events).await;
    assert_eq!(
        observatory.ground.archive.statistics().events,
        3,
        "they are there"
    );
    assert_eq!(all(&observatory, "events", "", CONTENT).await, ["open"]);
    assert!(
        all(&observatory, "events", "kinds=4", CONTENT)
            .await
            .is_empty()
    );
    let key = SecretKey::from_bytes([9; 32]).unwrap();
    let hidden = note(NOW, "protected").tag(["-"]).sign(&key).id();
    assert!(matches!(
        ask(&observatory, &format!("events/{hidden}"), "").await,
        Err(AskError::Missing)
    ));
}

async fn o4_2_a_cursor_of_events_is_of_one_filter(house: House) {
    let observatory = observatory(&house).await;
    let events = (0..4).map(|n| note(NOW - n, &format!("note {n}")));
    store(&observatory, events.collect()).await;
    let page = ask(&observatory, "events", "kinds=1&limit=1")
        .await
        .unwrap();
    let next = page["next"].as_str().unwrap().to_owned();
    let on = async |query: &str| {
        let query = format!("{query}&after={next}");
        ask(&observatory, "events", &query).await
    };
    // How much is told of the events changes nothing in their order.
    for same in ["kinds=1", "kinds=1&limit=2&holders=true"] {
        let found = on(same).await.unwrap();
        assert_eq!(found["events"][0]["event"]["content"], "note 1");
    }
    for other in [
        "kinds=7",
        "kinds=1,7",
        "",
        "kinds=1&text=note",
        "kinds=1&!%231=a",
    ] {
        let error = on(other).await.unwrap_err();
        assert!(
            error.to_string().starts_with("after: a cursor of another"),
            "{other}: {error}"
        );
    }
}

async fn o4_2_how_many_hold_an_event_is_told_beside_those_shown(house: House) {
    let observatory = observatory(&house).await;
    let records = &observatory.ground.records;
    store(
        &observatory,
        vec![note(NOW, "everywhere"), note(NOW - 1, "nowhere")],
    )
    .await;
    let write = records.write(|tx| {
        for id in 1..=230_i64 {
            tx.execute(
                "INSERT INTO observatory_relays (id, url, network, state, found_ms, found_by, failures, next_ms, status)
                 VALUES (?, ?, 'clearnet', 'relay', 1, 'seed', 0, 0, 'online')",
                (id, format!("wss://r{id}.example/")),
            )?;
        }
        let pair = |id| Pair {
            number: 1,
            relay: RelayId(id),
            seen_ms: NOW * 1_000,
            created_ms: NOW * 1_000,
            how: How::Fetched,
        };
        let pairs: Vec<Pair> = (1..=230).map(pair).collect();
        provenance::credit(tx, &pairs)
    });
    write.await.unwrap();
    let page = ask(&observatory, "events", "holders=true").await.unwrap();
    let told = |index: usize| {
        let event = &page["events"][index];
        let shown = event["holders"].as_array().unwrap().len();
        (shown, event["holders_total"].as_u64().unwrap())
    };
    assert_eq!((told(0), told(1)), ((200, 230), (0, 0)));
    let bare = ask(&observatory, "events", "").await.unwrap();
    assert!(bare["events"][0].get("holders_total").is_none());
}
