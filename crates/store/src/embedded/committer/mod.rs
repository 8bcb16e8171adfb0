//! The committer: the one thread that changes the store.
//!
//! It takes what waits (and, while more is being verified, what comes within [`LINGER`]), decides event by event, appends
//! all of it to the log with one sync, publishes the index of the new events, shows them to the observers and answers the
//! submitters, in this order.

mod commit;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender};
use stentor_event::{Event, EventId, Timestamp};
use tokio::sync::oneshot;

use super::batch::{Verdict, WriteBatch};
use super::core::Core;
use super::decide::{Decision, Leaving, decide};
use super::facts::Facts;
use super::first_look::FirstLook;
use super::group::{Group, Round};
use super::log::{RecordKind, Writer};
use super::state::Snapshot;
use crate::observers::Observers;
use crate::{Outcome, Refusal, Removal, StoreError};

/// Shortest time from one commit to the next while more is on its way: a commit costs the same for one event and for
/// fifty. A submission that comes alone is not held up.
const LINGER: Duration = Duration::from_millis(1);

/// What the committer is asked to do.
pub enum Job {
    /// Store events.
    Write(Arc<WriteBatch>),
    /// Remove events by number.
    Drop(Vec<u64>, Removal, oneshot::Sender<Result<u64, StoreError>>),
    /// Remove events by id.
    Remove(Vec<EventId>, oneshot::Sender<Result<u64, StoreError>>),
    /// Set a reader's cursor.
    Cursor(String, u64, oneshot::Sender<Result<u64, StoreError>>),
    /// Begin a new log segment with the next commit.
    Seal(oneshot::Sender<Result<u64, StoreError>>),
    /// Stop.
    Close,
}

/// See the module.
pub struct Committer {
    core: Arc<Core>,
    writer: Writer,
    group: Group,
    next_number: u64,
    next_seq: u64,
    observers: Observers,
    /// Told when there is something to merge or to flush.
    keeper: Sender<()>,
    /// The end of the last commit.
    committed: Instant,
}

impl Committer {
    /// Takes over the writing of a store.
    pub fn new(core: Arc<Core>, writer: Writer, observers: Observers, keeper: Sender<()>) -> Self {
        let end = core.state.load().end;
        let (next_number, next_seq) = (end.next_number, end.next_seq);
        Self {
            core,
            writer,
            group: Group::default(),
            next_number,
            next_seq,
            observers,
            keeper,
            committed: Instant::now(),
        }
    }

    /// Works until it is told to close.
    pub fn run(mut self, jobs: &Receiver<Job>) {
        while let Ok(job) = jobs.recv() {
            match job {
                Job::Write(batch) => {
                    if let Some(job) = self.write(batch, jobs)
                        && self.other(job)
                    {
                        break;
                    }
                }
                job => {
                    if self.other(job) {
                        break;
                    }
                }
            }
        }
        if let Err(error) = self.writer.trim() {
            tracing::error!(%error, "closing the log");
        }
    }

    /// Does what is not writing events; returns whether to stop.
    fn other(&mut self, job: Job) -> bool {
        match job {
            Job::Write(batch) => drop(self.write(batch, &crossbeam_channel::never())),
            Job::Drop(numbers, cause, reply) => {
                let leaving = self.leaving(&numbers, cause);
                let _ = reply.send(self.remove(leaving));
            }
            Job::Remove(ids, reply) => {
                let leaving = self.leaving_by_id(&ids);
                let _ = reply.send(self.remove(leaving));
            }
            Job::Cursor(reader, seq, reply) => {
                self.group
                    .buffer
                    .push(RecordKind::Cursor, seq, reader.as_bytes());
                self.group.cursors.push((reader, seq));
                let _ = reply.send(self.commit(&mut []).map(|()| 1));
            }
            Job::Seal(reply) => {
                let _ = reply.send(self.writer.seal().map(|()| 0));
            }
            Job::Close => return true,
        }
        false
    }

    /// Writes a batch, and those that wait behind it. Returns the first job that is something else.
    fn write(&mut self, batch: Arc<WriteBatch>, jobs: &Receiver<Job>) -> Option<Job> {
        let mut round = Round::default();
        let mut snapshot = self.core.snapshot();
        let mut next = Some(Job::Write(batch));
        let mut taken = 0;
        while let Some(Job::Write(batch)) = next {
            taken += batch.events.len();
            self.add_batch(&mut round, batch, &mut snapshot);
            next = if taken < self.core.options.commit_events {
                self.next_job(jobs)
            } else {
                None
            };
        }
        // A failure is in the outcomes.
        let _ = self.commit(&mut round.outcomes);
        round.answer();
        next
    }

    /// The next job that is to be part of this round, if it comes in time.
    fn next_job(&self, jobs: &Receiver<Job>) -> Option<Job> {
        if let Ok(job) = jobs.try_recv() {
            return Some(job);
        }
        let deadline = self.committed + LINGER;
        if self.core.coming.load(Ordering::Relaxed) == 0 || Instant::now() >= deadline {
            return None;
        }
        jobs.recv_deadline(deadline).ok()
    }

    fn add_batch(&mut self, round: &mut Round, batch: Arc<WriteBatch>, snapshot: &mut Snapshot) {
        self.core.coming.fetch_sub(1, Ordering::Relaxed);
        let place = round.add(batch.clone());
        let looks = batch.take_looks();
        for (at, (event, look)) in batch.events.iter().zip(&looks).enumerate() {
            let full = self.group.buffer.bytes().len() + event.json().len()
                > self.core.options.batch_bytes()
                || self.group.pending.events().len() >= self.core.options.commit_events;
            if full {
                let _ = self.commit(&mut round.outcomes);
                *snapshot = self.core.snapshot();
            }
            let added = self.add_event(event, look, batch.now, snapshot);
            let outcome = added.unwrap_or_else(|leaving| {
                // What has to leave may be part of the group: it must have come before.
                let committed = self.commit(&mut round.outcomes);
                let cleared = committed.and_then(|()| self.remove(leaving));
                *snapshot = self.core.snapshot();
                let added = cleared.map(|_| self.add_event(event, look, batch.now, snapshot));
                match added {
                    Ok(Ok(outcome)) => outcome,
                    Ok(Err(_)) => unavailable("more has to leave than can be committed"),
                    Err(error) => unavailable(&error.to_string()),
                }
            });
            self.group.stage(place, at, outcome);
        }
    }

    /// Adds an event to the group. `Err`: what has to leave because of it is too much for one commit, and must be
    /// removed before.
    fn add_event(
        &mut self,
        event: &Event,
        look: &FirstLook,
        now: Timestamp,
        snapshot: &Snapshot,
    ) -> Result<Outcome, Vec<Leaving>> {
        let facts = Facts {
            from: look.clear_below,
            ..Facts::new(&self.core, snapshot, &self.group.pending)
        };
        let decision = decide(event, &facts, now, true);
        let refused =
            matches!(&decision, Decision::Done(outcome) if *outcome != Outcome::Ephemeral);
        if !refused && !is_right(look.verdict, event) {
            return Ok(Outcome::Refused(Refusal::BadSignature));
        }
        let leaving = match decision {
            Decision::Done(Outcome::Ephemeral) => {
                self.group.pass(event);
                return Ok(Outcome::Ephemeral);
            }
            Decision::Done(outcome) => return Ok(outcome),
            Decision::Store(leaving) if leaving.len() > self.most_leaving() => return Err(leaving),
            Decision::Store(leaving) => leaving,
        };
        let number = self.next_number;
        self.next_number += 1;
        let keys = look.keys.clone();
        let keys = keys.unwrap_or_else(|| self.core.keys.keys_of(&event.view()));
        self.group.store(event, keys, number, &leaving);
        Ok(Outcome::Stored(crate::EventNumber(number)))
    }

    fn leaving(&self, numbers: &[u64], cause: Removal) -> Vec<Leaving> {
        let snapshot = self.core.snapshot();
        let mut leaving: Vec<Leaving> = numbers
            .iter()
            .filter_map(|number| {
                let json = snapshot.event(&self.core, *number)?;
                let event = Event::from_canonical(json).ok()?;
                Some(Leaving::new(*number, &event, cause, &self.core.keys))
            })
            .collect();
        leaving.sort_by_key(|l| l.number);
        leaving.dedup_by_key(|l| l.number);
        leaving
    }

    fn leaving_by_id(&self, ids: &[EventId]) -> Vec<Leaving> {
        let snapshot = self.core.snapshot();
        let facts = Facts::new(&self.core, &snapshot, &self.group.pending);
        let found = ids.iter().filter_map(|id| facts.by_id(id));
        let mut leaving: Vec<Leaving> = found
            .map(|found| facts.leaving(&found, Removal::Dropped))
            .collect();
        leaving.sort_by_key(|l| l.number);
        leaving.dedup_by_key(|l| l.number);
        leaving
    }

    /// Most events that leave with one commit. When more have to leave because of one event, they are removed before it
    /// is stored; if that is interrupted, the event was not acknowledged.
    fn most_leaving(&self) -> usize {
        self.core.options.batch_bytes() / 64
    }

    /// Removes events, in as many commits as their records need.
    fn remove(&mut self, leaving: Vec<Leaving>) -> Result<u64, StoreError> {
        for part in leaving.chunks(self.most_leaving()) {
            self.group.remove(part);
            self.commit(&mut [])?;
        }
        Ok(leaving.len() as u64)
    }
}

fn unavailable(why: &str) -> Outcome {
    Outcome::Refused(Refusal::Unavailable(why.to_owned()))
}

/// Whether an event's signature is right. Verifying it here holds up all commits, but that happens only when what
/// spoke against the event has gone since the first look.
fn is_right(verdict: Verdict, event: &Event) -> bool {
    match verdict {
        Verdict::Right => true,
        Verdict::Wrong => false,
        Verdict::Unknown => event.verify_signature().is_ok(),
    }
}
