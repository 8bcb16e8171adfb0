//! A bus to test.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use serde_json::json;
use stentor_bus::{
    Audience, Breadth, Bus, Config, Cursor, Draft, EventType, Family, From, Interest, ReadError,
    Reader,
};
use stentor_event::{Event, EventBuilder, Kind, SecretKey, Timestamp, Viewer};
use stentor_sql::testing::House;
use stentor_store::memory::Store;
use stentor_store::{EventStore, Keep, Outcome, RelayScope, Submission};
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// What should happen, happens within this.
pub const PATIENCE: Duration = Duration::from_secs(30);
/// Now, for the events.
pub const NOW: u64 = 1_700_000_000;

/// A bus that runs.
pub struct Subject {
    pub bus: Bus,
    pub store: Arc<dyn EventStore>,
    running: JoinHandle<()>,
}

impl Drop for Subject {
    fn drop(&mut self) {
        self.running.abort();
    }
}

/// An empty store.
pub fn store() -> Arc<dyn EventStore> {
    Arc::new(Store::new(Keep::Current, RelayScope::default()))
}

impl Subject {
    /// Over an empty store, with the defaults.
    pub async fn new(house: &House) -> Self {
        Self::with(house, store(), Config::default()).await
    }

    /// Over this store.
    pub async fn with(house: &House, store: Arc<dyn EventStore>, config: Config) -> Self {
        let bus = Bus::open(Arc::clone(&store), house.open().await, config)
            .await
            .unwrap();
        Self::of(bus, store)
    }

    /// This one.
    pub fn of(bus: Bus, store: Arc<dyn EventStore>) -> Self {
        let running = {
            let bus = bus.clone();
            tokio::spawn(async move { bus.run().await })
        };
        Self {
            bus,
            store,
            running,
        }
    }

    /// Stores events, one after the other.
    pub async fn store(&self, events: &[&Event]) {
        for event in events {
            let submission = Submission {
                event: Event::clone(event),
                verified: true,
            };
            let outcomes = self.store.submit(vec![submission], Timestamp(NOW)).await;
            let outcome = outcomes.unwrap().remove(0);
            assert!(
                matches!(outcome, Outcome::Stored(_) | Outcome::Ephemeral),
                "{outcome:?}"
            );
        }
    }

    /// Publishes that a job of this tenant and owner has got so far.
    pub async fn progress(&self, tenant: &str, owner: &str, job: &str, percent: u64) {
        let draft = progress(tenant, owner, job, percent);
        self.bus.publish(vec![draft]).await.unwrap();
    }

    /// Begins to read as the operator, everything.
    pub fn read(&self, from: From) -> Reader {
        self.bus.read(from, operator(), Interest::default())
    }
}

/// A draft of a job's progress.
pub fn progress(tenant: &str, owner: &str, job: &str, percent: u64) -> Draft {
    Draft {
        subject: Some(job.to_owned()),
        tenant: Some(tenant.to_owned()),
        owner: Some(owner.to_owned()),
        ..Draft::new(
            EventType::JobProgress,
            json!({ "job": job, "percent": percent }),
        )
    }
}

/// Somebody with all rights, of tenant `a`.
pub fn operator() -> Audience {
    audience("a", "root", Breadth::All, Viewer::operator())
}

/// Somebody.
pub fn audience(tenant: &str, owner: &str, jobs: Breadth, viewer: Viewer) -> Audience {
    Audience {
        rights: vec![(Family::Nostr, Breadth::All), (Family::Jobs, jobs)],
        tenant: tenant.to_owned(),
        owner: owner.to_owned(),
        viewer,
        verbose: false,
    }
}

pub fn key(number: u8) -> SecretKey {
    SecretKey::from_bytes([number; 32]).unwrap()
}

/// A note of an author.
pub fn note(author: u8, text: &str) -> Event {
    event(author, 1, text, &[])
}

pub fn event(author: u8, kind: u16, text: &str, tags: &[[&str; 2]]) -> Event {
    let builder = EventBuilder::new(Kind(kind), Timestamp(NOW)).content(text);
    let builder = tags.iter().fold(builder, |builder, tag| builder.tag(*tag));
    builder.sign(&key(author))
}

/// What tells envelopes apart in these tests: the content of an event, `-id` of one that is gone, `job:percent`.
pub fn name(reader: &stentor_bus::Delivery) -> String {
    let data: serde_json::Value = serde_json::from_str(reader.envelope().data.json()).unwrap();
    match reader.envelope().event_type {
        EventType::NostrEventDeleted => format!("-{}", &data["id"].as_str().unwrap()[..8]),
        EventType::JobProgress => format!("{}:{}", data["job"].as_str().unwrap(), data["percent"]),
        EventType::NostrEventEphemeral => format!("~{}", data["content"].as_str().unwrap()),
        _ => data["content"].as_str().unwrap().to_owned(),
    }
}

/// The name of an event's removal.
pub fn gone(event: &Event) -> String {
    format!("-{}", &event.id().to_string()[..8])
}

/// The names of the next envelopes.
pub async fn next(reader: &mut Reader, count: usize) -> Vec<String> {
    let mut names = Vec::new();
    for _ in 0..count {
        names.push(name(&one(reader).await.unwrap()));
    }
    names
}

/// The next envelope.
pub async fn one(reader: &mut Reader) -> Result<stentor_bus::Delivery, ReadError> {
    timeout(PATIENCE, reader.next()).await.expect("in time")
}

/// Waits until the reader is live, as one of so many. It must have nothing to deliver.
pub async fn live(subject: &Subject, reader: &mut Reader, readers: usize) {
    let mut next = pin!(reader.next());
    let settled = poll_fn(|cx| match next.as_mut().poll(cx) {
        Poll::Ready(next) => panic!("something to deliver: {next:?}"),
        Poll::Pending if subject.bus.readers() >= readers => Poll::Ready(()),
        Poll::Pending => {
            cx.waker().wake_by_ref();
            Poll::Pending
        }
    });
    timeout(PATIENCE, settled).await.expect("in time");
}

/// All names in the logs behind a cursor.
pub async fn past(mut reader: Reader) -> (Vec<String>, Option<Cursor>) {
    let mut names = Vec::new();
    while let Some(delivery) = reader.next_of_past().await.unwrap() {
        names.push(name(&delivery));
    }
    (names, reader.cursor())
}
