//! R1.14: what the information document says is what is done. Each feature is switched off and on, each limit is left out
//! and set; what is advertised is compared with what is answered, on both sides of the limit.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use stentor_event::Event;
use stentor_relay::config::{Admin, Config, RateRule, Who, WriteRule};
use stentor_store::search::Trust;

use crate::harness::*;
use crate::r5_negentropy::initiator;

over_both_engines! {
    r1_14_what_has_no_switch,
    r1_14_nip_13_and_min_pow_difficulty,
    r1_14_nip_42_and_auth_required,
    r1_14_nip_43,
    r1_14_nip_50,
    r1_14_nip_77,
    r1_14_nip_86,
    r1_14_marmot,
    r1_14_restricted_writes,
    r1_14_restricted_writes_by_admins,
    r1_14_max_limit_and_default_limit,
    r1_14_max_subscriptions,
    r1_14_max_subid_length,
    r1_14_max_event_tags,
    r1_14_max_content_length,
    r1_14_max_message_length,
    r1_14_created_at_limits,
    r1_14_a_rule_that_is_not_asked_is_not_advertised,
}

const ADMIN: u8 = 50;

async fn document(node: &Node) -> Value {
    let ask = "GET / HTTP/1.1\r\naccept: application/nostr+json";
    let answer = node.http(ask).await;
    serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap()
}

/// What is advertised as this limit; null when nothing is.
async fn limit(node: &Node, name: &str) -> Value {
    document(node).await["limitation"][name].clone()
}

async fn supports(node: &Node, nip: u16) -> bool {
    let document = document(node).await;
    let nips = document["supported_nips"].as_array().unwrap();
    let distinct: BTreeSet<u64> = nips.iter().map(|nip| nip.as_u64().unwrap()).collect();
    assert_eq!(distinct.len(), nips.len(), "each once: {nips:?}");
    distinct.contains(&nip.into())
}

async fn with(engine: Engine, change: impl FnOnce(&mut Config)) -> Node {
    let mut config = without_rates();
    change(&mut config);
    Node::with(engine, config).await
}

/// Asserts that an event is refused for a reason with this prefix.
async fn is_refused(client: &mut Client, event: &Event, prefix: &str) {
    let (accepted, reason) = client.publish(event).await;
    assert!(!accepted && reason.starts_with(prefix), "{prefix}{reason}");
}

/// An event that has exactly this much work in it (NIP-13).
fn mined(bits: u32) -> Event {
    let work = |event: &Event| {
        let zeros = event.id().0.into_iter();
        let bits = zeros.flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1));
        bits.take_while(|bit| *bit == 0).count() as u32
    };
    let attempt = |nonce: u32| {
        event(1, now())
            .tag(["nonce", &nonce.to_string(), "8"])
            .sign(&key(1))
    };
    (0..)
        .map(attempt)
        .find(|event| work(event) == bits)
        .unwrap()
}

fn admin(config: &mut Config) {
    config.access.admins = vec![Admin {
        key: public(ADMIN),
        methods: Vec::new(),
    }];
}

async fn r1_14_what_has_no_switch(engine: Engine) {
    let node = Node::start(engine).await;
    let nips = document(&node).await["supported_nips"].clone();
    assert_eq!(nips, json!([1, 9, 11, 40, 42, 45, 62, 67, 70, 77]));
    let mut client = node.client().await;
    let mine = note(1, 9, "mine");
    client.store(&mine).await;
    assert_eq!(client.count(&[json!({})]).await["count"], 1, "NIP-45");
    assert_eq!(
        client.query(json!({})).await.hint(),
        Some("finish"),
        "NIP-67"
    );
    let deletion = event(5, now()).tag(["e", &id(&mine)]).sign(&key(1));
    client.store(&deletion).await;
    is_refused(&mut client, &mine, "blocked: ").await;
    let expired = event(1, now() - 9).tag(["expiration", &(now() - 1).to_string()]);
    is_refused(&mut client, &expired.sign(&key(1)), "invalid: ").await;
    let protected = event(1, now()).tag(["-"]).sign(&key(1));
    is_refused(&mut client, &protected, "auth-required: ").await;
    assert!(client.authenticate(&key(1)).await.0, "NIP-42");
    client.store(&protected).await;
    let vanish = event(62, now()).tag(["relay", "ALL_RELAYS"]).sign(&key(1));
    client.store(&vanish).await;
    assert_eq!(client.query(json!({})).await.ids(), [id(&vanish)], "NIP-62");
}

async fn r1_14_nip_13_and_min_pow_difficulty(engine: Engine) {
    let off = Node::start(engine).await;
    assert!(!supports(&off, 13).await && limit(&off, "min_pow_difficulty").await.is_null());
    off.client().await.store(&mined(0)).await;
    let on = with(engine, |config| config.policy.work.bits = 8).await;
    assert!(supports(&on, 13).await);
    assert_eq!(limit(&on, "min_pow_difficulty").await, 8);
    let mut client = on.client().await;
    client.store(&mined(8)).await;
    is_refused(&mut client, &mined(7), "pow: ").await;
}

async fn r1_14_nip_42_and_auth_required(engine: Engine) {
    let node = Node::start(engine).await;
    for (read, write) in [(false, false), (true, false), (false, true), (true, true)] {
        let who = |needed: bool| {
            if needed {
                Who::Authenticated
            } else {
                Who::Anyone
            }
        };
        let mut config = without_rates();
        (config.access.read, config.access.write) = (who(read), who(write));
        node.relay.reconfigure(config).unwrap();
        assert!(supports(&node, 42).await);
        let advertised = limit(&node, "auth_required").await;
        assert_eq!(advertised, read && write, "when nothing works without it");
        let mut client = node.client().await;
        for verb in ["REQ", "COUNT"] {
            client.send(request(verb, "x", &[json!({})])).await;
            let answer = client.find(|message| message[1] == "x").await;
            assert_eq!(answer[0] == "CLOSED", read, "{answer}");
        }
        let answer = initiator::open(&mut client, "n", json!({})).await;
        assert_eq!(answer[0] == "NEG-ERR", read, "{answer}");
        let event = event(1, now())
            .content(format!("{read} {write}"))
            .sign(&key(1));
        let (accepted, reason) = client.publish(&event).await;
        assert_eq!(accepted, !write, "{reason}");
        assert_eq!(reason.starts_with("auth-required: "), write, "{reason}");
        assert!(client.authenticate(&key(2)).await.0);
        assert!(client.publish(&event).await.0);
        client.query(json!({})).await;
        client.count(&[json!({})]).await;
    }
}

async fn r1_14_nip_43(engine: Engine) {
    let node = with(engine, admin).await;
    let mut client = node.client().await;
    assert!(client.authenticate(&key(ADMIN)).await.0);
    assert!(!supports(&node, 43).await);
    let invite = [json!({"kinds": [28_935]})];
    client.refused("REQ", &invite).await;
    let join = event(28_934, now()).tag(["-"]).tag(["claim", "x"]);
    let join = join.sign(&key(ADMIN));
    let (_, off) = client.publish(&join).await;
    let mut config = without_rates();
    admin(&mut config);
    config.membership.enabled = true;
    node.relay.reconfigure(config).unwrap();
    assert!(supports(&node, 43).await);
    assert_eq!(client.subscribe("invite", &invite).await.events.len(), 1);
    let (_, on) = client.publish(&join).await;
    assert!(on.starts_with("restricted: ") && on != off, "{off} {on}");
}

async fn r1_14_nip_50(engine: Engine) {
    let search = [json!({"search": "word"})];
    let absent = Node::start(engine).await;
    assert!(
        !supports(&absent, 50).await,
        "switched on, but there is no index"
    );
    let mut client = absent.client().await;
    for verb in ["REQ", "COUNT"] {
        let reason = client.refused(verb, &search).await;
        assert!(reason.starts_with("unsupported: "), "{reason}");
    }
    let relay = Searching::with(engine, without_rates(), Trust::default()).await;
    let mut client = relay.node.client().await;
    client.store(&note(1, 5, "a word")).await;
    let mut config = without_rates();
    for enabled in [true, false, true] {
        config.search.enabled = enabled;
        relay.node.relay.reconfigure(config.clone()).unwrap();
        assert_eq!(supports(&relay.node, 50).await, enabled);
        if enabled {
            assert_eq!(client.query(search[0].clone()).await.events.len(), 1);
        } else {
            let reason = client.refused("REQ", &search).await;
            assert!(reason.starts_with("unsupported: "), "{reason}");
        }
    }
}

async fn r1_14_nip_77(engine: Engine) {
    let node = Node::start(engine).await;
    let mut client = node.client().await;
    for enabled in [true, false, true] {
        let mut config = without_rates();
        config.negentropy.enabled = enabled;
        node.relay.reconfigure(config).unwrap();
        assert_eq!(supports(&node, 77).await, enabled);
        let answer = initiator::open(&mut client, "n", json!({})).await;
        assert_eq!(answer[0] == "NEG-MSG", enabled, "{answer}");
    }
}

async fn r1_14_nip_86(engine: Engine) {
    let node = Node::start(engine).await;
    for managed in [false, true] {
        let mut config = without_rates();
        if managed {
            admin(&mut config);
        }
        node.relay.reconfigure(config).unwrap();
        assert_eq!(supports(&node, 86).await, managed);
        let answered = node.call(&key(ADMIN), "supportedmethods", json!([])).await;
        assert_eq!(answered.status == 200, managed, "{answered:?}");
        if !managed {
            continue;
        }
        let methods = answered.body["result"].as_array().unwrap().iter();
        let methods = methods.map(|method| method.as_str().unwrap());
        for method in methods.filter(|method| *method != "supportedmethods") {
            // Without parameters most fail, but none is unknown.
            let called = node.call(&key(ADMIN), method, json!([])).await;
            let error = called.body["error"].as_str().unwrap_or_default();
            assert_eq!(called.status, 200, "{method}: {called:?}");
            assert!(!error.contains("there is no method"), "{method}: {error}");
        }
    }
}

async fn r1_14_marmot(engine: Engine) {
    let node = Node::start(engine).await;
    let mut client = node.client().await;
    for enabled in [true, false] {
        let mut config = without_rates();
        config.marmot.enabled = enabled;
        node.relay.reconfigure(config).unwrap();
        let document = document(&node).await;
        let told = document.get("supported_extensions");
        assert_eq!(told, enabled.then(|| json!(["marmot"])).as_ref());
        let of_no_group = event(445, now()).sign(&key(1));
        let (accepted, reason) = client.publish(&of_no_group).await;
        assert_eq!(accepted, !enabled, "{reason}");
    }
}

async fn r1_14_restricted_writes(engine: Engine) {
    type Change = fn(&mut Config);
    let cases: [(&str, bool, Change); 11] = [
        ("nothing", false, |_| {}),
        ("an allow list", true, |config| {
            config.policy.keys.allow = vec![public(2)]
        }),
        ("a deny list", false, |config| {
            config.policy.keys.deny = vec![public(2)]
        }),
        ("kinds", true, |config| {
            config.policy.kinds.allow = [7].into()
        }),
        ("members", true, |config| config.access.write = Who::Members),
        ("work", true, |config| config.policy.work.bits = 30),
        ("trust", true, |config| {
            config.policy.trust.roots = vec![public(2)]
        }),
        ("addresses", true, |config| {
            config.policy.nip05.domains = vec!["example.com".into()];
        }),
        ("no newcomers", true, |config| {
            (
                config.policy.newcomers.events,
                config.policy.newcomers.per_hour,
            ) = (1, 0);
        }),
        ("few of newcomers", false, |config| {
            (
                config.policy.newcomers.events,
                config.policy.newcomers.per_hour,
            ) = (1, 3_600);
        }),
        ("a list that is not asked", false, |config| {
            config.policy.keys.allow = vec![public(2)];
            config.policy.write.retain(|rule| *rule != WriteRule::Keys);
        }),
    ];
    let node = Node::start(engine).await;
    let mut client = node.client().await;
    for (author, (name, restricted, change)) in (10..).zip(cases) {
        let mut config = without_rates();
        change(&mut config);
        node.relay.reconfigure(config).unwrap();
        assert_eq!(
            limit(&node, "restricted_writes").await,
            restricted,
            "{name}"
        );
        let (accepted, reason) = client
            .publish(&event(1, now()).content(name).sign(&key(author)))
            .await;
        assert_eq!(accepted, !restricted, "{name}: {reason}");
    }
    assert_eq!(limit(&node, "payment_required").await, false);
}

async fn r1_14_restricted_writes_by_admins(engine: Engine) {
    for (method, params) in [
        ("allowpubkey", json!([public(2)])),
        ("allowkind", json!([7])),
    ] {
        let node = with(engine, admin).await;
        let mut client = node.client().await;
        assert_eq!(limit(&node, "restricted_writes").await, false);
        client.store(&note(1, 5, "before")).await;
        node.manage(&key(ADMIN), method, params).await;
        assert_eq!(limit(&node, "restricted_writes").await, true, "{method}");
        assert!(!client.publish(&note(1, 4, "after")).await.0, "{method}");
    }
}

async fn r1_14_max_limit_and_default_limit(engine: Engine) {
    let node = Node::start(engine).await;
    let mut client = node.client().await;
    for number in 0..12 {
        client.store(&note(1, number, &number.to_string())).await;
    }
    for cap in [0, 5, 7] {
        let mut config = without_rates();
        config.limits.limit = cap;
        node.relay.reconfigure(config).unwrap();
        let told = document(&node).await["limitation"].clone();
        let advertised = if cap == 0 { Value::Null } else { json!(cap) };
        assert_eq!(
            (&told["max_limit"], &told["default_limit"]),
            (&advertised, &advertised)
        );
        let most = if cap == 0 { 12 } else { cap };
        for (asked, sent) in [(most - 1, most - 1), (most, most), (most + 1, most)] {
            let answer = client.query(json!({"limit": asked})).await;
            assert_eq!(answer.events.len(), sent, "limit {asked} of {cap}");
        }
        assert_eq!(
            client.query(json!({})).await.events.len(),
            most,
            "none of {cap}"
        );
    }
}

async fn r1_14_max_subscriptions(engine: Engine) {
    let unlimited = with(engine, |config| config.limits.subscriptions = 0).await;
    assert!(limit(&unlimited, "max_subscriptions").await.is_null());
    let mut client = unlimited.client().await;
    let none = [json!({"limit": 0})];
    for number in 0..200 {
        client.subscribe(&number.to_string(), &none).await;
    }
    let limited = with(engine, |config| config.limits.subscriptions = 3).await;
    assert_eq!(limit(&limited, "max_subscriptions").await, 3);
    let mut client = limited.client().await;
    for number in 0..3 {
        client.subscribe(&number.to_string(), &none).await;
    }
    let reason = client.refused("REQ", &none).await;
    assert!(reason.starts_with("rate-limited: "), "{reason}");
}

async fn r1_14_max_subid_length(engine: Engine) {
    let node = Node::start(engine).await;
    let most = limit(&node, "max_subid_length").await.as_u64().unwrap() as usize;
    let mut client = node.client().await;
    for letter in ["x", "é"] {
        client
            .subscribe(&letter.repeat(most), &[json!({"limit": 0})])
            .await;
        let long = request("REQ", &letter.repeat(most + 1), &[json!({"limit": 0})]);
        client.send(long).await;
        assert_eq!(client.next().await[0], "NOTICE", "it names no subscription");
    }
}

async fn r1_14_max_event_tags(engine: Engine) {
    let tags = |count: u32| {
        let bare = event(1, now());
        (0..count)
            .fold(bare, |event, _| event.tag(["x"]))
            .sign(&key(1))
    };
    let unlimited = with(engine, |config| config.limits.tags = 0).await;
    assert!(limit(&unlimited, "max_event_tags").await.is_null());
    unlimited.client().await.store(&tags(9_000)).await;
    let limited = with(engine, |config| config.limits.tags = 9).await;
    assert_eq!(limit(&limited, "max_event_tags").await, 9);
    let mut client = limited.client().await;
    client.store(&tags(9)).await;
    is_refused(&mut client, &tags(10), "invalid: ").await;
}

async fn r1_14_max_content_length(engine: Engine) {
    // Unicode characters, however many bytes they take, in JSON or otherwise.
    let texts = |count: usize| ["x", "é", "🗣", "\n", "\""].map(|letter| letter.repeat(count));
    let note = |content: String| event(1, now()).content(content).sign(&key(1));
    let unlimited = Node::start(engine).await;
    assert!(limit(&unlimited, "max_content_length").await.is_null());
    unlimited
        .client()
        .await
        .store(&note("x".repeat(200_000)))
        .await;
    let limited = with(engine, |config| config.policy.sizes.content_chars = 40).await;
    assert_eq!(limit(&limited, "max_content_length").await, 40);
    let mut client = limited.client().await;
    for (fits, too_long) in texts(40).into_iter().zip(texts(41)) {
        client.store(&note(fits)).await;
        is_refused(&mut client, &note(too_long), "invalid: ").await;
    }
}

async fn r1_14_max_message_length(engine: Engine) {
    for bytes in [2_048, 512 * 1024] {
        let node = with(engine, |config| {
            config.limits.message_bytes = bytes;
            config.limits.event_bytes = config.limits.event_bytes.min(bytes);
        })
        .await;
        assert_eq!(limit(&node, "max_message_length").await, bytes);
        let mut client = node.client().await;
        let sized = |bytes: usize| {
            let head = "[\"REQ\",\"x\",{\"limit\":0},{\"limit\":0}";
            format!("{head}{}]", " ".repeat(bytes - head.len() - 1))
        };
        client.send(sized(bytes)).await;
        assert_eq!(client.next().await[0], "EOSE", "{bytes}");
        client.send(sized(bytes + 1)).await;
        assert_eq!(client.closing().await.0, 1009, "{bytes}");
    }
}

/// Publishes an event that differs this much from the clock, both within one second.
async fn publish_at(client: &mut Client, difference: i64) -> (bool, String) {
    loop {
        let before = now();
        let event = event(1, before.saturating_add_signed(difference));
        let answer = client.publish(&event.sign(&key(1))).await;
        if now() == before {
            return answer;
        }
    }
}

async fn r1_14_created_at_limits(engine: Engine) {
    let limits = ["created_at_lower_limit", "created_at_upper_limit"];
    let node = Node::start(engine).await;
    let mut client = node.client().await;
    for (behind, ahead) in [(0, 0), (50, 0), (0, 60), (50, 60)] {
        let mut config = without_rates();
        (
            config.policy.time.behind_seconds,
            config.policy.time.ahead_seconds,
        ) = (behind, ahead);
        node.relay.reconfigure(config).unwrap();
        let ends = [(limits[0], behind as i64, -1), (limits[1], ahead as i64, 1)];
        for (name, end, sign) in ends {
            let advertised = limit(&node, name).await;
            if end == 0 {
                assert!(advertised.is_null(), "{name}");
                let (accepted, reason) = publish_at(&mut client, sign * 1_000_000).await;
                assert!(accepted, "{name}: {reason}");
                continue;
            }
            assert_eq!(advertised, end, "{name}");
            let (accepted, reason) = publish_at(&mut client, sign * end).await;
            assert!(accepted, "{name}: {reason}");
            let (accepted, reason) = publish_at(&mut client, sign * (end + 1)).await;
            assert!(
                !accepted && reason.starts_with("invalid: "),
                "{name}: {reason}"
            );
        }
    }
}

async fn r1_14_a_rule_that_is_not_asked_is_not_advertised(engine: Engine) {
    let node = with(engine, |config| {
        let policy = &mut config.policy;
        (policy.work.bits, policy.sizes.content_chars) = (20, 5);
        (policy.time.ahead_seconds, policy.time.behind_seconds) = (10, 10);
        (policy.write, policy.auth) = (Vec::new(), Vec::new());
        policy.rate = vec![RateRule::Node];
        (config.access.read, config.access.write) = (Who::Authenticated, Who::Authenticated);
    })
    .await;
    let document = document(&node).await;
    let expected = json!({
        "max_message_length": 512 * 1024, "max_subscriptions": 32, "max_limit": 500, "default_limit": 500,
        "max_subid_length": 64, "max_event_tags": 4_000, "auth_required": false, "payment_required": false,
        "restricted_writes": false,
    });
    assert_eq!(document["limitation"], expected);
    assert!(document.get("supported_extensions").is_none());
    assert!(!supports(&node, 13).await);
    let mut client = node.client().await;
    let every = event(1, now() + 1_000)
        .content("more than five")
        .sign(&key(1));
    client.store(&every).await;
    client.store(&event(445, 5).sign(&key(1))).await;
    assert_eq!(client.query(json!({})).await.events.len(), 1);
}
