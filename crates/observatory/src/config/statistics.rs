//! `[observatory.statistics]`: counting what the archive has (O4.1).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Counting what the archive has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Statistics {
    /// Whether events are counted as they arrive. It also takes events that have left the archive out of what relays hold. When it is switched
    /// on later, it catches up.
    pub enabled: bool,
}

impl Default for Statistics {
    fn default() -> Self {
        Self { enabled: true }
    }
}
