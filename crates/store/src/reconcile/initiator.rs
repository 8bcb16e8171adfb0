//! The side that asks: it begins, and learns from the answers what each side lacks.

use negentropy::Negentropy;
use stentor_event::EventId;

use super::{ReconcileError, Snapshot};

/// What two sets do not have in common, as far as it is known.
#[derive(Debug, Default)]
pub struct Differences {
    /// What only we have.
    pub ours: Vec<EventId>,
    /// What only the other side has.
    pub theirs: Vec<EventId>,
}

impl Differences {
    /// How many events these are.
    pub fn len(&self) -> usize {
        self.ours.len() + self.theirs.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// A reconciliation that we have begun.
pub struct Initiator {
    side: Negentropy<'static, Snapshot>,
}

impl Initiator {
    /// Over our set; messages have at most `frame_bytes` (at least 4,096; 0: no limit).
    ///
    /// # Errors
    /// [`ReconcileError::FrameTooSmall`].
    pub fn new(set: Snapshot, frame_bytes: usize) -> Result<Self, ReconcileError> {
        let side = Negentropy::owned(set, frame_bytes as u64)?;
        Ok(Self { side })
    }

    /// The first message. It looks at every event of the set.
    ///
    /// # Errors
    /// [`ReconcileError::Malformed`] when there has been one already.
    pub fn first(&mut self) -> Result<Vec<u8>, ReconcileError> {
        Ok(self.side.initiate()?)
    }

    /// Takes an answer in: what it tells goes to `found`; the next message, or `None` when all is known. Looks at each event
    /// of the set up to three times.
    ///
    /// # Errors
    /// [`ReconcileError::Malformed`]; also for an answer in another version of the protocol.
    pub fn answer(
        &mut self,
        message: &[u8],
        found: &mut Differences,
    ) -> Result<Option<Vec<u8>>, ReconcileError> {
        let (mut have, mut need) = (Vec::new(), Vec::new());
        let next = self
            .side
            .reconcile_with_ids(message, &mut have, &mut need)?;
        found
            .ours
            .extend(have.iter().map(|id| EventId(id.to_bytes())));
        found
            .theirs
            .extend(need.iter().map(|id| EventId(id.to_bytes())));
        Ok(next)
    }
}

#[cfg(test)]
mod tests {
    use stentor_event::Timestamp;

    use super::super::{Session, SnapshotBuilder};
    use super::*;

    fn set(numbers: impl Iterator<Item = u64>) -> Snapshot {
        let mut builder = SnapshotBuilder::default();
        for number in numbers {
            let mut id = [0; 32];
            id[..8].copy_from_slice(&number.to_be_bytes());
            builder.push(Timestamp(10_000 - number), EventId(id));
        }
        builder.finish()
    }

    #[test]
    fn r5_2_both_sides_differences_are_learnt() {
        let session = Session::new(set((0..5_000).filter(|n| n % 100 != 7)), 4_096).unwrap();
        let ours = set((0..5_000).filter(|n| n % 500 != 3));
        let mut side = Initiator::new(ours, 4_096).unwrap();
        let mut found = Differences::default();
        let mut message = Some(side.first().unwrap());
        while let Some(asked) = message {
            let answer = session.answer(&asked).unwrap();
            message = side.answer(&answer, &mut found).unwrap();
        }
        found.ours.sort_unstable();
        found.ours.dedup();
        assert_eq!((found.ours.len(), found.theirs.len()), (50, 10));
        assert!(side.answer(&[1, 2, 3], &mut found).is_err());
    }
}
