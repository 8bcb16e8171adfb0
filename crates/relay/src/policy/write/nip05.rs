//! Rule `nip05`: authors with a verified address at certain domains (R4.2).

use std::sync::Arc;

use super::WriteRule;
use crate::config;
use crate::state::Surroundings;

/// The rule; none when no domain is named.
pub(super) fn rule(
    config: &config::Nip05,
    surroundings: &Surroundings,
) -> Option<Arc<dyn WriteRule>> {
    let _ = (config, surroundings);
    None
}
