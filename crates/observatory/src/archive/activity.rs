//! What the archive is doing at this moment, for whoever is shown it. It is in memory only, and begins anew with the node.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use parking_lot::Mutex;
use serde::Serialize;
use utoipa::ToSchema;

use crate::table::RelayId;

/// Samples that are remembered: an hour of them, taken once a minute.
const SAMPLES: usize = 61;

/// What is done with a relay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Task {
    /// It has its turn: its past is fetched.
    Fetching,
    /// It is followed live.
    Live,
}

/// How much had come by a time, since records began.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Sample {
    /// When, in Unix milliseconds.
    pub at_ms: u64,
    /// Events that were new.
    pub new_events: u64,
    /// Events that were there already.
    pub duplicates: u64,
    /// Events that were not taken.
    pub rejected: u64,
    /// Bytes of all these.
    pub bytes: u64,
    /// Seconds that were had, or of which it was known that no more is to be had.
    pub had_seconds: u64,
}

/// What has come lately.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = ArchivePace)]
pub(crate) struct Pace {
    /// In how many seconds: of the last hour, or since the archive was started.
    pub seconds: u64,
    /// Events that were new.
    pub new_events: u64,
    /// Events that were there already.
    pub duplicates: u64,
    /// Events that were not taken.
    pub rejected: u64,
    /// Bytes of all these.
    pub bytes: u64,
}

/// What the archive is doing.
#[derive(Debug, Default)]
pub(crate) struct Activity(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    /// Since when, by relay and by the number of what is done: a task may begin before the one of the same relay before it has ended.
    tasks: BTreeMap<(Task, RelayId, u64), u64>,
    begun: u64,
    samples: VecDeque<Sample>,
}

impl Activity {
    /// Notes that something is done with a relay, as long as what is returned is there.
    pub fn begin(self: &Arc<Self>, task: Task, relay: RelayId, now_ms: u64) -> Doing {
        let mut inner = self.0.lock();
        inner.begun += 1;
        let key = (task, relay, inner.begun);
        inner.tasks.insert(key, now_ms);
        Doing {
            activity: self.clone(),
            key,
        }
    }

    /// The relays with which this is done, and since when in Unix milliseconds, in the order of their numbers. There are as many as the
    /// configuration allows at once.
    pub fn relays(&self, task: Task) -> BTreeMap<RelayId, u64> {
        let inner = self.0.lock();
        let found = inner.tasks.iter().filter(|((one, ..), _)| *one == task);
        found
            .map(|((_, relay, _), since)| (*relay, *since))
            .collect()
    }

    /// Remembers a sample.
    pub(super) fn sampled(&self, sample: Sample) {
        let mut inner = self.0.lock();
        inner.samples.push_back(sample);
        while inner.samples.len() > SAMPLES {
            inner.samples.pop_front();
        }
    }

    /// The samples of the last hour, the oldest first; at most 61.
    pub fn samples(&self) -> Vec<Sample> {
        self.0.lock().samples.iter().copied().collect()
    }

    /// What has come since the oldest sample; nothing where there is none.
    pub(super) fn pace(&self, now: Sample) -> Option<Pace> {
        let (first, seconds) = self.since(now)?;
        Some(Pace {
            seconds,
            new_events: now.new_events.saturating_sub(first.new_events),
            duplicates: now.duplicates.saturating_sub(first.duplicates),
            rejected: now.rejected.saturating_sub(first.rejected),
            bytes: now.bytes.saturating_sub(first.bytes),
        })
    }

    /// Seconds that came to be had since the oldest sample, and in how many seconds that was; nothing where there is none.
    pub(super) fn progress(&self, now: Sample) -> Option<(u64, u64)> {
        let (first, seconds) = self.since(now)?;
        Some((now.had_seconds.saturating_sub(first.had_seconds), seconds))
    }

    /// The oldest sample, and the seconds since.
    fn since(&self, now: Sample) -> Option<(Sample, u64)> {
        let first = self.0.lock().samples.front().copied()?;
        let seconds = now.at_ms.saturating_sub(first.at_ms) / 1_000;
        (seconds > 0).then_some((first, seconds))
    }
}

/// Something that is being done; it is over when this is dropped.
#[derive(Debug)]
pub(crate) struct Doing {
    activity: Arc<Activity>,
    key: (Task, RelayId, u64),
}

impl Drop for Doing {
    fn drop(&mut self) {
        self.activity.0.lock().tasks.remove(&self.key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn o5_3_what_is_done_is_told_until_it_is_over() {
        let activity = Arc::new(Activity::default());
        let first = activity.begin(Task::Live, RelayId(7), 10);
        let again = activity.begin(Task::Live, RelayId(7), 20);
        let fetched = activity.begin(Task::Fetching, RelayId(8), 30);
        drop(first);
        assert_eq!(
            activity.relays(Task::Live),
            BTreeMap::from([(RelayId(7), 20)])
        );
        assert_eq!(activity.relays(Task::Fetching).len(), 1);
        drop((again, fetched));
        assert!(activity.relays(Task::Live).is_empty());
        assert!(activity.relays(Task::Fetching).is_empty());
    }

    #[test]
    fn o5_3_the_pace_is_that_of_the_last_hour() {
        let activity = Activity::default();
        let sample = |minute: u64| Sample {
            at_ms: minute * 60_000,
            new_events: minute * 6,
            bytes: minute * 600,
            had_seconds: minute * 7,
            ..Sample::default()
        };
        assert_eq!(activity.pace(sample(3)), None);
        assert_eq!(activity.progress(sample(3)), None);
        for minute in 0..100 {
            activity.sampled(sample(minute));
        }
        assert_eq!(activity.samples().len(), SAMPLES);
        let pace = activity.pace(sample(99)).unwrap();
        assert_eq!((pace.seconds, pace.new_events), (3_600, 360));
        assert_eq!((pace.bytes, pace.rejected), (36_000, 0));
        assert_eq!(activity.progress(sample(99)), Some((420, 3_600)));
    }
}
