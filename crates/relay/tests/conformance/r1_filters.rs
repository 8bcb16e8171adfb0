//! R1.6, R1.8: filters, order, limits and the completeness hint.

use serde_json::{Value, json};

use crate::harness::*;

over_both_engines! {
    r1_6_each_field_and_their_union,
    r1_6_any_single_letter_tag_in_both_cases,
    r1_6_empty_lists_and_inverted_windows_match_nothing,
    r1_6_malformed_values_match_nothing,
    r1_6_newest_first_then_lowest_id,
    r1_6_prefixes_do_not_match,
    r1_6_unknown_fields_are_unsupported,
    r1_6_malformed_filters_are_invalid,
    r1_8_finish_and_more,
    r1_8_limit_zero_has_no_hint_and_stays_live,
    r1_8_the_relays_cap_ends_on_a_whole_second,
}

async fn r1_6_each_field_and_their_union(engine: Engine) {
    let node = Node::start(engine).await;
    let mut client = node.client().await;
    let base = now() - 1_000;
    let one = event(1, base).tag(["t", "a"]).sign(&key(1));
    let two = event(1, base + 10).tag(["t", "b"]).sign(&key(2));
    let three = event(7, base + 20)
        .tag(["e", &id(&one)])
        .tag(["p", &public(1)])
        .sign(&key(2));
    for event in [&one, &two, &three] {
        client.store(event).await;
    }
    let cases: [(Value, &[&stentor_event::Event]); 12] = [
        (json!({}), &[&three, &two, &one]),
        (json!({"ids": [id(&one), id(&three)]}), &[&three, &one]),
        (json!({"authors": [public(2)]}), &[&three, &two]),
        (json!({"kinds": [7, 9]}), &[&three]),
        (json!({"#t": ["a", "b"]}), &[&two, &one]),
        (json!({"#e": [id(&one)]}), &[&three]),
        (json!({"#p": [public(1)], "kinds": [7]}), &[&three]),
        (json!({"#t": ["a"], "authors": [public(2)]}), &[]),
        (json!({"since": base + 10}), &[&three, &two]),
        (json!({"until": base + 10}), &[&two, &one]),
        (json!({"since": base + 10, "until": base + 10}), &[&two]),
        (json!({"limit": 1}), &[&three]),
    ];
    for (filter, expected) in cases {
        let expected: Vec<String> = expected.iter().map(|event| id(event)).collect();
        assert_eq!(
            client.query(filter.clone()).await.ids(),
            expected,
            "{filter}"
        );
    }
    let union = [
        json!({"kinds": [1]}),
        json!({"authors": [public(2)]}),
        json!({"limit": 1}),
    ];
    assert_eq!(
        client.subscribe("union", &union).await.ids(),
        [id(&three), id(&two), id(&one)],
        "each event once"
    );
}

async fn r1_6_any_single_letter_tag_in_both_cases(engine: Engine) {
    let node = Node::start(engine).await;
    let mut client = node.client().await;
    for letter in ['a', 'E', 'i', 'I', 'x', 'Z', 'k', 'K'] {
        let name = letter.to_string();
        let tagged = event(1111, now())
            .tag([name.as_str(), &public(3)])
            .content(letter)
            .sign(&key(1));
        client.store(&tagged).await;
        assert_eq!(
            client
                .query(json!({format!("#{letter}"): [public(3)]}))
                .await
                .ids(),
            [id(&tagged)],
            "{letter}"
        );
    }
    let second = event(1, now()).tag(["t", "first", "second"]).sign(&key(1));
    client.store(&second).await;
    assert!(
        client
            .query(json!({"#t": ["second"]}))
            .await
            .events
            .is_empty(),
        "only the first value is indexed"
    );
}

async fn r1_6_empty_lists_and_inverted_windows_match_nothing(engine: Engine) {
    let node = Node::start(engine).await;
    let mut client = node.client().await;
    client.store(&note(1, 0, "x")).await;
    for filter in [
        json!({"ids": []}),
        json!({"authors": []}),
        json!({"kinds": []}),
        json!({"#t": []}),
        json!({"kinds": [1], "#e": []}),
        json!({"since": 20, "until": 10}),
    ] {
        let answer = client.query(filter.clone()).await;
        assert!(answer.events.is_empty(), "{filter}");
        assert_eq!(answer.hint(), Some("finish"));
        assert_eq!(
            client.count(std::slice::from_ref(&filter)).await["count"],
            0
        );
    }
}

async fn r1_6_malformed_values_match_nothing(engine: Engine) {
    let node = Node::start(engine).await;
    let mut client = node.client().await;
    let known = event(1, now())
        .tag(["e", "short"])
        .tag(["p", "short"])
        .sign(&key(1));
    client.store(&known).await;
    for filter in [
        json!({"ids": ["xyz"]}),
        json!({"ids": [id(&known).to_uppercase()]}),
        json!({"authors": [public(1).to_uppercase()]}),
        json!({"#e": ["short"]}),
        json!({"#p": ["short"]}),
    ] {
        assert!(
            client.query(filter.clone()).await.events.is_empty(),
            "{filter}"
        );
    }
    let mixed = json!({"ids": ["xyz", id(&known)]});
    assert_eq!(client.query(mixed).await.events.len(), 1);
}

async fn r1_6_newest_first_then_lowest_id(engine: Engine) {
    let node = Node::start(engine).await;
    let mut client = node.client().await;
    let base = now() - 100;
    let mut events: Vec<_> = (0..40)
        .map(|number: u64| {
            event(1, base + number / 8)
                .content(number.to_string())
                .sign(&key(1))
        })
        .collect();
    for event in &events {
        client.store(event).await;
    }
    events.sort_by_key(|event| (std::cmp::Reverse(event.created_at()), event.id()));
    let expected: Vec<String> = events.iter().map(id).collect();
    assert_eq!(client.query(json!({})).await.ids(), expected);
    assert_eq!(
        client.query(json!({"limit": 11})).await.ids(),
        expected[..11]
    );
    let several = [
        json!({"kinds": [1], "limit": 40}),
        json!({"authors": [public(1)]}),
    ];
    assert_eq!(client.subscribe("several", &several).await.ids(), expected);
}

async fn r1_6_prefixes_do_not_match(engine: Engine) {
    let node = Node::start(engine).await;
    let mut client = node.client().await;
    let event = note(1, 0, "x");
    client.store(&event).await;
    assert!(
        client
            .query(json!({"ids": [&id(&event)[..32]]}))
            .await
            .events
            .is_empty()
    );
    assert!(
        client
            .query(json!({"authors": [&public(1)[..8]]}))
            .await
            .events
            .is_empty()
    );
}

async fn r1_6_unknown_fields_are_unsupported(engine: Engine) {
    let node = Node::start(engine).await;
    let mut client = node.client().await;
    for filter in [
        json!({"search": "x"}),
        json!({"&t": ["a"]}),
        json!({"nonsense": 1}),
        json!({"#tt": ["a"]}),
    ] {
        for verb in ["REQ", "COUNT"] {
            let reason = client.refused(verb, std::slice::from_ref(&filter)).await;
            assert!(reason.starts_with("unsupported: "), "{filter}: {reason}");
        }
    }
}

async fn r1_6_malformed_filters_are_invalid(engine: Engine) {
    let node = Node::start(engine).await;
    let mut client = node.client().await;
    for filter in [
        json!({"ids": "x"}),
        json!({"kinds": ["1"]}),
        json!({"kinds": [70_000]}),
        json!({"limit": -1}),
        json!({"since": "1"}),
        json!([]),
        json!("x"),
    ] {
        let reason = client.refused("REQ", std::slice::from_ref(&filter)).await;
        assert!(reason.starts_with("invalid: "), "{filter}: {reason}");
    }
    assert!(client.refused("REQ", &[]).await.starts_with("invalid: "));
    for unnamed in [
        r#"["REQ"]"#.to_owned(),
        request("REQ", "", &[json!({})]),
        request("REQ", &"x".repeat(65), &[json!({})]),
    ] {
        client.send(unnamed.clone()).await;
        assert_eq!(client.next().await[0], "NOTICE", "{unnamed}");
    }
    let longest = "é".repeat(64);
    client.subscribe(&longest, &[json!({"limit": 0})]).await;
}

async fn r1_8_finish_and_more(engine: Engine) {
    let node = Node::start(engine).await;
    let mut client = node.client().await;
    for number in 0..10 {
        client
            .store(&note(1, 100 - number, &number.to_string()))
            .await;
    }
    let hint = |answer: Answer| (answer.events.len(), answer.hint().unwrap().to_owned());
    assert_eq!(
        hint(client.query(json!({"kinds": [1]})).await),
        (10, "finish".into())
    );
    assert_eq!(
        hint(client.query(json!({"kinds": [1], "limit": 11})).await),
        (10, "finish".into())
    );
    assert_eq!(
        hint(client.query(json!({"kinds": [1], "limit": 10})).await),
        (10, "finish".into())
    );
    assert_eq!(
        hint(client.query(json!({"kinds": [1], "limit": 9})).await),
        (9, "more".into())
    );
    assert_eq!(
        hint(client.query(json!({"kinds": [2]})).await),
        (0, "finish".into())
    );
    let covered = [
        json!({"kinds": [1], "limit": 3}),
        json!({"authors": [public(1)]}),
    ];
    assert_eq!(
        hint(client.subscribe("covered", &covered).await),
        (10, "finish".into())
    );
}

async fn r1_8_limit_zero_has_no_hint_and_stays_live(engine: Engine) {
    let node = Node::start(engine).await;
    let mut client = node.client().await;
    client.store(&note(1, 5, "old")).await;
    let answer = client
        .subscribe(
            "live",
            &[json!({"limit": 0}), json!({"kinds": [7], "limit": 0})],
        )
        .await;
    assert!(answer.events.is_empty());
    assert_eq!(answer.eose, json!(["EOSE", "live"]));
    let new = note(1, 0, "new");
    client.store(&new).await;
    assert_eq!(client.live("live").await["id"], id(&new));
}

async fn r1_8_the_relays_cap_ends_on_a_whole_second(engine: Engine) {
    let mut config = without_rates();
    config.limits.limit = 10;
    let node = Node::with(engine, config).await;
    let mut client = node.client().await;
    let base = now() - 1_000;
    for number in 0..16_u64 {
        // Four events in each second.
        client
            .store(
                &event(1, base + number / 4)
                    .content(number.to_string())
                    .sign(&key(1)),
            )
            .await;
    }
    let capped = client.query(json!({"kinds": [1]})).await;
    assert_eq!(
        (capped.events.len(), capped.hint()),
        (8, Some("more")),
        "the cut second is left out"
    );
    let clamped = client.query(json!({"kinds": [1], "limit": 100})).await;
    assert_eq!((clamped.events.len(), clamped.hint()), (8, Some("more")));
    let rest = client.query(json!({"kinds": [1], "until": base + 1})).await;
    assert_eq!((rest.events.len(), rest.hint()), (8, Some("finish")));
    let own = client.query(json!({"kinds": [1], "limit": 6})).await;
    assert_eq!(
        (own.events.len(), own.hint()),
        (6, Some("more")),
        "the client's own limit is exact"
    );
    for number in 0..13 {
        client
            .store(&event(2, base).content(number.to_string()).sign(&key(1)))
            .await;
    }
    let flat = client.query(json!({"kinds": [2]})).await;
    assert_eq!(
        (flat.events.len(), flat.hint()),
        (10, Some("more")),
        "a second that alone exceeds the cap is cut"
    );
}
