//! R4.6: what goes by kind, age, class of author and total, and what stays.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};
use stentor_event::{Event, PublicKey, Timestamp, Viewer};
use stentor_relay::config::Retention as Config;
use stentor_relay::retention::{AuthorClasses, Mode, Report, Retention, Total};
use stentor_store::{ChangeKind, EventStore, Removal, Seq, Submission};

use crate::harness::*;

/// No classes but the lists of the configuration.
struct NoClasses;

impl AuthorClasses for NoClasses {
    fn names(&self) -> &[&'static str] {
        &[]
    }

    fn ready(&self) -> bool {
        true
    }

    fn contains(&self, _class: &str, _author: &PublicKey) -> Option<bool> {
        Some(false)
    }
}

over_both_engines! {
    r4_6_by_age,
    r4_6_by_kind,
    r4_6_by_author,
    r4_6_by_classes_that_are_not_in_the_configuration,
    r4_6_a_sweep_ends_when_the_classes_become_unknown,
    r4_6_by_number_of_events,
    r4_6_by_bytes,
    r4_6_oldest_first,
    r4_6_requests_and_own_events_stay,
    r4_6_a_dry_run_tells_what_would_go,
    r4_6_what_is_gone_is_gone_everywhere,
}

const DAY: u64 = 86_400;

fn config(json: Value) -> Config {
    serde_json::from_value(json).unwrap()
}

/// The retention of a relay whose own key is that of the harness.
fn retention(node: &Node) -> Retention {
    let classes = Arc::new(NoClasses);
    Retention::new(Arc::clone(&node.store), [public_key(99)], classes)
}

/// A pass with these rules: how many events each removed.
async fn pass(node: &Node, rules: Value) -> Vec<u64> {
    let config = config(json!({"rules": rules, "events_per_second": 0}));
    let reports = retention(node)
        .pass(&config, Timestamp(now()), Mode::Remove, &|_| {})
        .await
        .unwrap();
    reports.iter().map(|report| report.removed.events).collect()
}

/// A relay with these events.
async fn with(engine: Engine, events: &[&Event]) -> Node {
    let node = Node::start(engine).await;
    put(&*node.store, events).await;
    node
}

async fn put(store: &dyn EventStore, events: &[&Event]) {
    let submission = |event: &&Event| Submission {
        event: (*event).clone(),
        verified: true,
    };
    let batch = events.iter().map(submission).collect();
    let outcomes = store.submit(batch, Timestamp(now())).await.unwrap();
    assert!(
        outcomes
            .iter()
            .all(|o| matches!(o, stentor_store::Outcome::Stored(_))),
        "{outcomes:?}"
    );
}

/// The contents of the events that are left, newest first.
async fn left(node: &Node) -> Vec<String> {
    let found = node.client().await.query(json!({})).await.events;
    found
        .iter()
        .map(|event| event["content"].as_str().unwrap().to_owned())
        .collect()
}

/// An event some days ago; its content says what it is.
fn aged(kind: u16, author: u8, days: u64, content: &str) -> Event {
    event(kind, now() - days * DAY - 10)
        .content(content)
        .sign(&key(author))
}

async fn r4_6_by_age(engine: Engine) {
    let events = [
        aged(1, 1, 40, "old"),
        aged(1, 1, 29, "young"),
        aged(7, 2, 31, "older than a month"),
    ];
    let node = with(engine, &events.each_ref()).await;
    assert_eq!(
        pass(&node, json!([{"name": "month", "max_age_days": 30}])).await,
        [2]
    );
    assert_eq!(left(&node).await, ["young"]);
    assert_eq!(
        pass(&node, json!([{"name": "month", "max_age_days": 30}])).await,
        [0]
    );
    assert_eq!(pass(&node, json!([])).await, [0; 0]);
    assert_eq!(left(&node).await, ["young"]);
}

async fn r4_6_by_kind(engine: Engine) {
    let events = [
        aged(7, 1, 10, "reaction"),
        aged(1, 1, 9, "note"),
        aged(1_050, 1, 8, "in the range"),
        aged(1_059, 1, 7, "excepted"),
        aged(2_000, 1, 6, "behind the range"),
        aged(0, 1, 5, "profile"),
    ];
    let node = with(engine, &events.each_ref()).await;
    let rules = json!([
        {"name": "chatter", "kinds": [7, "1000-1999"], "except_kinds": [1_059], "max_age_days": 1},
        {"name": "rest", "except_kinds": [0, "1000-1999"], "max_events": 1},
    ]);
    assert_eq!(pass(&node, rules).await, [2, 1]);
    let mut client = node.client().await;
    client.authenticate(&key(1)).await;
    let kinds: Vec<Value> = client
        .query(json!({}))
        .await
        .events
        .iter()
        .map(|event| event["kind"].clone())
        .collect();
    assert_eq!(kinds, [0, 2_000, 1_059]);
}

async fn r4_6_by_author(engine: Engine) {
    let events = [
        aged(1, 1, 50, "friend's"),
        aged(1, 2, 50, "bot's"),
        aged(1, 3, 50, "stranger's"),
        aged(1, 3, 5, "stranger's, new"),
        aged(1, 2, 5, "bot's, new"),
    ];
    let node = with(engine, &events.each_ref()).await;
    let config = config(json!({
        "authors": [{"name": "friends", "keys": [public(1)]}, {"name": "bots", "keys": [public(2)]}],
        "rules": [
            {"name": "strangers", "authors": "others", "max_age_days": 30},
            {"name": "bots", "authors": "bots", "max_events": 1},
        ],
    }));
    let reports = retention(&node)
        .pass(&config, Timestamp(now()), Mode::Remove, &|_| {})
        .await
        .unwrap();
    assert_eq!(
        reports
            .iter()
            .map(|report| report.removed.events)
            .collect::<Vec<_>>(),
        [1, 1]
    );
    let mut left = left(&node).await;
    left.sort();
    assert_eq!(left, ["bot's, new", "friend's", "stranger's, new"]);
}

/// Members, as a relay would know them.
struct Members {
    ready: bool,
}

impl AuthorClasses for Members {
    fn names(&self) -> &[&'static str] {
        &["members"]
    }

    fn ready(&self) -> bool {
        self.ready
    }

    fn contains(&self, class: &str, author: &PublicKey) -> Option<bool> {
        Some(class == "members" && *author == public_key(1))
    }
}

async fn r4_6_by_classes_that_are_not_in_the_configuration(engine: Engine) {
    let events = [
        aged(1, 1, 50, "member's"),
        aged(1, 3, 50, "stranger's"),
        aged(7, 1, 50, "member's reaction"),
    ];
    let node = with(engine, &events.each_ref()).await;
    let config = config(json!({"rules": [
        {"name": "strangers", "authors": "others", "max_age_days": 30},
        {"name": "reactions", "authors": "members", "kinds": [7], "max_age_days": 30},
        {"name": "very-old", "max_age_days": 100},
    ]}));
    for (ready, removed) in [(false, [0, 0, 0]), (true, [1, 1, 0])] {
        let classes = Arc::new(Members { ready });
        let retention = Retention::new(Arc::clone(&node.store), [], classes);
        let reports = retention
            .pass(&config, Timestamp(now()), Mode::Remove, &|_| {})
            .await
            .unwrap();
        let done: Vec<u64> = reports.iter().map(|report| report.removed.events).collect();
        assert_eq!(
            done, removed,
            "nobody is a stranger as long as the members are not known"
        );
        let waiting: Vec<bool> = reports.iter().map(|report| report.waiting).collect();
        assert_eq!(waiting, [!ready, !ready, false]);
    }
    assert_eq!(left(&node).await, ["member's"]);
}

/// A class of which nobody is, as it seems, until it has been asked for so often; then this is the answer.
struct Turning {
    asked: AtomicUsize,
    turns_at: usize,
    then: Option<bool>,
}

impl AuthorClasses for Turning {
    fn names(&self) -> &[&'static str] {
        &["trusted"]
    }

    fn ready(&self) -> bool {
        true
    }

    fn contains(&self, _class: &str, _author: &PublicKey) -> Option<bool> {
        let before = self.asked.fetch_add(1, Ordering::Relaxed);
        if before < self.turns_at {
            Some(false)
        } else {
            self.then
        }
    }
}

async fn r4_6_a_sweep_ends_when_the_classes_become_unknown(engine: Engine) {
    let events: Vec<Event> = (0..5)
        .map(|ago| aged(1, 1, 60 - ago, &format!("{ago}")))
        .collect();
    let config = config(json!({
        "rules": [{"name": "strangers", "authors": "others", "max_age_days": 30}],
        "batch_events": 2,
    }));
    // Each of two events is asked about when it is chosen, and again before it is removed.
    for (turns_at, then, removed, waiting) in [
        (0, None, 0, true),
        (2, None, 0, true),
        (2, Some(true), 0, false),
        (3, Some(true), 1, false),
        (4, None, 2, true),
        (100, None, 5, false),
    ] {
        let node = with(engine, &events.iter().collect::<Vec<_>>()).await;
        let asked = AtomicUsize::new(0);
        let classes = Arc::new(Turning {
            asked,
            turns_at,
            then,
        });
        let retention = Retention::new(Arc::clone(&node.store), [], classes);
        let reports = retention
            .pass(&config, Timestamp(now()), Mode::Remove, &|_| {})
            .await
            .unwrap();
        let report = &reports[0];
        let case = format!("{turns_at} {then:?}");
        assert_eq!(report.removed.events, removed, "{case}");
        assert_eq!(report.waiting, waiting, "{case}");
        assert_eq!(left(&node).await.len() as u64, 5 - removed, "{case}");
    }
}

async fn r4_6_by_number_of_events(engine: Engine) {
    let events: Vec<Event> = (0..30)
        .map(|ago| aged(1, 1, 30 - ago, &format!("{ago}")))
        .collect();
    let node = with(engine, &events.iter().collect::<Vec<_>>()).await;
    assert_eq!(
        pass(&node, json!([{"name": "all", "max_events": 12}])).await,
        [18]
    );
    assert_eq!(left(&node).await.len(), 12);
    assert_eq!(left(&node).await.last().unwrap(), "18");
    assert_eq!(
        pass(&node, json!([{"name": "all", "max_events": 12}])).await,
        [0]
    );
    let others = json!([{"name": "notes", "authors": "others", "kinds": [1], "max_events": 10}]);
    assert_eq!(pass(&node, others).await, [2]);
}

async fn r4_6_by_bytes(engine: Engine) {
    let events: Vec<Event> = (0..20)
        .map(|ago| aged(1, 1, 30 - ago, &"x".repeat(500)))
        .collect();
    let node = with(engine, &events.iter().collect::<Vec<_>>()).await;
    let size = events[0].json().len() as u64;
    let most = 12 * size + size / 2;
    assert_eq!(
        pass(&node, json!([{"name": "all", "max_bytes": most}])).await,
        [8]
    );
    assert_eq!(node.store.statistics().live_bytes, 12 * size);
    // Of some kinds only, they are weighed one by one.
    let notes = json!([{"name": "notes", "kinds": [1, 2], "max_bytes": 5 * size}]);
    assert_eq!(pass(&node, notes).await, [7]);
    assert_eq!(left(&node).await.len(), 5);
}

async fn r4_6_oldest_first(engine: Engine) {
    let mut events: Vec<Event> = (0..25)
        .map(|at| aged(1, 1, 60 - at / 2, &format!("{at}")))
        .collect();
    // Not in the order of their age.
    events.sort_by_key(Event::id);
    let node = with(engine, &events.iter().collect::<Vec<_>>()).await;
    let from = node.store.last_seq();
    let config = config(json!({
        "rules": [{"name": "all", "max_events": 5}],
        "batch_events": 3,
        "events_per_second": 0,
    }));
    retention(&node)
        .pass(&config, Timestamp(now()), Mode::Remove, &|_| {})
        .await
        .unwrap();
    let entries = changes(&node, from).await;
    let times: Vec<Timestamp> = entries
        .iter()
        .map(|(number, _)| events[*number as usize - 1].created_at())
        .collect();
    assert_eq!(times.len(), 20);
    // What goes with one commit has no order.
    let oldest_of_batches: Vec<Timestamp> = times
        .chunks(3)
        .map(|batch| *batch.iter().min().unwrap())
        .collect();
    let newest_of_batches: Vec<Timestamp> = times
        .chunks(3)
        .map(|batch| *batch.iter().max().unwrap())
        .collect();
    for (newest, oldest) in newest_of_batches.iter().zip(&oldest_of_batches[1..]) {
        assert!(newest <= oldest, "{times:?}");
    }
}

/// Event numbers and causes of the entries after this position.
async fn changes(node: &Node, after: Seq) -> Vec<(u64, ChangeKind)> {
    let viewer = Viewer::operator();
    let entries = node
        .store
        .changes(after, usize::MAX, &viewer, Timestamp(now()))
        .await
        .unwrap();
    entries
        .iter()
        .map(|change| (change.number.0, change.kind))
        .collect()
}

async fn r4_6_requests_and_own_events_stay(engine: Engine) {
    let vanish = event(62, now() - 90 * DAY)
        .tag(["relay", "wss://elsewhere.example"])
        .content("vanish")
        .sign(&key(4));
    let events = [
        aged(1, 1, 90, "note"),
        aged(5, 1, 90, "deletion"),
        vanish,
        aged(8_000, 99, 90, "own"),
        aged(13_534, 99, 90, "own list"),
        aged(8_000, 1, 90, "somebody's"),
    ];
    let node = with(engine, &events.each_ref()).await;
    let rules = json!([
        {"name": "age", "max_age_days": 30},
        {"name": "number", "max_events": 1},
        {"name": "bytes", "max_bytes": 1},
        {"name": "named", "kinds": [5, 62, 8_000], "max_events": 1},
    ]);
    assert_eq!(pass(&node, rules).await, [2, 0, 0, 0]);
    let mut stays = left(&node).await;
    stays.sort();
    assert_eq!(stays, ["deletion", "own", "own list", "vanish"]);
}

async fn r4_6_a_dry_run_tells_what_would_go(engine: Engine) {
    let events: Vec<Event> = (0..40)
        .map(|at| {
            aged(
                [1, 7][at as usize % 2],
                [1, 2, 99][at as usize % 3],
                40 - at,
                &format!("{at}"),
            )
        })
        .collect();
    let node = with(engine, &events.iter().collect::<Vec<_>>()).await;
    let config = config(json!({
        "authors": [{"name": "friends", "keys": [public(1)]}],
        "rules": [
            {"name": "age", "authors": "others", "max_age_days": 25},
            {"name": "reactions", "kinds": [7], "max_events": 12},
            {"name": "friends", "authors": "friends", "kinds": [1, 2], "max_bytes": 1_000},
            {"name": "all", "max_events": 20},
        ],
        "events_per_second": 0,
        "batch_events": 4,
    }));
    let retention = retention(&node);
    let before = (node.store.last_seq(), node.store.statistics().events);
    let run = async |mode| -> Vec<Report> {
        retention
            .pass(&config, Timestamp(now()), mode, &|_| {})
            .await
            .unwrap()
    };
    let foretold = run(Mode::DryRun).await;
    assert_eq!(
        (node.store.last_seq(), node.store.statistics().events),
        before
    );
    let done = run(Mode::Remove).await;
    assert_eq!(foretold, done);
    assert!(
        done.iter().all(|report| report.removed.events > 0),
        "{done:?}"
    );
    let removed: u64 = done.iter().map(|report| report.removed.events).sum();
    assert_eq!(node.store.statistics().events, before.1 - removed);
    assert_eq!(
        run(Mode::DryRun)
            .await
            .iter()
            .map(|r| r.removed)
            .collect::<Vec<_>>(),
        [Total::default(); 4]
    );
}

async fn r4_6_what_is_gone_is_gone_everywhere(engine: Engine) {
    let events = [aged(1, 1, 40, "old"), aged(1, 1, 1, "new")];
    let node = with(engine, &events.each_ref()).await;
    let mut client = node.client().await;
    client.subscribe("live", &[json!({})]).await;
    assert_eq!(client.count(&[json!({"kinds": [1]})]).await["count"], 2);
    let from = node.store.last_seq();
    pass(&node, json!([{"name": "month", "max_age_days": 30}])).await;
    assert_eq!(
        changes(&node, from).await,
        [(1, ChangeKind::Removed(Removal::Dropped))]
    );
    assert_eq!(client.count(&[json!({"kinds": [1]})]).await["count"], 1);
    assert_eq!(
        client
            .query(json!({"ids": [id(&events[0])]}))
            .await
            .events
            .len(),
        0
    );
    assert_eq!(client.query(json!({})).await.ids(), [id(&events[1])]);
    assert!(client.silent("live").await);
}

/// By the clock of the runtime, which passes when everybody waits.
#[tokio::test(start_paused = true)]
async fn r4_6_the_pace_is_kept() {
    let store = Arc::new(stentor_store::memory::Store::new(
        stentor_store::Keep::Current,
        Default::default(),
    ));
    let events: Vec<Event> = (0..100)
        .map(|at| aged(1, 1, 100 - at, &format!("{at}")))
        .collect();
    put(&*store, &events.iter().collect::<Vec<_>>()).await;
    let retention = Retention::new(Arc::clone(&store) as _, [], Arc::new(NoClasses));
    let config = config(json!({
        "rules": [{"name": "all", "max_events": 20}],
        "events_per_second": 8,
        "batch_events": 10,
    }));
    let begun = tokio::time::Instant::now();
    let seen = std::sync::Mutex::new(Vec::new());
    let progress = |report: &Report| {
        seen.lock()
            .unwrap()
            .push((begun.elapsed().as_secs(), report.removed.events));
    };
    retention
        .pass(&config, Timestamp(now()), Mode::Remove, &progress)
        .await
        .unwrap();
    let took = begun.elapsed().as_secs_f64();
    assert!(
        (10.0..10.1).contains(&took),
        "80 events at 8 a second took {took} s"
    );
    let seen = seen.into_inner().unwrap();
    assert_eq!(seen[..4], [(1, 10), (2, 20), (3, 30), (5, 40)]);
    assert_eq!(store.statistics().events, 20);
}
