//! `[observatory.alert]`: telling operators of relays that they watch (O4.5).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{ConfigError, ranges, relays};

/// Telling operators of relays that they watch: as envelopes (`relay.monitor.*`, for streams and webhooks), and as private messages
/// (NIP-17).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Alert {
    /// Checks in a row that must find a relay offline before it is said to be down.
    #[schemars(range(min = 1, max = 100))]
    pub down_after: u64,
    /// Days before a certificate expires that this is said; no more than a third of the time for which the certificate is good.
    #[schemars(range(min = 1, max = 365))]
    pub certificate_days: u64,
    /// Whether private messages are sent to those who asked for them.
    pub messages: bool,
    /// Relays that private messages go to when the recipient names none (kind 10050).
    pub message_relays: Vec<String>,
    /// Watches that there may be.
    #[schemars(range(min = 1, max = 100000))]
    pub watches: usize,
}

impl Default for Alert {
    fn default() -> Self {
        Self {
            down_after: 2,
            certificate_days: 14,
            messages: true,
            message_relays: Vec::new(),
            watches: 1_000,
        }
    }
}

impl Alert {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        relays("alert", "message_relays", &self.message_relays)?;
        ranges(
            "alert",
            &[
                ("down_after", self.down_after, 1..=100),
                ("certificate_days", self.certificate_days, 1..=365),
                ("watches", self.watches as u64, 1..=100_000),
            ],
        )
    }
}
