//! Nostr keys that sign their requests.

use std::collections::HashMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use stentor_event::PublicKey;

use super::{ConfigError, in_range};
use crate::{Scope, Scopes, Tenant};

/// Nostr keys that sign their requests (NIP-98).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Nostr {
    /// What anybody may do who has proven any key. Empty: only keys named below get in.
    pub scopes: Vec<Scope>,
    /// Seconds that what was opened with one signed request may last: 1 minute to 30 days.
    #[schemars(range(min = 60, max = 2_592_000))]
    pub session_seconds: u64,
    /// Keys with a tenant and scopes of their own.
    pub keys: Vec<NostrKey>,
}

/// What one Nostr key may do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct NostrKey {
    /// The key: 64 lower-case hex digits or `npub1…`.
    pub key: String,
    /// Its tenant, which has to be there.
    pub tenant: String,
    /// What it may do, instead of what any key may.
    pub scopes: Vec<Scope>,
}

impl Default for Nostr {
    fn default() -> Self {
        Self {
            scopes: Vec::new(),
            session_seconds: 86_400,
            keys: Vec::new(),
        }
    }
}

impl Default for NostrKey {
    fn default() -> Self {
        Self {
            key: String::new(),
            tenant: "default".to_owned(),
            scopes: Vec::new(),
        }
    }
}

impl Nostr {
    /// What any key may do.
    pub(crate) fn any(&self) -> Scopes {
        self.scopes.iter().copied().collect()
    }

    /// The tenant and scopes of the keys that have their own.
    pub(crate) fn by_key(&self) -> Result<HashMap<PublicKey, (Tenant, Scopes)>, ConfigError> {
        let mut keys = HashMap::new();
        for (index, entry) in self.keys.iter().enumerate() {
            let error = |key: &str, problem: &str| {
                ConfigError::new(format!("nostr.keys[{index}].{key}"), problem)
            };
            let key = parse_key(&entry.key)
                .ok_or_else(|| error("key", "is no key: 64 lower-case hex digits or npub1…"))?;
            let tenant = entry
                .tenant
                .parse()
                .map_err(|_| error("tenant", "is no name of a tenant"))?;
            let scopes = entry.scopes.iter().copied().collect();
            if keys.insert(key, (tenant, scopes)).is_some() {
                return Err(error("key", "is there already"));
            }
        }
        Ok(keys)
    }

    pub(super) fn check(&self) -> Result<(), ConfigError> {
        if self.scopes.contains(&Scope::Admin) {
            return Err(ConfigError::new("nostr.scopes", "admin is not for anybody"));
        }
        in_range(
            "nostr.session_seconds",
            self.session_seconds,
            60..=2_592_000,
            false,
        )?;
        self.by_key().map(drop)
    }
}

/// Reads a key: 64 lower-case hex digits, or `npub1…` (NIP-19).
fn parse_key(text: &str) -> Option<PublicKey> {
    if let Some(key) = PublicKey::from_hex(text.as_bytes()) {
        return Some(key);
    }
    let (prefix, bytes) = bech32::decode(text).ok()?;
    let is_public = prefix.as_str() == "npub";
    Some(PublicKey(bytes.try_into().ok().filter(|_| is_public)?))
}
