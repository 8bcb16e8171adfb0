//! R8.1 to R8.3: slow clients, expensive queries, shutting down.

use std::time::Duration;

use serde_json::json;
use tokio_tungstenite::tungstenite::Message;

use crate::harness::*;

over_both_engines! {
    r8_1_a_slow_follower_is_closed_and_others_are_served,
    r8_1_a_scan_waits_for_its_client,
    r8_1_what_comes_during_a_paused_scan_is_bounded,
    r8_2_a_long_query_does_not_hold_up_others,
    r8_2_a_runaway_query_is_cut,
    r8_2_scans_of_one_connection_take_turns,
    r8_3_accepted_events_are_answered_before_the_end,
    r8_3_new_connections_are_refused_while_draining,
}

/// Stores so many events of so many bytes, by one author.
async fn fill(node: &Node, author: u8, count: u64, bytes: usize) {
    let mut writer = node.client().await;
    for chunk in (0..count).collect::<Vec<_>>().chunks(100) {
        let events = chunk.iter().map(|number| {
            note(
                author,
                count - number,
                &format!("{number}{}", "x".repeat(bytes)),
            )
        });
        writer
            .send_all(events.map(|event| format!("[\"EVENT\",{}]", text(&event))))
            .await;
        for _ in chunk {
            assert_eq!(writer.find(|message| message[0] == "OK").await[2], true);
        }
    }
}

async fn r8_1_a_slow_follower_is_closed_and_others_are_served(engine: Engine) {
    let mut config = without_rates();
    (config.limits.queue_frames, config.limits.queue_bytes) = (64, 256 << 10);
    let node = Node::with(engine, config).await;
    let (mut slow, mut quick, mut writer) = (
        node.client().await,
        node.client().await,
        node.client().await,
    );
    slow.subscribe("all", &[json!({"limit": 0})]).await;
    quick.subscribe("all", &[json!({"limit": 0})]).await;
    // The slow one reads nothing, until more has been published than sockets and the queue hold.
    let mut published = 0;
    while node.relay.counts().1 == 2 {
        let event = event(1, now())
            .content(format!("{published}{}", "x".repeat(100_000)))
            .sign(&key(1));
        writer.store(&event).await;
        assert_eq!(quick.live("all").await["id"], id(&event));
        published += 1;
        assert!(published < 2_000, "the slow client was never closed");
    }
    let mut received = 0;
    let end = loop {
        match slow.frame().await {
            Some(Message::Text(_)) => received += 1,
            end => break end,
        }
    };
    assert!(received < published);
    // It has not read for so long that the relay may not have waited until its reason could be sent.
    if let Some(Message::Close(Some(frame))) = end {
        assert_eq!(u16::from(frame.code), 1008);
        assert!(frame.reason.contains("slow"), "{}", frame.reason);
    }
}

async fn r8_1_a_scan_waits_for_its_client(engine: Engine) {
    let mut config = without_rates();
    config.limits.limit = 0;
    (config.limits.queue_frames, config.limits.queue_bytes) = (16, 64 << 10);
    let node = Node::with(engine, config).await;
    fill(&node, 1, 300, 100_000).await;
    let mut client = node.client().await;
    client
        .send(request("REQ", "all", &[json!({"kinds": [1]})]))
        .await;
    // Thirty megabytes do not fit into the sockets: the scan is paused, and others are served.
    let mut other = node.client().await;
    assert_eq!(
        other
            .query(json!({"kinds": [1], "limit": 3}))
            .await
            .events
            .len(),
        3
    );
    let mut received = 0;
    loop {
        let message = client.next().await;
        match message[0].as_str().unwrap() {
            "EVENT" => received += 1,
            "EOSE" => break,
            other => panic!("{other}"),
        }
    }
    assert_eq!(received, 300);
}

async fn r8_1_what_comes_during_a_paused_scan_is_bounded(engine: Engine) {
    let mut config = without_rates();
    config.limits.limit = 0;
    config.limits.held_events = 20;
    let node = Node::with(engine, config).await;
    fill(&node, 1, 300, 100_000).await;
    let mut client = node.client().await;
    client
        .send(request("REQ", "all", &[json!({"kinds": [1]})]))
        .await;
    // Wait for the registration, then publish more than is held back.
    while node.relay.counts().1 == 0 {
        tokio::task::yield_now().await;
    }
    let mut writer = node.client().await;
    for number in 0..25 {
        writer.store(&note(2, number, &number.to_string())).await;
    }
    let end = client
        .find(|message| message[0] == "CLOSED" || message[0] == "EOSE")
        .await;
    assert_eq!(end[0], "CLOSED");
    assert!(end[2].as_str().unwrap().starts_with("error: "), "{end}");
    client.store(&note(3, 0, "the connection goes on")).await;
}

async fn r8_2_a_long_query_does_not_hold_up_others(engine: Engine) {
    let mut config = without_rates();
    config.limits.limit = 0;
    (config.queries.slice_events, config.queries.slice_rows) = (1, 16);
    let node = Node::with(engine, config).await;
    fill(&node, 1, 400, 20_000).await;
    let mut long = node.client().await;
    long.send_all(
        (0..8).map(|number| request("REQ", &format!("long{number}"), &[json!({"kinds": [1]})])),
    )
    .await;
    let mut other = node.client().await;
    for _ in 0..20 {
        assert_eq!(
            other
                .query(json!({"kinds": [1], "limit": 1}))
                .await
                .events
                .len(),
            1
        );
    }
    // The long ones are still on their way: sixty megabytes that nobody has read.
    for number in 0..8 {
        let sub = format!("long{number}");
        long.send(format!("[\"CLOSE\",\"{sub}\"]")).await;
    }
}

async fn r8_2_a_runaway_query_is_cut(engine: Engine) {
    let mut config = without_rates();
    config.queries.rows = 50;
    let node = Node::with(engine, config).await;
    fill(&node, 1, 200, 10).await;
    let mut client = node.client().await;
    client
        .send(request("REQ", "s", &[json!({"kinds": [1]})]))
        .await;
    let end = client.find(|message| message[0] != "EVENT").await;
    assert_eq!((&end[0], &end[1]), (&json!("CLOSED"), &json!("s")));
    assert!(
        end[2]
            .as_str()
            .unwrap()
            .starts_with("error: query too expensive"),
        "{end}"
    );
    assert_eq!(
        client
            .query(json!({"kinds": [1], "limit": 5}))
            .await
            .events
            .len(),
        5
    );
    client.store(&note(2, 0, "no subscription is left")).await;
    assert_eq!(node.relay.counts().1, 0);
}

async fn r8_2_scans_of_one_connection_take_turns(engine: Engine) {
    let mut config = without_rates();
    (config.queries.slice_events, config.queries.slice_rows) = (4, 16);
    let node = Node::with(engine, config).await;
    fill(&node, 1, 200, 10).await;
    let mut client = node.client().await;
    client
        .send_all([
            request("REQ", "long", &[json!({"kinds": [1]})]),
            request("REQ", "short", &[json!({"limit": 2})]),
        ])
        .await;
    let mut ended = Vec::new();
    while ended.len() < 2 {
        let message = client.next().await;
        if message[0] == "EOSE" {
            ended.push(message[1].as_str().unwrap().to_owned());
        }
    }
    assert_eq!(ended, ["short", "long"]);
}

async fn r8_3_accepted_events_are_answered_before_the_end(engine: Engine) {
    let node = Node::start(engine).await;
    let mut client = node.client().await;
    client.subscribe("all", &[json!({"limit": 0})]).await;
    let events: Vec<_> = (0..200)
        .map(|number| note(1, 200 - number, &number.to_string()))
        .collect();
    client
        .send_all(
            events
                .iter()
                .map(|event| format!("[\"EVENT\",{}]", text(event))),
        )
        .await;
    let drain = node.drain.clone();
    let drained = tokio::spawn(async move { drain.run(Duration::from_secs(20)).await });
    let mut accepted = Vec::new();
    let code = loop {
        match client.frame().await {
            Some(Message::Text(text)) => {
                let message: serde_json::Value = serde_json::from_str(&text).unwrap();
                if message[0] == "OK" && message[2] == true {
                    accepted.push(message[1].as_str().unwrap().to_owned());
                }
            }
            Some(Message::Close(frame)) => break u16::from(frame.unwrap().code),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(code, 1012);
    drop(client);
    assert_eq!(drained.await.unwrap().aborted, 0);
    let statistics = node.store.statistics();
    assert_eq!(
        statistics.events,
        accepted.len() as u64,
        "what is stored was acknowledged, and the other way round"
    );
}

async fn r8_3_new_connections_are_refused_while_draining(engine: Engine) {
    let node = Node::start(engine).await;
    let mut client = node.client().await;
    let drain = node.drain.clone();
    let drained = tokio::spawn(async move { drain.run(Duration::from_secs(20)).await });
    assert_eq!(client.closing().await.0, 1012);
    drop(client);
    assert_eq!(drained.await.unwrap().open, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r8_6_slow_queries_are_logged_with_their_plan() {
    let logs = Logs::of("stentor_relay::slow_query");
    let mut config = without_rates();
    (config.queries.slow_ms, config.limits.limit) = (1, 0);
    let node = Node::with(Engine::Embedded, config).await;
    fill(&node, 1, 2_000, 10).await;
    let mut client = node.client().await;
    let filter = json!({"kinds": [1, 7], "since": 5});
    let begun = std::time::Instant::now();
    for (verb, name) in [("REQ", "EOSE"), ("COUNT", "COUNT")] {
        let shape = "filters={kinds:2 since:5}";
        let mut found = Vec::new();
        // However fast the machine is, one of them takes a millisecond.
        while found.is_empty() {
            let begins = request(verb, "slow", std::slice::from_ref(&filter));
            client.send(begins).await;
            client
                .find(|message| message[0] == name && message[1] == "slow")
                .await;
            found = logs.with(&[&format!("verb=\"{verb}\""), shape]);
            assert!(begun.elapsed() < PATIENCE, "nothing was logged");
        }
        assert!(found[0].contains("work_ms="), "{found:?}");
        let (_, plan) = found[0].split_once("plan=").unwrap();
        let mut plans = serde_json::Deserializer::from_str(plan).into_iter();
        let plan: serde_json::Value = plans.next().unwrap().unwrap();
        assert!(plan["filters"][0]["index"].is_string(), "{plan}");
    }
}
