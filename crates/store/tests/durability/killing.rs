//! A process that is killed while it writes.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::ops::ControlFlow;
use std::path::Path;
use std::process::Stdio;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use stentor_event::{Event, EventId, Timestamp};
use stentor_store::embedded::{Options, Store};
use stentor_store::{EventStore, Outcome, Submission};

use super::child;
use super::house::{House, options, wait};
use crate::common::make::{Bob, Carol, draft, note};
use crate::common::subject::NOW;

const ROUNDS: u64 = 20;

#[test]
fn what_was_acknowledged_outlives_the_process() {
    let mut house = House::new();
    let mut acknowledged = BTreeSet::new();
    let mut removed = BTreeSet::new();
    for round in 0..ROUNDS {
        house.close();
        let lines = killed_after(house.path(), Duration::from_millis(100 + round * 37 % 500));
        house.open();
        for line in lines {
            match line.split_once(' ') {
                Some(("stored", id)) => drop(acknowledged.insert(id.to_owned())),
                Some(("removing", id)) => drop(removed.insert(id.to_owned())),
                _ => {}
            }
        }
        let content = house.content();
        let there: BTreeSet<String> = content
            .events
            .values()
            .map(|json| {
                Event::from_canonical(json.clone())
                    .unwrap()
                    .id()
                    .to_string()
            })
            .collect();
        let lost: Vec<_> = acknowledged
            .iter()
            .filter(|id| !there.contains(*id) && !removed.contains(*id))
            .collect();
        assert!(lost.is_empty(), "lost in round {round}: {lost:?}");
        let verification = house.verify();
        assert_eq!(verification.faults, 0, "{:#?}", verification.listed);
    }
    assert!(acknowledged.len() > 100, "only {}", acknowledged.len());
    house.is_clean();
}

/// What a writer said until it was killed after this time.
fn killed_after(folder: &Path, time: Duration) -> Vec<String> {
    let mut command = child::command("writes_until_killed", folder);
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap()).lines();
    // It has opened the store.
    let first = output.find(|line| line.as_ref().is_ok_and(|line| line == "writing"));
    assert!(first.is_some());
    // A moment that has nothing to do with what the process is at.
    std::thread::sleep(time);
    child.kill().unwrap();
    child.wait().unwrap();
    // A line may have been cut short.
    let mut lines: Vec<String> = output.map_while(Result::ok).collect();
    lines.retain(|line| line.len() > 64);
    lines
}

/// What the other process does: it writes until it is killed, from several threads, and says what was acknowledged.
pub fn write(folder: &Path) {
    let options = Options {
        flush_events: 50,
        segment_bytes: 64 << 10,
        ..options()
    };
    let store = Store::open(folder, options).unwrap();
    println!("writing");
    let counter = AtomicU64::new(store.next_number().0 * 1_000);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    round(&store, &counter);
                }
            });
        }
    });
}

fn round(store: &Store, counter: &AtomicU64) {
    let at = counter.fetch_add(8, Ordering::Relaxed);
    let mut events: Vec<Event> = (at..at + 6)
        .map(|number| note(Bob, 1_000 + number % 5_000, &format!("note {number}")))
        .collect();
    // It takes the place of an earlier one, of which nothing is said.
    let address = draft(Carol, 30_023, 1 + at).tag("d", &(at / 8 % 20).to_string());
    events.push(address.sign());
    let submission = |event: &Event| Submission {
        event: event.clone(),
        verified: false,
    };
    let batch = events.iter().map(submission).collect();
    let outcomes = wait(store.submit(batch, Timestamp(NOW * NOW))).unwrap();
    let stored = events.iter().zip(outcomes);
    let stored: Vec<EventId> = stored
        .filter(|(event, outcome)| event.kind().0 == 1 && matches!(outcome, Outcome::Stored(_)))
        .map(|(event, _)| event.id())
        .collect();
    say(stored.iter().map(|id| format!("stored {id}\n")));
    match at / 8 % 16 {
        3 => {
            say(stored.iter().map(|id| format!("removing {id}\n")));
            wait(store.remove(&stored)).unwrap();
        }
        7 => drop(wait(store.compact(5, &|_, _| ControlFlow::Continue(()))).unwrap()),
        _ => {}
    }
}

/// Everything at once, and now.
fn say(lines: impl Iterator<Item = String>) {
    let text: String = lines.collect();
    let mut output = std::io::stdout().lock();
    output.write_all(text.as_bytes()).unwrap();
    output.flush().unwrap();
}
