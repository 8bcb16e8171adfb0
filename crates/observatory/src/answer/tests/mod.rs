//! Readers over records filled by hand, on both databases.

mod arrivals;
mod coverage;
mod events;
mod network;
mod relays;
mod shown;

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::Value;
use stentor_event::{EventBuilder, Kind, SecretKey, Timestamp};
use stentor_sql::testing::House;
use stentor_sql::{Database, both_engines};
use stentor_store::Submission;

use super::{Answer, AskError, Question};
use crate::config::Config;
use crate::provenance::{self, How, Pair};
use crate::role::Observatory;
use crate::table::RelayId;
use crate::testing::ground;

const NOW: u64 = 1_700_000_000;

async fn observatory(house: &House) -> Observatory {
    let ground = ground(house, Config::default()).await;
    Observatory { ground }
}

async fn put(records: &Database, id: i64) {
    // Several relays share each value, and some values are unknown.
    let share = (id % 3 != 0).then_some(f64::from(u8::try_from(id % 5).unwrap()) / 4.0);
    let open = (id % 4 != 0).then_some(id % 7);
    let status = if id % 2 == 0 { "online" } else { "offline" };
    let url = format!(
        "wss://{}{id}.example/",
        if id % 2 == 0 { "a_" } else { "ab" }.replace('_', "-")
    );
    records
        .write(move |tx| {
            tx.execute(
                "INSERT INTO observatory_relays (id, url, network, state, found_ms, found_by, failures, next_ms, status, uptime_month,
                 open_ms, read_ms, name, name_lower, software, auth_required)
                 VALUES (?, ?, 'clearnet', 'relay', ?, 'seed', 0, 0, ?, ?, ?, ?, ?, ?, 'soft', ?)",
                (id, &url, id % 3, status, share, open, open, format!("Relay 100% {id}"), format!("relay 100% {id}"), id % 2 == 0),
            )?;
            tx.execute("INSERT INTO observatory_relay_counts (relay, events, exclusive) VALUES (?, ?, ?)", (id, id % 4, id % 2))?;
            tx.execute("INSERT INTO observatory_nips (relay, nip) VALUES (?, ?)", (id, 50 + id % 3))
        })
        .await
        .unwrap();
}

async fn ask(observatory: &Observatory, path: &str, query: &str) -> Result<Value, AskError> {
    let question = Question::read(path, query)?;
    let answer: Answer = observatory.ask(&question, Arc::default()).await?;
    Ok(answer.body)
}

/// What is at `field` of all rows of all pages.
async fn all(
    observatory: &Observatory,
    path: &str,
    query: &str,
    (rows, field): (&str, &str),
) -> Vec<Value> {
    let (mut found, mut after) = (Vec::new(), String::new());
    for _ in 0..200 {
        let page = ask(observatory, path, &format!("{query}&after={after}"))
            .await
            .unwrap();
        let rows = page[rows].as_array().unwrap();
        found.extend(rows.iter().map(|row| row.pointer(field).unwrap().clone()));
        match page["next"].as_str() {
            Some(next) => after = next.to_owned(),
            None => return found,
        }
    }
    panic!("the pages have no end");
}

async fn cover(records: &Database, rows: Vec<(i64, i64, i64, &'static str)>) {
    records
        .write(move |tx| {
            tx.execute("INSERT INTO observatory_filters (id, filter) VALUES (1, '{}') ON CONFLICT (id) DO NOTHING", ())?;
            for (relay, since, until, state) in &rows {
                tx.execute(
                    "INSERT INTO observatory_coverage (relay, filter, since, until, state, events, at_ms) VALUES (?, 1, ?, ?, ?, 5, 7)",
                    (*relay, *since, *until, *state),
                )?;
            }
            Ok::<_, stentor_sql::Error>(())
        })
        .await
        .unwrap();
}

/// Stores events; their numbers are 1, 2, …
async fn store(observatory: &Observatory, events: Vec<EventBuilder>) {
    let key = SecretKey::from_bytes([9; 32]).unwrap();
    let submissions = events.into_iter().map(|event| Submission {
        event: event.sign(&key),
        verified: true,
    });
    let archive = &observatory.ground.archive;
    archive
        .submit(submissions.collect(), Timestamp(NOW))
        .await
        .unwrap();
}

fn note(at: u64, content: &str) -> EventBuilder {
    EventBuilder::new(Kind(1), Timestamp(at)).content(content)
}

const CONTENT: (&str, &str) = ("events", "/event/content");
