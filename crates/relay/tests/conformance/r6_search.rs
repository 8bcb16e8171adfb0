//! R6: full-text search (NIP-50).

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use stentor_event::{EventView, PublicKey};
use stentor_store::search::{Claim, DomainVerifier, SpamMarks, Trust};

use crate::harness::*;

over_both_engines! {
    r6_results_by_score_then_newest,
    r6_the_limit_comes_after_the_other_fields,
    r6_other_filters_keep_their_order_and_nothing_comes_twice,
    r6_live_events_match_when_they_hold_all_words,
    r6_nothing_is_lost_or_doubled_between_stored_and_live,
    r6_extensions,
    r6_spam_and_domains,
    r6_counts,
    r6_what_is_gone_or_private_is_never_found,
    r6_what_cannot_be_searched_for_is_refused,
    r6_searches_are_bounded,
    r6_switched_off,
}

fn contents(answer: &Answer) -> Vec<&str> {
    answer
        .events
        .iter()
        .map(|event| event["content"].as_str().unwrap())
        .collect()
}

async fn r6_results_by_score_then_newest(engine: Engine) {
    let relay = Searching::start(engine).await;
    let mut client = relay.node.client().await;
    for (ago, text) in [
        (50, "purple"),
        (40, "purple"),
        (60, "purple purple"),
        (10, "purple and many other words beside it"),
    ] {
        client.store(&note(1, ago, text)).await;
    }
    let answer = client.query(json!({"search": "PURPLE"})).await;
    assert_eq!(
        contents(&answer),
        [
            "purple purple",
            "purple",
            "purple",
            "purple and many other words beside it"
        ]
    );
    assert!(answer.events[1]["created_at"].as_u64() > answer.events[2]["created_at"].as_u64());
    assert_eq!(answer.hint(), None, "a search carries no hint");
    assert_eq!(answer.eose.as_array().unwrap().len(), 2);
    let limited = client.query(json!({"search": "purple", "limit": 1})).await;
    assert_eq!(
        (contents(&limited), limited.hint()),
        (vec!["purple purple"], None)
    );
    assert_eq!(
        client
            .query(json!({"search": "purple orange"}))
            .await
            .events
            .len(),
        0
    );
}

async fn r6_the_limit_comes_after_the_other_fields(engine: Engine) {
    let relay = Searching::start(engine).await;
    let mut client = relay.node.client().await;
    let base = now();
    for number in 0..60 {
        client
            .store(&event(1, base - number).content("word").sign(&key(1)))
            .await;
    }
    let wanted = event(1, base - 500)
        .content("word that is much longer than all others")
        .tag(["t", "x"])
        .sign(&key(2));
    client.store(&wanted).await;
    for filter in [
        json!({"search": "word", "#t": ["x"], "limit": 1}),
        json!({"search": "word", "authors": [public(2)], "limit": 1}),
        json!({"search": "word", "ids": [id(&wanted)], "limit": 1}),
        json!({"search": "word", "until": base - 400, "limit": 1}),
    ] {
        assert_eq!(
            client.query(filter.clone()).await.ids(),
            [id(&wanted)],
            "{filter}"
        );
    }
    assert_eq!(
        client
            .query(json!({"search": "word", "limit": 20}))
            .await
            .events
            .len(),
        20
    );
}

async fn r6_other_filters_keep_their_order_and_nothing_comes_twice(engine: Engine) {
    let relay = Searching::start(engine).await;
    let mut client = relay.node.client().await;
    for ago in 1..10 {
        client
            .store(&note(
                1,
                ago * 10,
                if ago % 3 == 0 { "third" } else { "other" },
            ))
            .await;
    }
    let answer = client
        .subscribe(
            "mixed",
            &[json!({"kinds": [1]}), json!({"search": "third"})],
        )
        .await;
    assert_eq!(contents(&answer)[..3], ["third"; 3]);
    assert_eq!(contents(&answer)[3..], ["other"; 6]);
    let times: Vec<u64> = answer
        .events
        .iter()
        .map(|event| event["created_at"].as_u64().unwrap())
        .collect();
    assert!(
        times[..3].is_sorted_by(|a, b| a > b) && times[3..].is_sorted_by(|a, b| a > b),
        "{times:?}"
    );
    assert_eq!(answer.hint(), None);
}

async fn r6_live_events_match_when_they_hold_all_words(engine: Engine) {
    let relay = Searching::start(engine).await;
    let (mut reader, mut writer) = (relay.node.client().await, relay.node.client().await);
    reader
        .subscribe(
            "live",
            &[json!({"search": "münchen 天気 nsfw:false", "kinds": [1]})],
        )
        .await;
    let warned = event(1, now())
        .content("Munchen 天気")
        .tag(["content-warning", "x"])
        .sign(&key(1));
    for event in [
        note(1, 0, "Munchen"),
        note(1, 1, "天気"),
        warned,
        event(11, now()).content("Munchen 天気").sign(&key(1)),
    ] {
        writer.store(&event).await;
    }
    let wanted = note(1, 2, "Die Sonne über MÜNCHEN: 今日は天気がいい");
    writer.store(&wanted).await;
    assert_eq!(
        reader.live("live").await["id"],
        id(&wanted),
        "the first that came"
    );
    assert!(reader.silent("live").await);
}

async fn r6_nothing_is_lost_or_doubled_between_stored_and_live(engine: Engine) {
    let relay = Searching::start(engine).await;
    let (mut reader, mut writer) = (relay.node.client().await, relay.node.client().await);
    for number in 0..40 {
        writer
            .store(
                &event(1, now() - 100 + number)
                    .content(format!("word {number}"))
                    .sign(&key(1)),
            )
            .await;
    }
    let late: Vec<_> = (40..80)
        .map(|number| {
            event(1, now() - 100 + number)
                .content(format!("word {number}"))
                .sign(&key(1))
        })
        .collect();
    reader
        .send(request("REQ", "all", &[json!({"search": "word"})]))
        .await;
    let publish = async {
        for event in &late {
            writer.store(event).await;
        }
    };
    publish.await;
    let mut seen = Vec::new();
    while seen.len() < 80 {
        seen.push(reader.live("all").await["id"].as_str().unwrap().to_owned());
    }
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 80, "each once");
    assert!(reader.find(|message| message[0] == "EOSE").await[1] == "all");
    assert!(reader.silent("all").await);
}

async fn r6_extensions(engine: Engine) {
    let relay = Searching::start(engine).await;
    let mut client = relay.node.client().await;
    client
        .store(&note(
            1,
            30,
            "Ich glaube nicht, dass das eine gute Idee ist, Bitcoin hin oder her",
        ))
        .await;
    client
        .store(&note(
            1,
            20,
            "I do not believe that this is a good idea, bitcoin or not",
        ))
        .await;
    let warned = event(1, now())
        .content("bitcoin")
        .tag(["t", "nsfw"])
        .sign(&key(1));
    client.store(&warned).await;
    for (search, found) in [
        ("bitcoin", 3),
        ("bitcoin language:de", 1),
        ("language:en", 1),
        ("bitcoin nsfw:false", 2),
        ("bitcoin unknown:thing sentiment:positive", 3),
        ("bitcoin domain:example.com", 3),
        ("\"good idea\"", 1),
        ("\"idea good\"", 0),
        ("", 3),
        ("!?", 0),
    ] {
        assert_eq!(
            client.query(json!({"search": search})).await.events.len(),
            found,
            "{search:?}"
        );
    }
}

struct Everybody;

impl DomainVerifier for Everybody {
    fn is_verified(&self, author: &PublicKey, _domains: &[String]) -> bool {
        *author == public_key(1)
    }

    fn verify<'a>(
        &'a self,
        claims: &'a [Claim],
    ) -> std::pin::Pin<Box<dyn Future<Output = Vec<bool>> + Send + 'a>> {
        Box::pin(async move { vec![true; claims.len()] })
    }
}

struct Marked;

impl SpamMarks for Marked {
    fn is_spam(&self, event: &EventView<'_>) -> bool {
        event.pubkey() == public_key(3)
    }
}

async fn r6_spam_and_domains(engine: Engine) {
    let trust = Trust {
        domains: Some(Arc::new(Everybody)),
        spam: Some(Arc::new(Marked)),
    };
    let relay = Searching::with(engine, without_rates(), trust).await;
    let (mut client, mut reader) = (relay.node.client().await, relay.node.client().await);
    let profile = event(0, now())
        .content(r#"{"name":"a","nip05":"a@Example.com"}"#)
        .sign(&key(1));
    client.store(&profile).await;
    for author in [1, 2, 3] {
        client.store(&note(author, 10, "word")).await;
    }
    for (search, found) in [
        ("word", 2),
        ("word include:spam", 3),
        ("word domain:example.com", 1),
        ("word domain:other.example", 0),
    ] {
        assert_eq!(
            client.query(json!({"search": search})).await.events.len(),
            found,
            "{search}"
        );
        let count = client.count(&[json!({"search": search})]).await;
        assert_eq!(count, json!({"count": found}), "{search}");
    }
    reader
        .subscribe("live", &[json!({"search": "new", "limit": 0})])
        .await;
    reader
        .subscribe(
            "domain",
            &[json!({"search": "new domain:example.com", "limit": 0})],
        )
        .await;
    client.store(&note(3, 0, "new")).await;
    client.store(&note(2, 0, "new")).await;
    client.store(&note(1, 0, "new")).await;
    assert_eq!(reader.live("live").await["pubkey"], public(2));
    assert_eq!(reader.live("domain").await["pubkey"], public(1));
}

async fn r6_counts(engine: Engine) {
    let mut config = without_rates();
    config.search.examined = 100;
    let relay = Searching::with(engine, config, Trust::default()).await;
    let mut client = relay.node.client().await;
    let base = now();
    for number in 0..150 {
        let text = if number < 120 {
            "common"
        } else {
            "common rare"
        };
        client
            .store(&event(1, base - number).content(text).sign(&key(1)))
            .await;
    }
    assert_eq!(
        client.count(&[json!({"search": "rare", "limit": 1})]).await,
        json!({"count": 30})
    );
    let union = [
        json!({"search": "rare"}),
        json!({"kinds": [1], "since": base - 10}),
    ];
    assert_eq!(client.count(&union).await, json!({"count": 41}));
    let estimate = client.count(&[json!({"search": "common"})]).await;
    assert_eq!(estimate, json!({"count": 150, "approximate": true}));
}

async fn r6_what_is_gone_or_private_is_never_found(engine: Engine) {
    let relay = Searching::start(engine).await;
    let mut client = relay.node.client().await;
    assert!(client.authenticate(&key(2)).await.0);
    let gone = note(1, 10, "word gone");
    let brief = event(1, now())
        .content("word brief")
        .tag(["expiration".to_owned(), (now() + 3_600).to_string()])
        .sign(&key(1));
    let message = event(4, now())
        .content("word secret")
        .tag(["p".to_owned(), public(2)])
        .sign(&key(1));
    for event in [&gone, &brief, &message] {
        client.store(event).await;
    }
    assert_eq!(
        client.query(json!({"search": "word"})).await.events.len(),
        2,
        "not even to the parties"
    );
    client
        .store(
            &event(5, now())
                .tag(["e".to_owned(), id(&gone)])
                .sign(&key(1)),
        )
        .await;
    assert_eq!(
        client.query(json!({"search": "word"})).await.ids(),
        [id(&brief)]
    );
    relay.node.purge(now() + 7_200).await;
    assert_eq!(
        client.query(json!({"search": "word"})).await.events.len(),
        0
    );
}

async fn r6_what_cannot_be_searched_for_is_refused(engine: Engine) {
    let mut config = without_rates();
    config.search.words = 3;
    let relay = Searching::with(engine, config, Trust::default()).await;
    let mut client = relay.node.client().await;
    for verb in ["REQ", "COUNT"] {
        let reason = client
            .refused(verb, &[json!({"search": "one two three four"})])
            .await;
        assert!(reason.starts_with("invalid: "), "{reason}");
        assert!(
            client
                .refused(verb, &[json!({"search": 3})])
                .await
                .starts_with("invalid: ")
        );
    }
    assert_eq!(
        client
            .query(json!({"search": "one two three x:y"}))
            .await
            .events
            .len(),
        0
    );
}

/// Waits for the network, until it is let go.
struct Slow {
    asked: tokio::sync::Semaphore,
    answer: tokio::sync::Semaphore,
}

impl DomainVerifier for Slow {
    fn is_verified(&self, _author: &PublicKey, _domains: &[String]) -> bool {
        false
    }

    fn verify<'a>(
        &'a self,
        claims: &'a [Claim],
    ) -> std::pin::Pin<Box<dyn Future<Output = Vec<bool>> + Send + 'a>> {
        Box::pin(async move {
            self.asked.add_permits(1);
            let _ = self.answer.acquire().await;
            vec![true; claims.len()]
        })
    }
}

async fn r6_searches_are_bounded(engine: Engine) {
    let slow = Arc::new(Slow {
        asked: tokio::sync::Semaphore::new(0),
        answer: tokio::sync::Semaphore::new(0),
    });
    let mut config = without_rates();
    (config.search.concurrent, config.search.waiting) = (1, 0);
    let trust = Trust {
        domains: Some(Arc::clone(&slow) as _),
        spam: None,
    };
    let relay = Searching::with(engine, config, trust).await;
    let (mut one, mut two) = (relay.node.client().await, relay.node.client().await);
    one.store(&note(1, 0, "word")).await;
    one.send(request(
        "REQ",
        "slow",
        &[json!({"search": "domain:example.com"})],
    ))
    .await;
    slow.asked.acquire().await.unwrap().forget();
    assert_eq!(
        two.query(json!({"search": "word"})).await.events.len(),
        1,
        "who waits for the network keeps nobody"
    );
    slow.answer.add_permits(1);
    assert_eq!(one.find(|message| message[1] == "slow").await[0], "EOSE");
    // Many at once: each is answered or told to come again.
    let sub = |number: usize| format!("s{number}");
    one.send_all((0..30).map(|number| request("REQ", &sub(number), &[json!({"search": "word"})])))
        .await;
    let (mut answered, mut refused) = (0, 0);
    for number in 0..30 {
        let name = sub(number);
        let message: Value = one
            .find(|message| message[1] == name.as_str() && message[0] != "EVENT")
            .await;
        match message[0].as_str().unwrap() {
            "EOSE" => answered += 1,
            _ => {
                assert!(
                    message[2].as_str().unwrap().starts_with("rate-limited: "),
                    "{message}"
                );
                refused += 1;
            }
        }
    }
    assert!(
        answered > 0 && answered + refused == 30,
        "{answered} {refused}"
    );
}

async fn r6_switched_off(engine: Engine) {
    let relay = Searching::start(engine).await;
    let document = async |relay: &Searching| {
        let answer = relay
            .node
            .http("GET / HTTP/1.1\r\naccept: application/nostr+json")
            .await;
        let (_, body) = answer.split_once("\r\n\r\n").unwrap();
        let body = &body[body.find('{').unwrap()..=body.rfind('}').unwrap()];
        serde_json::from_str::<Value>(body).unwrap()["supported_nips"].clone()
    };
    assert!(
        document(&relay)
            .await
            .as_array()
            .unwrap()
            .contains(&json!(50))
    );
    let mut config = without_rates();
    config.search.enabled = false;
    relay.node.relay.reconfigure(config).unwrap();
    assert!(
        !document(&relay)
            .await
            .as_array()
            .unwrap()
            .contains(&json!(50))
    );
    let mut client = relay.node.client().await;
    for verb in ["REQ", "COUNT"] {
        assert!(
            client
                .refused(verb, &[json!({"search": "x"})])
                .await
                .starts_with("unsupported: ")
        );
    }
    tokio::time::timeout(Duration::from_secs(20), async {
        client.query(json!({"kinds": [1]})).await
    })
    .await
    .unwrap();
}
