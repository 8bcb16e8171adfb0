//! What an answer consists of, noted as it comes, and its copies of known events taken out: nine of ten events are known, and of these
//! nothing is kept but who has them (O3.4).

use std::sync::Arc;

use parking_lot::Mutex;
use stentor_event::{EventId, EventView};
use stentor_peer::{Sieve, Sifted};

use super::intake::{Intake, Taken};
use super::walk::Mark;
use crate::provenance::How;
use crate::table::RelayId;

/// The events of an answer.
#[derive(Debug, Default)]
pub(super) struct Passed {
    /// All of them, in the order in which they came.
    pub marks: Vec<Mark>,
    /// Their ids.
    pub ids: Vec<EventId>,
    /// Those that are known, which were not handed on.
    pub copies: Taken,
}

/// See the module.
pub(super) struct AnswerSieve {
    intake: Arc<Intake>,
    from: (RelayId, How),
    most: u64,
    passed: Mutex<Passed>,
}

impl AnswerSieve {
    /// For an answer of at most so many events.
    pub fn new(intake: Arc<Intake>, from: (RelayId, How), most: u64) -> Self {
        Self {
            intake,
            from,
            most,
            passed: Mutex::default(),
        }
    }

    /// What came so far, once.
    pub fn passed(&self) -> Passed {
        std::mem::take(&mut self.passed.lock())
    }
}

impl Sieve for AnswerSieve {
    fn sift(&self, event: &EventView<'_>) -> Sifted {
        let mut passed = self.passed.lock();
        if passed.marks.len() as u64 >= self.most {
            return Sifted::TooMany;
        }
        passed.marks.push(Mark {
            at: event.created_at().0,
            kind: event.kind(),
            author: event.pubkey(),
        });
        passed.ids.push(event.id());
        let seen_ms = self.intake.ground.clock.now_ms();
        if passed
            .copies
            .is_copy(&self.intake.known, event, seen_ms, self.from)
        {
            Sifted::Seen
        } else {
            Sifted::Wanted
        }
    }
}
