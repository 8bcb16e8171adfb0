//! R1.9: COUNT and its HyperLogLog (NIP-45).

use serde_json::json;

use crate::harness::*;

over_both_engines! {
    r1_9_counts_are_exact_over_the_union,
    r1_9_limit_is_ignored,
    r1_9_hll_by_the_nip,
    r1_9_counts_are_corrected_by_deletions,
    r1_9_a_refused_count_is_closed,
    r1_9_long_counts_are_exact_and_bounded,
    r1_9_reactions_to_a_popular_note_cost_nothing_to_count,
}

async fn r1_9_counts_are_exact_over_the_union(engine: Engine) {
    let node = Node::start(engine).await;
    let mut client = node.client().await;
    for number in 0..30_u8 {
        let author = number % 3 + 1;
        client
            .store(
                &event(u16::from(number % 2), now() - 30 + u64::from(number))
                    .content(number.to_string())
                    .sign(&key(author)),
            )
            .await;
    }
    // Of kind 0, the newest of each author is left.
    assert_eq!(client.count(&[json!({})]).await, json!({"count": 18}));
    assert_eq!(
        client
            .count(&[json!({"kinds": [1]}), json!({"authors": [public(1)]})])
            .await["count"],
        16
    );
    assert_eq!(
        client
            .count(&[json!({"kinds": [1]}), json!({"kinds": [1]})])
            .await["count"],
        15
    );
}

async fn r1_9_limit_is_ignored(engine: Engine) {
    let mut config = without_rates();
    config.limits.limit = 2;
    let node = Node::with(engine, config).await;
    let mut client = node.client().await;
    for number in 0..5 {
        client.store(&note(1, number, &number.to_string())).await;
    }
    assert_eq!(
        client.count(&[json!({"kinds": [1], "limit": 1})]).await["count"],
        5
    );
    assert_eq!(
        client.count(&[json!({"kinds": [1], "limit": 0})]).await["count"],
        5
    );
}

/// The registers computed by the steps of the NIP, for events by these authors.
fn registers(target: &str, authors: &[u8]) -> String {
    let offset = usize::from_str_radix(&target[32..33], 16).unwrap() + 8;
    let mut registers = [0_u8; 256];
    for author in authors {
        let key = public_key(*author).0;
        let zeros = key[offset + 1..]
            .iter()
            .flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1))
            .take_while(|bit| *bit == 0);
        let register = &mut registers[usize::from(key[offset])];
        *register = (*register).max(zeros.count() as u8 + 1);
    }
    registers
        .iter()
        .map(|register| format!("{register:02x}"))
        .collect()
}

async fn r1_9_hll_by_the_nip(engine: Engine) {
    let node = Node::start(engine).await;
    let mut client = node.client().await;
    let target = note(1, 100, "popular");
    let authors: Vec<u8> = (10..60).collect();
    for author in &authors {
        client
            .store(
                &event(7, now())
                    .tag(["e", &id(&target)])
                    .content("+")
                    .sign(&key(*author)),
            )
            .await;
    }
    let count = client
        .count(&[json!({"#e": [id(&target)], "kinds": [7]})])
        .await;
    assert_eq!(
        count,
        json!({"count": 50, "hll": registers(&id(&target), &authors)})
    );
    let none = client.count(&[json!({"kinds": [7]})]).await;
    assert_eq!(
        none,
        json!({"count": 50}),
        "the NIP defines no registers without a tag"
    );
}

async fn r1_9_counts_are_corrected_by_deletions(engine: Engine) {
    let node = Node::start(engine).await;
    let mut client = node.client().await;
    let target = note(1, 100, "popular");
    let reactions: Vec<_> = (10..20)
        .map(|author| {
            event(7, now() - 9)
                .tag(["e", &id(&target)])
                .sign(&key(author))
        })
        .collect();
    for reaction in &reactions {
        client.store(reaction).await;
    }
    let filter = [json!({"#e": [id(&target)], "kinds": [7]})];
    assert_eq!(client.count(&filter).await["count"], 10);
    client
        .store(
            &event(5, now())
                .tag(["e", &id(&reactions[0])])
                .sign(&key(10)),
        )
        .await;
    let left: Vec<u8> = (11..20).collect();
    assert_eq!(
        client.count(&filter).await,
        json!({"count": 9, "hll": registers(&id(&target), &left)})
    );
}

async fn r1_9_a_refused_count_is_closed(engine: Engine) {
    let node = Node::start(engine).await;
    let mut client = node.client().await;
    let reason = client
        .refused("COUNT", &[json!({"kinds": [1059], "#p": [public(1)]})])
        .await;
    assert!(reason.starts_with("auth-required: "), "{reason}");
}

async fn r1_9_long_counts_are_exact_and_bounded(engine: Engine) {
    let mut config = without_rates();
    config.queries.slice_rows = 16;
    let node = Node::with(engine, config.clone()).await;
    let mut client = node.client().await;
    for number in 0..100 {
        client.store(&note(1, number, &number.to_string())).await;
    }
    let filter = [json!({"kinds": [1], "since": now() - 50_000})];
    assert_eq!(client.count(&filter).await["count"], 100);
    if matches!(engine, Engine::Embedded) {
        config.queries.rows = 50;
        node.relay.reconfigure(config).unwrap();
        assert!(
            client
                .refused("COUNT", &filter)
                .await
                .starts_with("error: query too expensive")
        );
    }
}

async fn r1_9_reactions_to_a_popular_note_cost_nothing_to_count(engine: Engine) {
    let mut config = without_rates();
    config.queries.rows = 1;
    let node = Node::with(engine, config).await;
    let mut client = node.client().await;
    let target = note(1, 100, "popular");
    let authors: Vec<u8> = (10..110).collect();
    for author in &authors {
        let reaction = event(7, now()).tag(["e", &id(&target)]).content("+");
        client.store(&reaction.sign(&key(*author))).await;
    }
    let reactions = json!({"#e": [id(&target)], "kinds": [7]});
    for _ in 0..2 {
        assert_eq!(
            client.count(std::slice::from_ref(&reactions)).await,
            json!({"count": 100, "hll": registers(&id(&target), &authors)})
        );
    }
    if matches!(engine, Engine::Embedded) {
        let looked_at = json!({"kinds": [7], "since": now() - 1_000});
        let reason = client.refused("COUNT", &[looked_at]).await;
        assert!(
            reason.starts_with("error: query too expensive"),
            "one row is all that may be looked at: {reason}"
        );
    }
}
