//! Discovery on real records, with small servers on loopback.

mod attempts;
mod limits;
mod lists;
mod server;
mod service;
mod sources;
mod upkeep;

use std::sync::Arc;
use std::time::Duration;

use stentor_event::{Event, EventBuilder, Kind};
use stentor_store::{EventStore, Submission};

use super::intake::Intake;
use crate::config::{Config, Discover};
use crate::ground::Ground;
use crate::testing::key;

/// A configuration with this section, which nothing is built into.
pub fn config(discover: Discover) -> Config {
    let mut config = Config {
        discover,
        ..Config::default()
    };
    config.discover.built_in = false;
    config
}

pub async fn intake(ground: &Arc<Ground>) -> Arc<Intake> {
    Arc::new(Intake::open(ground.clone()).await.unwrap())
}

/// An event with these tags, made now by the key of this number.
pub fn event(ground: &Ground, author: u8, kind: u16, tags: &[&[&str]]) -> Event {
    let builder = EventBuilder::new(Kind(kind), ground.clock.now());
    let tagged = |builder: EventBuilder, tag: &&[&str]| builder.tag(tag.iter().copied());
    tags.iter().fold(builder, tagged).sign(&key(author))
}

/// Stores events.
pub async fn store(
    ground: &Ground,
    store: &dyn EventStore,
    events: impl IntoIterator<Item = Event>,
) {
    let submission = |event| Submission {
        event,
        verified: true,
    };
    let batch = events.into_iter().map(submission).collect();
    store.submit(batch, ground.clock.now()).await.unwrap();
}

/// Every mention in the records: URL, source, how often.
pub async fn mentioned(ground: &Ground) -> Vec<(String, String, i64)> {
    let sql = "SELECT r.url, m.source, m.mentions FROM observatory_mentions AS m JOIN observatory_relays AS r ON r.id = m.relay
               ORDER BY r.url, m.source LIMIT 1000";
    ground.records.fetch_all(sql, ()).await.unwrap()
}

/// A row of [`mentioned`].
pub fn row(url: &str, source: &str, times: i64) -> (String, String, i64) {
    (url.to_owned(), source.to_owned(), times)
}

/// Waits until the number that this statement selects is as expected.
pub async fn until(ground: &Ground, sql: &'static str, expected: i64) {
    let mut last = -1;
    for _ in 0..1_000 {
        let (count,): (i64,) = ground.records.fetch_one(sql, ()).await.unwrap();
        if count == expected {
            return;
        }
        last = count;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("{sql}: {last} instead of {expected}");
}
