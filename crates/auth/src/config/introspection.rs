//! Tokens that only their issuer can read.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{ConfigError, Mapping, in_range};
use crate::Scope;

/// The service that is asked about tokens that are neither ours nor signed by an issuer that is known (RFC 7662). A good answer
/// holds for 3 seconds; while a stream lives by it, it is asked for again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Introspection {
    /// Where to ask: an `https://` address, or `http://` inside your own network. Without it nobody is asked.
    pub url: Option<String>,
    /// As whom we ask (HTTP Basic).
    pub client_id: String,
    /// A file with the password for that.
    pub secret_file: String,
    /// What the answer has to say in `aud`; without it, the answer's word that the token is good is enough.
    pub audience: Option<String>,
    /// The tenant of its principals, which has to be there.
    pub tenant: String,
    /// A claim with the tenant, instead of `tenant`.
    pub tenant_claim: Option<String>,
    /// The claim with the scopes.
    pub scope_claim: String,
    /// What its scopes mean here, as `theirs=ours`; with none, scopes that are called as ours are ours.
    pub scope_map: Vec<String>,
    /// What its principals may do at most.
    pub allowed: Vec<Scope>,
    /// Answers that are remembered at once; there is always a limit. With more streams than this that live by such tokens, some
    /// end.
    #[schemars(range(min = 16, max = 100_000))]
    pub remembered: usize,
    /// Questions on their way at once; there is always a limit.
    #[schemars(range(min = 1, max = 256))]
    pub concurrency: usize,
}

impl Default for Introspection {
    fn default() -> Self {
        Self {
            url: None,
            client_id: String::new(),
            secret_file: String::new(),
            audience: None,
            tenant: "default".to_owned(),
            tenant_claim: None,
            scope_claim: "scope".to_owned(),
            scope_map: Vec::new(),
            allowed: Vec::new(),
            remembered: 1_000,
            concurrency: 16,
        }
    }
}

impl Introspection {
    /// What the claims of its answers mean here.
    pub(crate) fn mapping(&self) -> Result<Mapping, ConfigError> {
        let (at, claim) = ("introspection", self.tenant_claim.as_ref());
        Mapping::read(
            at,
            &self.tenant,
            claim,
            &self.scope_claim,
            &self.scope_map,
            &self.allowed,
        )
    }

    pub(super) fn check(&self) -> Result<(), ConfigError> {
        if self.url.is_none() {
            return Ok(());
        }
        for (key, value) in [
            ("client_id", &self.client_id),
            ("secret_file", &self.secret_file),
        ] {
            if value.is_empty() {
                return Err(ConfigError::new(
                    format!("introspection.{key}"),
                    "is missing",
                ));
            }
        }
        in_range(
            "introspection.remembered",
            self.remembered as u64,
            16..=100_000,
            false,
        )?;
        in_range(
            "introspection.concurrency",
            self.concurrency as u64,
            1..=256,
            false,
        )?;
        self.mapping().map(drop)
    }
}
