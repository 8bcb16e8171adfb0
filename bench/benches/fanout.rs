//! What passing a committed event on costs, by the number of subscriptions and by what they ask for: finding those that
//! match and queueing the frame for each, without sockets.

use std::sync::Arc;
use std::time::{Duration, Instant};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use stentor_bench::World;
use stentor_event::{Event, Filter, SubscriptionId, Viewer, VisibilityRules};
use stentor_relay::fanout::{Client, HoldLimits, NodeLimits, Registration, Registry, Request};
use stentor_serve::{Outbox, OutboxLimits};
use stentor_store::{Committed, EventNumber};

/// Events that are passed on before the queues are emptied.
const ROUND: usize = 256;
const HOLD: HoldLimits = HoldLimits {
    events: 1,
    bytes: 1 << 20,
};

/// Subscriptions of one connection each.
struct Crowd {
    registry: Registry,
    rules: Arc<VisibilityRules>,
    filters: Vec<Arc<[Filter]>>,
    registered: Vec<Registration>,
}

impl Crowd {
    fn new(filters: Vec<Arc<[Filter]>>) -> Self {
        Self {
            registry: Registry::default(),
            rules: Arc::default(),
            filters,
            registered: Vec::new(),
        }
    }

    /// Subscribes everybody anew, with empty queues.
    fn gather(&mut self) {
        for registration in self.registered.drain(..) {
            self.registry.remove(registration);
        }
        let anonymous = Arc::new(Viewer::anonymous(Arc::clone(&self.rules)));
        let Some(sub) = SubscriptionId::new("live") else {
            return;
        };
        for (connection, filters) in (0..).zip(&self.filters) {
            let outbox = Outbox::new(OutboxLimits::default());
            let client = Arc::new(Client::new(outbox, Arc::clone(&anonymous)));
            let request = Request {
                client: &client,
                connection,
                sub: &sub,
                filters: Arc::clone(filters),
                searches: None,
                replaces: None,
                most: NodeLimits::default(),
            };
            if let Ok(registration) = self.registry.register(request, || EventNumber(0)) {
                let _ = registration.live().go_live(|_| ());
                self.registered.push(registration);
            }
        }
    }

    /// How long it takes to pass on that many events, one commit each, and how many messages came of it.
    fn pass(&mut self, events: &[Committed], count: u64) -> (Duration, u64) {
        let (mut spent, mut delivered) = (Duration::ZERO, 0);
        let mut left = usize::try_from(count).unwrap_or(usize::MAX);
        while left > 0 {
            self.gather();
            let begun = Instant::now();
            for committed in events.iter().take(left) {
                let one = std::slice::from_ref(committed);
                delivered += self.registry.pass(one, &self.rules, HOLD).delivered;
            }
            spent += begun.elapsed();
            left = left.saturating_sub(events.len());
        }
        (spent, delivered)
    }
}

fn committed(events: Vec<Event>) -> Vec<Committed> {
    let number = |(n, event)| Committed {
        number: Some(EventNumber(n)),
        event,
    };
    (1..).zip(events).map(number).collect()
}

/// The filter of subscriber `n`, of `shape`.
fn filter(shape: &str, n: usize, keys: &[String]) -> Option<Arc<[Filter]>> {
    let key = |n: usize| keys.get(n % keys.len().max(1)).map_or("", String::as_str);
    let text = match shape {
        "an author" => format!(r#"{{"authors":["{}"]}}"#, key(n)),
        "200 authors" => {
            let some: Vec<String> = (n..n + 200).map(|n| format!("\"{}\"", key(n))).collect();
            format!(r#"{{"kinds":[1],"authors":[{}]}}"#, some.join(","))
        }
        "a hashtag" => format!(r##"{{"#t":["topic{}"]}}"##, n % 97),
        _ => r#"{"kinds":[1]}"#.to_owned(),
    };
    Filter::parse(text.as_bytes())
        .ok()
        .map(|filter| Arc::from([filter]))
}

fn benches(c: &mut Criterion) {
    let mut world = World::new(250);
    let events = committed(world.events(ROUND));
    // Most of these authors are silent, as on a real relay.
    let silent = (0..10_000).map(|n| format!("{n:064x}"));
    let keys: Vec<String> = world
        .authors()
        .iter()
        .map(|key| key.public_key().to_string())
        .chain(silent)
        .collect();
    let mut group = c.benchmark_group("fan-out");
    group.sample_size(10);
    for (shape, subscriptions) in [
        ("an author", 1_000),
        ("an author", 100_000),
        ("200 authors", 10_000),
        ("a hashtag", 10_000),
        ("all notes", 1_000),
    ] {
        let filters = (0..subscriptions).filter_map(|n| filter(shape, n, &keys));
        let mut crowd = Crowd::new(filters.collect());
        let (_, delivered) = crowd.pass(&events, ROUND as u64);
        let name = format!(
            "{subscriptions} of {shape}, {:.1} deliveries an event",
            delivered as f64 / ROUND as f64
        );
        group.throughput(Throughput::Elements(1));
        group.bench_function(name, |b| {
            b.iter_custom(|count| crowd.pass(&events, count).0)
        });
    }
    group.finish();
}

criterion_group!(fanout, benches);
criterion_main!(fanout);
