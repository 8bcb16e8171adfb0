//! Rule `work`: proof of work (NIP-13, R4.2).

use std::sync::Arc;

use stentor_event::{Kind, pow};

use super::super::Verdict;
use super::{WriteRule, Writing};
use crate::config;

struct Work(config::Work);

/// The rule; none when no work is asked for.
pub(super) fn rule(config: &config::Work) -> Option<Arc<dyn WriteRule>> {
    let on = config.bits > 0 || config.kinds.iter().any(|entry| entry.bits > 0);
    on.then(|| Arc::new(Work(config.clone())) as _)
}

impl WriteRule for Work {
    fn judge(&self, writing: &Writing<'_>) -> Verdict {
        let event = writing.event;
        let bits = self.bits(event.kind());
        let exempt = self.0.members_exempt && writing.standing.is_member(&event.pubkey());
        if exempt || pow::is_sufficient(&event.view(), bits) {
            return Verdict::Pass;
        }
        Verdict::refuse(format!(
            "pow: difficulty {} is less than {bits}, or the event did not set out for it",
            pow::difficulty(&event.id())
        ))
    }
}

impl Work {
    /// The bits asked for events of this kind.
    fn bits(&self, kind: Kind) -> u8 {
        let own = self.0.kinds.iter().find(|entry| entry.kinds.contains(kind));
        own.map_or(self.0.bits, |entry| entry.bits)
    }
}
