//! Events that one connection is bringing to the store while others have them, too (O3.4).
//!
//! Relays that are fetched from at once go through the same days, so an event often comes from several of them within a moment. The
//! first has it verified and stored; the others wait for what becomes of it, as a verification costs ten times as much as all else. Who waits
//! has claimed nothing, so nobody waits for each other. If the first was refused, as the signature it came with is wrong, the next tries.

use std::collections::HashSet;

use parking_lot::Mutex;
use stentor_event::EventId;
use tokio::sync::Notify;

use super::Arrived;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct UnderWay {
    ids: Mutex<HashSet<EventId>>,
    released: Notify,
}

/// Events that are under way, until it is dropped.
#[derive(Debug)]
pub(super) struct Claim<'a> {
    under_way: &'a UnderWay,
    ids: Vec<EventId>,
}

impl UnderWay {
    /// Takes events upon oneself that are not under way; the others come back second.
    pub fn claim(&self, arrived: Vec<Arrived>) -> (Claim<'_>, Vec<Arrived>, Vec<Arrived>) {
        let mut ids = self.ids.lock();
        let (mine, others): (Vec<_>, Vec<_>) = arrived
            .into_iter()
            .partition(|one| ids.insert(one.event.id()));
        let claim = Claim {
            under_way: self,
            ids: mine.iter().map(|one| one.event.id()).collect(),
        };
        (claim, mine, others)
    }

    /// Waits until none of these is under way.
    pub async fn wait(&self, others: &[Arrived]) {
        loop {
            let mut released = std::pin::pin!(self.released.notified());
            // Before looking, so that no release is missed.
            released.as_mut().enable();
            if !self.has_any(others) {
                return;
            }
            released.await;
        }
    }

    fn has_any(&self, others: &[Arrived]) -> bool {
        let ids = self.ids.lock();
        others.iter().any(|one| ids.contains(&one.event.id()))
    }
}

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        {
            let mut ids = self.under_way.ids.lock();
            for id in &self.ids {
                ids.remove(id);
            }
        }
        self.under_way.released.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use futures_util::FutureExt;
    use stentor_event::{EventBuilder, Kind, Timestamp};
    use tokio::sync::Semaphore;

    use super::*;

    fn arrived(at: u64) -> Arrived {
        let share = Arc::new(Semaphore::new(1)).try_acquire_owned().unwrap();
        Arrived {
            event: EventBuilder::new(Kind(1), Timestamp(at)).sign(&crate::testing::key(3)),
            seen_ms: 1,
            _share: share,
        }
    }

    #[test]
    fn o3_4_what_another_brings_is_waited_for_and_then_claimed_by_whoever_still_needs_it() {
        let under_way = UnderWay::default();
        let (first, mine, others) = under_way.claim(vec![arrived(1), arrived(2), arrived(2)]);
        assert_eq!((mine.len(), others.len()), (2, 1));
        let (second, mine, others) = under_way.claim(vec![arrived(2), arrived(3)]);
        assert_eq!((mine.len(), others.len()), (1, 1));
        let mut waiting = Box::pin(under_way.wait(&others));
        assert!((&mut waiting).now_or_never().is_none());
        drop(second);
        assert!((&mut waiting).now_or_never().is_none());
        drop(first);
        assert!((&mut waiting).now_or_never().is_some());
        drop(waiting);
        let (_third, mine, others) = under_way.claim(others);
        assert_eq!((mine.len(), others.len()), (1, 0));
    }
}
