//! Rule `trust`: authors near the operator in the graph of follows (R4.2).

use std::sync::Arc;

use super::WriteRule;
use crate::config;
use crate::state::Surroundings;

/// The rule; none when the graph has no root.
pub(super) fn rule(
    config: &config::Trust,
    surroundings: &Surroundings,
) -> Option<Arc<dyn WriteRule>> {
    let _ = (config, surroundings);
    None
}
