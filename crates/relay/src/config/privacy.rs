//! Who may read what.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use stentor_event::{Kind, VisibilityRules};

/// Who may read what (R2.1).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Privacy {
    /// Kinds shown only to their author and to those tagged with `p`, beside 4, 1059 and 21059.
    pub kinds: Vec<u16>,
}

impl Privacy {
    /// The rules that follow.
    pub fn rules(&self) -> Arc<VisibilityRules> {
        let own = VisibilityRules::default();
        let private = own
            .private_kinds()
            .iter()
            .copied()
            .chain(self.kinds.iter().copied().map(Kind));
        Arc::new(VisibilityRules::new(
            private,
            own.group_kinds().iter().copied(),
        ))
    }
}
