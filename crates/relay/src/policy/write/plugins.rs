//! Rule `plugins`: programs of the operator's decide, by strfry's protocol (R4.3).

use std::sync::Arc;

use super::WriteRule;
use crate::config::Plugin;

/// One rule for each plugin, under its name.
pub(super) fn rules(config: &[Plugin]) -> Vec<(String, Arc<dyn WriteRule>)> {
    let _ = config;
    Vec::new()
}
