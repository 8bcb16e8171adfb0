//! R2.1 as a matrix: every way to learn of an event × every kind that is not for everybody × everybody who may ask. What
//! must be shown is worked out by [`oracle`] from the requirement; a cell fails when anything is missing or too much.

mod oracle;
mod table;

use std::collections::BTreeSet;

use futures_util::future::join_all;
use serde_json::{Value, json};
use stentor_relay::Config;
use stentor_store::search::Trust;

use crate::harness::*;
use crate::r5_negentropy::initiator::{put, relay_has};
use oracle::{CONFIGURED, Door, door, registers, shown};
use table::{Maker, VIEWERS, filters, unions, value};

over_both_engines! {
    r2_1_stored,
    r2_1_live,
    r2_1_keys_proven_while_subscriptions_are_open,
    r2_1_keys_proven_while_a_scan_runs,
    r2_1_group_messages_that_are_private_as_well,
}

/// Private kinds beside those of the requirement, and no limit in the way of the matrix.
fn configuration() -> Config {
    let mut config = without_rates();
    config.privacy.kinds = CONFIGURED.to_vec();
    let limits = &mut config.limits;
    (limits.subscriptions, limits.values) = (0, 0);
    (limits.queue_frames, limits.queue_bytes) = (1 << 17, 1 << 28);
    // Listed or not, what is private cannot be searched for.
    config.search.kinds = [1, 6, 445, 4, 1_059]
        .into_iter()
        .chain(CONFIGURED)
        .collect();
    config
}

/// Somebody who has proven these keys.
async fn viewer(node: &Node, keys: &[u8]) -> Client {
    let mut client = node.client().await;
    for number in keys {
        assert!(client.authenticate(&key(*number)).await.0);
    }
    client
}

fn ids(events: &[&Value]) -> Vec<String> {
    let ids = events.iter().map(|event| event["id"].as_str().unwrap());
    ids.map(str::to_owned).collect()
}

fn set(events: &[&Value]) -> BTreeSet<String> {
    ids(events).into_iter().collect()
}

/// Whether a search can find the event: none finds what is not for everybody.
fn can_be_found(event: &Value) -> bool {
    [1, 6].contains(&event["kind"].as_u64().unwrap())
}

/// The filters, each with this field as well.
fn with(filters: &[Value], field: &str, value: impl Into<Value> + Clone) -> Vec<Value> {
    let mut filters = filters.to_vec();
    for filter in &mut filters {
        filter[field] = value.clone().into();
    }
    filters
}

async fn r2_1_stored(engine: Engine) {
    let relay = Searching::with(engine, configuration(), Trust::default()).await;
    let node = &relay.node;
    let mut writer = node.client().await;
    let mut maker = Maker::new("matrix");
    let mut events = maker.stored();
    for event in &events {
        writer.store(event).await;
    }
    let (gone, left) = maker.gone(&mut writer, node).await;
    events.extend(left);
    let seen: Vec<Value> = events.iter().map(value).collect();
    let questions = filters(&[events, gone].concat());
    // Each viewer asks one question after the other; all of them at once.
    let asking = VIEWERS.map(|(name, keys)| ask_everything(node, name, keys, &questions, &seen));
    join_all(asking).await;
}

/// Asks all questions in every way.
async fn ask_everything(node: &Node, name: &str, keys: &[u8], questions: &[Value], seen: &[Value]) {
    let mut client = viewer(node, keys).await;
    for filter in questions {
        let cell = Cell {
            name,
            keys,
            filters: std::slice::from_ref(filter),
            seen,
        };
        cell.stored(&mut client).await;
        cell.hints(&mut client).await;
        cell.counted(&mut client).await;
        cell.reconciled(&mut client).await;
        cell.searched(&mut client).await;
    }
    for filters in unions() {
        let cell = Cell {
            name,
            keys,
            filters: &filters,
            seen,
        };
        cell.stored(&mut client).await;
        cell.counted(&mut client).await;
        cell.searched(&mut client).await;
    }
}

/// One viewer and one question.
struct Cell<'a> {
    name: &'a str,
    keys: &'a [u8],
    filters: &'a [Value],
    seen: &'a [Value],
}

impl Cell<'_> {
    fn named(&self, verb: &str) -> String {
        let filters = Value::from(self.filters.to_vec()).to_string();
        let filters: String = filters.chars().take(300).collect();
        format!("{verb} by {}: {filters}", self.name)
    }

    fn shown(&self) -> Vec<&Value> {
        shown(self.seen, self.filters, self.keys)
    }

    /// Asserts that a verb is refused as the requirement says; whether it is.
    async fn refused(&self, client: &mut Client, verb: &str, filters: &[Value]) -> bool {
        let Some(prefix) = door(self.filters, self.keys).prefix() else {
            return false;
        };
        let reason = client.refused(verb, filters).await;
        assert!(reason.starts_with(prefix), "{}: {reason}", self.named(verb));
        true
    }

    /// REQ: all that is to be shown, in order, and nothing else.
    async fn stored(&self, client: &mut Client) {
        if self.refused(client, "REQ", self.filters).await {
            return;
        }
        let answer = client.subscribe("cell", self.filters).await;
        client.send(r#"["CLOSE","cell"]"#).await;
        assert_eq!(answer.ids(), ids(&self.shown()), "{}", self.named("REQ"));
        assert_eq!(answer.hint(), Some("finish"), "{}", self.named("REQ"));
    }

    /// The hint of NIP-67 tells of what can be seen and of nothing else.
    async fn hints(&self, client: &mut Client) {
        if door(self.filters, self.keys).prefix().is_some() {
            return;
        }
        let shown = self.shown();
        let limits = [1, shown.len().saturating_sub(1), shown.len()];
        for limit in BTreeSet::from(limits)
            .into_iter()
            .filter(|limit| *limit > 0)
        {
            let answer = client
                .subscribe("cell", &with(self.filters, "limit", limit))
                .await;
            client.send(r#"["CLOSE","cell"]"#).await;
            let hint = if shown.len() > limit {
                "more"
            } else {
                "finish"
            };
            let most = &shown[..limit.min(shown.len())];
            let cell = format!("{}, limit {limit}", self.named("REQ"));
            assert_eq!(
                (answer.ids(), answer.hint()),
                (ids(most), Some(hint)),
                "{cell}"
            );
        }
    }

    /// COUNT and its registers.
    async fn counted(&self, client: &mut Client) {
        if self.refused(client, "COUNT", self.filters).await {
            return;
        }
        let (shown, count) = (self.shown(), client.count(self.filters).await);
        assert_eq!(count["count"], shown.len(), "{}", self.named("COUNT"));
        if let Some(hll) = count.get("hll") {
            let [filter] = self.filters else {
                panic!("{}: registers of several filters", self.named("COUNT"));
            };
            let expected = registers(&shown, filter).map(Value::from);
            assert_eq!(Some(hll), expected.as_ref(), "{}", self.named("HLL"));
        }
    }

    /// NEG-OPEN, reconciled to the end.
    async fn reconciled(&self, client: &mut Client) {
        let answer = relay_has(client, self.filters[0].clone()).await;
        match door(self.filters, self.keys).prefix() {
            None => assert_eq!(answer, Ok(set(&self.shown())), "{}", self.named("NEG-OPEN")),
            Some(prefix) => {
                let refusal = answer.expect_err(&self.named("NEG-OPEN"));
                let reason = refusal[2].as_str().unwrap();
                assert!(
                    reason.starts_with(prefix),
                    "{}: {reason}",
                    self.named("NEG-OPEN")
                );
            }
        }
    }

    /// REQ and COUNT with `search`: what is for everybody is found, and nothing else, whoever searches.
    async fn searched(&self, client: &mut Client) {
        let searching = with(self.filters, "search", "matrix");
        if self.refused(client, "REQ", &searching).await {
            return;
        }
        let mut expected = self.shown();
        expected.retain(|event| can_be_found(event));
        let answer = client.subscribe("cell", &searching).await;
        client.send(r#"["CLOSE","cell"]"#).await;
        let found: BTreeSet<String> = answer.ids().into_iter().collect();
        assert_eq!(found.len(), answer.events.len(), "{}", self.named("search"));
        assert_eq!(found, set(&expected), "{}", self.named("search"));
        assert_eq!(answer.hint(), None, "{}", self.named("search"));
        let count = client.count(&searching).await;
        assert_eq!(
            count["count"],
            expected.len(),
            "{}",
            self.named("COUNT of a search")
        );
    }
}

/// Subscribes to what comes from now on, once for each question; those that are refused must be.
async fn follow(client: &mut Client, keys: &[u8], questions: &[Vec<Value>]) {
    for (number, filters) in questions.iter().enumerate() {
        let live = with(filters, "limit", 0);
        match door(filters, keys).prefix() {
            None => drop(client.subscribe(&number.to_string(), &live).await),
            Some(prefix) => {
                let reason = client.refused("REQ", &live).await;
                assert!(
                    reason.starts_with(prefix),
                    "{filters:?} with {keys:?}: {reason}"
                );
            }
        }
    }
}

fn questions(events: &[stentor_event::Event]) -> Vec<Vec<Value>> {
    let single = filters(events).into_iter().map(|filter| vec![filter]);
    single.chain(unions()).collect()
}

async fn r2_1_live(engine: Engine) {
    let relay = Searching::with(engine, configuration(), Trust::default()).await;
    let node = &relay.node;
    let mut writer = node.client().await;
    let events = Maker::new("live").live();
    let seen: Vec<Value> = events.iter().map(value).collect();
    let plain = questions(&events);
    let searching = plain.iter().map(|filters| with(filters, "search", "live"));
    let questions = [plain.clone(), searching.collect()].concat();
    let mut clients = Vec::new();
    for (_, keys) in VIEWERS {
        let mut client = viewer(node, keys).await;
        follow(&mut client, keys, &questions).await;
        clients.push(client);
    }
    for event in &events {
        writer.store(event).await;
    }
    for ((name, keys), client) in VIEWERS.iter().zip(&mut clients) {
        let mut gathered = client.gathered().await;
        for (number, filters) in questions.iter().enumerate() {
            let got = gathered.remove(&number.to_string()).unwrap_or_default();
            let mut expected = match door(filters, keys) {
                Door::Open => shown(&seen, filters, keys),
                Door::AuthRequired | Door::Restricted => Vec::new(),
            };
            if filters[0].get("search").is_some() {
                expected.retain(|event| can_be_found(event));
            }
            let cell = format!("live, {name}: {filters:?}");
            assert_eq!(got.len(), expected.len(), "{cell}");
            assert_eq!(
                set(&got.iter().collect::<Vec<_>>()),
                set(&expected),
                "{cell}"
            );
        }
    }
}

async fn r2_1_keys_proven_while_subscriptions_are_open(engine: Engine) {
    let node = Node::with(engine, configuration()).await;
    let (mut reader, mut writer) = (node.client().await, node.client().await);
    let mut maker = Maker::new("late");
    let turns = [maker.live(), maker.live(), maker.live()];
    let questions = questions(&turns.concat());
    follow(&mut reader, &[], &questions).await;
    let mut expected: Vec<BTreeSet<String>> = vec![BTreeSet::new(); questions.len()];
    let mut keys = Vec::new();
    for (events, proven) in turns
        .iter()
        .zip([None, Some(table::RECIPIENT), Some(table::OTHER)])
    {
        if let Some(number) = proven {
            assert!(reader.authenticate(&key(number)).await.0);
            keys.push(number);
        }
        for event in events {
            writer.store(event).await;
        }
        let seen: Vec<Value> = events.iter().map(value).collect();
        for (filters, expected) in questions.iter().zip(&mut expected) {
            // Who could not subscribe is not subscribed by proving a key.
            if door(filters, &[]).prefix().is_none() {
                expected.extend(set(&shown(&seen, filters, &keys)));
            }
        }
    }
    let mut gathered = reader.gathered().await;
    for (number, (filters, expected)) in questions.iter().zip(expected).enumerate() {
        let got = gathered.remove(&number.to_string()).unwrap_or_default();
        assert_eq!(got.len(), expected.len(), "{filters:?}");
        assert_eq!(
            set(&got.iter().collect::<Vec<_>>()),
            expected,
            "{filters:?}"
        );
    }
}

async fn r2_1_keys_proven_while_a_scan_runs(engine: Engine) {
    let mut config = configuration();
    (config.queries.slice_rows, config.limits.limit) = (16, 5_000);
    let node = Node::with(engine, config).await;
    let mut maker = Maker::new("scan");
    let events: Vec<_> = (0..6).flat_map(|_| maker.stored()).collect();
    put(&*node.store, &events).await;
    let seen: Vec<Value> = events.iter().map(value).collect();
    let all = [json!({})];
    let mut client = node.client().await;
    let proof = auth_event(
        &key(table::RECIPIENT),
        &node.url(),
        &client.challenge,
        now(),
    );
    client
        .send_all([
            request("REQ", "during", &all),
            format!("[\"AUTH\",{}]", text(&proof)),
            request("REQ", "after", &all),
        ])
        .await;
    let mut during = BTreeSet::new();
    let mut after = BTreeSet::new();
    for _ in 0..2 {
        loop {
            let message = client.find(|message| message[0] != "OK").await;
            if message[0] == "EOSE" {
                assert_eq!(message[2][0], "finish");
                break;
            }
            let own = if message[1] == "during" {
                &mut during
            } else {
                &mut after
            };
            let id = message[2]["id"].as_str().unwrap().to_owned();
            assert!(own.insert(id), "twice: {message}");
        }
    }
    let before = set(&shown(&seen, &all, &[]));
    let with_key = set(&shown(&seen, &all, &[table::RECIPIENT]));
    assert!(
        during.is_superset(&before),
        "hidden: what everybody may see"
    );
    assert!(
        during.is_subset(&with_key),
        "shown: what is neither open nor for the key"
    );
    assert_eq!(after, with_key);
}

async fn r2_1_group_messages_that_are_private_as_well(engine: Engine) {
    let mut config = without_rates();
    config.privacy.kinds = vec![445];
    let node = Node::with(engine, config).await;
    let group = &table::groups()[0];
    let message = event(445, now())
        .tag(["h", group])
        .tag(["p", &public(table::RECIPIENT)])
        .sign(&key(table::AUTHOR));
    node.client().await.store(&message).await;
    let through_the_group = json!({"#h": [group]});
    for (name, keys) in VIEWERS {
        let party = keys.contains(&table::AUTHOR) || keys.contains(&table::RECIPIENT);
        let mut client = viewer(&node, keys).await;
        for (filter, asked) in [(through_the_group.clone(), true), (json!({}), false)] {
            let seen = usize::from(party && asked);
            assert_eq!(
                client.query(filter.clone()).await.events.len(),
                seen,
                "{name}: {filter}"
            );
            let count = client.count(std::slice::from_ref(&filter)).await;
            assert_eq!(count["count"], seen, "{name}: {filter}");
            assert_eq!(
                relay_has(&mut client, filter.clone()).await.unwrap().len(),
                seen,
                "{name}: {filter}"
            );
        }
    }
}
