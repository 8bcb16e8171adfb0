//! How much there may be.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{ConfigError, in_range};

/// How much there may be of things. What is counted is counted for the deployment, not the node. 0 switches a limit off where the
/// range does not say otherwise.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// API keys, those included that have ended within the last 90 days. Each node has all of them in memory, about 500 bytes
    /// each.
    #[schemars(range(max = 1_000_000))]
    pub api_keys: u64,
    /// Tenants.
    #[schemars(range(max = 100_000))]
    pub tenants: u64,
    /// Credentials that were revoked one by one before their end.
    #[schemars(range(max = 1_000_000))]
    pub revoked: u64,
    /// Stream tickets.
    #[schemars(range(max = 1_000_000))]
    pub tickets: u64,
    /// Stream tickets of one principal. For one more, the one that was not used for longest gives way if it has no stream.
    #[schemars(range(max = 1_000_000))]
    pub tickets_per_principal: u64,
    /// Seconds after which a stream ticket has ended, when its credential has not ended before: 1 minute to 90 days.
    #[schemars(range(min = 60, max = 7_776_000))]
    pub ticket_seconds: u64,
    /// Seconds after which a stream ticket is forgotten that no stream lives by any more: 2 minutes to 90 days.
    #[schemars(range(min = 120, max = 7_776_000))]
    pub ticket_idle_seconds: u64,
    /// Seconds without the database after which keys, tokens and tickets count as unverified: requests get 503, streams end. Until
    /// then what was known stays good. There is always a limit.
    #[schemars(range(min = 5, max = 3600))]
    pub outage_seconds: u64,
    /// Lines of the audit log.
    #[schemars(range(min = 1000, max = 10_000_000))]
    pub audit_lines: u64,
    /// Days that lines of the audit log are kept.
    #[schemars(range(min = 1, max = 3650))]
    pub audit_days: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            api_keys: 10_000,
            tenants: 1_000,
            revoked: 10_000,
            tickets: 20_000,
            tickets_per_principal: 100,
            ticket_seconds: 30 * 86_400,
            ticket_idle_seconds: 86_400,
            outage_seconds: 60,
            audit_lines: 100_000,
            audit_days: 90,
        }
    }
}

impl Limits {
    /// Checks the ranges.
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        let ranges = [
            ("limits.api_keys", self.api_keys, 1..=1_000_000, true),
            ("limits.tenants", self.tenants, 1..=100_000, true),
            ("limits.revoked", self.revoked, 1..=1_000_000, true),
            ("limits.tickets", self.tickets, 1..=1_000_000, true),
            (
                "limits.tickets_per_principal",
                self.tickets_per_principal,
                1..=1_000_000,
                true,
            ),
            (
                "limits.ticket_seconds",
                self.ticket_seconds,
                60..=7_776_000,
                false,
            ),
            (
                "limits.ticket_idle_seconds",
                self.ticket_idle_seconds,
                120..=7_776_000,
                false,
            ),
            (
                "limits.outage_seconds",
                self.outage_seconds,
                5..=3_600,
                false,
            ),
            (
                "limits.audit_lines",
                self.audit_lines,
                1_000..=10_000_000,
                false,
            ),
            ("limits.audit_days", self.audit_days, 1..=3_650, false),
        ];
        ranges
            .into_iter()
            .try_for_each(|(key, value, range, off)| in_range(key, value, range, off))
    }
}
