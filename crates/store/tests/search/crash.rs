//! A process that is killed while it indexes.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use stentor_event::{Event, Timestamp};
use stentor_store::{EventStore, Submission};

use super::child;
use super::house::{House, SetUp, open, start};
use super::model::ids;
use crate::common::make::{Alice, Bob, anonymous, deletion, draft, note};
use crate::common::subject::NOW;

const ROUNDS: u64 = 10;
/// Words that the notes are made of.
const WORDS: u64 = 7;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r6_after_a_kill_the_index_answers_as_if_nothing_had_been() {
    let mut folder = tempfile::tempdir().unwrap();
    for round in 0..ROUNDS {
        killed_after(
            folder.path(),
            1 + round % 3,
            Duration::from_millis(round * 17 % 60),
        );
        let house = House::on(folder, SetUp::default()).await;
        for word in 0..WORDS {
            let filter = format!(r#"{{"search":"word{word}"}}"#);
            let found = house
                .scan(&[&filter], &anonymous(), None, NOW)
                .await
                .unwrap();
            let wanted = house.naive(&filter, &anonymous(), NOW).await;
            assert_eq!(ids(&found), ids(&wanted), "word{word} in round {round}");
            assert_eq!(found.len(), wanted.len(), "nothing twice");
        }
        assert!(house.store.statistics().events > 0);
        folder = house.leave().await;
    }
}

/// Lets another process write until its index has been committed so often, and a moment longer.
fn killed_after(folder: &Path, commits: u64, moment: Duration) {
    let mut child = child::command(folder).spawn().unwrap();
    let output = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut committed = output
        .map_while(Result::ok)
        .filter(|line| line == "committed");
    assert!((0..commits).all(|_| committed.next().is_some()));
    // A moment that has nothing to do with what the process is at.
    std::thread::sleep(moment);
    child.kill().unwrap();
    child.wait().unwrap();
}

/// What the other process does: it writes until it is killed, while search follows.
pub fn write(folder: &Path) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        std::fs::create_dir_all(folder.join("relay")).unwrap();
        let store = open(folder);
        let mut set_up = SetUp::default();
        set_up.options.commit_every = Duration::from_millis(5);
        set_up.options.commit_changes = 40;
        let (search, _running) = start(folder, &store, &set_up);
        let (own, mut before) = (Arc::clone(&search), 0);
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(Duration::from_millis(2)).await;
                let now = own.progress().seq.0;
                if now > before {
                    before = now;
                    say("committed");
                }
            }
        });
        for turn in store.next_number().0.. {
            let batch = events(turn)
                .into_iter()
                .map(|event| Submission {
                    event,
                    verified: true,
                })
                .collect();
            store.submit(batch, Timestamp(NOW)).await.unwrap();
        }
    });
}

fn events(turn: u64) -> Vec<Event> {
    let words = format!(
        "word{} word{} turn{turn}",
        turn % WORDS,
        turn / WORDS % WORDS
    );
    let plain = note(Alice, turn, &words);
    let article = draft(Bob, 30_023, turn)
        .tag("d", &(turn % 5).to_string())
        .content(&words)
        .sign();
    let mut events = vec![plain.clone(), article];
    if turn.is_multiple_of(3) {
        events.push(deletion(Alice, turn, &[&plain]));
    }
    events
}

fn say(line: &str) {
    let mut output = std::io::stdout().lock();
    let _ = writeln!(output, "{line}");
    let _ = output.flush();
}
