//! Rule `trust`: authors near the operator in the graph of follows (R4.2).

use std::sync::Arc;

use stentor_event::PublicKey;

use super::super::{Rejection, Verdict};
use super::recipients::recipients;
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
    /// The author of a gift wrap (NIP-59) is a key used once: it is those for whom it is that count.
    fn judge(&self, writing: &Writing<'_>) -> Verdict {
        let (event, standing) = (writing.event, writing.standing);
        if standing.is_member(&event.pubkey()) {
            return Verdict::Pass;
        }
        let counts = |key: &PublicKey| match standing.is_member(key) {
            true => Some(true),
            false => self.graph.trusts(key),
        };
        if !event.kind().is_gift_wrap() {
            let stranger =
                "restricted: nobody whom this relay trusts follows this key closely enough";
            return verdict(counts(&event.pubkey()), stranger);
        }
        let recipients = recipients(event).unwrap_or_default();
        let all: Vec<Option<bool>> = recipients.iter().map(counts).collect();
        let trusted = if all.is_empty() || all.contains(&Some(false)) {
            Some(false)
        } else if all.contains(&None) {
            None
        } else {
            Some(true)
        };
        verdict(trusted, "restricted: its recipient is not trusted here")
    }
}

/// What follows from whether somebody is trusted; `None`: that is not known yet.
fn verdict(trusted: Option<bool>, restricted: &'static str) -> Verdict {
    match trusted {
        Some(true) => Verdict::Pass,
        Some(false) => Verdict::refuse(restricted),
        None => Verdict::Refuse(Rejection::new(
            EventOutcome::Failed,
            "error: the relay is still finding out whom it trusts, try again later",
        )),
    }
}
