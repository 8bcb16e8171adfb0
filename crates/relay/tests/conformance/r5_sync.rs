//! R5.2: synchronisation with another relay, one run at a time.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::{Value, json};
use stentor_event::{Event, EventId, Filter, Timestamp, Viewer};
use stentor_net::dial::{self, Dialer, Trust};
use stentor_peer::{Config as PeerConfig, Ended, PeerError};
use stentor_relay::access::{Actor, Change};
use stentor_relay::config::{self, Plugin, SourceType};
use stentor_relay::sync::{Direction, Job, Method, Remote, Summary, SyncError, Tally, sync};
use stentor_store::{Budget, Query, ScanLimits, Submission};

use crate::harness::{
    Engine, Node, PATIENCE, PlainRelay, Proxy, Words, event, key, note, now, over_both_engines,
    public_key, scripted, text, without_rates,
};

over_both_engines!(
    r5_2_both_sides_have_everything_in_the_end,
    r5_2_what_is_gone_here_does_not_come_back,
    r5_2_what_is_private_or_protected_stays_unless_the_operator_says_so,
    r5_2_a_set_larger_than_a_session_is_divided,
);

/// Everything in the store of a node.
pub async fn ids(node: &Node) -> BTreeSet<EventId> {
    let mut scan = node.store.scan(Query {
        filters: Arc::from([Filter::default()]),
        now: Timestamp(now()),
        before: None,
        limits: ScanLimits { cap: 0, rows: 0 },
    });
    let budget = Budget {
        events: 1_000,
        bytes: usize::MAX,
        rows: 10_000,
    };
    let mut found = BTreeSet::new();
    loop {
        let batch = scan.next(&Viewer::operator(), budget).await.unwrap();
        let events = batch.events.into_iter();
        found.extend(events.map(|stored| Event::from_canonical(stored.json).unwrap().id()));
        if batch.end.is_some() {
            return found;
        }
    }
}

/// Puts events into the store of a node.
pub async fn put(node: &Node, events: impl IntoIterator<Item = &Event>) {
    let batch = events.into_iter().map(|event| Submission {
        event: event.clone(),
        verified: true,
    });
    node.store
        .submit(batch.collect(), Timestamp(now()))
        .await
        .unwrap();
}

fn id_set<'a>(events: impl IntoIterator<Item = &'a Event>) -> BTreeSet<EventId> {
    events.into_iter().map(Event::id).collect()
}

/// Notes at times that repeat here and there.
fn notes(author: u8, count: u64) -> Vec<Event> {
    (0..count)
        .map(|n| note(author, 1_000 + n * n % 5_000, &format!("{author}/{n}")))
        .collect()
}

pub fn dialer() -> Dialer {
    Dialer::new(&dial::Config::default()).unwrap()
}

fn remote(url: &str) -> Remote {
    Remote {
        dialer: dialer(),
        url: url.to_owned(),
        trust: Trust::Operator,
        config: PeerConfig::default(),
        signer: None,
    }
}

fn job(direction: Direction, method: Method) -> Job {
    Job {
        filters: vec![Filter::default()],
        direction,
        include_private: false,
        method,
        fresh: false,
        config: config::Sync {
            page: 50,
            ..config::Sync::default()
        },
    }
}

async fn run(node: &Node, url: &str, job: &Job) -> Result<Summary, SyncError> {
    let tally = Tally::default();
    sync(&remote(url), &node.relay.home(url), job, &tally).await?;
    Ok(tally.summary())
}

/// A node whose relay has this configuration.
async fn node(engine: Engine, change: impl FnOnce(&mut stentor_relay::Config)) -> Node {
    let mut config = without_rates();
    change(&mut config);
    Node::with(engine, config).await
}

async fn r5_2_both_sides_have_everything_in_the_end(engine: Engine) {
    let all = notes(1, 700);
    for (method, speaks) in [
        (Method::Auto, true),
        (Method::Auto, false),
        (Method::Negentropy, true),
    ] {
        let here = Node::start(engine).await;
        let there = node(Engine::Memory, |config| config.negentropy.enabled = speaks).await;
        put(&here, all.iter().step_by(3)).await;
        put(&there, all.iter().skip(40).step_by(2)).await;
        let (ours, theirs) = (ids(&here).await, ids(&there).await);
        let summary = run(&here, &there.url(), &job(Direction::Both, method))
            .await
            .unwrap();
        let union: BTreeSet<EventId> = ours.union(&theirs).copied().collect();
        assert_eq!(ids(&here).await, union);
        assert_eq!(ids(&there).await, union);
        assert_eq!(summary.stored as usize, union.len() - ours.len());
        assert_eq!(summary.sent as usize, union.len() - theirs.len());
        assert_eq!(summary.rounds > 0, speaks, "{summary:?}");
        assert_eq!(
            (summary.missing, summary.known, summary.lost_seconds),
            (0, 0, 0)
        );
        let again = run(&here, &there.url(), &job(Direction::Both, method))
            .await
            .unwrap();
        assert_eq!((again.stored, again.sent, again.resumed), (0, 0, false));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r5_2_one_direction_leaves_the_other_alone() {
    for speaks in [true, false] {
        let here = Node::start(Engine::Memory).await;
        let there = node(Engine::Memory, |config| config.negentropy.enabled = speaks).await;
        let (ours, theirs) = (notes(1, 90), notes(2, 120));
        put(&here, &ours).await;
        put(&there, &theirs).await;
        let filter = Filter::parse(
            format!(r#"{{"authors":["{}","{}"]}}"#, public_key(1), public_key(2)).as_bytes(),
        );
        let mut up = job(Direction::Up, Method::Auto);
        up.filters = vec![filter.unwrap()];
        let summary = run(&here, &there.url(), &up).await.unwrap();
        assert_eq!((summary.sent, summary.received), (90, 0));
        assert_eq!(ids(&here).await, id_set(&ours));
        let mut down = job(Direction::Down, Method::Auto);
        down.filters = vec![Filter::parse(br#"{"kinds":[7]}"#).unwrap()];
        let summary = run(&here, &there.url(), &down).await.unwrap();
        assert_eq!((summary.sent, summary.received), (0, 0), "nothing matches");
        let down = job(Direction::Down, Method::Auto);
        let summary = run(&here, &there.url(), &down).await.unwrap();
        assert_eq!((summary.sent, summary.stored), (0, 120));
    }
}

async fn r5_2_what_is_gone_here_does_not_come_back(engine: Engine) {
    let here = Node::start(engine).await;
    let there = Node::start(Engine::Memory).await;
    let deleted = note(1, 500, "regretted");
    let request = event(5, now() - 400)
        .tag(["e", &deleted.id().to_string()])
        .tag(["k", "1"])
        .sign(&key(1));
    let vanished = note(2, 500, "gone");
    let vanish = event(62, now() - 400)
        .tag(["relay", &here.url()])
        .sign(&key(2));
    let (banned, single) = (note(3, 500, "banned author"), note(4, 500, "banned event"));
    let expired = event(1, now() - 500)
        .tag(["expiration", &(now() - 10).to_string()])
        .sign(&key(4));
    let kept = note(4, 500, "kept");
    // What a banned key may still say: that everything of it goes (NIP-62).
    let asked = event(62, now() - 300)
        .tag(["relay", &here.url()])
        .sign(&key(3));
    put(&here, [&deleted, &request, &vanished, &vanish]).await;
    let access = here.relay.access();
    for change in [
        Change::BanKey(public_key(3), None),
        Change::BanEvent(single.id(), None),
    ] {
        access.apply(change, &Actor::shell(), now()).await.unwrap();
    }
    let there_all = [&deleted, &vanished, &banned, &single, &kept, &asked];
    put(&there, there_all).await;
    let before_it_expires = Timestamp(now() - 100);
    let submission = Submission {
        event: expired,
        verified: true,
    };
    there
        .store
        .submit(vec![submission], before_it_expires)
        .await
        .unwrap();
    for method in [Method::Negentropy, Method::Pages] {
        let summary = run(&here, &there.url(), &job(Direction::Down, method))
            .await
            .unwrap();
        let new = 2 * u64::from(method == Method::Negentropy);
        assert_eq!(summary.stored, new, "{summary:?}");
        assert_eq!(
            (summary.deleted, summary.vanished, summary.banned),
            (1, 1, 2),
            "{summary:?}"
        );
        let ids = ids(&here).await;
        assert!(ids.contains(&kept.id()) && ids.contains(&asked.id()));
        let gone = [&deleted, &vanished, &banned, &single];
        assert!(gone.iter().all(|event| !ids.contains(&event.id())));
    }
}

async fn r5_2_what_is_private_or_protected_stays_unless_the_operator_says_so(engine: Engine) {
    let here = Node::start(engine).await;
    let there = Node::start(Engine::Memory).await;
    let open = note(1, 50, "for everybody");
    let message = event(4, now() - 50)
        .tag(["p", &public_key(2).to_string()])
        .content("x?iv=y")
        .sign(&key(1));
    let protected = event(1, now() - 50)
        .tag(["-"])
        .content("mine")
        .sign(&key(1));
    put(&here, [&open, &message, &protected]).await;
    for method in [Method::Negentropy, Method::Pages] {
        let up = job(Direction::Up, method);
        let summary = run(&here, &there.url(), &up).await.unwrap();
        assert_eq!(summary.withheld, 2, "{summary:?}");
        assert_eq!(ids(&there).await, id_set([&open]));
    }
    let all = Job {
        include_private: true,
        ..job(Direction::Up, Method::Negentropy)
    };
    let summary = run(&here, &there.url(), &all).await.unwrap();
    assert_eq!((summary.withheld, summary.sent), (0, 1), "{summary:?}");
    assert_eq!(ids(&there).await, id_set([&open, &message]));
    // What is protected only its author may bring (NIP-70), and that is said.
    assert_eq!(summary.refused.values().sum::<u64>(), 1, "{summary:?}");
}

async fn r5_2_a_set_larger_than_a_session_is_divided(engine: Engine) {
    let here = Node::start(engine).await;
    let there = node(Engine::Memory, |config| config.negentropy.records = 60).await;
    let all = notes(1, 900);
    put(&there, &all).await;
    put(&here, all.iter().step_by(5)).await;
    let down = job(Direction::Down, Method::Negentropy);
    let summary = run(&here, &there.url(), &down).await.unwrap();
    assert_eq!(ids(&here).await, id_set(&all));
    assert!(summary.windows > 10 && summary.rounds > 20, "{summary:?}");
    assert_eq!(summary.received, 720, "nothing twice: {summary:?}");
    // Our own cap divides as well.
    let mut down = job(Direction::Both, Method::Auto);
    down.config.records = 100;
    let free = Node::start(Engine::Memory).await;
    let summary = run(&here, &free.url(), &down).await.unwrap();
    assert_eq!((summary.sent, ids(&free).await), (900, id_set(&all)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r5_2_three_thousand_events_of_one_second() {
    let at = now() - 5_000;
    let all: Vec<Event> = (0..3_000)
        .map(|n| event(1, at).content(n.to_string()).sign(&key(1)))
        .collect();
    let down = job(Direction::Down, Method::Auto);
    for (records, limit, whole) in [(0, 500, true), (1_000, 5_000, true), (1_000, 500, false)] {
        let here = Node::start(Engine::Memory).await;
        let there = node(Engine::Memory, |config| {
            config.negentropy.records = records;
            config.limits.limit = limit;
        })
        .await;
        put(&there, &all).await;
        let summary = run(&here, &there.url(), &down).await.unwrap();
        if whole {
            assert_eq!(
                (summary.stored, summary.lost_seconds),
                (3_000, 0),
                "{summary:?}"
            );
        } else {
            assert_eq!(summary.stored, 500, "as much as it gives");
            assert_eq!((summary.lost_seconds, summary.lost), (1, vec![at]));
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r5_2_a_relay_that_caps_and_says_nothing_is_walked_to_the_end() {
    let (theirs, ours) = (notes(1, 700), notes(2, 100));
    let there = PlainRelay::start(theirs.clone(), 30).await;
    let here = Node::start(Engine::Memory).await;
    put(&here, &ours).await;
    put(&here, theirs.iter().take(200)).await;
    let both = job(Direction::Both, Method::Auto);
    let summary = run(&here, &there.url, &both).await.unwrap();
    assert_eq!(ids(&here).await, id_set(theirs.iter().chain(&ours)));
    assert_eq!(summary.lost_seconds, 0, "{summary:?}");
    let published = there.published.lock().clone();
    assert_eq!(published.len(), 100, "only what it lacks, each once");
    assert_eq!(id_set(&published), id_set(&ours));
    let strict = job(Direction::Both, Method::Negentropy);
    let refused = run(&here, &there.url, &strict).await.unwrap_err();
    assert!(matches!(refused, SyncError::Refused(_)), "{refused}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r5_2_what_is_cut_off_goes_on() {
    for speaks in [true, false] {
        let here = Node::start(Engine::Memory).await;
        let there = node(Engine::Memory, |config| {
            config.negentropy.enabled = speaks;
            config.negentropy.records = 200;
        })
        .await;
        // Old enough not to be looked at again in any case.
        let old = |n: u64| note(1, 400_000 + n * n % 5_000, &n.to_string());
        let all: Vec<Event> = (0..2_000).map(old).collect();
        put(&there, &all).await;
        let proxy = Proxy::to(there.address).await;
        proxy.cut_after(400_000);
        let (remote, home, tally) = (
            remote(&proxy.url()),
            here.relay.home(&proxy.url()),
            Tally::default(),
        );
        let down = job(Direction::Down, Method::Auto);
        tokio::select! {
            result = sync(&remote, &home, &down, &tally) => panic!("not cut: {result:?}"),
            () = proxy.is_cut() => {}
        }
        let first = ids(&here).await.len();
        assert!((50..2_000).contains(&first), "{first}");
        proxy.mend();
        let late = note(1, 0, "meanwhile");
        put(&there, [&late]).await;
        let summary = run(&here, &proxy.url(), &down).await.unwrap();
        assert!(summary.resumed, "{summary:?}");
        assert_eq!(ids(&here).await, id_set(all.iter().chain([&late])));
        assert!(
            summary.received < 2_000,
            "not from the beginning: {summary:?}"
        );
        let fresh = Job {
            fresh: true,
            ..down.clone()
        };
        assert!(!run(&here, &proxy.url(), &fresh).await.unwrap().resumed);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r5_2_a_connection_that_breaks_is_made_again() {
    let here = Node::start(Engine::Memory).await;
    let there = Node::start(Engine::Memory).await;
    let all = notes(1, 1_000);
    put(&there, &all).await;
    let proxy = Proxy::to(there.address).await;
    proxy.cut_after(200_000);
    let (remote, home, tally) = (
        remote(&proxy.url()),
        here.relay.home(&proxy.url()),
        Tally::default(),
    );
    let down = job(Direction::Down, Method::Auto);
    let mend = async {
        proxy.is_cut().await;
        proxy.mend();
    };
    let (result, ()) = tokio::join!(sync(&remote, &home, &down, &tally), mend);
    result.unwrap();
    assert_eq!(ids(&here).await, id_set(&all));
    assert_eq!(tally.summary().reconnects, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r5_2_what_cannot_be_synchronised_is_refused() {
    let here = Node::start(Engine::Memory).await;
    for filter in [r#"{"limit":5}"#, r#"{"search":"x"}"#] {
        let mut odd = job(Direction::Down, Method::Auto);
        odd.filters = vec![Filter::parse(filter.as_bytes()).unwrap()];
        let error = run(&here, &here.url(), &odd).await.unwrap_err();
        assert!(matches!(error, SyncError::Filter(_)), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r4_3_plugins_are_asked_about_what_comes_and_goes() {
    let list = format!(
        "{}/tests/conformance/r4_plugins/programs/whitelist.py",
        env!("CARGO_MANIFEST_DIR")
    );
    let plugin = |source_types: Vec<SourceType>| Plugin {
        name: "list".into(),
        command: vec!["python3".into(), list.clone(), public_key(1).to_string()],
        source_types,
        timeout_ms: 60_000,
        ..Plugin::default()
    };
    let (ours, theirs) = (
        [note(1, 5, "a"), note(3, 5, "b")],
        [note(1, 6, "c"), note(2, 6, "d")],
    );
    for (sources, coming, going) in [
        (vec![SourceType::Sync], 1, 2),
        (vec![SourceType::Stored], 2, 1),
        (vec![SourceType::Ip4, SourceType::Stream], 2, 2),
    ] {
        let here = node(Engine::Memory, |config| {
            config.policy.plugins = vec![plugin(sources)];
        })
        .await;
        let there = Node::start(Engine::Memory).await;
        put(&here, &ours).await;
        put(&there, &theirs).await;
        let both = job(Direction::Both, Method::Auto);
        let summary = run(&here, &there.url(), &both).await.unwrap();
        assert_eq!(
            (summary.stored, summary.sent),
            (coming, going),
            "{summary:?}"
        );
        assert_eq!(summary.withheld, 2 - going);
        assert_eq!(summary.invalid.values().sum::<u64>(), 2 - coming);
    }
}

/// Nothing is said.
fn silence() -> Words {
    Box::new(std::iter::empty())
}

/// A relay that sends this event for a REQ, so often, and no EOSE.
async fn without_end(event: &Event, often: usize) -> String {
    let event = text(event);
    scripted(move |_, words: &Value| {
        if words[0] != "REQ" {
            return silence();
        }
        let said = format!("[\"EVENT\",{},{event}]", words[1]);
        Box::new(std::iter::repeat_n(said, often))
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r5_2_an_answer_that_does_not_end_is_cut() {
    let here = Node::start(Engine::Memory).await;
    let down = Job {
        config: config::Sync {
            request_seconds: 1,
            ..config::Sync::default()
        },
        ..job(Direction::Down, Method::Pages)
    };
    let run = async |url: String| {
        let synced = tokio::time::timeout(PATIENCE, run(&here, &url, &down)).await;
        synced.expect("it does not end").unwrap_err()
    };
    let same = note(1, 5, "again and again");
    let patient = Job {
        config: config::Sync::default(),
        ..down.clone()
    };
    let url = without_end(&same, usize::MAX).await;
    let synced = tokio::time::timeout(PATIENCE, self::run(&here, &url, &patient)).await;
    let flooded = synced.expect("it does not end").unwrap_err();
    assert!(matches!(flooded, SyncError::Protocol(_)), "{flooded}");
    let trickling = run(without_end(&same, 1).await).await;
    assert!(matches!(trickling, SyncError::Endless(1)), "{trickling}");
    assert_eq!(ids(&here).await, id_set([&same]), "what came is kept");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r5_2_a_relay_that_sends_forged_events_is_left() {
    let here = Node::start(Engine::Memory).await;
    let good = notes(1, 200);
    let sig = |event: &Event| event.sig().to_string();
    let forge = |(event, other): (&Event, &Event)| {
        let json = text(event).replace(&sig(event), &sig(other));
        Event::parse(json.as_bytes()).unwrap()
    };
    let forged: Vec<Event> = good.iter().zip(&good[1..]).map(forge).collect();
    let there = PlainRelay::start(forged, 30).await;
    let mut remote = remote(&there.url);
    remote.config.faults = 100;
    let (home, tally) = (here.relay.home(&there.url), Tally::default());
    let down = job(Direction::Down, Method::Auto);
    let synced = tokio::time::timeout(PATIENCE, sync(&remote, &home, &down, &tally)).await;
    let error = synced.unwrap().unwrap_err();
    let left = matches!(error, SyncError::Peer(PeerError::Ended(Ended::Misbehaved)));
    assert!(left, "{error}");
    let summary = tally.summary();
    let invalid: u64 = summary.invalid.values().sum();
    assert!((100..199).contains(&invalid), "{summary:?}");
    assert!(ids(&here).await.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r5_2_progress_is_told_while_it_runs() {
    let here = Node::start(Engine::Memory).await;
    let there = PlainRelay::start(notes(1, 1_000), 50).await;
    let proxy = Proxy::to(there.url.strip_prefix("ws://").unwrap().parse().unwrap()).await;
    proxy.cut_after(150_000);
    let (remote, home, tally) = (
        remote(&proxy.url()),
        here.relay.home(&proxy.url()),
        Tally::default(),
    );
    let down = job(Direction::Down, Method::Auto);
    let watch = async {
        proxy.is_cut().await;
        let midway = tally.summary();
        proxy.mend();
        midway
    };
    let (result, midway) = tokio::join!(sync(&remote, &home, &down, &tally), watch);
    result.unwrap();
    let end = tally.summary();
    assert!((50..1_000).contains(&midway.stored), "{midway:?}");
    assert!(midway.pages > 0 && midway.windows_left == 1, "{midway:?}");
    assert_eq!((end.stored, end.windows_left), (1_000, 0), "{end:?}");
    assert!(end.pages > midway.pages);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r5_2_a_late_ok_is_no_refusal() {
    let here = Node::start(Engine::Memory).await;
    let all = notes(1, 20);
    put(&here, &all).await;
    // The first connection answers nothing but what is not sent to be kept.
    let url = scripted(|connection, words: &Value| {
        let said = match words[0].as_str().unwrap() {
            "EVENT" if connection == 0 => return silence(),
            "EVENT" => json!(["OK", words[1]["id"], true, ""]),
            "CLOSE" => return silence(),
            _ => json!(["NOTICE", "ERROR: bad msg: unknown cmd"]),
        };
        Box::new(std::iter::once(said.to_string()))
    })
    .await;
    let mut remote = remote(&url);
    remote.config.answer_seconds = 1;
    let (home, tally) = (here.relay.home(&url), Tally::default());
    let up = job(Direction::Up, Method::Pages);
    sync(&remote, &home, &up, &tally).await.unwrap();
    let summary = tally.summary();
    assert_eq!((summary.sent, summary.reconnects), (20, 1), "{summary:?}");
    assert!(summary.refused.is_empty(), "{summary:?}");
}
