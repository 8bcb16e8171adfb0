//! What was asked, and what was checked, page by page (O4.2); and how far it all is (O5.3).

use super::*;

both_engines!(
    o4_2_coverage_is_read_page_by_page,
    o4_2_checks_are_read_page_by_page,
    o5_3_progress_says_what_is_left,
);

async fn o4_2_coverage_is_read_page_by_page(house: House) {
    let observatory = observatory(&house).await;
    let records = &observatory.ground.records;
    for id in 1..=3 {
        put(records, id).await;
        let state = |part: i64| if part % 2 == 0 { "complete" } else { "capped" };
        cover(
            records,
            (0..5)
                .map(|part| (id, part * 10, part * 10 + 9, state(part)))
                .collect(),
        )
        .await;
    }
    let since = ("intervals", "/since");
    assert_eq!(
        all(&observatory, "coverage", "limit=4", since).await.len(),
        15
    );
    assert_eq!(
        all(&observatory, "coverage", "limit=1&state=capped", since)
            .await
            .len(),
        6
    );
    assert_eq!(
        all(&observatory, "relays/2/coverage", "limit=2", since).await,
        [0, 10, 20, 30, 40]
    );
    let by_url = "relay=wss%3A%2F%2Fab3.example&state=complete";
    assert_eq!(
        all(&observatory, "coverage", by_url, since).await,
        [0, 20, 40]
    );
    let page = ask(&observatory, "coverage", "limit=1").await.unwrap();
    let query = format!("state=capped&after={}", page["next"].as_str().unwrap());
    assert!(
        ask(&observatory, "coverage", &query).await.is_err(),
        "of another filter"
    );
}

async fn o4_2_checks_are_read_page_by_page(house: House) {
    let observatory = observatory(&house).await;
    let records = &observatory.ground.records;
    put(records, 1).await;
    put(records, 2).await;
    records
        .write(|tx| {
            for at in 1..=7_i64 {
                tx.execute("INSERT INTO observatory_checks (relay, at_ms, online, open_ms, attempts) VALUES (1, ?, ?, 5, 1)", (at * 1_000, at != 3))?;
            }
            Ok::<_, stentor_sql::Error>(())
        })
        .await
        .unwrap();
    let times = all(
        &observatory,
        "relays/1/checks",
        "limit=3",
        ("checks", "/at_ms"),
    )
    .await;
    assert_eq!(times, [7_000, 6_000, 5_000, 4_000, 3_000, 2_000, 1_000]);
    let chart = ask(
        &observatory,
        "relays/1/series",
        "from_ms=0&to_ms=10000&points=2",
    )
    .await
    .unwrap();
    assert_eq!(chart["points"].as_array().unwrap().len(), 2);
    assert_eq!(chart["points"][0]["online"], 0.75);
    let other = ask(&observatory, "relays/1/checks", "limit=1")
        .await
        .unwrap();
    let query = format!("after={}", other["next"].as_str().unwrap());
    assert!(
        ask(&observatory, "relays/2/checks", &query).await.is_err(),
        "of another relay"
    );
}

async fn o5_3_progress_says_what_is_left(house: House) {
    let observatory = observatory(&house).await;
    let records = &observatory.ground.records;
    let empty = ask(&observatory, "progress", "").await.unwrap();
    assert!(empty["share"].is_null() && empty["left_seconds"] == 0);
    put(records, 1).await;
    put(records, 2).await;
    // Of a time that is wanted: what is older counts for nothing.
    let then = 1_600_000_000;
    cover(
        records,
        vec![
            (1, then, then + 9, "complete"),
            (2, then, then + 9, "complete"),
            (2, then + 10, then + 12, "refused"),
        ],
    )
    .await;
    let progress = ask(&observatory, "progress", "").await.unwrap();
    assert_eq!(
        (&progress["relays"], &progress["complete"]),
        (&2.into(), &1.into())
    );
    assert_eq!(
        (&progress["complete_seconds"], &progress["refused_seconds"]),
        (&20.into(), &3.into())
    );
    assert!(progress["left_seconds"].as_u64().unwrap() > 1_000_000);
    assert!(
        progress["eta_seconds"].is_null(),
        "nothing was done in the last hour"
    );
}
