//! Dials are counted by trust and outcome.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // outside of test functions, too

mod common;

use std::collections::BTreeMap;
use std::sync::Arc;

use common::dns::Dns;
use common::{config, serve};
use metrics::{
    Counter, CounterFn, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit,
};
use parking_lot::Mutex;
use stentor_net::dial::{Dialer, Family, Trust};

/// Counts by name and labels.
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

async fn dials() {
    let dns = Dns::with(&["127.0.0.1"]).await;
    let dialer = Dialer::new(&config(dns.address)).unwrap();
    let port = serve(|_| async {}).await.port();
    for (host, trust) in [
        ("127.0.0.1", Trust::Operator),
        ("127.0.0.2", Trust::Operator),
        ("127.0.0.1", Trust::Stranger),
        ("host.example.org", Trust::Stranger),
    ] {
        let url = format!("ws://{host}:{port}/");
        if let Ok(target) = dialer.admit(&url, Family::Relay, trust) {
            let _ = dialer.dial(&target).await;
        }
    }
}

#[test]
fn g5_dials_are_counted_by_trust_and_outcome() {
    let counts = Counts::default();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    metrics::with_local_recorder(&counts, || runtime.block_on(dials()));
    let expected = [
        ("operator connect", 1),
        ("operator ok", 1),
        ("stranger refused", 2),
    ];
    let expected =
        expected.map(|(labels, count)| (format!("stentor_net_dials_total {labels}"), count));
    assert_eq!(*counts.0.lock(), BTreeMap::from(expected));
}
