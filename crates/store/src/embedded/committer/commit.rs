//! The commit of a group: log, sync, index, locator, feed and counters, then whoever watches.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use stentor_event::Event;

use super::super::counters::Counted;
use super::super::files::failing;
use super::super::group::{FeedEntry, now_ms};
use super::super::key::{Key, Keys};
use super::super::log::{Address, HEADER};
use super::super::manifest::Position;
use super::super::run::{Run, build};
use super::super::state::{Place, Placed, gone};
use super::Committer;
use crate::{Outcome, Refusal, Seq, StoreError};

impl Committer {
    /// Commits the group and settles the outcomes.
    pub(super) fn commit(
        &mut self,
        outcomes: &mut [Vec<Option<Outcome>>],
    ) -> Result<(), StoreError> {
        let started = Instant::now();
        let result = if self.group.has_records() {
            self.append_and_publish()
        } else {
            Ok(())
        };
        let failure = result.as_ref().err().map(|error| {
            tracing::error!(%error, "commit failed");
            metrics::counter!("stentor_store_commit_failures_total").increment(1);
            Outcome::Refused(Refusal::Unavailable(error.to_string()))
        });
        match &failure {
            None => self.show(started),
            // What was decided is as if it had never been submitted.
            Some(_) => self.next_number = self.core.state.load().end.next_number,
        }
        self.group.settle(outcomes, failure.as_ref());
        self.group.clear();
        self.committed = Instant::now();
        result
    }

    fn show(&self, started: Instant) {
        if self.group.has_records() {
            metrics::histogram!("stentor_store_commit_seconds")
                .record(started.elapsed().as_secs_f64());
            metrics::counter!("stentor_store_commits_total").increment(1);
        }
        self.observers.show(&self.group.shown);
    }

    fn append_and_publish(&mut self) -> Result<(), StoreError> {
        let time_ms = now_ms();
        let entries = self.group.feed.len() as u64;
        self.core.locator.ensure(self.next_number)?;
        self.core.feed.ensure(2 * (self.next_seq + entries) + 1)?;
        // All that can fail comes before the append: what is in the log must be published.
        let numbers = self.core.state.load().end.next_number..self.next_number;
        let image = build(self.group.pending.entries(), numbers)
            .map_err(failing("building an index run in", &self.core.folder))?;
        self.group.buffer.close(self.next_seq, time_ms);
        let base = self.writer.append(&self.group.buffer)?;
        self.publish(base, time_ms, Run::new(image, None));
        Ok(())
    }

    fn publish(&mut self, base: Address, time_ms: u64, run: Run) {
        let run = Arc::new(run);
        let end = Position {
            address: self.writer.end().map(Address::pack),
            next_number: self.next_number,
            next_seq: self.next_seq + self.group.feed.len() as u64,
        };
        if let Some([expires, _]) = run.image().expiries().first() {
            // A clock that was set back: purging has been where this event will expire.
            let earlier = expires.saturating_sub(1);
            self.core.purged.fetch_min(earlier, Ordering::AcqRel);
        }
        let removed = self.removed_events();
        let mut cursors = self.core.cursors.lock();
        cursors.extend(self.group.cursors.drain(..));
        drop(cursors);
        let mut counters = self.core.counters.lock();
        for pending in self.group.pending.events() {
            counters.added(&counted(&pending.event, &pending.keys, base.segment));
        }
        for gone in &removed {
            // Compaction moves events before it tells the counters, so this is where they count it.
            let segment = match Place::from_word(self.core.locator.get(gone.number)) {
                Place::At(address) => address.segment,
                _ => base.segment,
            };
            counters.removed(&counted(&gone.event, &gone.keys, segment));
        }
        for (seq, entry) in (self.next_seq..).zip(&self.group.feed) {
            let (place, time) = match entry.removal {
                None => (base.plus(entry.at).pack(), time_ms),
                Some(_) => (gone(seq), base.plus(entry.at).pack()),
            };
            self.core.locator.set(entry.number, place);
            let code = entry.removal.map_or(0, |removal| removal as u64);
            self.core.feed.set(2 * seq, (code << 56) | entry.number);
            self.core.feed.set(2 * seq + 1, time);
        }
        self.core.replace_state(|state| {
            if !run.numbers().is_empty() {
                state.runs.push(Placed { run, until: end });
            }
            state.end = end;
        });
        drop(counters);
        self.next_seq = end.next_seq;
        self.observers.moved(Seq(end.next_seq.saturating_sub(1)));
        let _ = self.keeper.try_send(());
    }

    /// What the counters have to know of the events that leave with this group.
    fn removed_events(&self) -> Vec<Gone> {
        let snapshot = self.core.snapshot();
        let leaving = self
            .group
            .feed
            .iter()
            .filter(|entry| entry.removal.is_some());
        let gone = |entry: &FeedEntry| {
            if let Some(own) = self.group.pending.by_number(entry.number) {
                return Some(Gone {
                    number: entry.number,
                    event: own.event.clone(),
                    keys: own.keys.clone(),
                });
            }
            let event = Event::from_canonical(snapshot.event(&self.core, entry.number)?).ok()?;
            let keys = self.core.keys.keys_of(&event.view());
            Some(Gone {
                number: entry.number,
                event,
                keys,
            })
        };
        leaving.filter_map(gone).collect()
    }
}

/// An event that leaves.
struct Gone {
    number: u64,
    event: Event,
    keys: Keys,
}

fn counted<'a>(event: &Event, keys: &'a [Key], segment: u32) -> Counted<'a> {
    Counted {
        kind: event.kind().0,
        author: event.pubkey(),
        keys,
        segment,
        bytes: (event.json().len() + HEADER) as u64,
    }
}
