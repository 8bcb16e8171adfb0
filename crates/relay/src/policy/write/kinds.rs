//! Rule `kinds`: which kinds of events are taken (R4.2, R3.2).

use std::sync::Arc;

use stentor_event::Kind;

use super::super::Verdict;
use super::{WriteRule, Writing};
use crate::config;

struct Kinds(config::Kinds);

/// The rule. What admins allow and disallow can change at any time, so it is always there.
pub(super) fn rule(config: &config::Kinds) -> Option<Arc<dyn WriteRule>> {
    Some(Arc::new(Kinds(config.clone())))
}

impl WriteRule for Kinds {
    fn judge(&self, writing: &Writing<'_>) -> Verdict {
        let (kind, lists) = (writing.event.kind(), writing.standing.lists);
        let denied = self.0.deny.contains(kind) || lists.denies_kind(kind);
        let open = self.0.allow.is_empty() && !lists.has_allowed_kinds();
        let allowed = open || self.0.allow.contains(kind) || lists.allows_kind(kind);
        // Who may publish may take back what they published.
        if !denied && (allowed || kind == Kind::DELETION) {
            return Verdict::Pass;
        }
        Verdict::refuse(format!("blocked: events of kind {kind} are not taken here"))
    }
}
