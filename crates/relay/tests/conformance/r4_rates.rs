//! R4.5: rates. What is too fast is refused with `rate-limited:`, and others are served.

use std::time::Instant;

use serde_json::json;
use stentor_relay::config::{RateRule, Rates, Scope};

use crate::harness::*;
use crate::r5_negentropy::initiator;

over_both_engines! {
    r4_5_events_of_a_connection,
    r4_5_everything_for_everyone,
    r4_5_the_order_of_the_rules,
    r4_5_calls_over_http,
    r4_5_what_queries_cost,
    r4_5_what_counts_and_reconciliations_cost,
    r4_5_zero_is_no_limit,
}

/// How many of so many events published at once are accepted; the others must be refused as too fast.
async fn accepted(client: &mut Client, author: u8, count: u64) -> usize {
    let events: Vec<_> = (0..count)
        .map(|number| note(author, number, &number.to_string()))
        .collect();
    client
        .send_all(
            events
                .iter()
                .map(|event| format!("[\"EVENT\",{}]", text(event))),
        )
        .await;
    let mut accepted = 0;
    for _ in &events {
        let answer = client.find(|message| message[0] == "OK").await;
        if answer[2] == true {
            accepted += 1;
        } else {
            assert!(
                answer[3].as_str().unwrap().starts_with("rate-limited: "),
                "{answer}"
            );
        }
    }
    accepted
}

async fn r4_5_events_of_a_connection(engine: Engine) {
    let mut config = without_rates();
    config.rates.events = stentor_relay::Config::default().rates.events;
    let node = Node::with(engine, config).await;
    let begun = Instant::now();
    let passed = accepted(&mut node.client().await, 1, 400).await;
    let most = 120 + (begun.elapsed().as_secs_f64() * 120.0).ceil() as usize;
    assert!(
        (120..=most.min(399)).contains(&passed),
        "{passed} of at most {most}"
    );
    assert!(
        accepted(&mut node.client().await, 2, 50).await == 50,
        "another connection has its own"
    );
}

/// How many units each bucket of the following tests holds; one comes back in a second. What is asserted takes the time
/// that has gone by into account, so that it holds on a machine of any speed.
const BURST: usize = 40;
/// An address of this machine that is not the one clients usually have.
const ELSEWHERE: &str = "127.0.0.2";
/// Bytes of a message that takes one unit where bytes are limited.
const MESSAGE: usize = 500;

/// What is limited.
#[derive(Debug, Clone, Copy)]
enum Thing {
    Events,
    Reqs,
    Counts,
    Auths,
    Bytes,
}

impl Thing {
    const ALL: [Self; 5] = [
        Self::Events,
        Self::Reqs,
        Self::Counts,
        Self::Auths,
        Self::Bytes,
    ];

    /// Its rates.
    fn of(self, rates: &mut Rates) -> &mut Scope {
        match self {
            Self::Events => &mut rates.events,
            Self::Reqs => &mut rates.reqs,
            Self::Counts => &mut rates.counts,
            Self::Auths => &mut rates.auths,
            Self::Bytes => &mut rates.bytes,
        }
    }

    /// The rate at which one such message may come in a second.
    fn one(self) -> u32 {
        if matches!(self, Self::Bytes) {
            MESSAGE as u32
        } else {
            1
        }
    }

    /// Does it once; whether it passed. If not, it must have been too fast.
    async fn attempt(self, client: &mut Client) -> bool {
        let reason = match self {
            Self::Events | Self::Bytes => client.publish_text(&padded()).await.1,
            Self::Auths => client.authenticate(&key(9)).await.1,
            Self::Reqs => answer(client, "REQ").await,
            Self::Counts => answer(client, "COUNT").await,
        };
        assert!(
            reason.is_empty() || reason.starts_with("rate-limited: "),
            "{self:?}: {reason}"
        );
        reason.is_empty()
    }

    /// How many of so many attempts pass.
    async fn passing(self, client: &mut Client, attempts: usize) -> usize {
        let mut passed = 0;
        for _ in 0..attempts {
            passed += usize::from(self.attempt(client).await);
        }
        passed
    }
}

/// An event that makes a message of [`MESSAGE`] bytes.
fn padded() -> String {
    use std::sync::atomic::{AtomicU64, Ordering};
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let of_length = |length: usize| {
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let content = format!("{number:0length$}");
        text(&event(1, now()).content(content).sign(&key(9)))
    };
    let around = of_length(20).len() + r#"["EVENT",]"#.len() - 20;
    of_length(MESSAGE - around)
}

/// Asks for nothing; the reason for which that is refused, or nothing.
async fn answer(client: &mut Client, verb: &str) -> String {
    client
        .send(request(verb, "x", &[json!({"limit": 0})]))
        .await;
    let answer = client.find(|message| message[1] == "x").await;
    let reason = if answer[0] == "CLOSED" {
        answer[2].as_str().unwrap()
    } else {
        ""
    };
    reason.to_owned()
}

/// What came back since then at so much a second, at most.
fn regained(since: Instant, per_second: usize) -> usize {
    (since.elapsed().as_secs_f64() * per_second as f64).ceil() as usize + 1
}

async fn r4_5_everything_for_everyone(engine: Engine) {
    for thing in Thing::ALL {
        for rule in [
            RateRule::Connection,
            RateRule::Ip,
            RateRule::Key,
            RateRule::Node,
        ] {
            everyone(engine, thing, rule).await;
        }
    }
}

/// A thing is limited for one of the four; one client uses up what there is, and others have theirs or have it no more.
async fn everyone(engine: Engine, thing: Thing, rule: RateRule) {
    let mut config = without_rates();
    config.rates.burst_seconds = BURST as u32;
    let (scope, one) = (thing.of(&mut config.rates), thing.one());
    *match rule {
        RateRule::Connection => &mut scope.connection,
        RateRule::Ip => &mut scope.ip,
        RateRule::Key => &mut scope.key,
        RateRule::Node => &mut scope.node,
    } = one;
    let node = Node::with(engine, config).await;
    let (mut first, mut alike) = (node.client().await, node.client().await);
    let mut stranger = node.client_from(ELSEWHERE).await;
    if rule == RateRule::Key {
        for (client, number) in [(&mut first, 1), (&mut alike, 1), (&mut stranger, 2)] {
            assert!(client.authenticate(&key(number)).await.0);
        }
        if !matches!(thing, Thing::Auths | Thing::Bytes) {
            // It is the key proven first that counts.
            assert!(alike.authenticate(&key(2)).await.0);
        }
    }
    let begun = Instant::now();
    let cell = format!("{thing:?} for each {rule:?}");
    let passed = thing.passing(&mut first, 2 * BURST).await;
    assert!(passed >= BURST, "{cell}: {passed}");
    let shared = |passed: usize| passed <= BURST + regained(begun, 1);
    assert!(shared(passed), "{cell}: {passed}");
    let second = thing.passing(&mut alike, BURST).await;
    if rule == RateRule::Connection {
        assert_eq!(second, BURST, "{cell}: another has its own");
    } else {
        assert!(shared(passed + second), "{cell}: {passed} and {second}");
    }
    let third = thing.passing(&mut stranger, BURST).await;
    if rule == RateRule::Node {
        assert!(shared(passed + second + third), "{cell}: {third} more");
    } else {
        assert_eq!(third, BURST, "{cell}: a stranger has its own");
    }
    if rule == RateRule::Key {
        let nobody = thing.passing(&mut node.client().await, BURST + 1).await;
        assert_eq!(nobody, BURST + 1, "{cell}: without a key");
    }
}

async fn r4_5_the_order_of_the_rules(engine: Engine) {
    use RateRule::{Connection, Node as OfNode};
    let events = Thing::Events;
    for order in [
        vec![Connection, OfNode],
        vec![OfNode, Connection],
        vec![OfNode],
        vec![],
    ] {
        let mut config = without_rates();
        (config.rates.events.connection, config.rates.events.node) = (1, 2);
        config.rates.burst_seconds = BURST as u32;
        config.policy.rate = order.clone();
        let node = Node::with(engine, config).await;
        let (mut one, mut two) = (node.client().await, node.client().await);
        let begun = Instant::now();
        let first = events.passing(&mut one, 4 * BURST).await;
        let second = events.passing(&mut two, BURST).await;
        let more = regained(begun, 2);
        let (own, all) = (BURST..=BURST + more, 2 * BURST..=2 * BURST + more);
        let right = match order[..] {
            // What the connection's bucket refuses takes nothing of the node's.
            [Connection, OfNode] => own.contains(&first) && second == BURST,
            [OfNode, Connection] => own.contains(&first) && second <= more,
            [OfNode] => all.contains(&first) && second <= more,
            _ => first == 4 * BURST && second == BURST,
        };
        assert!(right, "{order:?}: {first}, {second}, {more} came back");
    }
}

async fn r4_5_calls_over_http(engine: Engine) {
    for rule in [RateRule::Ip, RateRule::Node] {
        let mut config = without_rates();
        config.rates.burst_seconds = BURST as u32;
        match rule {
            RateRule::Ip => config.rates.auths.ip = 1,
            _ => config.rates.auths.node = 1,
        }
        let node = Node::with(engine, config).await;
        let mut client = node.client().await;
        let begun = Instant::now();
        // Each takes from the same bucket as AUTH, whoever it is signed by.
        let mut passed = Thing::Auths.passing(&mut client, BURST / 2).await;
        for _ in 0..BURST {
            let answered = node.post(None, "{}").await;
            if answered.status == 401 {
                passed += 1;
                continue;
            }
            assert_eq!(answered.status, 429, "{rule:?}: {answered:?}");
            let head = answered.head.to_lowercase();
            let after = head.split("retry-after: ").nth(1).unwrap();
            let seconds: u64 = after.lines().next().unwrap().parse().unwrap();
            assert!((1..=2).contains(&seconds), "{rule:?}: {seconds}");
        }
        let most = BURST + regained(begun, 1);
        assert!((BURST..=most).contains(&passed), "{rule:?}: {passed}");
        let mut stranger = node.client_from(ELSEWHERE).await;
        let elsewhere = Thing::Auths.passing(&mut stranger, BURST).await;
        assert_eq!(elsewhere == BURST, rule == RateRule::Ip, "{elsewhere}");
    }
}

/// A relay that holds so much, and where one row a second is a connection's budget: what goes beyond is not made up for
/// while a test runs.
async fn frugal(engine: Engine) -> Node {
    let mut config = without_rates();
    config.rates.rows = 1;
    let node = Node::with(engine, config).await;
    let mut client = node.client().await;
    for number in 0..100 {
        client.store(&note(1, number, &number.to_string())).await;
    }
    node
}

async fn r4_5_what_queries_cost(engine: Engine) {
    let node = frugal(engine).await;
    let mut client = node.client().await;
    let all = [json!({"kinds": [1]})];
    assert_eq!(
        client.query(all[0].clone()).await.events.len(),
        100,
        "a query is charged afterwards"
    );
    for verb in ["REQ", "COUNT"] {
        let reason = client.refused(verb, &all).await;
        assert!(reason.starts_with("rate-limited: "), "{verb}: {reason}");
    }
    let answer = initiator::open(&mut client, "n", json!({})).await;
    let reason = answer[2].as_str().unwrap();
    assert!(reason.starts_with("rate-limited: "), "{answer}");
    client.store(&note(2, 0, "writing is no query")).await;
    let mut other = node.client().await;
    let few = other.query(json!({"kinds": [1], "limit": 5})).await;
    assert_eq!(few.events.len(), 5, "another connection has its own");
}

async fn r4_5_what_counts_and_reconciliations_cost(engine: Engine) {
    let node = frugal(engine).await;
    let all = [json!({"kinds": [1]})];
    let mut counting = node.client().await;
    assert_eq!(counting.count(&all).await["count"], 100);
    let reason = counting.refused("REQ", &all).await;
    assert!(reason.starts_with("rate-limited: "), "{reason}");
    let mut reconciling = node.client().await;
    let answer = initiator::open(&mut reconciling, "n", json!({})).await;
    assert_eq!(answer[0], "NEG-MSG");
    let reason = reconciling.refused("REQ", &all).await;
    assert!(reason.starts_with("rate-limited: "), "{reason}");
}

async fn r4_5_zero_is_no_limit(engine: Engine) {
    let node = Node::start(engine).await;
    assert_eq!(accepted(&mut node.client().await, 1, 500).await, 500);
}
