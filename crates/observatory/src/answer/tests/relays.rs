//! Lists of relays, and one of them (O4.2).

use super::*;

both_engines!(
    o4_2_pages_show_each_relay_once_whatever_the_order,
    o4_2_relays_that_come_meanwhile_neither_hide_nor_repeat_others,
    o4_2_filters_of_relays_hold,
    o4_2_a_cursor_is_of_one_filter_and_order,
    o4_2_a_relay_is_shown_with_all_that_is_known,
);

const IDS: (&str, &str) = ("relays", "/id");

async fn o4_2_pages_show_each_relay_once_whatever_the_order(house: House) {
    let observatory = observatory(&house).await;
    for id in 1..=23 {
        put(&observatory.ground.records, id).await;
    }
    let sorts = [
        "url",
        "uptime",
        "open",
        "read",
        "events",
        "exclusive",
        "seen",
        "found",
    ];
    for sort in sorts
        .into_iter()
        .flat_map(|sort| [sort.to_owned(), format!("-{sort}")])
    {
        let ids = all(&observatory, "relays", &format!("sort={sort}&limit=4"), IDS).await;
        let once: BTreeSet<i64> = ids.iter().map(|id| id.as_i64().unwrap()).collect();
        assert_eq!((ids.len(), once.len()), (23, 23), "{sort}");
        let whole = all(&observatory, "relays", &format!("sort={sort}"), IDS).await;
        assert_eq!(ids, whole, "{sort}");
    }
    let uptimes = all(
        &observatory,
        "relays",
        "sort=-uptime",
        ("relays", "/uptime_month"),
    )
    .await;
    assert!(uptimes.first().unwrap().is_number() && uptimes.last().unwrap().is_null());
    let uptimes = all(
        &observatory,
        "relays",
        "sort=uptime",
        ("relays", "/uptime_month"),
    )
    .await;
    assert!(uptimes.first().unwrap().is_number() && uptimes.last().unwrap().is_null());
}

async fn o4_2_relays_that_come_meanwhile_neither_hide_nor_repeat_others(house: House) {
    let observatory = observatory(&house).await;
    for id in 1..=20 {
        put(&observatory.ground.records, id).await;
    }
    let (mut seen, mut after, mut more) = (Vec::new(), String::new(), 100);
    loop {
        let query = format!("sort=events&limit=3&after={after}");
        let page = ask(&observatory, "relays", &query).await.unwrap();
        seen.extend(
            page["relays"]
                .as_array()
                .unwrap()
                .iter()
                .map(|row| row["id"].as_i64().unwrap()),
        );
        let Some(next) = page["next"].as_str() else {
            break;
        };
        after = next.to_owned();
        if more < 104 {
            put(&observatory.ground.records, more).await;
            more += 1;
        }
    }
    let once: BTreeSet<i64> = seen.iter().copied().collect();
    assert_eq!(once.len(), seen.len(), "none twice");
    assert!((1..=20).all(|id| once.contains(&id)), "none missing");
}

async fn o4_2_filters_of_relays_hold(house: House) {
    let observatory = observatory(&house).await;
    for id in 1..=12 {
        put(&observatory.ground.records, id).await;
    }
    let ids = async |query: &str| -> Vec<i64> {
        let found = all(&observatory, "relays", &format!("{query}&sort=found"), IDS).await;
        let mut ids: Vec<i64> = found.iter().map(|id| id.as_i64().unwrap()).collect();
        ids.sort_unstable();
        ids
    };
    assert_eq!(ids("status=online&nip=50").await, [6, 12]);
    assert_eq!(ids("nip=!50,!51").await, [2, 5, 8, 11]);
    assert_eq!(ids("auth_required=true&nip=52").await, [2, 8]);
    assert_eq!(ids("min_uptime=1").await, [4]);
    assert_eq!(ids("text=RELAY%20100%25%201").await, [1, 10, 11, 12]);
    assert_eq!(ids("text=ab1").await, [1, 11]);
    assert!(ids("text=_").await.is_empty(), "no pattern");
    assert!(ids("degraded=true").await.is_empty(), "unknown is not true");
    assert!(ids("degraded=false").await.is_empty(), "nor false");
    assert!(ids("network=tor").await.is_empty() && ids("software=other").await.is_empty());
    assert!(ids("state=candidate").await.is_empty() && ids("country=de").await.is_empty());
}

async fn o4_2_a_cursor_is_of_one_filter_and_order(house: House) {
    let observatory = observatory(&house).await;
    for id in 1..=4 {
        put(&observatory.ground.records, id).await;
    }
    let page = ask(&observatory, "relays", "sort=open&limit=1")
        .await
        .unwrap();
    let next = page["next"].as_str().unwrap();
    assert!(
        ask(
            &observatory,
            "relays",
            &format!("sort=open&limit=2&after={next}")
        )
        .await
        .is_ok()
    );
    for other in ["sort=-open", "sort=read", "sort=open&status=online"] {
        let error = ask(&observatory, "relays", &format!("{other}&after={next}"))
            .await
            .unwrap_err();
        assert!(
            error.to_string().starts_with("after: a cursor of another"),
            "{error}"
        );
    }
    let error = ask(&observatory, "relays", "after=nonsense")
        .await
        .unwrap_err();
    assert!(error.to_string().starts_with("after: "), "{error}");
}

async fn o4_2_a_relay_is_shown_with_all_that_is_known(house: House) {
    let observatory = observatory(&house).await;
    let records = &observatory.ground.records;
    put(records, 1).await;
    cover(
        records,
        vec![
            (1, 0, 9, "complete"),
            (1, 10, 19, "failed"),
            (1, 20, 24, "complete"),
        ],
    )
    .await;
    records
        .write(|tx| {
            tx.execute("INSERT INTO observatory_documents VALUES (?, 'information', '{\"name\":\"x\"}', 1, 1)", ([7_u8; 32],))?;
            tx.execute("UPDATE observatory_relays SET document = ? WHERE id = 1", ([7_u8; 32],))?;
            tx.execute("INSERT INTO observatory_mentions VALUES (1, 'kind 10002', 4, 1, 2)", ())?;
            tx.execute("INSERT INTO observatory_checks (relay, at_ms, online, attempts) VALUES (1, 5, NULL, 1)", ())
        })
        .await
        .unwrap();
    let shown = ask(&observatory, "relays/wss%3A%2F%2Fab1.example%2F", "")
        .await
        .unwrap();
    assert_eq!(shown, ask(&observatory, "relays/1", "").await.unwrap());
    assert_eq!(shown["relay"]["url"], "wss://ab1.example/");
    assert_eq!(shown["information"]["name"], "x");
    assert_eq!(shown["mentions"][0]["mentions"], 4);
    assert_eq!(shown["nips"], serde_json::json!([51]));
    let complete = &shown["coverage"][0];
    assert_eq!(
        (
            &complete["state"],
            &complete["seconds"],
            &complete["intervals"]
        ),
        (&"complete".into(), &15.into(), &2.into())
    );
    assert!(
        shown["last_checks"][0]["online"].is_null(),
        "untested is not false"
    );
    assert!(shown["facts"].is_null() && shown["negentropy"].is_null());
    assert!(matches!(
        ask(&observatory, "relays/2", "").await,
        Err(AskError::Missing)
    ));
}
