//! Issuers elsewhere.

use std::collections::HashSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{ConfigError, Tokens, in_range};
use crate::{Scope, Scopes, Tenant};

/// An issuer whose signed tokens (JWT) are accepted: RS256, ES256 or EdDSA, as its keys say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Issuer {
    /// What its tokens say in `iss`, exactly.
    pub issuer: String,
    /// Where its keys are (a JWK set, RFC 7517): an `https://` address, or `http://` inside your own network.
    pub jwks_url: String,
    /// What its tokens for us say in `aud`.
    pub audience: String,
    /// The tenant of its principals, which has to be there.
    pub tenant: String,
    /// A claim with the tenant, instead of `tenant`. A token without it is refused.
    pub tenant_claim: Option<String>,
    /// The claim with the scopes: a text separated by spaces, or a list.
    pub scope_claim: String,
    /// What its scopes mean here, as `theirs=ours`, such as `stentor/read=events:nostr:read`; one of theirs may stand in several.
    /// With none, scopes that are called as ours are ours.
    pub scope_map: Vec<String>,
    /// What its principals may do at most, whatever their tokens say.
    pub allowed: Vec<Scope>,
    /// Seconds that a token may be good from its `iat` on; older ones are refused, and a token needs `iat` then. 0: as long as it
    /// says.
    #[schemars(range(max = 31_536_000))]
    pub max_seconds: u64,
}

impl Default for Issuer {
    fn default() -> Self {
        Self {
            issuer: String::new(),
            jwks_url: String::new(),
            audience: String::new(),
            tenant: "default".to_owned(),
            tenant_claim: None,
            scope_claim: "scope".to_owned(),
            scope_map: Vec::new(),
            allowed: Vec::new(),
            max_seconds: 0,
        }
    }
}

/// What the claims of somebody else's token mean here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mapping {
    tenant: Tenant,
    tenant_claim: Option<String>,
    scope_claim: String,
    scopes: Vec<(String, Scope)>,
    allowed: Scopes,
}

impl Mapping {
    /// Reads one; `at` is the dotted key of the table that it is in.
    pub(super) fn read(
        at: &str,
        tenant: &str,
        tenant_claim: Option<&String>,
        scope_claim: &str,
        scope_map: &[String],
        allowed: &[Scope],
    ) -> Result<Self, ConfigError> {
        let error = |key: &str, problem: &str| ConfigError::new(format!("{at}.{key}"), problem);
        if allowed.is_empty() {
            return Err(error("allowed", "names nothing: nobody could do anything"));
        }
        if scope_claim.is_empty() || tenant_claim.is_some_and(String::is_empty) {
            return Err(error("scope_claim", "and tenant_claim are names of claims"));
        }
        let pair = |text: &String| {
            let (theirs, ours) = text.rsplit_once('=')?;
            let ours = ours.trim().parse().ok()?;
            Some((theirs.trim().to_owned(), ours)).filter(|(theirs, _)| !theirs.is_empty())
        };
        let scopes = scope_map.iter().map(pair).collect::<Option<_>>();
        Ok(Self {
            tenant: tenant
                .parse()
                .map_err(|_| error("tenant", "is no name of a tenant"))?,
            tenant_claim: tenant_claim.cloned(),
            scope_claim: scope_claim.to_owned(),
            scopes: scopes
                .ok_or_else(|| error("scope_map", "has entries that are not theirs=ours"))?,
            allowed: allowed.iter().copied().collect(),
        })
    }

    /// The tenant that the claims name; `None` when they should and do not.
    pub(crate) fn tenant(&self, claims: &serde_json::Map<String, Value>) -> Option<Tenant> {
        match &self.tenant_claim {
            None => Some(self.tenant.clone()),
            Some(claim) => claims.get(claim)?.as_str()?.parse().ok(),
        }
    }

    /// The scopes that the claims name, as far as they are allowed.
    pub(crate) fn scopes(&self, claims: &serde_json::Map<String, Value>) -> Scopes {
        let claim = claims.get(&self.scope_claim);
        let names: Vec<&str> = match claim {
            Some(Value::String(text)) => text.split_ascii_whitespace().collect(),
            Some(Value::Array(items)) => items.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        };
        let wanted: Scopes = if self.scopes.is_empty() {
            Scopes::known(names)
        } else {
            let meant = self
                .scopes
                .iter()
                .filter(|(theirs, _)| names.contains(&theirs.as_str()));
            meant.map(|(_, ours)| *ours).collect()
        };
        wanted.within(self.allowed)
    }
}

impl Issuer {
    /// What its claims mean here; `at` is the dotted key of its table.
    pub(crate) fn mapping(&self, at: &str) -> Result<Mapping, ConfigError> {
        let tenant_claim = self.tenant_claim.as_ref();
        Mapping::read(
            at,
            &self.tenant,
            tenant_claim,
            &self.scope_claim,
            &self.scope_map,
            &self.allowed,
        )
    }

    fn check(&self, at: &str) -> Result<(), ConfigError> {
        for (key, value) in [
            ("issuer", &self.issuer),
            ("jwks_url", &self.jwks_url),
            ("audience", &self.audience),
        ] {
            if value.is_empty() {
                return Err(ConfigError::new(format!("{at}.{key}"), "is missing"));
            }
        }
        in_range(
            &format!("{at}.max_seconds"),
            self.max_seconds,
            1..=31_536_000,
            true,
        )?;
        self.mapping(at).map(drop)
    }
}

/// Checks all issuers. Each has a name of its own, and none has ours.
pub(super) fn check(issuers: &[Issuer], own: &Tokens) -> Result<(), ConfigError> {
    let mut names: HashSet<&str> = own
        .enabled
        .then_some(own.issuer.as_str())
        .into_iter()
        .collect();
    for (index, issuer) in issuers.iter().enumerate() {
        let at = format!("issuers[{index}]");
        issuer.check(&at)?;
        if !names.insert(&issuer.issuer) {
            return Err(ConfigError::new(format!("{at}.issuer"), "is there already"));
        }
    }
    Ok(())
}
