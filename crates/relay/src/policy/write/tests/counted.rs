//! What each rule has done is counted under its name (R4.1).

use std::collections::BTreeMap;
use std::net::IpAddr;

use metrics::{
    Counter, CounterFn, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit,
};
use parking_lot::Mutex;
use stentor_net::client::IpScope;

use super::super::{Asked, Source};
use super::*;
use crate::config::Scope;
use crate::metrics::Metrics;
use crate::policy::connection::Arriving;
use crate::policy::rate::{Meter, Meters, Sender, Thing};

/// What has been counted, by the metric's name and the values of its labels.
#[derive(Clone, Default)]
struct Counts(Arc<Mutex<BTreeMap<String, u64>>>);

struct One(Counts, String);

impl CounterFn for One {
    fn increment(&self, value: u64) {
        *self.0.0.lock().entry(self.1.clone()).or_default() += value;
    }

    fn absolute(&self, _value: u64) {}
}

impl Recorder for Counts {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        let labels: Vec<&str> = key.labels().map(|label| label.value()).collect();
        let name = format!("{} {}", key.name(), labels.join(" "));
        Counter::from_arc(Arc::new(One(self.clone(), name)))
    }

    fn register_gauge(&self, _: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::noop()
    }

    fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::noop()
    }
}

/// What `work` has counted.
fn counted(work: impl FnOnce()) -> Vec<(String, u64)> {
    let counts = Counts::default();
    metrics::with_local_recorder(&counts, work);
    let counts = counts.0.lock();
    let counts = counts.iter();
    counts.map(|(name, count)| (name.clone(), *count)).collect()
}

/// One of a rule's counters, at 1.
fn once(name: &str) -> Vec<(String, u64)> {
    vec![(format!("stentor_relay_policy_total {name}"), 1)]
}

const LONG: &str = "This is a text that is long enough to be looked at by the rule about bursts";

#[test]
fn r4_1_every_rule_about_events_is_counted() {
    type Case = (&'static str, fn(&mut Config), EventBuilder);
    let wrap = || kind(1_059).tag(["p", &"33".repeat(32)]);
    let cases: Vec<Case> = vec![
        (
            "time refused",
            |config| config.policy.time.behind_seconds = 1,
            EventBuilder::new(Kind(1), Timestamp(5)),
        ),
        (
            "keys refused",
            |config| config.policy.keys.deny = vec![hex(&key())],
            kind(1),
        ),
        (
            "kinds refused",
            |config| config.policy.kinds.deny = [1].into(),
            kind(1),
        ),
        (
            "sizes refused",
            |config| config.policy.sizes.content_chars = 1,
            kind(1).content("12"),
        ),
        (
            "work refused",
            |config| config.policy.work.bits = 200,
            kind(1),
        ),
        (
            "marmot refused",
            |config| config.marmot.enabled = true,
            kind(444),
        ),
        (
            "words refused",
            |config| config.policy.words.words = vec!["casino".into()],
            kind(1).content("casino"),
        ),
        (
            "words shadowed",
            |config| {
                config.policy.words.words = vec!["casino".into()];
                config.policy.words.action = Action::Shadow;
            },
            kind(1).content("casino"),
        ),
        (
            "words reviewed",
            |config| {
                config.policy.words.words = vec!["casino".into()];
                config.policy.words.action = Action::Review;
            },
            kind(1).content("casino"),
        ),
        (
            "trust refused",
            |config| config.policy.trust.roots = vec!["00".repeat(32)],
            kind(1),
        ),
        (
            "recipients refused",
            |config| config.policy.recipients.who = WhoReceives::Members,
            wrap(),
        ),
        (
            "recipients asked",
            |config| {
                config.urls = vec!["wss://here.example.com".into()];
                config.policy.recipients.who = WhoReceives::Listed;
            },
            wrap(),
        ),
        (
            "newcomers asked",
            |config| config.policy.newcomers.events = 1,
            kind(1),
        ),
        (
            "nip05 asked",
            |config| config.policy.nip05.domains = vec!["example.com".into()],
            kind(1),
        ),
    ];
    for (name, change, event) in cases {
        let counted = counted(|| {
            let bench = Bench::new(change);
            bench.against(event);
        });
        assert_eq!(counted, once(&format!("write {name}")));
    }
}

#[test]
fn r4_1_bursts_are_counted_by_what_becomes_of_them() {
    for (action, verdict) in [
        (Action::Refuse, "refused"),
        (Action::Shadow, "shadowed"),
        (Action::Review, "reviewed"),
    ] {
        let counted = counted(|| {
            let bench = Bench::new(|config| {
                config.policy.bursts.copies = 1;
                config.policy.bursts.action = action;
            });
            for number in 0..2 {
                bench.against(kind(1).content(format!("{LONG} {number}")));
            }
        });
        assert_eq!(counted, once(&format!("write bursts {verdict}")));
    }
}

#[test]
fn r4_1_what_a_rule_says_when_it_has_been_asked_is_counted() {
    let runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = { runtime }.enable_all().build().unwrap();
    let counted = counted(|| {
        let bench = Bench::new(|config| config.policy.newcomers.events = 1);
        let Judgement::Waits(place, _) = bench.judge(kind(1), &Keys::default()) else {
            panic!("it has to be asked");
        };
        let asked = Asked {
            event: kind(1).sign(&key()),
            source: Source::Client(IpAddr::from([127, 0, 0, 1])),
            authed: None,
            now: Timestamp(NOW),
        };
        runtime.block_on(bench.settings.policy.write.ask(place, &asked));
    });
    let mut expected = once("write newcomers asked");
    expected.extend(once("write newcomers refused"));
    assert_eq!(counted, expected);
}

#[test]
fn r4_1_rules_about_connections_are_counted() {
    let arriving = |client: [u8; 4], unauthenticated, deny: &str| {
        counted(|| {
            let bench = Bench::new(|config| config.policy.addresses.deny = vec![deny.to_owned()]);
            let arriving = Arriving {
                client: IpAddr::from(client),
                lists: &bench.lists,
                unauthenticated,
            };
            let _ = bench.settings.policy.connection.admit(&arriving);
        })
    };
    let deny = "203.0.113.0/24";
    assert_eq!(arriving([198, 51, 100, 1], (0, 0), deny), []);
    assert_eq!(
        arriving([203, 0, 113, 1], (0, 0), deny),
        once("connection addresses refused")
    );
    assert_eq!(
        arriving([198, 51, 100, 1], (5, 5), deny),
        once("connection unauthenticated refused")
    );
}

#[test]
fn r4_1_rules_about_proven_keys_are_counted() {
    let banned = counted(|| {
        let bench = Bench::new(|config| config.policy.keys.deny = vec![hex(&key())]);
        let standing = bench.settings.standing(&bench.lists);
        let own = key().public_key();
        assert!(bench.settings.policy.auth.admit(&own, standing).is_err());
    });
    assert_eq!(banned, once("auth banned refused"));
    let required = counted(|| {
        let bench = Bench::new(|config| config.access.write = Who::Authenticated);
        assert!(bench.against(kind(1)).starts_with("auth-required: "));
    });
    assert_eq!(required, once("auth required refused"));
}

#[test]
fn r4_1_what_is_too_fast_is_counted_by_whose_rate_it_is() {
    let own = key().public_key();
    let sender = Sender {
        ip: IpScope::from(IpAddr::from([127, 0, 0, 1])),
        key: Some(&own),
    };
    let scope = |index: usize| {
        let rate = |own: usize| u32::from(own == index);
        Scope {
            connection: rate(0),
            ip: rate(1),
            key: rate(2),
            node: rate(3),
        }
    };
    for (index, name) in ["connection", "ip", "key", "node"].into_iter().enumerate() {
        let counted = counted(|| {
            let mut config = Config::default();
            (config.rates.reqs, config.rates.burst_seconds) = (scope(index), 1);
            let (counts, meters, mut meter) = (Metrics::new(), Meters::default(), Meter::default());
            let by = (config.policy.rate.as_slice(), &config.rates);
            let mut take = || meters.take(&mut meter, sender, by, Thing::Req, 1);
            assert!(take().is_ok());
            let (rule, _) = take().unwrap_err();
            counts.limited(Thing::Req, rule);
        });
        let expected = format!("stentor_relay_rate_limited_total reqs {name}");
        assert_eq!(counted, [(expected, 1)]);
    }
}
