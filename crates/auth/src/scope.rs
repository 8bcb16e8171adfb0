//! What somebody may do.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One thing that somebody may do (G2.3). Whose things it is about is a matter of tenant and owner, unless the scope says `all`:
/// that is everybody's of the same tenant.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
pub enum Scope {
    /// Envelopes about events of the relay, as far as the relay would show the events.
    #[serde(rename = "events:nostr:read")]
    NostrRead,
    /// Envelopes about other relays and this one's own state.
    #[serde(rename = "events:relay:read")]
    RelayRead,
    /// Envelopes about the relays that the observatory watches.
    #[serde(rename = "events:monitor:read")]
    MonitorRead,
    /// Envelopes about jobs of one's own.
    #[serde(rename = "events:jobs:read:own")]
    JobsReadOwn,
    /// Envelopes about all jobs of the tenant.
    #[serde(rename = "events:jobs:read:all")]
    JobsReadAll,
    /// Envelopes about webhooks of one's own.
    #[serde(rename = "events:webhooks:read:own")]
    WebhooksReadOwn,
    /// Envelopes about all webhooks of the tenant.
    #[serde(rename = "events:webhooks:read:all")]
    WebhooksReadAll,
    /// Data in envelopes that others do not get (G2.4).
    #[serde(rename = "events:verbose")]
    Verbose,
    /// Cancelling jobs of one's own.
    #[serde(rename = "jobs:cancel:own")]
    JobsCancelOwn,
    /// Cancelling any job of the tenant.
    #[serde(rename = "jobs:cancel:all")]
    JobsCancelAll,
    /// Making, changing and removing the tenant's webhooks.
    #[serde(rename = "webhooks:manage")]
    WebhooksManage,
    /// Handing in counters of one's own client.
    #[serde(rename = "telemetry:write")]
    TelemetryWrite,
    /// Reading what the observatory knows of other relays.
    #[serde(rename = "observatory:read")]
    ObservatoryRead,
    /// Telling the observatory which relays to watch, and whom to tell of them.
    #[serde(rename = "observatory:manage")]
    ObservatoryManage,
    /// Managing keys and tenants, and reading the audit. Not: reading what is private.
    #[serde(rename = "admin")]
    Admin,
}

/// No scope of this name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no such scope; there are: {}", Scope::ALL.map(Scope::as_str).join(", "))]
pub struct ScopeError;

impl Scope {
    /// All of them, each at the place of its bit.
    pub const ALL: [Self; 15] = [
        Self::NostrRead,
        Self::RelayRead,
        Self::MonitorRead,
        Self::JobsReadOwn,
        Self::JobsReadAll,
        Self::WebhooksReadOwn,
        Self::WebhooksReadAll,
        Self::Verbose,
        Self::JobsCancelOwn,
        Self::JobsCancelAll,
        Self::WebhooksManage,
        Self::TelemetryWrite,
        Self::ObservatoryRead,
        Self::ObservatoryManage,
        Self::Admin,
    ];

    /// Its text form.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NostrRead => "events:nostr:read",
            Self::RelayRead => "events:relay:read",
            Self::MonitorRead => "events:monitor:read",
            Self::JobsReadOwn => "events:jobs:read:own",
            Self::JobsReadAll => "events:jobs:read:all",
            Self::WebhooksReadOwn => "events:webhooks:read:own",
            Self::WebhooksReadAll => "events:webhooks:read:all",
            Self::Verbose => "events:verbose",
            Self::JobsCancelOwn => "jobs:cancel:own",
            Self::JobsCancelAll => "jobs:cancel:all",
            Self::WebhooksManage => "webhooks:manage",
            Self::TelemetryWrite => "telemetry:write",
            Self::ObservatoryRead => "observatory:read",
            Self::ObservatoryManage => "observatory:manage",
            Self::Admin => "admin",
        }
    }

    /// The scope of the same thing for all, for one about one's own.
    const fn wider(self) -> Option<Self> {
        match self {
            Self::JobsReadOwn => Some(Self::JobsReadAll),
            Self::WebhooksReadOwn => Some(Self::WebhooksReadAll),
            Self::JobsCancelOwn => Some(Self::JobsCancelAll),
            _ => None,
        }
    }

    const fn bit(self) -> u16 {
        1 << self as u16
    }
}

impl FromStr for Scope {
    type Err = ScopeError;

    fn from_str(text: &str) -> Result<Self, ScopeError> {
        let named = Self::ALL.into_iter().find(|scope| scope.as_str() == text);
        named.ok_or(ScopeError)
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A set of scopes. In text they are separated by spaces, as in RFC 6749, 3.3.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Scopes(u16);

impl Scopes {
    /// None.
    pub const NONE: Self = Self(0);

    /// Whether this may be done: the scope is there, or for something of one's own that for all.
    pub const fn allow(self, scope: Scope) -> bool {
        let wider = match scope.wider() {
            Some(wider) => wider.bit(),
            None => 0,
        };
        self.0 & (scope.bit() | wider) != 0
    }

    /// These and one more.
    #[must_use]
    pub const fn with(self, scope: Scope) -> Self {
        Self(self.0 | scope.bit())
    }

    /// Those of these that the others allow: what is left of a wish below a ceiling. What is asked for all and allowed for
    /// one's own is left for one's own.
    #[must_use]
    pub fn within(self, ceiling: Self) -> Self {
        let allowed = Scope::ALL
            .into_iter()
            .filter(|scope| self.allow(*scope) && ceiling.allow(*scope));
        allowed.collect()
    }

    /// Whether each of these is allowed by the others.
    pub fn are_within(self, ceiling: Self) -> bool {
        self.iter().all(|scope| ceiling.allow(scope))
    }

    /// Whether there is none.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The scopes, in order.
    pub fn iter(self) -> impl Iterator<Item = Scope> {
        let has = move |scope: &Scope| self.0 & scope.bit() != 0;
        Scope::ALL.into_iter().filter(has)
    }

    /// Reads names of scopes and leaves out those that there are not: for what others have written, who know further scopes. These
    /// can be nodes of a newer version.
    pub fn known<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        let scopes = names.into_iter().filter_map(|name| name.parse().ok());
        scopes.collect()
    }
}

impl FromIterator<Scope> for Scopes {
    fn from_iter<I: IntoIterator<Item = Scope>>(scopes: I) -> Self {
        scopes.into_iter().fold(Self::NONE, Self::with)
    }
}

impl FromStr for Scopes {
    type Err = ScopeError;

    fn from_str(text: &str) -> Result<Self, ScopeError> {
        text.split_ascii_whitespace().map(str::parse).collect()
    }
}

impl TryFrom<String> for Scopes {
    type Error = ScopeError;

    fn try_from(text: String) -> Result<Self, ScopeError> {
        text.parse()
    }
}

impl From<Scopes> for String {
    fn from(scopes: Scopes) -> Self {
        scopes.to_string()
    }
}

impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.iter().map(Scope::as_str).collect();
        f.write_str(&names.join(" "))
    }
}

impl fmt::Debug for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Scopes({self})")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn g2_3_each_scope_has_one_text_everywhere() {
        for (place, scope) in Scope::ALL.into_iter().enumerate() {
            assert_eq!(scope.bit(), 1 << place);
            assert_eq!(scope.as_str().parse(), Ok(scope));
            assert_eq!(serde_json::to_value(scope).unwrap(), scope.as_str());
        }
        assert!("events:nostr".parse::<Scope>().is_err());
        assert!("admin events:nostr:write".parse::<Scopes>().is_err());
        assert_eq!(
            Scopes::known(["admin", "openid"]),
            Scopes::NONE.with(Scope::Admin)
        );
    }

    #[test]
    fn g2_3_all_is_own_too_and_not_the_other_way() {
        let all = Scopes::NONE.with(Scope::JobsReadAll);
        assert!(all.allow(Scope::JobsReadOwn) && all.allow(Scope::JobsReadAll));
        let own = Scopes::NONE.with(Scope::JobsReadOwn);
        assert!(own.allow(Scope::JobsReadOwn) && !own.allow(Scope::JobsReadAll));
        assert!(own.are_within(all) && !all.are_within(own));
        assert_eq!(all.within(own), own);
        assert_eq!(own.within(all), own);
    }

    #[test]
    fn g2_3_admin_reads_nothing() {
        let admin = Scopes::NONE.with(Scope::Admin);
        let allowed: Vec<_> = Scope::ALL
            .into_iter()
            .filter(|scope| admin.allow(*scope))
            .collect();
        assert_eq!(allowed, [Scope::Admin]);
    }

    proptest! {
        #[test]
        fn g2_3_sets_survive_their_text(bits in 0_u16..1 << 15) {
            let scopes = Scopes(bits);
            prop_assert_eq!(scopes.to_string().parse(), Ok(scopes));
            prop_assert_eq!(scopes.iter().collect::<Scopes>(), scopes);
        }

        #[test]
        fn g2_3_a_ceiling_is_one(wish in 0_u16..1 << 15, ceiling in 0_u16..1 << 15) {
            let (wish, ceiling) = (Scopes(wish), Scopes(ceiling));
            let left = wish.within(ceiling);
            for scope in Scope::ALL {
                prop_assert_eq!(left.allow(scope), wish.allow(scope) && ceiling.allow(scope));
            }
        }

        #[test]
        fn g2_3_any_text_is_read_or_refused(text in "\\PC{0,60}") {
            let _ = text.parse::<Scopes>();
        }
    }
}
