//! Random sequences of operations.

use proptest::collection::vec;
use proptest::prelude::*;
use stentor_event::EventId;
use stentor_store::{Seq, Submission};

use crate::common::engine::Upkeep;
use crate::compare::{Pair, Verdict};
use crate::questions::{Question, Reader, question, reader};
use crate::world::{LARGE, SMALL, Shape, World};

/// What is done to both stores.
#[derive(Debug, Clone)]
pub enum Operation {
    /// Events are submitted in one batch.
    Submit(Vec<Sending>),
    /// Time passes.
    Pass(u64),
    /// What has expired is removed.
    Purge,
    /// The operator removes events.
    Remove(Vec<usize>),
    /// The store is closed and opened.
    Reopen,
    /// Work is done on the files of the store.
    Maintain(Upkeep),
    /// A scan and a count.
    Ask(Question),
    /// The change feed is read from some position on.
    Changes(u64, usize, Reader),
    /// A reader of the feed moves on.
    Cursor(bool, u64),
}

const UPKEEP: [Upkeep; 6] = [
    Upkeep::Flush,
    Upkeep::Compact,
    Upkeep::Compact,
    Upkeep::Verify,
    Upkeep::Reindex,
    Upkeep::Restore,
];

/// An event as it is submitted.
#[derive(Debug, Clone)]
pub struct Sending {
    event: usize,
    signature: Signature,
}

#[derive(Debug, Clone, Copy)]
enum Signature {
    Right,
    Trusted,
    Wrong,
    WrongButTrusted,
}

/// A sequence of operations.
pub fn operations() -> impl Strategy<Value = Vec<Operation>> {
    (batch(10..30), vec(operation(SMALL), 1..40)).prop_map(|(first, rest)| {
        std::iter::once(Operation::Submit(first))
            .chain(rest)
            .collect()
    })
}

/// Questions to a large store.
pub fn many_questions() -> impl Strategy<Value = Vec<Question>> {
    vec(question(LARGE), 80)
}

/// A batch to submit.
pub fn batch(size: std::ops::Range<usize>) -> impl Strategy<Value = Vec<Sending>> {
    let signature = prop_oneof![
        8 => Just(Signature::Right),
        3 => Just(Signature::Trusted),
        1 => Just(Signature::Wrong),
        1 => Just(Signature::WrongButTrusted),
    ];
    let sending =
        (SMALL.index(), signature).prop_map(|(event, signature)| Sending { event, signature });
    vec(sending, size)
}

fn operation(shape: Shape) -> impl Strategy<Value = Operation> {
    let changes = (
        0..60_u64,
        prop_oneof![Just(usize::MAX), 0..8_usize],
        reader(shape),
    );
    prop_oneof![
        10 => batch(1..10).prop_map(Operation::Submit),
        1 => (1..4_u64).prop_map(Operation::Pass),
        1 => Just(Operation::Purge),
        1 => vec(shape.index(), 0..4).prop_map(Operation::Remove),
        1 => Just(Operation::Reopen),
        1 => proptest::sample::select(&UPKEEP[..]).prop_map(Operation::Maintain),
        12 => question(shape).prop_map(Operation::Ask),
        2 => changes.prop_map(|(after, limit, reader)| Operation::Changes(after, limit, reader)),
        1 => (any::<bool>(), 0..60_u64).prop_map(|(reader, seq)| Operation::Cursor(reader, seq)),
    ]
}

/// The submissions of a batch.
pub fn submissions(world: &World, batch: &[Sending]) -> Vec<Submission> {
    let submission = |copy: &Sending| {
        let event = match copy.signature {
            Signature::Right | Signature::Trusted => world.event(copy.event),
            Signature::Wrong | Signature::WrongButTrusted => world.forged(copy.event),
        };
        let verified = matches!(
            copy.signature,
            Signature::Trusted | Signature::WrongButTrusted
        );
        Submission {
            event: event.clone(),
            verified,
        }
    };
    batch.iter().map(submission).collect()
}

/// Does it to both stores, and compares what they say.
pub async fn run(pair: &mut Pair, world: &World, operation: &Operation) -> Verdict {
    match operation {
        Operation::Submit(batch) => {
            let submissions = submissions(world, batch);
            let ids: Vec<EventId> = submissions.iter().map(|one| one.event.id()).collect();
            pair.submit(submissions).await?;
            pair.numbers(&ids).await
        }
        Operation::Pass(seconds) => {
            pair.now += seconds;
            Ok(())
        }
        Operation::Purge => pair.purge().await,
        Operation::Remove(events) => {
            let ids: Vec<EventId> = events
                .iter()
                .map(|index| world.event(*index).id())
                .collect();
            pair.remove(&ids).await?;
            pair.numbers(&ids).await
        }
        Operation::Reopen => pair.reopen().await,
        Operation::Maintain(upkeep) => pair.maintain(*upkeep).await,
        Operation::Ask(question) => {
            pair.ask(
                &question.query(world, pair.now),
                &question.viewer(),
                question.budget,
            )
            .await
        }
        Operation::Changes(after, limit, reader) => {
            pair.changes(Seq(*after), *limit, &reader.viewer()).await
        }
        Operation::Cursor(reader, seq) => {
            let name = if *reader { "search" } else { "statistics" };
            pair.cursor(name, Seq(*seq)).await
        }
    }
}
