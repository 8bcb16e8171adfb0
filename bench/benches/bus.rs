//! What the bus costs the commit path (G1.5): the same events into a store, with nobody beside it, with a bus, and with a reader of the bus.
//!
//! `valgrind --tool=cachegrind --cache-sim=no target/release/deps/bus-… --bench off|on|reader EVENTS` counts the instructions of all threads; those of a
//! run with 0 events are what is not about them. Events come in groups of 32, with their signatures to be verified, as a connection
//! brings them.

// What fails here ends the benchmark.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::sync::Arc;

use stentor_bench::{END, World};
use stentor_bus::{Audience, Breadth, Bus, Config, Family, From, Interest};
use stentor_event::{Event, Timestamp, Viewer};
use stentor_sql::{Database, DatabaseConfig};
use stentor_store::embedded::{Options, Store};
use stentor_store::{EventStore, Submission};

/// Events that come together.
const GROUP: usize = 32;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let mut arguments = std::env::args().filter(|argument| argument != "--bench");
    let mode = arguments.nth(1).expect("off, on or reader");
    let count: usize = arguments.next().map_or(4_000, |text| text.parse().unwrap());
    let events = World::new(20).events(count);
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&folder.path().join("store"), Options::default()).unwrap();
    let store: Arc<dyn EventStore> = Arc::new(store);
    let records = DatabaseConfig {
        path: folder.path().join("records.sqlite"),
        ..DatabaseConfig::default()
    };
    // There with and without a bus, as a node has it.
    let records = Database::open(&records).await.unwrap();
    match mode.as_str() {
        "off" => submit(store.as_ref(), &events).await,
        "on" => beside(&bus(&store, records).await, store.as_ref(), &events).await,
        "reader" => read(&bus(&store, records).await, store.as_ref(), &events).await,
        _ => panic!("off, on or reader"),
    }
}

async fn bus(store: &Arc<dyn EventStore>, records: Database) -> Bus {
    let bus = Bus::open(Arc::clone(store), records, Config::default());
    bus.await.unwrap()
}

async fn submit(store: &dyn EventStore, events: &[Event]) {
    for group in events.chunks(GROUP) {
        let group = group.iter().map(|event| Submission {
            event: event.clone(),
            verified: false,
        });
        let outcomes = store.submit(group.collect(), Timestamp(END)).await;
        assert!(outcomes.is_ok());
    }
}

/// With a bus that runs and nobody who reads it.
async fn beside(bus: &Bus, store: &dyn EventStore, events: &[Event]) {
    tokio::select! {
        () = bus.run() => panic!("the bus has ended"),
        () = submit(store, events) => {}
    }
}

/// With a reader of everything, to the last of it.
async fn read(bus: &Bus, store: &dyn EventStore, events: &[Event]) {
    let audience = Audience {
        rights: vec![(Family::Nostr, Breadth::All)],
        tenant: "default".to_owned(),
        owner: "bench".to_owned(),
        viewer: Viewer::operator(),
        verbose: false,
    };
    let mut reader = bus.read(From::Oldest, audience, Interest::default());
    let followed = async {
        for _ in events {
            let delivery = reader.next().await.unwrap();
            assert!(!delivery.json().is_empty());
        }
    };
    tokio::select! {
        () = bus.run() => panic!("the bus has ended"),
        _ = futures_util::future::join(submit(store, events), followed) => {}
    }
}
