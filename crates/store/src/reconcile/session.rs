//! The side that answers: one message in, one message out.

use negentropy::{Error, Negentropy};

use super::Snapshot;

/// Why a message cannot be answered.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReconcileError {
    /// It is not a message of the protocol.
    #[error("not a message of the negentropy protocol: {0}")]
    Malformed(String),
    /// The limit on answers is below what the protocol can work with.
    #[error("answers of less than 4096 bytes are too small")]
    FrameTooSmall,
}

impl From<Error> for ReconcileError {
    fn from(error: Error) -> Self {
        match error {
            Error::FrameSizeLimitTooSmall => Self::FrameTooSmall,
            other => Self::Malformed(other.to_string()),
        }
    }
}

/// A reconciliation under way. All it remembers from one message to the next is its set.
#[derive(Debug)]
pub struct Session {
    set: Snapshot,
    frame_bytes: u64,
}

impl Session {
    /// A session over a set, whose answers have at most `frame_bytes` (at least 4,096; 0: no limit).
    ///
    /// # Errors
    /// [`ReconcileError::FrameTooSmall`].
    pub fn new(set: Snapshot, frame_bytes: usize) -> Result<Self, ReconcileError> {
        let frame_bytes = frame_bytes as u64;
        Negentropy::borrowed(&set, frame_bytes)?;
        Ok(Self { set, frame_bytes })
    }

    /// How many events are reconciled.
    pub fn len(&self) -> usize {
        self.set.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.set.is_empty()
    }

    /// The answer to a message. One of another version of the protocol is answered with the version spoken here, as the
    /// NIP says. It looks at each event of the set up to three times.
    ///
    /// # Errors
    /// [`ReconcileError::Malformed`]; the session can go on.
    pub fn answer(&self, message: &[u8]) -> Result<Vec<u8>, ReconcileError> {
        Ok(Negentropy::borrowed(&self.set, self.frame_bytes)?.reconcile(message)?)
    }
}

/// Whether a message can be answered, whatever the set: to be asked before one is gathered.
///
/// # Errors
/// [`ReconcileError::Malformed`].
pub fn check_message(message: &[u8]) -> Result<(), ReconcileError> {
    let nothing = Session::new(Snapshot::default(), 0)?;
    nothing.answer(message).map(drop)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use negentropy::Id;
    use proptest::prelude::*;
    use stentor_event::{EventId, Timestamp};

    use super::*;
    use crate::reconcile::SnapshotBuilder;

    fn set(events: &BTreeSet<(u64, u8, u8)>) -> Snapshot {
        let mut builder = SnapshotBuilder::default();
        builder.extend(
            events
                .iter()
                .rev()
                .map(|event| (Timestamp(event.0), EventId(id(event)))),
        );
        builder.finish()
    }

    fn id((at, one, two): &(u64, u8, u8)) -> [u8; 32] {
        let mut id = [*one; 32];
        id[8] = *two;
        id[9] = *at as u8;
        id
    }

    /// What the initiator learns that it has and the other needs, and the other way round.
    fn reconcile(ours: &Snapshot, session: &Session, frame: u64) -> (BTreeSet<Id>, BTreeSet<Id>) {
        let mut client = Negentropy::borrowed(ours, frame).unwrap();
        let (mut have, mut need) = (Vec::new(), Vec::new());
        let mut message = Some(client.initiate().unwrap());
        for _ in 0..1_000 {
            let Some(asked) = message else {
                return (have.into_iter().collect(), need.into_iter().collect());
            };
            check_message(&asked).unwrap();
            let answer = session.answer(&asked).unwrap();
            assert!(session.frame_bytes == 0 || answer.len() as u64 <= session.frame_bytes);
            message = client
                .reconcile_with_ids(&answer, &mut have, &mut need)
                .unwrap();
        }
        panic!("it does not end");
    }

    fn events(most: usize) -> impl Strategy<Value = BTreeSet<(u64, u8, u8)>> {
        let event = (0u64..40, any::<u8>(), any::<u8>());
        proptest::collection::btree_set(event, 0..most)
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

        #[test]
        fn r5_1_differences_are_found_in_both_directions(common in events(600), ours in events(60), theirs in events(300), frame in prop_oneof![Just(0usize), 4_096usize..9_000]) {
            let ours: BTreeSet<_> = common.union(&ours).copied().collect();
            let theirs: BTreeSet<_> = common.union(&theirs).copied().collect();
            let session = Session::new(set(&theirs), frame).unwrap();
            let (have, need) = reconcile(&set(&ours), &session, 0);
            let only = |one: &BTreeSet<_>, other: &BTreeSet<_>| -> BTreeSet<Id> {
                one.difference(other).map(|event| Id::from_byte_array(id(event))).collect()
            };
            prop_assert_eq!(have, only(&ours, &theirs));
            prop_assert_eq!(need, only(&theirs, &ours));
        }

        #[test]
        fn r5_1_garbage_is_refused_or_answered_but_never_a_panic(garbage in proptest::collection::vec(any::<u8>(), 0..300), stored in events(200), version in any::<bool>(), frame in prop_oneof![Just(0usize), Just(4_096)]) {
            let mut message = if version { vec![0x61] } else { Vec::new() };
            message.extend(garbage);
            let session = Session::new(set(&stored), frame).unwrap();
            // A full answer ends before the end of the message, so more may be answered than is sound.
            let answer = session.answer(&message);
            prop_assert!(answer.is_ok() || check_message(&message).is_err());
        }
    }

    #[test]
    fn r5_1_another_version_is_answered_with_ours() {
        let session = Session::new(Snapshot::default(), 0).unwrap();
        assert_eq!(session.answer(&[0x62, 1, 2, 3]).unwrap(), [0x61]);
        for wrong in [&[][..], &[0x10], &[0xff, 0]] {
            assert!(matches!(
                session.answer(wrong),
                Err(ReconcileError::Malformed(_))
            ));
        }
        assert!(Session::new(Snapshot::default(), 4_095).is_err());
    }
}
