//! Rule `time`: the window that `created_at` must lie in (R4.2).

use std::sync::Arc;

use super::super::Verdict;
use super::{WriteRule, Writing};
use crate::config;

struct Time(config::Time);

/// The rule; none when the window has no end on either side.
pub(super) fn rule(config: &config::Time) -> Option<Arc<dyn WriteRule>> {
    let on = config.ahead_seconds > 0 || config.behind_seconds > 0;
    on.then(|| Arc::new(Time(config.clone())) as _)
}

impl WriteRule for Time {
    fn judge(&self, writing: &Writing<'_>) -> Verdict {
        let (at, now) = (writing.event.created_at().0, writing.now.0);
        let (ahead, behind) = (self.0.ahead_seconds, self.0.behind_seconds);
        if ahead > 0 && at > now.saturating_add(ahead) {
            return Verdict::invalid(format!(
                "invalid: created_at is more than {ahead} seconds ahead of the relay's clock"
            ));
        }
        if behind > 0 && at < now.saturating_sub(behind) {
            return Verdict::invalid(format!(
                "invalid: created_at is more than {behind} seconds behind the relay's clock"
            ));
        }
        Verdict::Pass
    }
}
