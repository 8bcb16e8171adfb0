//! Rule `trust`: authors near the operator in the graph of follows (R4.2).

use std::sync::Arc;

use super::super::{Rejection, Verdict};
use super::{WriteRule, Writing};
use crate::config;
use crate::metrics::EventOutcome;
use crate::state::Surroundings;
use crate::trust::TrustGraph;

struct Trust {
    graph: Arc<TrustGraph>,
}

/// The rule; none when the graph has no root.
pub(super) fn rule(
    config: &config::Trust,
    surroundings: &Surroundings,
) -> Option<Arc<dyn WriteRule>> {
    (!config.roots.is_empty()).then(|| {
        Arc::new(Trust {
            graph: Arc::clone(&surroundings.trust),
        }) as _
    })
}

impl WriteRule for Trust {
    fn judge(&self, writing: &Writing<'_>) -> Verdict {
        let (event, standing) = (writing.event, writing.standing);
        let author = event.pubkey();
        if standing.is_member(&author) {
            return Verdict::Pass;
        }
        // The author of a gift wrap (NIP-59) is a key used once: it is for whom it is that counts.
        let trusted = if event.kind().is_gift_wrap() {
            let mut recipients = event.view().tagged_keys();
            recipients.find_map(|key| self.graph.trusts(&key).filter(|trusted| *trusted))
        } else {
            self.graph.trusts(&author)
        };
        match trusted {
            Some(true) => Verdict::Pass,
            Some(false) => Verdict::refuse(
                "restricted: nobody whom this relay trusts follows this key closely enough",
            ),
            None if event.kind().is_gift_wrap() => {
                Verdict::refuse("restricted: its recipient is not trusted here")
            }
            None => Verdict::Refuse(Rejection::new(
                EventOutcome::Failed,
                "error: the relay is still finding out whom it trusts, try again later",
            )),
        }
    }
}
